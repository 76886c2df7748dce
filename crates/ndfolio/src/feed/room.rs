//! How much is read ahead, in the memory that there is.

use ndfolio_engine::EngineError;

use super::{
    dataset::{Dataset, Starts},
    deal::Deal,
    order::Sizes,
};

/// How the memory of a loader is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes of a batch, as it is handed out.
    pub batch: usize,
    /// Rows or windows that are read at once: those of some batches, or of blocks that are shuffled together.
    pub chunk_items: u64,
    /// Bytes of that, as it is read.
    pub chunk: usize,
    /// How many chunks there are at most: one from which batches are made, others that are read or were.
    pub chunks: usize,
    /// Threads that read.
    pub threads: usize,
    /// Bytes that each of them has beside its chunk.
    pub each: usize,
}

/// Items of a chunk at most, where none have to be together: more are not faster.
const MANY: u64 = 1 << 15;
/// Bytes of a chunk then: of items that lie together, which are read in long pieces, and of others.
const TOGETHER: usize = 8 << 20;
const SCATTERED: usize = 2 << 20;
/// Items of a chunk, and its bytes, that are worth less memory for something else.
const FEW: u64 = 64;
const SHORT: usize = 256 << 10;
/// Bytes that sorting takes for an item, with its number.
const SORTED: usize = 56;

/// Ways to use memory, the fastest first: threads, chunks, bytes of requests that a thread has on their way.
const WAYS: [(usize, usize, usize); 7] = [
    (2, 4, 4 << 20),
    (2, 3, 4 << 20),
    (2, 2, 4 << 20),
    (2, 2, 1 << 20),
    (1, 2, 1 << 20),
    (1, 2, 128 << 10),
    (1, 1, 16 << 10),
];

impl Room {
    pub(super) fn new(
        dataset: &Dataset,
        (deal, sizes): (&Deal, Sizes),
        budget: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let batch = (deal.batch.min(deal.len) as usize).saturating_mul(dataset.out_bytes());
        let item = dataset.item_bytes() + size_of::<i64>();
        let window = sizes.window(deal.len).map(|window| own_part(deal, window));
        let scattered = sizes == Sizes::Full
            || dataset.window_kind().is_some_and(|kind| matches!(kind.starts, Starts::Random { .. }));
        let usual_bytes = if scattered { SCATTERED } else { TOGETHER };
        let ways = WAYS.into_iter().filter(|way| way.0 <= threads.max(1));
        for (threads, chunks, each) in ways {
            let Some(left) = budget.checked_sub(batch.saturating_add(threads * each)) else { continue };
            let usual = (SHORT / item).clamp(1, FEW as usize) as u64;
            let chunk_items = window.unwrap_or_else(|| {
                let fitting = (left / (item * chunks + SORTED * threads)).min(usual_bytes / item) as u64;
                fitting.min(MANY).max(if chunks == 1 { 1 } else { usual })
            });
            let chunk = (chunk_items as usize).saturating_mul(item);
            let sorting = (chunk_items as usize).saturating_mul(SORTED).min(each);
            if chunk.saturating_mul(chunks).saturating_add(sorting * threads) <= left {
                return Ok(Room { batch, chunk_items, chunk, chunks, threads, each: each + sorting });
            }
        }
        let needed = batch.saturating_add((window.unwrap_or(1) as usize).saturating_mul(item));
        Err(EngineError::Budget {
            what: match window {
                Some(_) => "a batch, beside the blocks that are shuffled together,",
                None => "a batch, beside what it is made of,",
            },
            needed: needed.saturating_add(2 * WAYS[WAYS.len() - 1].2) as u64,
            budget: budget as u64,
            way: match window {
                Some(_) => {
                    "give it more memory, or say smaller blocks or fewer together, which is another order"
                }
                None => "make batches smaller, or give it more memory",
            },
        })
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.batch + self.chunk * self.chunks + self.each * self.threads
    }
}

/// How many items of a window a worker gets at most.
fn own_part(deal: &Deal, window: u64) -> u64 {
    let batches = window / (deal.batch.saturating_mul(deal.world).saturating_mul(deal.workers)) + 2;
    batches.saturating_mul(deal.batch).min(window)
}
