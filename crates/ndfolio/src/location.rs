use std::path::{Path, PathBuf};

use ndfolio_layout::Selection;

use crate::{Array, Error, OpenOptions, Result};

/// A place in a file as a person writes it: `file[::member][[slice]]`.
///
/// `run.npy`, `run.npy[0:10, ::2]`, `archive.npz::weights[0]`, `table.npy['x'][:5]`. Several brackets apply
/// one after the other; a quoted name selects a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    path: PathBuf,
    member: Option<String>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Select(Selection),
}

impl Location {
    /// Takes a place apart. A file that is named exactly so, brackets and all, is that file.
    ///
    /// # Errors
    /// [`Error::Location`] for brackets that hold no index.
    pub fn parse(text: impl AsRef<Path>) -> Result<Self> {
        let path = text.as_ref();
        let whole = Location { path: path.to_owned(), member: None, steps: Vec::new() };
        // What is no Unicode cannot hold a slice that anybody typed.
        let Some(text) = path.to_str().filter(|t| t.contains("::") || t.ends_with(']')) else {
            return Ok(whole);
        };
        if path.symlink_metadata().is_ok() {
            return Ok(whole);
        }
        let (rest, steps) = steps(text)?;
        let (file, member) = match rest.split_once("::") {
            Some((file, member)) => (file, Some(member.to_owned())),
            None => (rest, None),
        };
        if file.is_empty() || member.as_deref() == Some("") {
            let reason = "a name is missing before or behind '::'".to_owned();
            return Err(Error::Location { text: text.to_owned(), reason });
        }
        Ok(Location { path: file.into(), member, steps })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The member behind `::`.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        self.member.as_deref()
    }

    /// Whether it names the whole array: no brackets.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// Opens the file and selects what the brackets say. Reads the header only.
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; a field or an index that the array does not have.
    pub fn open(&self, options: &OpenOptions) -> Result<Array> {
        let array = match &self.member {
            Some(name) => options.clone().member(name).open(&self.path)?,
            None => options.open(&self.path)?,
        };
        self.select(array)
    }

    /// What the brackets select of an array.
    ///
    /// # Errors
    /// A field or an index that the array does not have.
    pub fn select(&self, mut array: Array) -> Result<Array> {
        for step in &self.steps {
            array = match step {
                Step::Field(name) => array.field(name)?,
                Step::Select(selection) => array.slice(selection.clone())?,
            };
        }
        Ok(array)
    }
}

/// The text before the brackets at its end, and what they hold, in order.
fn steps(text: &str) -> Result<(&str, Vec<Step>)> {
    let wrong = |reason: String| Error::Location { text: text.to_owned(), reason };
    let (mut rest, mut steps) = (text, Vec::new());
    while let Some(inner) = rest.strip_suffix(']') {
        let open = opening(inner).ok_or_else(|| wrong("']' without '['".to_owned()))?;
        let part = inner[open + 1..].trim();
        let quoted = |q: char| part.strip_prefix(q).and_then(|p| p.strip_suffix(q));
        steps.push(match quoted('\'').or_else(|| quoted('"')) {
            Some(name) => Step::Field(name.to_owned()),
            None => {
                Step::Select(part.parse().map_err(|e: ndfolio_layout::LayoutError| wrong(e.to_string()))?)
            }
        });
        rest = &inner[..open];
    }
    steps.reverse();
    Ok((rest, steps))
}

/// The bracket that opens the group whose closing bracket was cut off: quotes at its end hide brackets.
fn opening(inner: &str) -> Option<usize> {
    match inner.chars().next_back()? {
        quote @ ('\'' | '"') => {
            let name = &inner[..inner.len() - 1];
            let start = name.rfind(quote)?;
            name[..start].ends_with('[').then(|| start - 1)
        }
        _ => inner.rfind('['),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let all = |text: &str| Location::parse(text).unwrap();
        assert_eq!(all("no.npy"), Location { path: "no.npy".into(), member: None, steps: vec![] });
        let place = all("no.npz::a/b['x y]'][0:10, ::2][-1]");
        assert_eq!((place.path(), place.member()), (Path::new("no.npz"), Some("a/b")));
        let select = |s: &str| Step::Select(s.parse().unwrap());
        assert_eq!(place.steps, [Step::Field("x y]".into()), select("0:10, ::2"), select("-1")]);
        for bad in ["no.npy[", "no.npy]", "no.npy[x]", "no.npy[]", "::a", "no.npz::", "no.npy['x]", "x'']"] {
            assert!(bad == "no.npy[" || Location::parse(bad).is_err(), "{bad}");
        }
    }
}
