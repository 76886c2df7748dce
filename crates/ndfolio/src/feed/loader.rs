//! Who hands out batches.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ndfolio_engine::EngineError;
use ndfolio_format::{FeedArray, FeedBatches, FeedState};
use ndfolio_layout::LayoutError;

use super::{
    Batch, BatchArray, Buffers, Feed, Last, Room, Starts, State, Target,
    ahead::Ahead,
    batch::Pool,
    dataset::{Dataset, Windows},
    deal::{Cutter, Deal},
    identity::{Witness, identity},
    order::{Order, Sizes},
    raw::Raw,
};
use crate::{Array, Error, Result, Session, error::At};

/// Hands out batches, and has threads that read ahead; made by [`Feed::loader`].
///
/// It can be sent to another thread, and used in a forked child, where it goes on with threads of its own. Dropping it
/// ends the threads.
pub struct Loader {
    dataset: Arc<Dataset>,
    witnesses: Arc<[Witness]>,
    identities: OnceLock<Vec<FeedArray>>,
    deal: Deal,
    sizes: Sizes,
    seed: u64,
    room: Room,
    session: Session,
    buffers: Buffers,
    pool: Arc<Pool>,
    epoch: u64,
    /// Steps of the epoch that are done, of all workers.
    step: u64,
    ahead: Option<Ahead>,
    /// The chunk from which batches are made, and how many of its items were used.
    chunk: Option<(Raw, usize)>,
    /// Memory of chunks of the epoch before.
    spare: Vec<Raw>,
}

impl Loader {
    pub(super) fn new(feed: &Feed, dataset: Dataset, (deal, sizes): (Deal, Sizes)) -> Result<Self> {
        let session = feed.session.clone();
        let place = dataset.first().place();
        let room = Room::new(&dataset, (&deal, sizes), session.budget(), session.most_threads()).at(place)?;
        let witnesses = dataset.arrays().map(Witness::of).collect::<Result<_>>()?;
        Ok(Loader {
            pool: Pool::new(2 * dataset.outputs.len()),
            dataset: Arc::new(dataset),
            witnesses,
            identities: OnceLock::new(),
            deal,
            sizes,
            seed: feed.seed,
            room,
            session,
            buffers: feed.buffers,
            epoch: 0,
            step: 0,
            ahead: None,
            chunk: None,
            spare: Vec::new(),
        })
    }

