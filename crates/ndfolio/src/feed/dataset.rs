//! What items are, how they are read, and how they become those of a batch.

use std::ops::Range;

use ndfolio_engine::Run;
use ndfolio_kernel::{Caster, Casting, SplitMix64, to_native};
use ndfolio_layout::{ByteOrder, DType};

use super::raw::Raw;
use crate::{Array, Error, Result, error::At};

/// Where windows begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Starts {
    /// Anywhere, each place as likely as any other and drawn anew for each window: so many windows in an epoch, which
    /// has others than the epoch before.
    Random {
        /// How many windows an epoch has.
        windows: u64,
    },
    /// At `first`, `first + step`, `first + 2 * step`, … as long as there are whole windows.
    Every {
        /// From one window to the next, at least 1.
        step: u64,
        /// Where the first one begins.
        first: u64,
    },
}

/// What comes with a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// The window that begins one row later: the next token of each.
    #[default]
    Next,
    /// Nothing.
    None,
}

/// What the items of an epoch are made of.
#[derive(Debug)]
pub(super) struct Dataset {
    columns: Vec<Column>,
    pub(super) outputs: Vec<Output>,
    /// Items of an epoch.
    pub(super) len: u64,
    windows: Option<Windows>,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub(super) length: u64,
    pub(super) starts: Starts,
    pub(super) target: Target,
    /// Places at which one can begin.
    places: u64,
}

/// An array that is read.
#[derive(Debug)]
struct Column {
    array: Array,
    /// Bytes of what is read for an item.
    bytes: usize,
}

/// An array of the batches.
#[derive(Debug)]
pub(super) struct Output {
    column: usize,
    /// Where the item's bytes begin in those that were read for it, and how many there are.
    from: usize,
    bytes: usize,
    /// The shape of an item.
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
    caster: Caster,
}

impl Output {
    fn new(
        (number, column): (usize, &Column),
        (from, shape): (usize, &[usize]),
        (dtype, casting): (&DType, Casting),
    ) -> Result<Self> {
        let native = column.array.dtype().with_byte_order(ByteOrder::NATIVE);
        let caster = Caster::new(&native, dtype, casting).at(column.array.place())?;
        let size: usize = shape.iter().product();
        Ok(Output {
            column: number,
            from,
            bytes: size * native.itemsize(),
            shape: shape.to_vec(),
            dtype: dtype.clone(),
            caster,
        })
    }

    /// Bytes of an item of the batch.
    pub(super) fn item_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.itemsize()
    }
}

/// Casts of the arrays that are read: dtypes that were asked for, by the number of the array.
pub(super) struct Casts<'a> {
    pub(super) dtypes: &'a [(usize, DType)],
    pub(super) casting: Casting,
}

impl Casts<'_> {
    fn of(&self, column: usize, array: &Array) -> DType {
        let asked = self.dtypes.iter().rev().find(|(number, _)| *number == column);
        asked.map_or_else(|| array.dtype().with_byte_order(ByteOrder::NATIVE), |(_, dtype)| dtype.clone())
    }
}

impl Dataset {
    /// Rows of arrays that have the same number of them.
    pub(super) fn rows(arrays: &[Array], casts: &Casts<'_>, seed: u64) -> Result<Self> {
        let first = &arrays[0];
        let len = rows_of(first)?;
        let (mut columns, mut outputs) = (Vec::new(), Vec::new());
        for (number, array) in arrays.iter().enumerate() {
            let found = rows_of(array)?;
            if found != len {
                let reason = format!(
                    "it has {found} rows, and {} has {len}; arrays of a batch have the same number of rows: give slices of them",
                    first.place().display()
                );
                return Err(usage(array, reason));
            }
            let column = Column { bytes: array.nbytes() / len as usize, array: array.clone() };
            let dtype = casts.of(number, array);
            outputs.push(Output::new((number, &column), (0, &array.shape()[1..]), (&dtype, casts.casting))?);
            columns.push(column);
        }
        Ok(Dataset { columns, outputs, len, windows: None, seed })
    }

