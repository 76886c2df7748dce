//! Several reductions of items that come in one pass.

use std::sync::{Mutex, PoisonError};

use ndfolio_kernel::reduce::Reducer;
use ndfolio_layout::{Tiles, View};

use super::{Put, reduce_computed};
use crate::{
    EngineError, Report, Run,
    parallel::{Items, Part, Pass, PassPart},
};

/// A reduction among several.
pub(crate) struct Member<'m> {
    /// Where the items would lie; there are some.
    pub(crate) view: &'m View,
    pub(crate) axes: &'m [isize],
    pub(crate) reducers: &'m [Reducer],
    pub(crate) put: &'m mut Put<'m>,
}

/// Brings the items to all reductions, in the order in which they were given.
type Bring<'b> = dyn Fn(&[&dyn Part]) -> Result<Report, EngineError> + Sync + 'b;

/// Reduces as [`reduce_along`](super::reduce_along) each by itself: the boxes of each must follow each other. `bring` is
/// called once, when all of them are ready.
pub(crate) fn reduce_together(
    mut members: Vec<Member<'_>>,
    run: &Run<'_>,
    bring: &Bring<'_>,
) -> Result<Report, EngineError> {
    members.reverse();
    next(members, None, run, bring)
}

/// Makes the last of some reductions ready, or brings the items if there is none.
fn next(
    mut members: Vec<Member<'_>>,
    before: Option<&Link<'_>>,
    run: &Run<'_>,
    bring: &Bring<'_>,
) -> Result<Report, EngineError> {
    let Some(Member { view, axes, reducers, put }) = members.pop() else {
        return bring(&Link::parts(before));
    };
    let seat = Seat { before, others: Mutex::new(members), run, bring };
    reduce_computed((&seat, view), axes, reducers, run, put)
}

/// A reduction that is ready, and those before it.
struct Link<'l> {
    part: &'l dyn Part,
    before: Option<&'l Link<'l>>,
}

impl<'l> Link<'l> {
    /// All of them, the first at first.
    fn parts(mut last: Option<&'l Link<'l>>) -> Vec<&'l dyn Part> {
        let mut parts = Vec::new();
        while let Some(link) = last {
            parts.push(link.part);
            last = link.before;
        }
        parts.reverse();
        parts
    }
}

/// The items of a reduction that others wait for as well.
struct Seat<'s, 'm> {
    before: Option<&'s Link<'s>>,
    others: Mutex<Vec<Member<'m>>>,
    run: &'s Run<'s>,
    bring: &'s Bring<'s>,
}

impl Items for Seat<'_, '_> {
    fn run_pass<P: Pass>(
        &self,
        tiles: &Tiles<'_>,
        _: &Run<'_>,
        pass: &P,
        collect: impl FnMut(usize, P::Given) + Send,
    ) -> Result<Report, EngineError> {
        let part = PassPart::new(tiles, pass, collect);
        let link = Link { part: &part, before: self.before };
        let others = std::mem::take(&mut *self.others.lock().unwrap_or_else(PoisonError::into_inner));
        next(others, Some(&link), self.run, self.bring)
    }
}
