//! One pass for several: the items of some operations, for reductions of them and for memory.

use ndfolio_layout::{DType, Kind, Order, Tile, Tiles, View};
use ndfolio_store::{Buffer, Bytes};

use super::{
    fused::{Fused, Held, Root},
    graph::{Graph, Id},
    pass::{BoxItems, Consumer, Frame},
    reducing::{Reductions, dominant_order},
    room::Finishing,
    share::Share,
    target::ToMemory,
};
use crate::{
    EngineError, Found, Put, Report, Run,
    blocks::box_of_rows,
    parallel::{Part, joined_bytes, threads},
    reduce::{Frame as ReduceFrame, Member, reduce_together},
};

/// Bytes of the items of a piece, where no reduction says how many it takes.
const PIECE: usize = 1 << 20;

/// A pass for several.
pub(super) struct Together<'r> {
    pub(super) fused: Fused,
    /// The numbers of the items, as if each had a byte.
    numbers: View,
    /// Extents of a piece.
    block: Vec<usize>,
    pub(super) members: Vec<Reductions>,
    /// Which result of the program each of them is of.
    reduced: Vec<usize>,
    /// What is wanted in memory: which result of the program it is.
    pub(super) results: Vec<(usize, Id)>,
    /// Bytes of running values, and of boxes of reductions that are joined of parts.
    pub(super) states: usize,
    /// How reductions cut their boxes.
    cut: Run<'r>,
}

impl<'r> Together<'r> {
    /// For shares of a [stage](super::stage::Stage::Pass); what they need is held. None if the memory is too little
    /// for all at once, or if the arrays would be gathered from all over their files.
    pub(super) fn new(
        graph: &Graph,
        shares: &[Share],
        held: &mut dyn Held,
        run: &Run<'r>,
    ) -> Result<Option<Self>, EngineError> {
        let mut roots: Vec<Root> = Vec::new();
        let (mut members, mut reduced, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for share in shares {
            let id = share.takes(graph);
            let (axes, shape) = (dominant_order(graph, id), graph[id].shape.clone());
            if held.result(id).is_some() && !axes.is_sorted() {
                return Ok(None);
            }
            let result = roots.iter().position(|root| root.id == id).unwrap_or(roots.len());
            match share {
                Share::Reduce(ids) => {
                    members.push(Reductions::new(graph, ids, &axes)?);
                    reduced.push(result);
                }
                Share::Result(id) => results.push((result, *id)),
            }
            if result == roots.len() {
                roots.push(Root { id, shape, axes });
            }
        }
        let mut fused = Fused::of_several(graph, &roots, held)?;
        fused.flatten();
        let numbers = View::contiguous(&DType::native(Kind::UInt8), &fused.shape, Order::C, 0)?;
        let cut = run.take(run.memory_for_boxes() / 2);
        let (block, states) = (Vec::new(), 0);
        Together { fused, numbers, block, members, reduced, results, states, cut }.in_boxes(run)
    }

    /// With boxes that suit all, if there are such.
    fn in_boxes(mut self, run: &Run<'r>) -> Result<Option<Self>, EngineError> {
        let widest = self.fused.program.results.iter().copied().max().unwrap_or(1).max(1);
        let mut boxes = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let axes = member.walk(&member.view)?;
            let frame = ReduceFrame::new(&axes, &member.reducers, 0, &self.cut);
            if axes.is_empty() || !frame.tiles.follow_each_other() {
                return Ok(None);
            }
            boxes.push((Ends::of(&frame.tiles), member.view.itemsize()));
            self.states += frame.states;
        }
        let longest = boxes.iter().map(|(ends, _)| ends.len).max().unwrap_or(PIECE / widest).max(1);
        self.block = box_of_rows(&self.fused.shape, longest);
        let most = threads(run, self.numbers.size() * widest);
        let (pieces, count) = (Ends::of(&self.tiles()), self.tiles().count_tiles());
        let cut = boxes.iter().filter(|(ends, _)| !ends.include(&pieces));
        let joints = cut.map(|(ends, itemsize)| {
            // One across the end of each piece, if there are few.
            let few = count.saturating_sub(1) * ends.len * itemsize;
            few.min(joined_bytes(ends.len * itemsize, pieces.len * itemsize, most))
        });
        self.states += joints.sum::<usize>();
        let needed = self.states + most * self.own();
        let fits = needed <= run.memory_for_boxes() / 2 && self.frame(run).is_streamed();
        Ok(fits.then_some(self))
    }

