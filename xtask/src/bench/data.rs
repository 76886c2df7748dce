//! The files that are measured: random, the same each time, and kept for the next time.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::shell::{program, root, run};

/// Items of a row of most arrays.
const COLUMNS: u64 = 16_384;
/// Rows of the small twin of a file, which a program is warmed up with.
const SMALL_ROWS: u64 = 64;
/// Bytes of the header that NumPy writes before such an array.
const HEADER: u64 = 128;

/// One of the files.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    dtype: &'static str,
    order: &'static str,
    columns: u64,
    item: u64,
    /// Quarters of the size that was asked for.
    quarters: u64,
    seed: u64,
}

const fn kind(name: &'static str, dtype: &'static str, item: u64, quarters: u64, seed: u64) -> Kind {
    Kind { name, dtype, order: "C", columns: COLUMNS, item, quarters, seed }
}

pub(super) const F4: Kind = kind("f4", "<f4", 4, 4, 1);
pub(super) const F4_F: Kind = Kind { order: "F", ..kind("f4-F", "<f4", 4, 4, 2) };
pub(super) const F8: Kind = kind("f8", "<f8", 8, 4, 3);
pub(super) const I4: Kind = kind("i4", "<i4", 4, 2, 4);
pub(super) const U1: Kind = kind("u1", "|u1", 1, 2, 5);
pub(super) const F2: Kind = kind("f2", "<f2", 2, 1, 6);
pub(super) const OTHER_F4: Kind = kind("other-f4", ">f4", 4, 1, 7);
pub(super) const GROUP: Kind = kind("group", "<f4", 4, 16, 8);
pub(super) const SECOND: Kind = kind("f4-second", "<f4", 4, 4, 9);
pub(super) const THIRD: Kind = kind("f4-third", "<f4", 4, 4, 10);
pub(super) const HALF: Kind = kind("f4-half", "<f4", 4, 2, 11);
pub(super) const TWICE_F8: Kind = kind("f8-twice", "<f8", 8, 8, 12);
pub(super) const TWICE_OTHER_F4: Kind = kind("other-f4-twice", ">f4", 4, 8, 13);
pub(super) const WIDE_F: Kind =
    Kind { order: "F", columns: 2 * COLUMNS, ..kind("f4-F-twice", "<f4", 4, 8, 14) };

/// Rows of a kilobyte, and a quarter of them.
pub(super) const ROWS: Kind = Kind { columns: 256, ..kind("rows", "<f4", 4, 16, 15) };
pub(super) const ROWS_QUARTER: Kind = Kind { columns: 256, ..kind("rows-quarter", "<f4", 4, 4, 16) };
pub(super) const TOKENS: Kind = kind("tokens", "<u2", 2, 2, 17);

/// An array in a file.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Where the items begin, in bytes.
    pub(super) offset: u64,
    pub(super) shape: [u64; 2],
    /// Of all items.
    pub(super) bytes: u64,
    /// Bytes of what lies one behind the other along one axis: a row, or a column in F order.
    pub(super) row: u64,
}

/// Where the files lie, which and how large they are, and the Python that makes them.
pub(super) struct Data {
    folder: PathBuf,
    kinds: &'static [Kind],
    pub(super) gib: u64,
    python: PathBuf,
}

/// Bytes of a file's items.
pub(super) fn bytes(kind: Kind, gib: u64) -> u64 {
    (gib << 28) * kind.quarters
}

impl Data {
    pub(super) fn new(folder: &Path, kinds: &'static [Kind], gib: u64, python: &Path) -> Result<Data> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Data { folder: folder.to_owned(), kinds, gib, python: python.to_owned() })
    }

    /// A file, which is made where it is not there in the size that is wanted.
    pub(super) fn file(&self, kind: Kind) -> Result<File> {
        self.of_rows(kind, bytes(kind, self.gib) / (kind.columns * kind.item), kind.name)
    }

    /// A small one of the same kind.
    pub(super) fn small(&self, kind: Kind) -> Result<File> {
        self.of_rows(kind, SMALL_ROWS, &format!("{}-small", kind.name))
    }

    fn of_rows(&self, kind: Kind, rows: u64, name: &str) -> Result<File> {
        let path = self.path(name);
        let size = HEADER + rows * kind.columns * kind.item;
        if fs::metadata(&path).map_or(0, |about| about.len()) != size {
            self.make(kind, rows, &path)?;
            let made = fs::metadata(&path)?.len();
            ensure!(made == size, "{} has {made} bytes, and not {size}", path.display());
        }
        let along = if kind.order == "C" { kind.columns } else { rows };
        Ok(File {
            path,
            offset: HEADER,
            shape: [rows, kind.columns],
            bytes: size - HEADER,
            row: along * kind.item,
        })
    }

    fn make(&self, kind: Kind, rows: u64, path: &Path) -> Result<()> {
        // A file of the right name is whole.
        let part = path.with_extension("part");
        let mut command = program(&self.python);
        command.arg(root().join("xtask/bound/data.py")).arg(&part).args([kind.dtype, kind.order]);
        command.args([rows, kind.columns, kind.seed].map(|number| number.to_string()));
        run(command)?;
        fs::rename(&part, path).with_context(|| format!("cannot make {}", path.display()))
    }

    /// Where a file of that name lies.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.npy"))
    }

    /// Removes all files, and the folder if nothing else is in it.
    pub(super) fn remove(&self) {
        for kind in self.kinds {
            for name in [kind.name.to_owned(), format!("{}-small", kind.name)] {
                // What is not there need not go.
                let _ = fs::remove_file(self.path(&name));
            }
        }
        let _ = fs::remove_dir(&self.folder);
    }

    /// One line for the head of a table.
    pub(super) fn description(&self) -> String {
        let mut told = Vec::new();
        for kind in self.kinds {
            let order = if kind.order == "C" { "" } else { " in F order" };
            let columns = match kind.columns {
                COLUMNS => String::new(),
                other => format!(", {other} columns"),
            };
            let size = size_text(bytes(*kind, self.gib));
            told.push(format!("{} ({} {size}{order}{columns})", kind.name, kind.dtype));
        }
        format!("Files of {COLUMNS} columns: {}.", told.join(", "))
    }
}

pub(super) fn size_text(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 30) {
        format!("{} GiB", bytes >> 30)
    } else {
        format!("{} MiB", bytes >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_rows() {
        let wide = [F4, F8, I4, U1, F2, OTHER_F4, GROUP, HALF, TWICE_F8, TWICE_OTHER_F4, WIDE_F];
        for kind in wide.into_iter().chain([ROWS, ROWS_QUARTER, TOKENS]) {
            assert_eq!(bytes(kind, 1) % (kind.columns * kind.item), 0, "{}", kind.name);
        }
        assert_eq!((bytes(F4, 2), bytes(U1, 1), bytes(GROUP, 2)), (2 << 30, 512 << 20, 8 << 30));
        assert_eq!((size_text(2 << 30), size_text(1536 << 20)), ("2 GiB".to_owned(), "1536 MiB".to_owned()));
    }
}
