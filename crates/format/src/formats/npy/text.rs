use ndfolio_layout::{
    DType, LayoutError, Order, View,
    literal::{Literal, Parsed},
};

use super::descr;
use crate::{FormatError, error::Unmappable, error::shortened};

/// The text of a header, as bytes of the file.
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// Where it begins, in bytes from the start of the file.
    pub(super) start: u64,
    pub(super) version: (u8, u8),
}

/// What a text says of its array.
pub(super) struct Described {
    pub(super) dtype: Result<DType, LayoutError>,
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
    /// Whether Python 2 wrote it.
    pub(super) python2: bool,
}

impl Text<'_> {
    /// The array that the text describes, whose items lie between the text and `end`; and whether Python 2
    /// wrote the text.
    pub(super) fn array(
        &self,
        end: u64,
        object_run: &dyn Fn() -> String,
    ) -> Result<(Result<View, FormatError>, bool), FormatError> {
        let Described { dtype, shape, order, python2 } = self.described()?;
        let array = match dtype {
            Ok(dtype) => Ok(self.view(&dtype, &shape, order, end)?),
            Err(LayoutError::Object { text }) => Err(object(&text, object_run())),
            Err(source) => return Err(FormatError::Layout { offset: self.start, source }),
        };
        Ok((array, python2))
    }

    /// What the text says, wherever the items are.
    pub(super) fn described(&self) -> Result<Described, FormatError> {
        let Parsed { value, python2 } = self.literal()?;
        let [descr, order, shape] = self.keys(&value)?;
        let order = match order {
            Literal::Bool(true) => Order::F,
            Literal::Bool(false) => Order::C,
            other => return Err(self.wrong("'fortran_order'", "True or False", other)),
        };
        let shape = self.shape(shape)?;
        if let Err(part) = descr::check(descr) {
            return Err(self.wrong("'descr'", descr::EXPECTED, part));
        }
        Ok(Described { dtype: DType::from_descr(descr), shape, order, python2 })
    }

    fn literal(&self) -> Result<Parsed, FormatError> {
        let text = match self.version {
            (3, _) => match str::from_utf8(self.bytes) {
                Ok(text) => text.to_owned(),
                Err(error) => {
                    let offset = self.start + error.valid_up_to() as u64;
                    let reason = "expected UTF-8, as in every header of version 3.0".to_owned();
                    return Err(FormatError::Header { offset, reason });
                }
            },
            _ => self.bytes.iter().map(|&byte| char::from(byte)).collect(),
        };
        let parsed = Literal::parse(&text, "the header").map_err(|error| match error {
            LayoutError::Literal { at, reason, .. } => {
                let offset = self.start + self.bytes_before(&text, at);
                FormatError::Header { offset, reason }
            }
            source => FormatError::Layout { offset: self.start, source },
        })?;
        if parsed.python2 && self.version.0 > 2 {
            let reason = "a number with the L of Python 2 in a header of version 3.0".to_owned();
            return Err(FormatError::Header { offset: self.start, reason });
        }
        Ok(parsed)
    }

    /// How many bytes of the file the first `at` bytes of the decoded text are.
    fn bytes_before(&self, text: &str, at: usize) -> u64 {
        let before = text.get(..at).unwrap_or(text);
        if self.version.0 < 3 { before.chars().count() as u64 } else { before.len() as u64 }
    }

    fn keys<'t>(&self, header: &'t Literal) -> Result<[&'t Literal; 3], FormatError> {
        const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];
        let Literal::Dict(items) = header else {
            return Err(self.wrong("the header", "a dictionary", header));
        };
        match KEYS.map(|key| header.get(key)) {
            [Some(descr), Some(order), Some(shape)] if items.len() == 3 => Ok([descr, order, shape]),
            found => {
                let missing = KEYS.iter().zip(found).filter(|(_, value)| value.is_none());
                let extra = |key: &&Literal| !key.as_str().is_some_and(|key| KEYS.contains(&key));
                let name = |key: &Literal| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                Err(FormatError::Keys {
                    offset: self.start,
                    missing: missing.map(|(key, _)| (*key).to_owned()).collect(),
                    unexpected: items.iter().map(|(key, _)| key).filter(extra).map(name).collect(),
                })
            }
        }
    }

    fn shape(&self, shape: &Literal) -> Result<Vec<usize>, FormatError> {
        let wrong = || self.wrong("'shape'", "a tuple of whole numbers that are not negative", shape);
        let extent = |extent: &Literal| match extent {
            Literal::Int(n) if *n >= 0 => Ok(usize::try_from(*n).unwrap_or(usize::MAX)),
            _ => Err(wrong()),
        };
        shape.as_tuple().ok_or_else(wrong)?.iter().map(extent).collect()
    }

    fn view(&self, dtype: &DType, shape: &[usize], order: Order, end: u64) -> Result<View, FormatError> {
        let offset = self.start + self.bytes.len() as u64;
        let view = View::contiguous(dtype, shape, order, offset)
            .map_err(|source| FormatError::Layout { offset: self.start, source })?;
        let (expected, found) = (view.nbytes() as u64, end.saturating_sub(offset));
        if expected > found { Err(FormatError::DataCut { offset, expected, found }) } else { Ok(view) }
    }

    fn wrong(&self, what: &str, expected: &str, found: &Literal) -> FormatError {
        let reason = format!("{what} must be {expected}, found {}", shortened(&found.to_string(), 80));
        FormatError::Header { offset: self.start, reason }
    }
}

fn object(text: &str, run: String) -> FormatError {
    Unmappable::error(
        format!("an array of Python objects (dtype {text})"),
        "its values are a pickle, not bytes of a fixed width, and reading a pickle runs what it says: do that only with a file that you trust",
        run,
    )
}
