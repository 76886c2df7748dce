//! Few columns: neighbouring rows are seen as one, so that there are many.

use ndfolio_store::Bytes;

use super::Columns;
use crate::{
    gather,
    reduce::{Key, Partial, Reducer, Scratch, whole},
};

/// Items that rows are joined to, about.
const JOINED: usize = 128;

/// The states of few columns of contiguous rows, of which `first_row` is the first.
///
/// Which rows are joined follows from the number of columns and of rows alone.
///
/// # Panics
/// If there are no columns, the last row is not whole, or there are 2^32 rows or more.
#[must_use]
pub fn narrow(
    reducer: &Reducer,
    rows: Bytes<'_>,
    columns: usize,
    first_row: u64,
    scratch: &mut Scratch,
) -> Vec<Partial> {
    let lanes = (JOINED / columns).max(1);
    let size = columns * reducer.itemsize();
    let count = rows.len() / size;
    let (joined, rest) = rows.split_at((count - count % lanes) * size);
    let mut all: Vec<Partial> = vec![reducer.empty(); columns];
    let mut add = |part: Bytes<'_>, lanes: usize, first: u64| {
        let mut wide = Columns::new(reducer, lanes * columns);
        wide.group(part, 0, scratch);
        for (column, all) in all.iter_mut().enumerate() {
            let lane =
                |lane: usize| wide.get(lane * columns + column).placed(first + lane as u64, lanes as u64);
            let mut state = lane(0);
            let mut signs = zeros(&state);
            for later in (1..lanes).map(lane) {
                reducer.add(&mut state, &later);
                signs |= zeros(&later);
            }
            if signs == 0b11 {
                // Which of them is the first zero can only be seen in the order of the rows.
                let found = in_order(reducer, part, columns, column, scratch);
                (state.min, state.max) = (found.min, found.max);
            }
            reducer.add(all, &state);
        }
    };
    if !joined.is_empty() {
        add(joined, lanes, first_row);
    }
    if !rest.is_empty() {
        add(rest, 1, first_row + (count - count % lanes) as u64);
    }
    all
}

fn in_order(
    reducer: &Reducer,
    rows: Bytes<'_>,
    columns: usize,
    column: usize,
    scratch: &mut Scratch,
) -> Partial {
    let size = reducer.itemsize();
    let count = rows.len() / (columns * size);
    let mut items = vec![0; count * size];
    gather((rows, column * size, &[(columns * size) as isize]), &mut items, &[count], size);
    whole(reducer, Bytes::Private(&items), scratch, None)
}

/// A bit for each sign of zero that an extreme is.
fn zeros(state: &Partial) -> u8 {
    let zero = |key: Key| u8::from(key.re == 0.0) << u8::from(key.re.is_sign_negative());
    zero(state.min) | zero(state.max)
}
