//! Room for what is computed as a whole.

use std::sync::Arc;

use ndfolio_kernel::{
    KernelError,
    reduce::{Finish, Reducer},
};
use ndfolio_store::Scratch;

use super::Reduction;
use crate::{EngineError, Found};

/// What was computed as a whole.
#[derive(Clone)]
pub(super) enum Kept {
    Memory(Arc<Vec<u8>>),
    Scratch(Arc<Scratch>),
}

/// Takes what reductions of one array along the same axes find.
pub(super) struct Finishing<'r> {
    /// For each reduction: which reducer knows its states, and what is made of them.
    finishes: Vec<(usize, Finish<'r>)>,
    rooms: Vec<Room>,
    failed: Option<EngineError>,
}

impl<'r> Finishing<'r> {
    /// With a room for each of the reductions.
    pub(super) fn new(
        reductions: &[&Reduction],
        reducers: &'r [Reducer],
        rooms: Vec<Room>,
    ) -> Result<Self, KernelError> {
        let finishes = reductions.iter().map(|reduction| {
            let at = reducers.iter().position(|reducer| reducer.nan_policy() == reduction.nan).unwrap_or(0);
            Ok((at, reduction.op.finish(&reducers[at])?))
        });
        Ok(Finishing { finishes: finishes.collect::<Result<_, KernelError>>()?, rooms, failed: None })
    }

    /// Takes what was found for results from number `first` on.
    pub(super) fn put(&mut self, first: usize, found: Found<'_>) {
        for ((at, finish), room) in self.finishes.iter().zip(&mut self.rooms) {
            if let Err(error) = room.put(first, *at, finish, found) {
                self.failed.get_or_insert(error);
            }
        }
    }

    /// The results, once all were put.
    pub(super) fn finish(self) -> Result<Vec<Kept>, EngineError> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.rooms.into_iter().map(Room::kept).collect()),
        }
    }
}

/// Results on their way to their places.
pub(super) enum Room {
    Memory(Vec<u8>),
    /// With the items that are being encoded.
    Scratch(Arc<Scratch>, Vec<u8>),
}

impl Room {
    fn put(
        &mut self,
        first: usize,
        at: usize,
        finish: &Finish<'_>,
        found: Found<'_>,
    ) -> Result<(), EngineError> {
        let size = finish.dtype().itemsize();
        let len = size
            * match found {
                Found::One(_) => 1,
                Found::Columns(columns) => columns[at].columns(),
            };
        match self {
            Room::Memory(bytes) => encode(at, finish, found, &mut bytes[first * size..first * size + len])?,
            Room::Scratch(scratch, items) => {
                items.resize(len, 0);
                encode(at, finish, found, items)?;
                scratch.write_at((first * size) as u64, items)?;
            }
        }
        Ok(())
    }

    fn kept(self) -> Kept {
        match self {
            Room::Memory(bytes) => Kept::Memory(Arc::new(bytes)),
            Room::Scratch(scratch, _) => Kept::Scratch(scratch),
        }
    }
}

fn encode(at: usize, finish: &Finish<'_>, found: Found<'_>, out: &mut [u8]) -> Result<(), KernelError> {
    match found {
        Found::One(partials) => finish.encode(&partials[at], out),
        Found::Columns(columns) => finish.encode_columns(&columns[at], out),
    }
}
