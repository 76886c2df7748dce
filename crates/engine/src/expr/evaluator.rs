//! Runs a program, tile by tile.

use std::ops::Range;

use ndfolio_kernel::{KernelError, elementwise::Conditions, swap_bytes};
use ndfolio_store::{Buffer, Bytes};

use super::{
    fused::{Base, Fused, Leaf, tile_of},
    leaf::Order,
    place::Runs,
    program::{Place, Step},
};
use crate::{EngineError, Run};

/// Where a leaf's items are for now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'d> {
    pub(super) bytes: Bytes<'d>,
    /// The offset at which the bytes begin.
    pub(super) start: i64,
    /// How the items follow each other, where it is not as the leaf says.
    pub(super) order: Option<&'d Order>,
}

/// How far the items of a box are computed.
pub(super) struct Progress<'d> {
    runs: Runs,
    /// What is left of the last run.
    run: Range<usize>,
    data: &'d [Data<'d>],
    there: Vec<InPlace<'d>>,
}

impl<'d> Progress<'d> {
    /// Of none of these runs of items, one behind the other.
    pub(super) fn new(runs: Runs, data: &'d [Data<'d>], fused: &Fused) -> Self {
        Progress { runs, run: 0..0, data, there: vec![None; fused.program.slots.len()] }
    }

    /// Puts the next runs, of at most so many items, into a batch; how many these have.
    fn next_tile(&mut self, most: usize, batch: &mut Vec<Range<usize>>) -> usize {
        batch.clear();
        let mut items = 0;
        while items < most {
            if self.run.is_empty() {
                let Some(next) = self.runs.next() else { break };
                self.run = next;
            }
            let end = self.run.end.min(self.run.start + most - items);
            batch.push(self.run.start..end);
            items += end - self.run.start;
            self.run.start = end;
        }
        items
    }
}

/// What a thread needs to run a program.
pub(super) struct Evaluator<'f> {
    fused: &'f Fused,
    slots: Vec<Buffer>,
    constants: Vec<Vec<u8>>,
    tile: usize,
    batch: Vec<Range<usize>>,
    /// Results of steps since it was last asked whether to go on.
    worked: usize,
    pub(super) conditions: Conditions,
}

/// Results of steps between two questions whether to go on: of the slowest functions they take some milliseconds.
const PATIENCE: usize = 1 << 17;

/// The most arguments of a function.
const MOST_ARGS: usize = 3;

impl<'f> Evaluator<'f> {
    /// For passes over at most so many items.
    pub(super) fn new(fused: &'f Fused, items: usize) -> Self {
        let program = &fused.program;
        let tile = program.tile_items().min(items.max(1));
        Evaluator {
            fused,
            slots: program.slots.iter().map(|_| Buffer::default()).collect(),
            constants: program.constants.iter().map(|item| tile_of(item, tile)).collect(),
            tile,
            batch: Vec::new(),
            worked: 0,
            conditions: Conditions::default(),
        }
    }

    /// Computes the next items of a box, as many as there is room for: results have room for equally many, or for none if
    /// they are not wanted. A long program asks on its way whether to go on.
    pub(super) fn run(
        &mut self,
        progress: &mut Progress<'_>,
        rooms: &mut [&mut [u8]],
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        // Items without bytes are done all at once.
        let fit = rooms.iter().zip(&self.fused.program.results);
        let fit = fit.map(|(room, size)| room.len().checked_div(*size).unwrap_or(usize::MAX));
        let most = fit.max().unwrap_or(0);
        let (mut batch, mut out) = (std::mem::take(&mut self.batch), Out { rooms, done: 0 });
        while out.done < most {
            let items = progress.next_tile(self.tile.min(most - out.done), &mut batch);
            if items == 0 {
                break;
            }
            self.tile(&batch, items, progress, (&mut out, run))?;
            out.done += items;
        }
        self.batch = batch;
        Ok(())
    }

    /// Asks whether to go on, if there was enough work since the last time, before so many more items are worked on.
    fn ask(&mut self, items: usize, run: &Run<'_>) -> Result<(), EngineError> {
        self.worked += items;
        if self.worked < PATIENCE {
            return Ok(());
        }
        self.worked = 0;
        run.go_on()
    }

