//! Which engine suits a pass, from what can be found out.

use std::ops::Range;

use super::evidence::{BLOCK, Evidence};
use super::{IoEngine, direct};
use crate::{Advice, File, Mode};

/// Passes of fewer bytes are over before a mapping or a queue is made.
const SMALL: u64 = 1 << 20;
/// Fewer pieces than these are read one after the other in no time; of more, cold ones wait for each other.
const FEW: usize = 256;

/// Passes of fewer bytes are over before it pays to find out how the page cache holds them.
const PROBED: u64 = 64 << 20;

/// Fewer short pieces than these in a block, on average, are read by as many calls sooner than a mapping gets it, and
/// lets it go again.
const DENSE: u64 = 8;

/// In how many resident blocks faults are counted.
const PROBES: usize = 3;

/// The same for short pieces, of which each block counts.
const PROBES_FOR_PIECES: usize = 8;

/// From this resident share on, the device is slower than the page cache with its gaps.
const HOT: f64 = 0.5;

/// The same where the device is waited for again and again.
const HOT_SCATTERED: f64 = 0.9;

/// Faults in a block of a fresh mapping up to which folios count as large. Single pages take 32.
const LARGE_FOLIO_FAULTS: u64 = 4;

/// In what order a pass goes through its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Front to back, (nearly) all of it.
    Sequential,
    /// Pieces with gaps between them, or in no order.
    Sparse,
    /// Short pieces all over the range: of each that the page cache does not hold, the device is waited for.
    Scattered,
    /// As that, so close to each other that a device brings all that is between them sooner.
    Close,
}

/// What a pass is going to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPlan {
    /// From the first byte to the last: offsets in the file.
    pub range: Range<u64>,
    /// Bytes that are read: of all pieces together.
    pub bytes: u64,
    /// How many pieces there are.
    pub pieces: usize,
    /// In what order.
    pub pattern: Pattern,
}

/// The engine that suits a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The engine.
    pub engine: IoEngine,
    /// Advice that helps it, for [`File::advise`]; [`Advice::Normal`] where none is needed.
    pub advice: Advice,
    /// Why, in one sentence with the numbers.
    pub reason: String,
}

impl Choice {
    fn new(engine: IoEngine, reason: impl Into<String>) -> Self {
        Choice { engine, advice: Advice::Normal, reason: reason.into() }
    }
}

impl File {
    /// Which engine suits a pass, from the file system, what the page cache holds, and how it holds it.
    ///
    /// Reads at most a few blocks to find out. What cannot be found out speaks for [`IoEngine::Pread`].
    #[must_use]
    pub fn choose(&self, plan: &AccessPlan) -> Choice {
        self.choose_by(plan, &Evidence::default())
    }

    /// As [`choose`](Self::choose), for those who choose again before anything is read: what is known of the range is
    /// not found out again.
    #[must_use]
    pub fn choose_by(&self, plan: &AccessPlan, evidence: &Evidence) -> Choice {
        if self.mode() == Mode::CopyOnWrite {
            return Choice::new(IoEngine::Pread, "mode 'c' has bytes of its own, which only pread reaches");
        }
        if plan.bytes < SMALL && plan.pieces < FEW {
            let reason = format!("{} bytes are read before anything else is ready", plan.bytes);
            return Choice::new(IoEngine::Pread, reason);
        }
        let file_system = self.file_system();
        if file_system.network {
            let reason = format!("the file system is {}: large reads, no page faults", file_system.name);
            return Choice::new(IoEngine::Pread, reason);
        }
        let range = plan.range.start.min(self.len())..plan.range.end.min(self.len());
        match evidence.share(self, &range) {
            None => self.choose_unknown(plan),
            Some(share) if plan.pattern == Pattern::Scattered && share < HOT_SCATTERED => {
                self.choose_cold(plan, share)
            }
            Some(share) if share >= HOT && plan.bytes < probed_from(plan.pattern) => {
                let reason = format!("{:.0} % of {} bytes are in the page cache", share * 100.0, plan.bytes);
                Choice::new(IoEngine::Pread, reason)
            }
            Some(share) if share >= HOT && is_thin(plan, &range) => {
                let (share, pieces) = (share * 100.0, plan.pieces);
                let reason = format!(
                    "{share:.0} % of the range are in the page cache, and {pieces} pieces lie far apart"
                );
                Choice::new(IoEngine::Pread, reason)
            }
            Some(share) if share >= HOT && are_short(plan) => {
                self.choose_hot_pieces(plan, &range, share, evidence)
            }
            Some(share) if share >= HOT => self.choose_hot(&range, share, evidence),
            Some(share) => self.choose_cold(plan, share),
        }
    }

