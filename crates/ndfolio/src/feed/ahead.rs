//! Threads that read what batches will be made of.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use ndfolio_engine::{EngineError, Observer, Report};
use ndfolio_store::Spare;

use super::{dataset::Dataset, deal::Cutter, identity::Witness, order::Order, raw::Raw, room::Room};
use crate::{Error, Result, Session, error::At};

/// How long it is waited before it is asked whether to go on.
const PATIENCE: Duration = Duration::from_millis(20);

/// The chunks of one epoch, read by threads that end with this value.
pub(super) struct Ahead {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The chunk that is asked for next.
    next: u64,
    /// Threads do not come along when the process forks.
    process: u32,
}

struct Shared {
    dataset: Arc<Dataset>,
    witnesses: Arc<[Witness]>,
    epoch: u64,
    room: Room,
    session: Session,
    watch: Watch,
    progress: Mutex<Progress>,
    changed: Condvar,
}

struct Progress {
    /// What is left to be read.
    left: Option<Cutter>,
    /// Chunks that a thread took.
    taken: u64,
    /// Chunks whose memory came back.
    returned: u64,
    done: BTreeMap<u64, Result<Raw>>,
    spare: Vec<Raw>,
}

/// Tells the session's observer, and stops passes when the loader is dropped.
struct Watch {
    stopped: AtomicBool,
    session: Session,
}

impl Observer for Watch {
    fn advance(&self, bytes: u64) {
        self.session.observer().inspect(|observer| observer.advance(bytes));
    }

    fn expect(&self, bytes: u64) {
        self.session.observer().inspect(|observer| observer.expect(bytes));
    }

    fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
            || self.session.observer().is_some_and(|observer| observer.cancelled())
    }

    fn finished(&self, report: &Report) {
        self.session.observer().inspect(|observer| observer.finished(report));
    }
}

impl Ahead {
    pub(super) fn start(
        (dataset, witnesses): (&Arc<Dataset>, &Arc<[Witness]>),
        (cutter, epoch): (Cutter, u64),
        (room, spare): (Room, Vec<Raw>),
        session: &Session,
    ) -> Result<Self> {
        let progress = Progress { left: Some(cutter), taken: 0, returned: 0, done: BTreeMap::new(), spare };
        let shared = Arc::new(Shared {
            dataset: Arc::clone(dataset),
            witnesses: Arc::clone(witnesses),
            epoch,
            room,
            session: session.clone(),
            watch: Watch { stopped: AtomicBool::new(false), session: session.clone() },
            progress: Mutex::new(progress),
            changed: Condvar::new(),
        });
        let mut ahead = Ahead { shared, threads: Vec::new(), next: 0, process: std::process::id() };
        for _ in 0..room.threads {
            let shared = Arc::clone(&ahead.shared);
            let named = std::thread::Builder::new().name("ndfolio-feed".to_owned());
            let started = named.spawn(move || shared.work());
            ahead.threads.push(started.map_err(|source| {
                let reason =
                    format!("no thread could be started to read ahead ({source}); free some, or allow more");
                Error::Usage { path: dataset.first().place().to_owned(), reason }
            })?);
        }
        Ok(ahead)
    }

    /// Whether its threads are there: not in a forked child.
    pub(super) fn is_alive(&self) -> bool {
        self.process == std::process::id()
    }

    /// The next chunk. There is one: the caller knows how many items are left.
    pub(super) fn take(&mut self) -> Result<Raw> {
        let shared = Arc::clone(&self.shared);
        let mut progress = shared.lock();
        loop {
            if let Some(chunk) = progress.done.remove(&self.next) {
                self.next += 1;
                return chunk;
            }
            if shared.watch.cancelled() {
                return Err(EngineError::Cancelled).at(shared.dataset.first().place());
            }
            let waited = shared.changed.wait_timeout(progress, PATIENCE);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
            if self.threads.iter().all(JoinHandle::is_finished) && !progress.done.contains_key(&self.next) {
                drop(progress);
                self.join();
                return Err(EngineError::Cancelled).at(shared.dataset.first().place());
            }
        }
    }

    /// The memory of a chunk, of which all was used.
    pub(super) fn give_back(&self, chunk: Raw) {
        let mut progress = self.shared.lock();
        progress.returned += 1;
        progress.spare.push(chunk);
        drop(progress);
        self.shared.changed.notify_all();
    }

    /// Ends the threads, and gives back the memory of chunks. None where the threads are the parent's.
    pub(super) fn finish(mut self) -> Vec<Raw> {
        if !self.is_alive() {
            return Vec::new();
        }
        self.end();
        std::mem::take(&mut self.shared.lock().spare)
    }

    fn end(&mut self) {
        self.shared.watch.stopped.store(true, Ordering::Relaxed);
        self.shared.lock().left = None;
        self.shared.changed.notify_all();
        self.join();
    }

    /// Waits for the threads; one that panicked has its panic go on here.
    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if !self.is_alive() {
            // Its threads are the parent's, and so is who holds its lock.
            self.threads.drain(..).for_each(std::mem::forget);
            std::mem::forget(Arc::clone(&self.shared));
            return;
        }
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let (mut items, mut order, spare) = (Vec::new(), None, Spare::default());
        while let Some((number, places, raw)) = self.begin(&mut order) {
            let result = self.read(&places, order.as_mut(), (&mut items, raw, &spare));
            let mut progress = self.lock();
            if result.is_err() {
                progress.left = None;
            }
            progress.done.insert(number, result);
            drop(progress);
            self.changed.notify_all();
        }
    }

    /// The next chunk to be read, once there is memory for it.
    fn begin(&self, order: &mut Option<Order>) -> Option<(u64, Vec<Range<u64>>, Raw)> {
        let mut progress = self.lock();
        while progress.left.is_some() && progress.taken - progress.returned >= self.room.chunks as u64 {
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        let cutter = progress.left.as_mut()?;
        order.get_or_insert_with(|| cutter.order().clone());
        let places = cutter.next()?;
        let number = progress.taken;
        progress.taken += 1;
        Some((number, places, progress.spare.pop().unwrap_or_default()))
    }

    fn read(
        &self,
        places: &[Range<u64>],
        order: Option<&mut Order>,
        (items, mut raw, spare): (&mut Vec<i64>, Raw, &Spare),
    ) -> Result<Raw> {
        for (array, witness) in self.dataset.arrays().zip(&*self.witnesses) {
            witness.check(array)?;
        }
        items.clear();
        if let Some(order) = order {
            places.iter().for_each(|part| order.add_items(part.clone(), items));
        }
        let run = self.session.run().observe(&self.watch).side_by_side();
        let run = run.memory(self.room.chunk + 2 * self.room.each).spare(spare);
        self.dataset.read(items, self.epoch, &mut raw, &run)?;
        Ok(raw)
    }
}
