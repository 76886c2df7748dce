//! The page cache's part of an array, moved in pieces that can be watched and stopped.

use std::ops::Range;

use ndfolio_layout::View;
use ndfolio_store::{File, LockedRange};

use crate::{EngineError, Run};

/// Ranges closer than a page are one: the page cache knows no smaller parts.
const PAGE: u64 = 4096;
/// More ranges than these are taken as one from the first to the last.
const MOST_RANGES: usize = 1 << 16;
/// Bytes that are moved at once.
const PIECE: u64 = 8 << 20;
/// Bytes that are locked at once, at least: each lock is a mapping, of which there are not many.
const LOCKED: u64 = 64 << 20;
/// Mappings of one array at the most.
const MOST_LOCKS: u64 = 128;

/// The pages of a view, as ranges of bytes of its file.
#[must_use]
pub fn page_ranges(view: &View, file_len: u64) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for span in view.spans() {
        let start = span.offset / PAGE * PAGE;
        let end = (span.offset + span.len).next_multiple_of(PAGE).min(file_len);
        if let Some(last) = ranges.last_mut().filter(|last| start <= last.end) {
            last.end = last.end.max(end);
        } else if ranges.len() == MOST_RANGES {
            return vec![view.extent()];
        } else {
            ranges.push(start..end);
        }
    }
    ranges
}

/// Reads the pages of a view into the page cache, in the order of the file. Returns how many bytes were read.
///
/// # Errors
/// What the file reports; a cancelled run.
pub fn prefetch(file: &File, view: &View, run: &Run<'_>) -> Result<u64, EngineError> {
    let mut bytes = 0;
    for piece in pieces(file, view) {
        let stop = || run.go_on().is_err();
        let read = file.prefetch(piece, &stop)?;
        run.go_on()?;
        run.done(read as usize);
        bytes += read;
    }
    Ok(bytes)
}

/// Drops the pages of a view from the page cache, once what was written to them is on the device.
///
/// # Errors
/// What the operating system reports; a cancelled run, after which a part is gone.
pub fn evict(file: &File, view: &View, run: &Run<'_>) -> Result<(), EngineError> {
    for piece in pieces(file, view) {
        run.go_on()?;
        let len = piece.end - piece.start;
        file.evict(piece)?;
        run.done(len as usize);
    }
    Ok(())
}

/// Reads the extent of a view into memory and keeps it there as long as the locks live.
///
/// # Errors
/// The process may not lock so much; what the file reports; a cancelled run.
pub fn lock(file: &File, view: &View, run: &Run<'_>) -> Result<Vec<LockedRange>, EngineError> {
    let extent = view.extent();
    let step = ((extent.end - extent.start) / MOST_LOCKS).max(LOCKED).next_multiple_of(PAGE);
    let mut locks = Vec::new();
    let mut at = extent.start;
    while at < extent.end {
        let end = extent.end.min(at + step);
        // What is in memory is locked at once; a lock that has to read could not be stopped.
        for piece in cut(at..end) {
            run.go_on()?;
            file.prefetch(piece.clone(), &|| run.go_on().is_err())?;
            run.done((piece.end - piece.start) as usize);
        }
        run.go_on()?;
        locks.push(file.lock(at..end)?);
        at = end;
    }
    Ok(locks)
}

fn pieces<'a>(file: &File, view: &'a View) -> impl Iterator<Item = Range<u64>> + 'a {
    page_ranges(view, file.len()).into_iter().flat_map(cut)
}

fn cut(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let pieces = (range.end - range.start).div_ceil(PIECE);
    (0..pieces).map(move |number| {
        let start = range.start + number * PIECE;
        start..range.end.min(start + PIECE)
    })
}