    /// [`IoEngine::Mmap`] for many short pieces all over a range that can stay mapped, for those who come back; see
    /// [`Sweep::kept`](crate::Sweep::kept). `None` where the page cache does not hold the range, or all files of the
    /// process would keep more than `most` bytes mapped.
    #[must_use]
    pub fn choose_to_keep(&self, range: &Range<u64>, most: u64) -> Option<Choice> {
        if !self.has_room_to_keep(range, most) || self.file_system().network {
            return None;
        }
        let share = Evidence::default().share(self, range).filter(|&share| share >= HOT_SCATTERED)?;
        let (share, len) = (share * 100.0, range.end - range.start);
        let reason = format!(
            "{share:.0} % of its {len} bytes are in the page cache, and they fit the memory: they stay mapped"
        );
        Some(Choice::new(IoEngine::Mmap, reason))
    }

    fn choose_hot(&self, range: &Range<u64>, share: f64, evidence: &Evidence) -> Choice {
        let known = format!("{:.0} % of the range are in the page cache", share * 100.0);
        match usual(evidence.faults(self, range, PROBES)) {
            Some(faults) if faults <= LARGE_FOLIO_FAULTS => {
                Choice::new(IoEngine::Mmap, format!("{known}, in large folios ({faults} faults for 2 MiB)"))
            }
            Some(faults) => {
                Choice::new(IoEngine::Pread, format!("{known}, in small folios ({faults} faults for 2 MiB)"))
            }
            None => Choice::new(IoEngine::Pread, format!("{known}, but how it holds them is not known")),
        }
    }

    /// For short pieces, of which each fault has to bring enough.
    fn choose_hot_pieces(
        &self,
        plan: &AccessPlan,
        range: &Range<u64>,
        share: f64,
        evidence: &Evidence,
    ) -> Choice {
        let known = format!("{:.0} % of the range are in the page cache", share * 100.0);
        let found = evidence.faults(self, range, PROBES_FOR_PIECES);
        if found.is_empty() {
            return Choice::new(IoEngine::Pread, format!("{known}, but how it holds them is not known"));
        }
        let faults = found.iter().sum::<u64>() as f64 / found.len() as f64;
        let pieces = plan.pieces as f64 / (range.end - range.start).div_ceil(BLOCK) as f64;
        let reason = format!("{known}: {pieces:.0} pieces and {faults:.1} faults for 2 MiB");
        let pays = faults * DENSE as f64 <= pieces;
        Choice::new(if pays { IoEngine::Mmap } else { IoEngine::Pread }, reason)
    }

    fn choose_cold(&self, plan: &AccessPlan, share: f64) -> Choice {
        let known = format!("{:.0} % of the range are in the page cache", share * 100.0);
        match direct::probe(self) {
            Ok(_) => Choice::new(
                IoEngine::Direct,
                format!("{known}, so {} pieces come from the device, past it", plan.pieces),
            ),
            Err(error) => through_cache(plan, format!("{known}, but it cannot be passed by ({error})")),
        }
    }

    fn choose_unknown(&self, plan: &AccessPlan) -> Choice {
        through_cache(plan, "what the page cache holds is not known, and reading through it is never far off")
    }
}

/// The faults of a block such that as many have more as have less: the beginning of a file has small folios even where
/// the rest has large ones.
fn usual(mut faults: Vec<u64>) -> Option<u64> {
    faults.sort_unstable();
    faults.get(faults.len() / 2).copied()
}

fn are_short(plan: &AccessPlan) -> bool {
    matches!(plan.pattern, Pattern::Scattered | Pattern::Close)
}

/// Whether short pieces lie so far apart that each costs a mapping too much, even of the largest folios.
fn is_thin(plan: &AccessPlan, range: &Range<u64>) -> bool {
    let blocks = (range.end - range.start).div_ceil(BLOCK);
    are_short(plan) && (plan.pieces as u64) < DENSE.saturating_mul(blocks)
}

/// From how many bytes on it pays to find out how the page cache holds them.
fn probed_from(pattern: Pattern) -> u64 {
    match pattern {
        Pattern::Sequential | Pattern::Sparse => PROBED,
        // Each piece is a call, or a fault of its own where folios are small: that is known best early.
        Pattern::Scattered | Pattern::Close => 0,
    }
}

fn through_cache(plan: &AccessPlan, reason: impl Into<String>) -> Choice {
    let advice = match plan.pattern {
        Pattern::Sequential => Advice::Sequential,
        Pattern::Sparse | Pattern::Scattered | Pattern::Close => Advice::Normal,
    };
    Choice { advice, ..Choice::new(IoEngine::Pread, reason) }
}
