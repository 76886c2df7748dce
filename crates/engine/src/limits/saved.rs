//! Limits in a file.

use std::path::Path;

use ndfolio_store::{Existing, File, Mode, NewFile};
use serde_json::{Map, Value, json};

use super::{Limit, Limits};
use crate::EngineError;

/// What the numbers mean; files of another version are not read.
const VERSION: u64 = 1;
/// No file of ours is longer.
const MOST_BYTES: u64 = 1 << 16;

impl Limits {
    /// The limits as JSON: what is unknown is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let limits: Map<String, Value> = Limit::ALL
            .iter()
            .map(|&limit| (limit.name().to_owned(), self.get(limit).map_or(Value::Null, Value::from)))
            .collect();
        json!({
            "version": VERSION,
            "processor": self.processor,
            "threads": self.threads,
            "file_system": self.file_system,
            "file_bytes": self.file_bytes,
            "measured_at": self.measured_at,
            "limits": limits,
        })
    }

    /// The limits that JSON says; none if it says something else. Limits that are missing are unknown.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Limits> {
        let value: Value = serde_json::from_slice(text).ok()?;
        if value.get("version")?.as_u64()? != VERSION {
            return None;
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or_default();
        let mut limits = Limits {
            processor: text("processor"),
            threads: usize::try_from(number("threads")).ok()?,
            file_system: text("file_system"),
            file_bytes: number("file_bytes"),
            measured_at: number("measured_at"),
            ..Limits::default()
        };
        let found = value.get("limits")?.as_object()?;
        for limit in Limit::ALL {
            if let Some(per_second) = found.get(limit.name()).and_then(Value::as_f64) {
                limits.set(limit, per_second);
            }
        }
        Some(limits)
    }

    /// Reads the limits of a file; none if it is not there, or holds anything else. That is no error: they can
    /// be measured again.
    #[must_use]
    pub fn load(path: &Path) -> Option<Limits> {
        let file = File::open(path, Mode::Read).ok().filter(|file| file.len() <= MOST_BYTES)?;
        let mut text = vec![0; file.len() as usize];
        file.read_at(0, &mut text).ok()?;
        Limits::from_json(&text)
    }

    /// Writes the limits to a file, which appears whole; its folder is made if it is not there.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn save(&self, path: &Path) -> Result<(), EngineError> {
        if let Some(folder) = path.parent() {
            ndfolio_store::create_folder(folder)?;
        }
        let file = NewFile::create(path, Existing::Replace)?;
        file.write_at(0, format!("{:#}\n", self.to_json()).as_bytes())?;
        Ok(file.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> Limits {
        let mut limits = Limits { processor: "ENIAC \"1\"".to_owned(), threads: 3, ..Limits::default() };
        limits.set(Limit::DirectRead, 3.25e9);
        limits.set(Limit::RandomReads, 0.1);
        limits.set(Limit::Write, f64::NAN);
        limits
    }

    #[test]
    fn what_was_saved_is_read() {
        let folder = std::env::temp_dir().join(format!("ndfolio-limits-{}", std::process::id()));
        let path = folder.join("a/b").join("limits.json");
        assert_eq!(Limits::load(&path), None);
        some().save(&path).unwrap();
        assert_eq!(Limits::load(&path), Some(some()));
        assert_eq!(some().get(Limit::Write), None);
        // Over itself, and over garbage.
        std::fs::write(&path, b"{").unwrap();
        assert_eq!(Limits::load(&path), None);
        some().save(&path).unwrap();
        assert_eq!(Limits::load(&path), Some(some()));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn other_versions_and_wrong_numbers_are_unknown() {
        let mut value = some().to_json();
        value["limits"]["write"] = (-1).into();
        value["limits"]["direct_read"] = "fast".into();
        let read = Limits::from_json(value.to_string().as_bytes()).unwrap();
        assert_eq!((read.get(Limit::Write), read.get(Limit::DirectRead)), (None, None));
        value["version"] = 2.into();
        assert_eq!(Limits::from_json(value.to_string().as_bytes()), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_limits(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Limits::from_json(&text), None);
        }

        #[test]
        fn a_file_that_was_cut_is_no_limits(len in 0..500_usize) {
            let text = some().to_json().to_string();
            prop_assert!(len >= text.len() || Limits::from_json(&text.as_bytes()[..len]).is_none());
        }
    }
}