    /// The next batch of this worker; `None` at the end of an epoch, after which the next epoch begins.
    ///
    /// Cost: copying or casting the items of the batch, as long as reading ahead keeps up.
    ///
    /// # Errors
    /// What a file reports; a file that changed; a cancelled session. The batch was not handed out then: asked again,
    /// the loader tries again.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        let step = self.deal.own_step(self.step);
        if step >= self.deal.steps() {
            self.stop();
            (self.epoch, self.step) = (self.epoch + 1, 0);
            return Ok(None);
        }
        let filled = self.fill(step);
        if filled.is_err() {
            self.stop();
        }
        let arrays = filled?;
        self.step = step + 1;
        Ok(Some(Batch { epoch: self.epoch, step, arrays }))
    }

    /// Lets go of what was read ahead.
    fn stop(&mut self) {
        self.chunk = None;
        self.spare = self.ahead.take().map_or_else(Vec::new, Ahead::finish);
    }

    fn fill(&mut self, step: u64) -> Result<Vec<BatchArray>> {
        if self.ahead.as_ref().is_some_and(|ahead| !ahead.is_alive()) {
            self.stop();
            self.pool = Pool::new(2 * self.dataset.outputs.len());
        }
        if self.ahead.is_none() {
            let cutter = Cutter::new(self.deal, self.order(), self.room.chunk_items, step);
            let (what, spare) = ((&self.dataset, &self.witnesses), std::mem::take(&mut self.spare));
            self.ahead = Some(Ahead::start(what, (cutter, self.epoch), (self.room, spare), &self.session)?);
        }
        let places = self.deal.batch_at(step);
        let count = (places.end - places.start) as usize;
        let mut arrays = self.room_for(count);
        let mut filled = 0;
        while filled < count {
            filled += self.put(&mut arrays, (filled, count))?;
        }
        Ok(arrays)
    }

    /// Makes items of the chunk at hand those of a batch; how many.
    fn put(&mut self, arrays: &mut [BatchArray], (filled, count): (usize, usize)) -> Result<usize> {
        let Some(ahead) = &mut self.ahead else { return Err(EngineError::Cancelled).at(self.place()) };
        let (mut chunk, used) = match self.chunk.take() {
            Some(chunk) => chunk,
            None => (ahead.take()?, 0),
        };
        let items = used..chunk.items.min(used + count - filled);
        let added = items.len();
        copy(&self.dataset, &mut chunk, (items.start, added), (arrays, filled));
        if items.end == chunk.items {
            ahead.give_back(chunk);
        } else {
            self.chunk = Some((chunk, items.end));
        }
        Ok(added)
    }

    fn room_for(&self, count: usize) -> Vec<BatchArray> {
        let array = |output: &super::dataset::Output| BatchArray {
            dtype: output.dtype.clone(),
            shape: std::iter::once(count).chain(output.shape.iter().copied()).collect(),
            buffer: self.pool.take(count * output.item_bytes(), self.buffers),
        };
        self.dataset.outputs.iter().map(array).collect()
    }

    fn order(&self) -> Order {
        Order::new(self.sizes, self.deal.len, (self.seed, self.epoch))
    }

    fn place(&self) -> &std::path::Path {
        self.dataset.first().place()
    }

    /// The epoch of the next batch, from 0.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Goes to the beginning of an epoch.
    pub fn set_epoch(&mut self, epoch: u64) {
        self.stop();
        (self.epoch, self.step) = (epoch, 0);
    }

    /// Steps of the epoch that are done: one more than that of the batch that was handed out last.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Batches of an epoch for this rank, those of all workers counted.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.deal.steps()
    }

    /// Batches that this worker still has in this epoch.
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        self.deal.left(self.step)
    }

    /// Rows or windows of an epoch, for all ranks together.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.deal.len
    }

    /// Items of a batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.deal.batch as usize
    }

    /// How the memory is used.
    #[must_use]
    pub fn room(&self) -> Room {
        self.room
    }

    /// The order of the items, with the sizes of blocks: `none`, `full`, `blocks of 128, 16 together`.
    #[must_use]
    pub fn order_text(&self) -> String {
        self.sizes.to_string()
    }

    /// The arrays that are read.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.dataset.arrays()
    }

    /// Bytes of the files that an item is read from.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.dataset.item_bytes()
    }

    /// Where the loader is: what [`load_state`](Self::load_state) goes on from. Of several workers, that of the one whose
    /// batch was used last counts for all.
    ///
    /// # Errors
    /// What a file reports: the first time, sixteen places of each array are read.
    pub fn state(&self) -> Result<State> {
        self.state_at(self.epoch, self.step)
    }

    /// Where a loader is that has handed out a batch and nothing after it.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn state_after(&self, batch: &Batch) -> Result<State> {
        self.state_at(batch.epoch, batch.step + 1)
    }

    /// Where a loader is with so many steps of an epoch done.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn state_at(&self, epoch: u64, step: u64) -> Result<State> {
        let arrays = match self.identities.get() {
            Some(known) => known.clone(),
            None => {
                let found = self.dataset.arrays().map(identity).collect::<Result<Vec<_>>>()?;
                self.identities.get_or_init(|| found).clone()
            }
        };
        let batches = FeedBatches {
            items: self.deal.len,
            batch_size: self.deal.batch,
            last: if self.deal.last == Last::Keep { "keep" } else { "drop" }.to_owned(),
            world_size: self.deal.world,
            seed: self.seed,
            order: self.sizes.to_string(),
            windows: self.dataset.window_kind().map(windows_text),
        };
        Ok(State(FeedState { epoch, step, batches, arrays }))
    }

    /// Goes on where a state is: the batches that were still to come then are those that come now, whatever the number
    /// of workers.
    ///
    /// # Errors
    /// [`Error::OtherState`] if it is of other files or other batches, with what differs; what a file reports.
    pub fn load_state(&mut self, state: &State) -> Result<()> {
        let own = self.state()?;
        let mut differs = own.0.differences(&state.0);
        if state.step() > self.steps() {
            differs.push(format!("step {} of {}", state.step(), self.steps()));
        }
        if !differs.is_empty() {
            let path = self.place().to_owned();
            return Err(Error::OtherState { path, differs: differs.join("; ") });
        }
        self.stop();
        (self.epoch, self.step) = (state.epoch(), state.step());
        Ok(())
    }

    /// The items of this rank's batch of a step of this epoch, in their order: rows, or numbers of windows. What
    /// [`fetch`](Self::fetch) takes.
    ///
    /// # Errors
    /// A step that the epoch does not have.
    pub fn batch_items(&self, step: u64) -> Result<Vec<i64>> {
        if step >= self.steps() {
            let reason = format!("step {step} was asked for, and an epoch has {}, from 0 on", self.steps());
            return Err(Error::Usage { path: self.place().to_owned(), reason });
        }
        let mut items = Vec::new();
        self.order().add_items(self.deal.batch_at(step), &mut items);
        Ok(items)
    }

    /// Any items: rows, or windows by their numbers, in this order and as often as they are named. Negative numbers
    /// count from the end. For those who draw orders themselves; nothing is read ahead.
    ///
    /// # Errors
    /// A number of an item that there is not; more than fits the memory; what a file reports, a file that changed.
    pub fn fetch(&self, items: &[i64]) -> Result<Vec<BatchArray>> {
        let (len, mut numbers) = (self.deal.len as i64, Vec::with_capacity(items.len()));
        for &item in items {
            if item < -len || item >= len {
                let size = self.deal.len as usize;
                return Err(LayoutError::IndexOutOfBounds { index: item, axis: 0, size }).at(self.place());
            }
            numbers.push(if item < 0 { item + len } else { item });
        }
        self.expect_room(items.len())?;
        for (array, witness) in self.dataset.arrays().zip(&*self.witnesses) {
            witness.check(array)?;
        }
        let mut raw = Raw::default();
        self.dataset.read(&mut numbers, self.epoch, &mut raw, &self.session.run())?;
        let mut arrays = self.room_for(items.len());
        copy(&self.dataset, &mut raw, (0, items.len()), (&mut arrays, 0));
        Ok(arrays)
    }

    fn expect_room(&self, items: usize) -> Result<()> {
        let (needed, budget) = (
            items.saturating_mul(self.dataset.item_bytes() + self.dataset.out_bytes()),
            self.session.budget(),
        );
        if needed <= budget {
            return Ok(());
        }
        let (needed, budget) = (needed as u64, budget as u64);
        let way = "fetch fewer at a time, or give it more memory";
        Err(EngineError::Budget { what: "fetching these items", needed, budget, way }).at(self.place())
    }
}

/// Makes some items of a chunk those of a batch from `to` on.
fn copy(
    dataset: &Dataset,
    chunk: &mut Raw,
    (from, count): (usize, usize),
    (arrays, to): (&mut [BatchArray], usize),
) {
    for (output, array) in dataset.outputs.iter().zip(arrays) {
        let each = output.item_bytes();
        let out = &mut array.buffer[to * each..(to + count) * each];
        dataset.put(chunk, from..from + count, output, out);
    }
}

fn windows_text(windows: &Windows) -> String {
    let Windows { length, starts, target, .. } = windows;
    let starts = match starts {
        Starts::Random { .. } => "at random".to_owned(),
        Starts::Every { step, first } => format!("every {step} from {first} on"),
    };
    let target = if *target == Target::Next { ", with the next" } else { "" };
    format!("{length} rows {starts}{target}")
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("path", &self.place())
            .field("items", &self.deal.len)
            .field("batch_size", &self.deal.batch)
            .field("order", &self.sizes.to_string())
            .field("epoch", &self.epoch)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