    fn tile(
        &mut self,
        batch: &[Range<usize>],
        items: usize,
        Progress { data, there, .. }: &mut Progress<'_>,
        (out, run): (&mut Out<'_, '_>, &Run<'_>),
    ) -> Result<(), EngineError> {
        let fused = self.fused;
        for step in &fused.program.steps {
            self.ask(items, run)?;
            if !out.wants(step) {
                continue;
            }
            match step {
                Step::Load { leaf, to } => {
                    let (leaf, data) = (&fused.leaves[*leaf], data[*leaf]);
                    if let Place::Slot(slot) = *to {
                        there[slot] = in_place(leaf, data, batch);
                        if there[slot].is_some() {
                            continue;
                        }
                    }
                    self.into(*to, items * leaf.view.itemsize(), there, out, |_, _, room| {
                        load(leaf, data, batch, room);
                        Ok(())
                    })?;
                }
                Step::Map { looped, args, to } => {
                    let size = looped.output().itemsize();
                    self.into(*to, items * size, there, out, |own, conditions, room| {
                        let mut inputs = [Bytes::Private(&[]); MOST_ARGS];
                        for ((input, arg), dtype) in inputs.iter_mut().zip(args).zip(looped.inputs()) {
                            *input = own.get(*arg, items * dtype.itemsize());
                        }
                        looped.run(&inputs[..args.len()], room, conditions)
                    })?;
                }
                Step::Cast { caster, from, to } => {
                    let (size, new_size) = caster.itemsizes();
                    self.bring(*from, there);
                    self.into(*to, items * new_size, there, out, |own, conditions, room| {
                        caster.apply_counted(own.private(*from, items * size), room, conditions);
                        Ok(())
                    })?;
                }
                Step::Copy { from, to, itemsize } => {
                    self.into(*to, items * itemsize, there, out, |own, _, room| {
                        own.get(*from, items * itemsize).copy_to(room);
                        Ok(())
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Copies what is read in place to its slot.
    fn bring(&mut self, from: Place, there: &mut [InPlace<'_>]) {
        if let Place::Slot(slot) = from
            && let Some(bytes) = there[slot].take()
        {
            bytes.copy_to(self.slots[slot].room(0, bytes.len()));
        }
    }

    /// Has something written to a place, while all others can be read.
    fn into<'d>(
        &mut self,
        to: Place,
        len: usize,
        there: &mut [InPlace<'d>],
        out: &mut Out<'_, '_>,
        write: impl FnOnce(Places<'_>, &mut Conditions, &mut [u8]) -> Result<(), KernelError>,
    ) -> Result<(), KernelError> {
        let slot = match to {
            Place::Slot(slot) => slot,
            Place::Constant(_) => return Ok(()),
            Place::Out(result) => {
                let places = Places { slots: &self.slots, there, constants: &self.constants };
                let at = out.done * self.fused.program.results[result];
                return write(places, &mut self.conditions, &mut out.rooms[result][at..at + len]);
            }
        };
        let mut room = std::mem::take(&mut self.slots[slot]);
        there[slot] = None;
        let places = Places { slots: &self.slots, there, constants: &self.constants };
        let result = write(places, &mut self.conditions, room.room(0, len));
        self.slots[slot] = room;
        result
    }
}

/// Room for the results, and how many items of each are there.
struct Out<'o, 'r> {
    rooms: &'o mut [&'r mut [u8]],
    done: usize,
}

impl Out<'_, '_> {
    /// Whether there is room for what a step brings.
    fn wants(&self, step: &Step) -> bool {
        match step {
            Step::Load { to: Place::Out(result), .. } | Step::Copy { to: Place::Out(result), .. } => {
                !self.rooms[*result].is_empty()
            }
            _ => true,
        }
    }
}

/// The places that can be read.
#[derive(Clone, Copy)]
struct Places<'p> {
    slots: &'p [Buffer],
    there: &'p [InPlace<'p>],
    constants: &'p [Vec<u8>],
}

impl<'p> Places<'p> {
    fn get(self, place: Place, len: usize) -> Bytes<'p> {
        match place {
            Place::Slot(slot) => self.there[slot].unwrap_or_else(|| Bytes::Private(self.private(place, len))),
            _ => Bytes::Private(self.private(place, len)),
        }
    }

    /// What does not lie elsewhere.
    fn private(self, place: Place, len: usize) -> &'p [u8] {
        match place {
            Place::Slot(slot) => &self.slots[slot].bytes()[..len],
            Place::Constant(constant) => &self.constants[constant][..len],
            // Nothing is computed of a result.
            Place::Out(_) => &[],
        }
    }
}

/// Items of a result that follow each other, where they lie so and need not be computed.
pub(super) fn lying<'d>(
    fused: &Fused,
    data: &[Data<'d>],
    result: usize,
    items: Range<usize>,
) -> Option<Bytes<'d>> {
    let leaf = fused.lying(result)?;
    in_place(&fused.leaves[leaf], data[leaf], &[items])
}

/// The items of a tile where a leaf has them as they are wanted: no copy in a slot is made of those.
type InPlace<'d> = Option<Bytes<'d>>;

fn in_place<'d>(leaf: &Leaf, data: Data<'d>, batch: &[Range<usize>]) -> InPlace<'d> {
    let [run] = batch else { return None };
    if !leaf.is_plain() {
        return None;
    }
    data.order.unwrap_or(&leaf.order).in_place(data.bytes, data.start, run)
}

/// Loads the items of a batch, native.
fn load(leaf: &Leaf, data: Data<'_>, batch: &[Range<usize>], room: &mut [u8]) {
    let size = leaf.view.itemsize();
    let order = data.order.unwrap_or(&leaf.order);
    let mut rest = &mut *room;
    for run in batch {
        let (part, after) = rest.split_at_mut(run.len() * size);
        order.load(data.bytes, data.start, run.start, part);
        rest = after;
    }
    if leaf.swap > 1 {
        swap_bytes(room, leaf.swap);
    }
    if leaf.truth {
        room.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
}

impl Leaf {
    /// The items of an array in memory.
    pub(super) fn in_memory(&self) -> Option<Data<'_>> {
        match &self.base {
            Base::Memory(Some(bytes)) => Some(Data { bytes: Bytes::Private(bytes), start: 0, order: None }),
            _ => None,
        }
    }
}
