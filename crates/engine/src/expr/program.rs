//! What is done to a tile of items, step by step.

use ndfolio_kernel::{Caster, elementwise::Loop};

/// Where the items of a step are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In memory for a tile, used again and again.
    Slot(usize),
    /// One item, the same for all.
    Constant(usize),
    /// Where the caller wants a result.
    Out(usize),
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is a result of the program, and nothing else.
    Result(usize),
    /// So many steps use it.
    Steps(usize),
}

/// A step; its places are different from each other.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Items of an array.
    Load { leaf: usize, to: Place },
    /// A function of items.
    Map { looped: Loop, args: Vec<Place>, to: Place },
    /// Items of another dtype.
    Cast { caster: Caster, from: Place, to: Place },
    /// What other steps use is a result too.
    Copy { from: Place, to: Place, itemsize: usize },
}

impl Step {
    /// Whether what is computed stays for another step.
    fn keeps_result(&self) -> bool {
        matches!(self, Step::Map { to: Place::Slot(_), .. } | Step::Cast { to: Place::Slot(_), .. })
    }
}

/// The most items of a tile: what a step costs beside its items no longer counts.
const MOST_ITEMS: usize = 4096;
/// The fewest.
const LEAST_ITEMS: usize = 64;
/// Bytes of all slots of a tile: most of them stay in the L1 cache.
const TILE_BYTES: usize = 48 << 10;
/// How many times as long tiles are where nothing is kept from step to step: no cache makes a difference then.
const LONGER: usize = 4;

/// A value while it has a place.
#[derive(Clone, Copy, Debug)]
struct Live {
    place: Place,
    /// Steps that are still to come and use it.
    uses: usize,
}

/// Puts a program together.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// Bytes of the widest item that a slot holds.
    pub(super) slots: Vec<usize>,
    /// Bytes of an item of each constant.
    pub(super) constants: Vec<Vec<u8>>,
    /// Bytes of an item of each result.
    pub(super) results: Vec<usize>,
    free: Vec<usize>,
    values: Vec<Live>,
}

/// A value of a program that is being put together.
pub(super) type Value = usize;

impl Program {
    /// A program whose results have items of so many bytes.
    pub(super) fn new(results: Vec<usize>) -> Self {
        Program { steps: vec![], slots: vec![], constants: vec![], results, free: vec![], values: vec![] }
    }

    /// A value that is the same everywhere, for so many steps.
    pub(super) fn constant(&mut self, item: Vec<u8>, uses: usize) -> Value {
        self.constants.push(item);
        self.value(Place::Constant(self.constants.len() - 1), Use::Steps(uses))
    }

    /// Loads items of `itemsize` bytes.
    pub(super) fn load(&mut self, leaf: usize, itemsize: usize, uses: Use) -> Value {
        let to = self.place(itemsize, uses);
        self.steps.push(Step::Load { leaf, to });
        self.value(to, uses)
    }

    /// Applies a function.
    pub(super) fn map(&mut self, looped: &Loop, args: &[Value], uses: Use) -> Value {
        // Before the arguments are let go: a result never lies where one of them does.
        let to = self.place(looped.output().itemsize(), uses);
        let places = args.iter().map(|&arg| self.values[arg].place).collect();
        args.iter().for_each(|&arg| self.used(arg));
        self.steps.push(Step::Map { looped: looped.clone(), args: places, to });
        self.value(to, uses)
    }

    /// Casts to items of `itemsize` bytes.
    pub(super) fn cast(&mut self, caster: &Caster, arg: Value, itemsize: usize, uses: Use) -> Value {
        let (to, from) = (self.place(itemsize, uses), self.values[arg].place);
        self.used(arg);
        self.steps.push(Step::Cast { caster: caster.clone(), from, to });
        self.value(to, uses)
    }

    /// Uses a value in the place of another one, which is used so often.
    pub(super) fn same(&mut self, value: Value, uses: usize) -> Value {
        self.values[value].uses += uses - 1;
        value
    }

    /// Makes a value that steps use a result too.
    pub(super) fn copy(&mut self, value: Value, result: usize) {
        let (from, itemsize) = (self.values[value].place, self.results[result]);
        self.used(value);
        self.steps.push(Step::Copy { from, to: Place::Out(result), itemsize });
    }

    fn value(&mut self, place: Place, uses: Use) -> Value {
        let uses = if let Use::Steps(uses) = uses { uses } else { 0 };
        self.values.push(Live { place, uses });
        self.values.len() - 1
    }

    fn place(&mut self, itemsize: usize, uses: Use) -> Place {
        if let Use::Result(result) = uses {
            return Place::Out(result);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(0);
            self.slots.len() - 1
        });
        self.slots[slot] = self.slots[slot].max(itemsize);
        Place::Slot(slot)
    }

    fn used(&mut self, value: Value) {
        let live = &mut self.values[value];
        live.uses -= 1;
        if let (0, Place::Slot(slot)) = (live.uses, live.place) {
            self.free.push(slot);
        }
    }

    /// Items of a tile.
    pub(super) fn tile_items(&self) -> usize {
        // Of several results one is written at a time, and read later.
        let bytes = self.slots.iter().sum::<usize>() + self.results.iter().max().unwrap_or(&0);
        let keeps = !self.constants.is_empty() || self.steps.iter().any(Step::keeps_result);
        let times = if keeps { 1 } else { LONGER };
        let most = (times * TILE_BYTES / bytes.max(1)).clamp(LEAST_ITEMS, times * MOST_ITEMS);
        most / LEAST_ITEMS * LEAST_ITEMS
    }

    /// Bytes that running it takes.
    pub(super) fn bytes(&self) -> usize {
        let constants = self.constants.iter().map(Vec::len).sum::<usize>();
        (self.slots.iter().sum::<usize>() + constants) * self.tile_items()
    }
}
