//! What a pass is going to do, before it does it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ndfolio_store::{Choice, IoEngine};

use crate::{Limit, Limits, Run, Source, page_ranges};

/// What a call is going to do: found out from headers and from what the page cache holds, without reading items.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// How many passes it takes; none where there are no items.
    pub passes: u64,
    /// The files that are read.
    pub readings: Vec<Reading>,
    /// Bytes that are written to a new file.
    pub writes: u64,
    /// How many threads work.
    pub threads: usize,
    /// The memory that the pass is given, in bytes.
    pub budget: u64,
    /// Bytes of buffers, all threads together.
    pub buffers: u64,
    /// Bytes of running values of columns and rows, beside the buffers.
    pub states: u64,
    /// Bytes that the results take beside them.
    pub results: u64,
    /// What is done with the items, where that can be slower than reading them.
    pub work: Work,
    /// What is done one after the other, where it is more than one thing.
    pub stages: Vec<String>,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// What is done with the items of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Arithmetic that memory is the limit of.
    #[default]
    Stream,
    /// SHA-256, which one thread does.
    Digest,
}

/// How a file is going to be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reading {
    /// The file.
    pub path: PathBuf,
    /// How it is read: `mmap`, `pread` or `direct`.
    pub engine: String,
    /// Why so, in a sentence.
    pub reason: String,
    /// Bytes of the items.
    pub bytes: u64,
    /// Bytes of the pages that they lie on.
    pub page_bytes: u64,
    /// Which share of those pages is in the page cache, 0 to 1.
    pub resident: Option<f64>,
    /// How many places of the file are read by themselves; none if they follow each other.
    pub requests: Option<usize>,
    /// Bytes of those places, with what lies between items that are read together; none if they are the items' alone.
    pub request_bytes: Option<u64>,
}

impl Reading {
    pub(crate) fn new(source: &Source, engine: &str, reason: &str) -> Self {
        let (mut pages, mut resident) = (0, Some(0));
        for range in page_ranges(&source.view, source.file.len()) {
            let found = source.file.residency(range).ok();
            pages += found.map_or(0, |found| found.pages * found.page_size);
            let here = found.and_then(|found| Some(found.resident? * found.page_size));
            resident = resident.zip(here).map(|(sum, here)| sum + here);
        }
        Reading {
            path: source.file.path().to_owned(),
            engine: engine.to_owned(),
            reason: reason.to_owned(),
            bytes: source.view.nbytes() as u64,
            page_bytes: pages,
            resident: resident.map(|bytes| bytes as f64 / pages.max(1) as f64),
            requests: None,
            request_bytes: None,
        }
    }

    pub(crate) fn of(source: &Source, way: Choice) -> Self {
        Reading::new(source, &way.engine.to_string(), &way.reason)
    }

    /// What was read is read again from a new file, from the device or the page cache as it was written.
    pub(crate) fn of_new(path: &Path, engine: IoEngine, bytes: u64, reason: &str) -> Self {
        Reading {
            path: path.to_owned(),
            engine: engine.to_string(),
            reason: reason.to_owned(),
            bytes,
            page_bytes: bytes,
            resident: Some(if engine == IoEngine::Direct { 0.0 } else { 1.0 }),
            requests: None,
            request_bytes: None,
        }
    }

    /// Bytes that the device has to bring; none if it is unknown what the page cache holds.
    #[must_use]
    pub fn device_bytes(&self) -> Option<u64> {
        if self.is_direct() {
            // What lies between items that are close to each other is read with them.
            let usual = if self.requests.is_some() { self.bytes } else { self.page_bytes };
            return Some(self.request_bytes.unwrap_or(usual));
        }
        self.resident.map(|share| (self.page_bytes as f64 * (1.0 - share)).round() as u64)
    }

    fn is_direct(&self) -> bool {
        self.engine == IoEngine::Direct.to_string()
    }

    /// The least time that reading takes with `threads` threads.
    fn time(&self, limits: &Limits, threads: usize) -> Option<f64> {
        let cold = self.device_bytes()? as f64;
        let device = if cold > 0.0 { cold / limits.get(Limit::DirectRead)? } else { 0.0 };
        let requests = match self.requests {
            Some(count) if self.is_direct() => count as f64 / limits.get(Limit::RandomReads)?,
            _ => 0.0,
        };
        let hot = if self.is_direct() { 0.0 } else { self.resident? * self.bytes as f64 };
        let speed = match (self.engine.as_str(), threads) {
            ("mmap", 1) => Limit::MmapOne,
            ("mmap", _) => Limit::MmapAll,
            (_, 1) => Limit::PreadOne,
            _ => Limit::PreadAll,
        };
        let cached = if hot > 0.0 { hot / limits.get(speed)? } else { 0.0 };
        Some(device.max(requests) + cached)
    }
}

