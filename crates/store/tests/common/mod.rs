//! What several tests need: a folder that goes away, and a second process.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

/// Tells a test that it runs as the second process, and gives it a folder.
const CHILD: &str = "NDFOLIO_STORE_CHILD";

pub(crate) const PAGE: u64 = 4096;

/// A folder that is removed in the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("ndfolio-store-{}-{count}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of `len` bytes that count up modulo 251.
    pub(crate) fn file(&self, name: &str, len: u64) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, pattern(0, len as usize)).unwrap();
        path
    }

    /// All names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The bytes of [`Folder::file`] from `offset`.
pub(crate) fn pattern(offset: u64, len: usize) -> Vec<u8> {
    (offset..offset + len as u64).map(|index| (index % 251) as u8).collect()
}

pub(crate) fn cut(path: &Path, len: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

/// The folder, if this is the second process.
pub(crate) fn as_child() -> Option<PathBuf> {
    env::var_os(CHILD).map(PathBuf::from)
}

/// The test `test` of this binary as another process, behind the words of `prefix` (`setpriv …`).
pub(crate) fn child(prefix: &[&str], test: &str, folder: &Path) -> Command {
    let program = env::current_exe().unwrap();
    let mut words: Vec<OsString> = prefix.iter().map(Into::into).collect();
    words.extend([program.into(), test.into(), "--exact".into(), "--nocapture".into()]);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(CHILD, folder).stdin(Stdio::null());
    command
}

/// Runs the test as a second process, to its end.
pub(crate) fn run_child(test: &str, folder: &Path) -> Output {
    child(&[], test, folder).output().unwrap()
}

pub(crate) fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{} (signal {:?})\n{}\n{}",
        output.status,
        output.status.signal(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A second process that is killed in the end.
pub(crate) struct Killed(Child);

impl Killed {
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        let mut command = child(&[], test, folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Killed(command.spawn().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    /// `kill -9`, and waits until it is dead.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits up to thirty seconds until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("waited in vain until {what}");
}
