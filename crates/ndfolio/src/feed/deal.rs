//! Who gets which places of an epoch: steps, ranks and workers, and the chunks in which one of them reads.

use std::ops::Range;

use super::order::Order;

/// What becomes of the items behind the last whole step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Last {
    /// They are a smaller batch; several ranks share them as evenly as they can.
    #[default]
    Keep,
    /// They are left out of this epoch.
    Drop,
}

/// How the places of an epoch are dealt: a step is a batch for each rank, and each batch of a rank is one worker's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    /// Items of an epoch.
    pub(super) len: u64,
    pub(super) batch: u64,
    pub(super) last: Last,
    pub(super) rank: u64,
    pub(super) world: u64,
    pub(super) worker: u64,
    pub(super) workers: u64,
}

impl Deal {
    fn step_len(&self) -> u64 {
        self.batch.saturating_mul(self.world)
    }

    /// Batches of this rank in an epoch.
    pub(super) fn steps(&self) -> u64 {
        let whole = self.len / self.step_len();
        whole + u64::from(self.last == Last::Keep && !self.batch_at(whole).is_empty())
    }

    /// The places of this rank's batch of a step; none behind the last.
    pub(super) fn batch_at(&self, step: u64) -> Range<u64> {
        let start = step.saturating_mul(self.step_len()).min(self.len);
        let left = (self.len - start).min(self.step_len());
        let (share, more) = (left / self.world, left % self.world);
        let first = start + self.rank * share + self.rank.min(more);
        first..first + share + u64::from(self.rank < more)
    }

    /// This worker's first step from one on.
    pub(super) fn own_step(&self, from: u64) -> u64 {
        from + (self.worker + self.workers - from % self.workers) % self.workers
    }

    /// How many batches this worker has from a step on.
    pub(super) fn left(&self, from: u64) -> u64 {
        self.steps().saturating_sub(self.own_step(from)).div_ceil(self.workers)
    }
}

/// Cuts what a worker gets into chunks: places that are read at once, in the order of its batches.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    deal: Deal,
    steps: u64,
    order: Order,
    /// Items of a chunk at most. Where there are blocks, a chunk is what the worker gets of one window.
    most: u64,
    step: u64,
    /// How many places of that step's batch were cut off already.
    done: u64,
}

impl Cutter {
    /// The chunks from a step on.
    pub(super) fn new(deal: Deal, order: Order, most: u64, step: u64) -> Self {
        Cutter { deal, steps: deal.steps(), order, most, step: deal.own_step(step), done: 0 }
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// The places of the next chunk; none at the end of the epoch.
    pub(super) fn next(&mut self) -> Option<Vec<Range<u64>>> {
        let (mut places, mut room, mut window): (Vec<Range<u64>>, _, Option<Range<u64>>) =
            (Vec::new(), self.most, None);
        while room > 0 && self.step < self.steps {
            let batch = self.deal.batch_at(self.step);
            let from = batch.start + self.done;
            let here = window.get_or_insert_with(|| self.order.window(from));
            if from >= here.end {
                break;
            }
            let to = batch.end.min(here.end).min(from.saturating_add(room));
            room -= to - from;
            match places.last_mut().filter(|last| last.end == from) {
                Some(last) => last.end = to,
                None => places.push(from..to),
            }
            self.done = to - batch.start;
            if to == batch.end {
                (self.step, self.done) = (self.step + self.deal.workers, 0);
            }
        }
        (!places.is_empty()).then_some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::order::Sizes, *};

    fn deal(len: u64, batch: u64, world: u64, last: Last) -> Deal {
        Deal { len, batch, last, rank: 0, world, worker: 0, workers: 1 }
    }

    #[test]
    fn all_places_are_dealt_once() {
        for (len, batch, world) in
            [(1, 1, 1), (10, 3, 1), (100, 7, 3), (101, 5, 4), (8, 2, 4), (9, 2, 4), (7, 9, 2)]
        {
            let mut places = Vec::new();
            let mut lens = Vec::new();
            for rank in 0..world {
                let deal = Deal { rank, ..deal(len, batch, world, Last::Keep) };
                let batches: Vec<_> = (0..deal.steps()).map(|step| deal.batch_at(step)).collect();
                assert!(batches.iter().all(|batch| !batch.is_empty()));
                lens.push(batches.iter().map(|batch| batch.end - batch.start).sum::<u64>());
                places.extend(batches.into_iter().flatten());
            }
            places.sort_unstable();
            assert!(places.into_iter().eq(0..len), "{len} {batch} {world}");
            assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 1, "{lens:?}");
        }
        assert_eq!(deal(100, 7, 3, Last::Drop).steps(), 4);
        assert_eq!(deal(100, 7, 3, Last::Keep).steps(), 5);
    }

    #[test]
    fn workers_take_turns() {
        let all = deal(100, 7, 1, Last::Keep);
        let mut steps = Vec::new();
        for worker in 0..4 {
            let own = Deal { worker, workers: 4, ..all };
            let mut step = own.own_step(0);
            let before = steps.len();
            while step < own.steps() {
                steps.push(step);
                step = own.own_step(step + 1);
            }
            assert_eq!(own.left(0), (steps.len() - before) as u64);
        }
        steps.sort_unstable();
        assert!(steps.into_iter().eq(0..15));
    }

    #[test]
    fn chunks_are_what_a_worker_gets() {
        for (sizes, most) in
            [(Sizes::Full, 10), (Sizes::None, 1), (Sizes::Blocks { block: 5, together: 4 }, 1000)]
        {
            for workers in [1, 3] {
                let deal = Deal { worker: workers - 1, workers, ..deal(103, 7, 1, Last::Keep) };
                let order = Order::new(sizes, 103, (3, 0));
                let mut cutter = Cutter::new(deal, order.clone(), most, 1);
                let mut places = Vec::new();
                while let Some(chunk) = cutter.next() {
                    let window = order.window(chunk[0].start);
                    assert!(chunk.iter().all(|part| window.contains(&part.start) && part.end <= window.end));
                    let count: u64 = chunk.iter().map(|part| part.end - part.start).sum();
                    assert!(count <= most);
                    places.extend(chunk.into_iter().flatten());
                }
                let mut wanted = Vec::new();
                let mut step = deal.own_step(1);
                while step < deal.steps() {
                    wanted.extend(deal.batch_at(step));
                    step = deal.own_step(step + 1);
                }
                assert_eq!(places, wanted);
            }
        }
    }
}
