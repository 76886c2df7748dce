//! Queues and buffers that one pass leaves to the next.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::lane::Lane;
use super::ring::Direction;
use super::slots;

/// Queues and buffers of passes that have come to their end, for those that follow: making them takes as long as reading
/// some megabytes, most of it where memory that was given back is touched again.
///
/// Buffers larger than a pass may have are let go. A forked child does not use its parent's.
#[derive(Default)]
pub struct Spare(Mutex<Vec<Kept>>);

/// A queue that nothing is on its way in.
struct Kept {
    lane: Lane,
    /// What its buffers are aligned to.
    align: usize,
}

impl Spare {
    fn take(&self, longest: usize, budget: usize, align: usize) -> Option<Lane> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.lane.is_ours());
        let Kept { mut lane, align: was } = kept.pop()?;
        // Buffers of long pieces are few, and as few short ones would be on their way; unknown ones may be short.
        let is_few =
            longest == 0 || lane.slots.count() < slots::count(longest + align, budget, slots::ENOUGH) / 2;
        if was != align || is_few || lane.slots.bytes() > budget {
            lane.slots.let_go();
        }
        Some(lane)
    }
}

/// A queue for one pass.
pub(super) struct Borrowed<'a> {
    /// There until the end.
    lane: Option<Lane>,
    align: usize,
    spare: Option<&'a Spare>,
}

impl<'a> Borrowed<'a> {
    /// This one, or a new one, which is left to nobody.
    pub(super) fn own(lane: Option<Lane>, align: usize) -> std::io::Result<Self> {
        let lane = lane.map_or_else(|| Lane::new(Direction::Read), Ok)?;
        Ok(Borrowed { lane: Some(lane), align, spare: None })
    }

    /// Gives it away.
    pub(super) fn take(&mut self) -> Option<Lane> {
        self.lane.take()
    }

    /// One that is spare, or a new one, for pieces of up to `longest` bytes (0: not known). Its buffers are no larger
    /// than the budget.
    pub(super) fn new(
        spare: Option<&'a Spare>,
        longest: usize,
        budget: usize,
        align: usize,
    ) -> std::io::Result<Self> {
        let lane = match spare.and_then(|spare| spare.take(longest, budget, align)) {
            Some(lane) => lane,
            None => Lane::new(Direction::Read)?,
        };
        Ok(Borrowed { lane: Some(lane), align, spare })
    }
}

impl Deref for Borrowed<'_> {
    type Target = Lane;

    fn deref(&self) -> &Lane {
        self.lane.as_ref().expect("there until the end")
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Lane {
        self.lane.as_mut().expect("there until the end")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let (Some(mut lane), Some(spare)) = (self.lane.take(), self.spare) else { return };
        if lane.is_ours() && lane.pending() == 0 {
            lane.reset();
            let kept = Kept { lane, align: self.align };
            spare.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Chunks, Dispenser, File, IoEngine, Mode};

    fn read(file: &File, piece: u64, budget: usize, spare: &Spare) -> (Vec<u8>, u64) {
        let chunks = Chunks::new(0..300_001, piece);
        let dispenser = Dispenser::new(&chunks);
        let (mut stream, _) =
            file.stream_or_fallback_with(IoEngine::Direct, (&dispenser, budget), Some(spare)).unwrap();
        let mut all = vec![0; 300_001];
        while let Some((index, bytes)) = stream.next().unwrap() {
            let start = index * piece as usize;
            all[start..start + bytes.len()].copy_from_slice(bytes);
        }
        (all, stream.counters().buffer_bytes)
    }

    #[test]
    fn passes_use_what_others_left_within_their_own_budgets() {
        let path = std::env::temp_dir().join(format!("ndfolio-spare-{}", std::process::id()));
        let bytes: Vec<u8> = (0..300_001_u32).map(|i| (i * 7 / 3) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let file = File::open(&path, Mode::Read).unwrap();
        fs::remove_file(&path).unwrap();
        let spare = Spare::default();
        for (piece, budget) in
            [(70_000, 1 << 20), (1000, 1 << 20), (100_000, 400_000), (5000, 40_000), (90_000, 1 << 20)]
        {
            let (read, buffers) = read(&file, piece, budget, &spare);
            assert!(read == bytes, "pieces of {piece}");
            assert!(buffers <= budget as u64 + 4096, "{buffers} bytes of {budget}");
        }
        // As many short pieces are on their way after long ones as in a pass of its own.
        let after = (read(&file, 90_000, 1 << 20, &spare), read(&file, 1000, 1 << 20, &spare)).1.1;
        assert_eq!(after, read(&file, 1000, 1 << 20, &Spare::default()).1);
        // Some were not read to their end, and what is on its way is not left to others.
        let chunks = Chunks::new(0..300_001, 10_000);
        let dispenser = Dispenser::new(&chunks);
        let (mut stream, _) =
            file.stream_or_fallback_with(IoEngine::Direct, (&dispenser, 1 << 20), Some(&spare)).unwrap();
        assert!(stream.next().unwrap().is_some());
        drop(stream);
        assert!(read(&file, 70_000, 1 << 20, &spare).0 == bytes);
    }
}
