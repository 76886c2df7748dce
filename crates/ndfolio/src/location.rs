use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use ndfolio_engine::Run;
use ndfolio_layout::{LayoutError, Selection};

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
    /// Takes a place apart. What names a file that exists, brackets and colons and all, is that file.
    ///
    /// # Errors
    /// [`Error::Location`] for brackets that hold no index, and names that are missing.
    pub fn parse(text: impl AsRef<Path>) -> Result<Self> {
        let whole = text.as_ref();
        let wrong = |reason: String| Error::Location { text: whole.display().to_string(), reason };
        // Bytes, since a name need not be Unicode; brackets, colons and indices are ASCII.
        let mut rest = whole.as_os_str().as_bytes();
        let mut steps = Vec::new();
        while !exists(rest)
            && let Some(inner) = rest.strip_suffix(b"]")
        {
            let open = opening(inner).ok_or_else(|| wrong("']' without '['".to_owned()))?;
            let part = std::str::from_utf8(&inner[open + 1..]);
            steps.push(step(part.map_err(|_| wrong("an index is not text".to_owned()))?).map_err(wrong)?);
            rest = &inner[..open];
        }
        steps.reverse();
        let colons = if exists(rest) { None } else { rest.windows(2).position(|pair| pair == b"::") };
        let (file, member) = match colons {
            Some(at) => (&rest[..at], Some(String::from_utf8_lossy(&rest[at + 2..]).into_owned())),
            None => (rest, None),
        };
        if file.is_empty() || member.as_deref() == Some("") {
            return Err(wrong("a name is missing".to_owned()));
        }
        Ok(Location { path: OsStr::from_bytes(file).into(), member, steps })
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
        self.open_run(options, Run::default())
    }

    /// [`Location::open`] that can be cancelled while it waits for somebody who has the file locked.
    ///
    /// # Errors
    /// As [`Location::open`]; a cancelled run.
    pub fn open_run<'r>(&self, options: &OpenOptions, run: impl Into<Run<'r>>) -> Result<Array> {
        let array = match &self.member {
            Some(name) => options.clone().member(name).open_run(&self.path, run)?,
            None => options.open_run(&self.path, run)?,
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

fn exists(name: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(name)).symlink_metadata().is_ok()
}

/// What stands between brackets: a field in quotes, or an index.
fn step(part: &str) -> Result<Step, String> {
    let part = part.trim();
    let quoted = |q: char| part.strip_prefix(q).and_then(|p| p.strip_suffix(q));
    match quoted('\'').or_else(|| quoted('"')) {
        Some(name) => Ok(Step::Field(name.to_owned())),
        None => part.parse().map(Step::Select).map_err(|error: LayoutError| error.to_string()),
    }
}

/// The bracket that opens the group whose closing bracket was cut off: quotes at its end hide brackets.
fn opening(inner: &[u8]) -> Option<usize> {
    let last = |bytes: &[u8], wanted: u8| bytes.iter().rposition(|byte| *byte == wanted);
    match inner.split_last()? {
        (&quote @ (b'\'' | b'"'), name) => {
            let start = last(name, quote)?;
            name[..start].ends_with(b"[").then(|| start - 1)
        }
        _ => last(inner, b'['),
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
        for bad in ["no.npy]", "no.npy[x]", "no.npy[]", "::a", "no.npz::", "no.npy['x]", "x'']", "[0]", ""] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
        // A file that is named so wins, and brackets behind it apply to it.
        let folder = std::env::temp_dir().join(format!("ndfolio-location-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("b::c[0]");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Location::parse(&file).unwrap().path(), file);
        let place = Location::parse(folder.join("b::c[0][1]")).unwrap();
        assert_eq!((place.path(), &place.steps), (&*file, &vec![select("1")]));
        let odd = OsStr::from_bytes(b"caf\xe9.npy[1:3]");
        assert_eq!(Location::parse(odd).unwrap().path().as_os_str().as_bytes(), b"caf\xe9.npy");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