    /// Windows of the rows of an array.
    pub(super) fn windows(
        array: &Array,
        (length, starts, target): (u64, Starts, Target),
        casts: &Casts<'_>,
        seed: u64,
    ) -> Result<Self> {
        let rows = rows_of(array)?;
        let shifted = u64::from(target == Target::Next);
        let read = length.saturating_add(shifted);
        if length == 0 || read > rows {
            let reason = format!(
                "windows of {length} rows{} were asked for, and there are {rows} rows",
                if shifted == 1 { " and the one behind each" } else { "" }
            );
            return Err(usage(array, format!("{reason}; ask for shorter ones, of a row at least")));
        }
        let places = rows - read + 1;
        let len = match starts {
            Starts::Random { windows } => windows,
            Starts::Every { step: 0, .. } => {
                return Err(usage(array, "windows that begin every 0 rows never end; the step is 1 or more"));
            }
            Starts::Every { step, first } => places.saturating_sub(first).div_ceil(step),
        };
        if len == 0 {
            let reason = match starts {
                Starts::Random { .. } => "an epoch of 0 windows was asked for; ask for some".to_owned(),
                Starts::Every { first, .. } => {
                    format!(
                        "no window begins at row {first} or behind it: the last one begins at row {}",
                        places - 1
                    )
                }
            };
            return Err(usage(array, reason));
        }
        let row = array.nbytes() / rows as usize;
        let column = Column { bytes: row * read as usize, array: array.clone() };
        let dtype = casts.of(0, array);
        let mut shape = array.shape().to_vec();
        shape[0] = length as usize;
        let outputs = (0..=shifted as usize)
            .map(|shift| Output::new((0, &column), (shift * row, &shape), (&dtype, casts.casting)));
        let outputs = outputs.collect::<Result<_>>()?;
        let windows = Some(Windows { length, starts, target, places });
        Ok(Dataset { columns: vec![column], outputs, len, windows, seed })
    }

    pub(super) fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.columns.iter().map(|column| &column.array)
    }

    /// The first array, whose name errors have.
    pub(super) fn first(&self) -> &Array {
        &self.columns[0].array
    }

    pub(super) fn window_kind(&self) -> Option<&Windows> {
        self.windows.as_ref()
    }

    /// Bytes that are read for an item.
    pub(super) fn item_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.bytes).sum()
    }

    /// Bytes of an item of the batches.
    pub(super) fn out_bytes(&self) -> usize {
        self.outputs.iter().map(Output::item_bytes).sum()
    }

    /// Turns items into the rows at which they begin.
    fn place(&self, items: &mut [i64], epoch: u64) {
        let Some(windows) = &self.windows else { return };
        match windows.starts {
            Starts::Every { step, first } => {
                items.iter_mut().for_each(|item| *item = (first + *item as u64 * step) as i64);
            }
            Starts::Random { .. } => {
                let seed = SplitMix64::stream(self.seed, epoch).next();
                for item in items {
                    *item = SplitMix64::stream(seed, *item as u64).below(windows.places) as i64;
                }
            }
        }
    }

    /// Reads items, which are turned into the rows at which they begin, into memory that is used again.
    pub(super) fn read(&self, items: &mut [i64], epoch: u64, raw: &mut Raw, run: &Run<'_>) -> Result<()> {
        self.place(items, epoch);
        let longest = self.columns.iter().map(|column| column.bytes).max().unwrap_or(0);
        raw.begin(items, longest, self.columns.len());
        for (number, column) in self.columns.iter().enumerate() {
            let (array, rows) = (&column.array, &*items);
            if self.windows.is_none() && raw.hold(number, (array, column.bytes), run)? {
                continue;
            }
            let bytes = raw.room(number, items.len() * column.bytes);
            let picks = match &self.windows {
                None => array.take(rows, Some(0))?,
                Some(windows) => {
                    let shifted = u64::from(windows.target == Target::Next);
                    array.windows(rows, (windows.length + shifted) as usize)?
                }
            };
            picks.run(run).read_into(bytes, array.dtype(), Casting::No)?;
            to_native(bytes, array.dtype());
        }
        Ok(())
    }

    /// Casts some of the items that were read to their places in an array of a batch.
    pub(super) fn put(&self, raw: &mut Raw, items: Range<usize>, output: &Output, out: &mut [u8]) {
        let (each, out_each) = (self.columns[output.column].bytes, output.item_bytes());
        raw.each((output.column, each), items, |numbers, bytes| {
            let out = &mut out[numbers.start * out_each..numbers.end * out_each];
            if output.bytes == each {
                output.caster.apply(bytes, out);
                return;
            }
            // Of this machine's byte order, which items are in, casting leaves what it reads as it is.
            let places = out.chunks_exact_mut(out_each.max(1));
            for (item, place) in bytes.chunks_exact_mut(each.max(1)).zip(places) {
                output.caster.apply(&mut item[output.from..output.from + output.bytes], place);
            }
        });
    }
}

fn rows_of(array: &Array) -> Result<u64> {
    match array.shape().first() {
        Some(0) => Err(usage(array, "it has no rows; there is nothing that a batch could have")),
        Some(&rows) if array.itemsize() > 0 => Ok(rows as u64),
        Some(_) => Err(usage(array, "its items have no bytes; there is nothing that a batch could have")),
        None => Err(usage(array, "it has no axes, so no rows; reshape it to have some")),
    }
}

fn usage(array: &Array, reason: impl Into<String>) -> Error {
    Error::Usage { path: array.place().to_owned(), reason: reason.into() }
}