    fn tiles(&self) -> Tiles<'_> {
        self.numbers.blocks(&self.block, &(0..self.numbers.ndim()).collect::<Vec<_>>())
    }

    /// Bytes of a thread's items that are neither wanted in memory nor taken where they lie.
    pub(super) fn own(&self) -> usize {
        let items: usize = self.block.iter().product();
        let sizes = self.fused.program.results.iter().enumerate();
        let computed = sizes.filter(|(result, _)| !self.is_wanted(*result) && !self.lies_together(*result));
        computed.map(|(_, size)| items * size).sum()
    }

    /// Whether all items of a result lie one behind the other in a file.
    fn lies_together(&self, result: usize) -> bool {
        let leaf = self.fused.lying(result).map(|leaf| &self.fused.leaves[leaf].view);
        self.fused.shape.len() == 1 && leaf.is_some_and(|view| view.is_contiguous(Order::C))
    }

    /// Whether a result of the program is wanted in memory.
    fn is_wanted(&self, result: usize) -> bool {
        self.results.iter().any(|(wanted, _)| *wanted == result)
    }

    /// The boxes of the pass and how it reads.
    pub(super) fn frame(&self, run: &Run<'_>) -> Frame<'_> {
        Frame::new(&self.fused, self.tiles(), self.own(), &run.take(self.states))
    }

    /// Runs it: what is found for each of the reductions, and the items that are wanted.
    pub(super) fn run(
        &self,
        found: &mut [Finishing<'_>],
        items: &mut [Vec<u8>],
        run: &Run<'_>,
    ) -> Result<Report, EngineError> {
        let frame = self.frame(run);
        let sizes = &self.fused.program.results;
        let mut rooms: Vec<Option<ToMemory<'_>>> = sizes.iter().map(|_| None).collect();
        for (&(result, _), items) in self.results.iter().zip(items) {
            rooms[result] = Some(ToMemory::new(&frame.tiles, sizes[result], items));
        }
        let mut puts: Vec<Box<Put<'_>>> = Vec::with_capacity(found.len());
        for found in found {
            puts.push(Box::new(|first: usize, states: Found<'_>| found.put(first, states)));
        }
        let members = self.members.iter().zip(&mut puts).map(|(member, put)| Member {
            view: &member.view,
            axes: &member.axes,
            reducers: &member.reducers,
            put,
        });
        reduce_together(members.collect(), &self.cut, &|parts| {
            let parts = self.reduced.iter().copied().zip(parts.iter().copied()).collect();
            frame.run(run, &ToAll { sizes, rooms: &rooms, parts })
        })
    }
}

/// Where boxes end that follow each other: every `len` items, and at the end of each row of `row`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    len: usize,
    row: usize,
    all: usize,
}

impl Ends {
    fn of(tiles: &Tiles<'_>) -> Self {
        let (shape, block) = (tiles.view().shape(), tiles.block());
        // The axes behind the first that is cut are whole.
        let first = block.iter().position(|&items| items > 1).unwrap_or(shape.len());
        let row = shape[first..].iter().product();
        Ends { len: block.iter().product(), row, all: tiles.view().size() }
    }

    /// Whether they end at multiples of their length.
    fn are_even(&self) -> bool {
        self.row == self.all || self.row.is_multiple_of(self.len)
    }

    /// Whether a box ends wherever one of others does.
    fn include(&self, other: &Ends) -> bool {
        self == other || self.are_even() && other.are_even() && other.len.is_multiple_of(self.len)
    }
}

/// Gives pieces to reductions and to memory.
struct ToAll<'a, 'm> {
    /// Bytes of an item of each result of the program.
    sizes: &'a [usize],
    /// Where those go that are wanted in memory.
    rooms: &'a [Option<ToMemory<'m>>],
    /// Who else takes the items of which.
    parts: Vec<(usize, &'a dyn Part)>,
}

impl Consumer for ToAll<'_, '_> {
    type Worker = Vec<Buffer>;

    fn worker(&self) -> Result<Vec<Buffer>, EngineError> {
        Ok(self.sizes.iter().map(|_| Buffer::default()).collect())
    }

    fn take(
        &self,
        buffers: &mut Vec<Buffer>,
        index: usize,
        tile: &Tile,
        BoxItems { fill, lying }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        let (first, count) = (tile.view.offset() as usize, tile.view.size());
        let mut wanted: Vec<_> =
            self.rooms.iter().map(|room| room.as_ref().map(|room| room.part(index))).collect();
        let lying = |(result, wanted): (usize, &Option<_>)| match wanted {
            None => lying(result, first..first + count),
            Some(_) => None,
        };
        let lying: Vec<Option<Bytes<'_>>> = wanted.iter().enumerate().map(lying).collect();
        let places = wanted.iter_mut().zip(buffers).zip(self.sizes).zip(&lying);
        let mut items: Vec<&mut [u8]> = places
            .map(|(((wanted, buffer), size), lying)| match (wanted, lying) {
                (Some(wanted), _) => &mut ***wanted,
                (None, None) => buffer.room(0, count * size),
                (None, Some(_)) => &mut [],
            })
            .collect();
        if lying.iter().any(Option::is_none) {
            fill(&mut items)?;
        }
        for &(result, part) in &self.parts {
            part.take(first, lying[result].unwrap_or(Bytes::Private(items[result])));
        }
        Ok(())
    }

    fn finish(&self, buffers: Vec<Buffer>, report: &mut Report) -> Result<(), EngineError> {
        let buffers: usize = buffers.iter().map(Buffer::capacity).sum();
        let joined: u64 = self.parts.iter().map(|(_, part)| part.take_bytes()).sum();
        report.io.buffer_bytes += buffers as u64 + joined;
        Ok(())
    }
}
