//! How passes are run: memory, threads, the way of reading, and who watches.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use ndfolio_engine::{Io, Observer, Run};
use ndfolio_store::MachineMemory;

/// A number of bytes, as people write it: `64MiB`, `2G`, `1.5 GiB`, `4096`. All units are powers of 1024.
///
/// ```
/// use ndfolio::Size;
/// assert_eq!("512MiB".parse::<Size>().map(Size::bytes), Ok(512 << 20));
/// assert_eq!(Size::from(1536 << 20).to_string(), "1.5 GiB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(usize);

impl Size {
    /// The number.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.0
    }
}

impl From<usize> for Size {
    fn from(bytes: usize) -> Self {
        Size(bytes)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let power = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
            "" | "byte" | "bytes" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            "e" => 6,
            _ => return Err(format!("{unit:?} is no unit; expected 64MiB, 2G or a number of bytes")),
        };
        let number: f64 = number
            .parse()
            .map_err(|_| format!("{text:?} is no size; expected 64MiB, 2G or a number of bytes"))?;
        let bytes = number * 1024_f64.powi(power);
        // Doubles have no number between the largest address and this one.
        if bytes >= usize::MAX as f64 {
            return Err(format!("{text:?} is more than any machine has"));
        }
        Ok(Size(bytes as usize))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let power = self.0.max(1).ilog2() as usize / 10;
        match power {
            0 => write!(f, "{} bytes", self.0),
            _ => write!(f, "{:.1} {}", self.0 as f64 / (1_u64 << (10 * power)) as f64, UNITS[power]),
        }
    }
}

/// What a program keeps to run its passes with: everything that takes a [`Run`] takes a `&Session`.
///
/// Cloning it is cheap, and it holds nothing of the process: two sessions do not know each other. What is not set
/// is found out for each pass: memory that the machine or the control group can spare, all processors, and the
/// way of reading that suits the file as it lies in the page cache.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-session-{}.npy", std::process::id()));
/// # ndfolio::save(&path, &ndarray::arr1(&[1.0_f64, 2.0, 3.0]))?;
/// use ndfolio::{Op, Session};
/// let session = Session::new().memory("512MiB".parse()?).threads(2);
/// let array = ndfolio::open(&path)?;
/// assert_eq!(array.stats(&session)?.count, 3);
/// let sum = array.reduction().run(&session).sum()?;
/// assert_eq!(sum.value().to_string(), "6.0");
/// // What it would do, without doing it.
/// assert_eq!(array.reduction().run(&session).plan(&[Op::Sum])?.bytes(), 24);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Session {
    memory: Option<Size>,
    threads: Option<usize>,
    io: Io,
    scratch: Option<Arc<Path>>,
    observer: Option<Arc<dyn Observer + Send + Sync>>,
}

impl Session {
    /// Everything is found out for each pass.
    pub fn new() -> Self {
        Session::default()
    }

    /// Buffers of a pass stay below this; see [`Run::memory`].
    pub fn memory(self, size: Size) -> Self {
        Session { memory: Some(size), ..self }
    }

    /// At most so many threads.
    pub fn threads(self, threads: usize) -> Self {
        Session { threads: Some(threads), ..self }
    }

    /// In which folder results that fit no memory and are needed again are kept; see [`Run::scratch`].
    pub fn scratch(self, folder: impl AsRef<Path>) -> Self {
        Session { scratch: Some(folder.as_ref().into()), ..self }
    }

    /// Which way files are read.
    pub fn io(self, io: Io) -> Self {
        Session { io, ..self }
    }

    /// Who hears how far passes are and what they did, and may stop them.
    pub fn observe(self, observer: Arc<dyn Observer + Send + Sync>) -> Self {
        Session { observer: Some(observer), ..self }
    }

    /// How many bytes a pass may take: what was set, or what the machine and the control group allow if nothing was.
    #[must_use]
    pub fn budget(&self) -> usize {
        let usual = || usize::try_from(MachineMemory::known().default_budget()).unwrap_or(usize::MAX);
        self.memory.map_or_else(usual, Size::bytes)
    }

    /// Who watches.
    pub(crate) fn observer(&self) -> Option<&(dyn Observer + Send + Sync)> {
        self.observer.as_deref()
    }

    /// At most so many threads: what was set, or as many as there are processors, and two where those are fewer.
    pub(crate) fn most_threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |all| all.get().max(2)))
    }

    /// A run with these settings.
    #[must_use]
    pub fn run(&self) -> Run<'_> {
        let mut run = Run::default().io(self.io);
        if let Some(size) = self.memory {
            run = run.memory(size.bytes());
        }
        if let Some(folder) = &self.scratch {
            run = run.scratch(folder);
        }
        if let Some(threads) = self.threads {
            run = run.threads(threads);
        }
        match &self.observer {
            Some(observer) => run.observe(&**observer),
            None => run,
        }
    }
}

impl<'a> From<&'a Session> for Run<'a> {
    fn from(session: &'a Session) -> Self {
        session.run()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("memory", &self.memory)
            .field("threads", &self.threads)
            .field("io", &self.io)
            .field("observed", &self.observer.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("64MiB", 64 << 20),
            ("2G", 2 << 30),
            ("1.5 kib", 1536),
            ("3b", 3),
            ("0", 0),
            ("1.5P", 3 << 49),
            ("2 EiB", 1 << 61),
        ] {
            assert_eq!(text.parse::<Size>().map(Size::bytes), Ok(bytes), "{text}");
        }
        for text in ["", "x", "1q", "-1", "1.2.3", "MiB", "16E", "99999999999999999999"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert_eq!(Size::from(1023).to_string(), "1023 bytes");
        assert_eq!(Size::from(3 << 40).to_string(), "3.0 TiB");
    }

    #[test]
    fn sessions_are_shared_between_threads() {
        fn is<T: Send + Sync + Clone>() {}
        is::<Session>();
    }
}
