//! The items of an expression, for a reduction.

use std::sync::{Mutex, PoisonError};

use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Buffer;

use super::{
    fused::Fused,
    pass::{BoxItems, Consumer, Frame},
    target::box_bytes,
};
use crate::{
    EngineError, Report, Run,
    parallel::{Items, Pass},
};

impl Items for Fused {
    fn run_pass<P: Pass>(
        &self,
        tiles: &Tiles<'_>,
        run: &Run<'_>,
        pass: &P,
        collect: impl FnMut(usize, P::Given) + Send,
    ) -> Result<Report, EngineError> {
        let consumer = ToPass { pass, collect: Mutex::new(collect) };
        Frame::new(self, tiles.clone(), box_bytes(tiles), run).run(run, &consumer)
    }
}

/// Gives boxes to a pass.
struct ToPass<'p, P, C> {
    pass: &'p P,
    collect: Mutex<C>,
}

impl<P: Pass, C: FnMut(usize, P::Given) + Send> Consumer for ToPass<'_, P, C> {
    type Worker = (P::Worker, Buffer);

    fn worker(&self) -> Result<Self::Worker, EngineError> {
        Ok((self.pass.worker(), Buffer::default()))
    }

    fn take(
        &self,
        (worker, items): &mut Self::Worker,
        index: usize,
        tile: &Tile,
        BoxItems { fill, .. }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        self.pass.compute(worker, tile, (&mut |out| fill(&mut [out]), items), &mut |given| {
            let mut collect = self.collect.lock().unwrap_or_else(PoisonError::into_inner);
            collect(index, given);
        })
    }

    fn finish(&self, (_, items): Self::Worker, report: &mut Report) -> Result<(), EngineError> {
        report.io.buffer_bytes += items.capacity() as u64;
        Ok(())
    }
}