impl Plan {
    /// A pass of one thread that reads nothing.
    pub(crate) fn new(run: &Run<'_>) -> Self {
        Plan {
            passes: 1,
            readings: Vec::new(),
            writes: 0,
            threads: 1,
            budget: run.budget() as u64,
            buffers: 0,
            states: 0,
            results: 0,
            work: Work::Stream,
            stages: Vec::new(),
            notes: run.notes(),
        }
    }

    /// Adds another pass of the same call.
    pub(crate) fn add(&mut self, next: Plan) {
        self.passes += next.passes;
        self.readings.extend(next.readings);
        self.writes += next.writes;
        self.threads = self.threads.max(next.threads);
        self.buffers = self.buffers.max(next.buffers);
        self.states = self.states.max(next.states);
    }

    /// Bytes of all items that are read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.readings.iter().map(|reading| reading.bytes).sum()
    }

    /// Bytes that the devices have to bring; none if that is unknown for one of the files.
    #[must_use]
    pub fn device_bytes(&self) -> Option<u64> {
        self.readings.iter().map(Reading::device_bytes).sum()
    }

    /// How long it takes at the measured limits of the machine: arithmetic and a busy machine can make it longer.
    /// None if something that it depends on is unknown or was not measured.
    #[must_use]
    pub fn time(&self, limits: &Limits) -> Option<Duration> {
        let read: Option<f64> = self.readings.iter().map(|reading| reading.time(limits, self.threads)).sum();
        let write = if self.writes > 0 { self.writes as f64 / limits.get(Limit::Write)? } else { 0.0 };
        let work = match self.work {
            Work::Stream => 0.0,
            Work::Digest => self.bytes() as f64 / limits.get(Limit::Digest)?,
        };
        Duration::try_from_secs_f64(read? + write + work).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn reading(engine: &str, resident: Option<f64>) -> Reading {
        Reading {
            path: "a.npy".into(),
            engine: engine.to_owned(),
            reason: String::new(),
            bytes: GIB,
            page_bytes: GIB,
            resident,
            requests: None,
            request_bytes: None,
        }
    }

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.set(Limit::DirectRead, GIB as f64);
        limits.set(Limit::MmapAll, 8.0 * GIB as f64);
        limits.set(Limit::PreadOne, 4.0 * GIB as f64);
        limits.set(Limit::RandomReads, 1000.0);
        limits.set(Limit::Digest, 2.0 * GIB as f64);
        limits
    }

    fn plan(readings: Vec<Reading>, threads: usize) -> Plan {
        Plan { readings, threads, ..Plan::new(&Run::default()) }
    }

    #[test]
    fn time_is_that_of_what_is_cold_and_what_is_not() {
        let limits = limits();
        let time = |plan: &Plan| plan.time(&limits).map(|time| time.as_secs_f64());
        assert_eq!(time(&plan(vec![reading("mmap", Some(1.0))], 2)), Some(0.125));
        assert_eq!(time(&plan(vec![reading("direct", Some(0.4))], 2)), Some(1.0));
        assert_eq!(time(&plan(vec![reading("pread", Some(0.5))], 1)), Some(0.625));
        let scattered = Reading { requests: Some(3000), ..reading("direct", Some(0.0)) };
        assert_eq!(time(&plan(vec![scattered], 1)), Some(3.0));
        let digest = Plan { work: Work::Digest, ..plan(vec![reading("pread", Some(1.0))], 1) };
        assert_eq!(time(&digest), Some(0.75));
    }

    #[test]
    fn nothing_is_guessed() {
        let limits = limits();
        assert_eq!(plan(vec![reading("pread", None)], 1).time(&limits), None);
        assert_eq!(plan(vec![reading("pread", Some(1.0))], 2).time(&limits), None, "not measured");
        assert_eq!(Plan { writes: 1, ..plan(Vec::new(), 1) }.time(&limits), None, "not measured");
        assert_eq!(plan(vec![reading("pread", None)], 1).device_bytes(), None);
        assert_eq!(plan(vec![reading("direct", None)], 1).device_bytes(), Some(GIB));
    }
}
