//! Pieces of a mapping that the workers of a pass share, copied or where they lie.

use std::time::Instant;

use super::buffer::Buffer;
use super::windows::Window;
use super::{Dispenser, IoCounters, IoEngine, PieceStream};
use crate::{Bytes, File, Result, StoreError};

pub(super) struct Stream<'a> {
    file: &'a File,
    dispenser: &'a Dispenser<'a>,
    budget: usize,
    buffer: Buffer,
    /// The one that the last piece was in.
    window: Option<Window>,
    counters: IoCounters,
}

impl<'a> Stream<'a> {
    pub(super) fn new(file: &'a File, dispenser: &'a Dispenser<'a>, budget: usize) -> Result<Self> {
        let window = first_window(file, dispenser)?;
        let (buffer, counters) = (Buffer::default(), IoCounters::default());
        Ok(Stream { file, dispenser, budget, buffer, window, counters })
    }

    /// Copies a piece to the buffer.
    fn copy(&mut self, index: usize) -> Result<&mut [u8]> {
        let range = self.dispenser.pieces().range(index);
        let len = self.file.piece_len(&range)?;
        self.file.expect_budget(&range, len, self.budget)?;
        let start = Instant::now();
        let room = self.buffer.room(range.start, len);
        let mut done = 0;
        while done < len {
            let at = range.start + done as u64;
            let part = &mut room[done..];
            done += match enter(&mut self.window, self.file, self.dispenser, at) {
                Some(window) => {
                    let count = part.len().min(usize::try_from(window.end() - at).unwrap_or(usize::MAX));
                    window.region().read(at, &mut part[..count])?;
                    count
                }
                // Windows can run out in the middle of a pass; system calls always work.
                None => {
                    self.counters.reads += 1;
                    self.file.read_at(at, part)?;
                    part.len()
                }
            };
        }
        self.counters.wait += start.elapsed();
        self.counters.bytes_read += len as u64;
        self.counters.handed_out(len);
        Ok(room)
    }
}

impl Stream<'_> {
    /// Hands over a piece where it lies. `None` if it does not lie in one window.
    fn in_place(&mut self, index: usize, each: &mut dyn FnMut(usize, Bytes<'_>)) -> Result<Option<()>> {
        let range = self.dispenser.pieces().range(index);
        let len = self.file.piece_len(&range)?;
        let Some(window) = enter(&mut self.window, self.file, self.dispenser, range.start) else {
            return Ok(None);
        };
        if len == 0 || window.end() < range.end {
            return Ok(None);
        }
        each(index, Bytes::Mapped(window.region().bytes(range.start, len)));
        window.region().check(range)?;
        self.counters.bytes_read += len as u64;
        self.counters.handed_out(len);
        Ok(Some(()))
    }
}

/// Maps the first window of the pass, to learn whether mapping is possible.
fn first_window(file: &File, dispenser: &Dispenser<'_>) -> Result<Option<Window>> {
    let first = dispenser.first().map(|index| dispenser.pieces().range(index).start);
    let Some(offset) = first.filter(|&offset| offset < file.len()) else { return Ok(None) };
    match dispenser.windows().get(file, Window::index_of(offset)) {
        Ok(window) => Ok(Some(window)),
        Err(StoreError::Io { source, .. }) => Err(file.unsupported("map", source)),
        Err(error) => Err(file.unsupported("map", std::io::Error::other(error.to_string()))),
    }
}

/// The window that holds the byte at `offset`, if it can be mapped.
fn enter<'w>(
    current: &'w mut Option<Window>,
    file: &File,
    dispenser: &Dispenser<'_>,
    offset: u64,
) -> Option<&'w Window> {
    let index = Window::index_of(offset);
    if !current.as_ref().is_some_and(|window| window.is(index, file)) {
        // The one before is let go first, so that it is gone when the last worker has left it.
        *current = None;
        *current = dispenser.windows().get(file, index).ok();
    }
    current.as_ref()
}

impl PieceStream for Stream<'_> {
    fn next(&mut self) -> Result<Option<(usize, &mut [u8])>> {
        let Some(index) = self.dispenser.take() else {
            self.window = None;
            return Ok(None);
        };
        let dispenser = self.dispenser;
        match self.copy(index) {
            Ok(bytes) => Ok(Some((index, bytes))),
            Err(error) => {
                dispenser.stop();
                Err(error)
            }
        }
    }

    fn next_in_place(&mut self, each: &mut dyn FnMut(usize, Bytes<'_>)) -> Result<Option<usize>> {
        let Some(index) = self.dispenser.take() else {
            self.window = None;
            return Ok(None);
        };
        let dispenser = self.dispenser;
        let result = match self.in_place(index, each) {
            Ok(Some(())) => Ok(()),
            Ok(None) => self.copy(index).map(|bytes| each(index, Bytes::Private(bytes))),
            Err(error) => Err(error),
        };
        result.inspect_err(|_| dispenser.stop()).map(|()| Some(index))
    }

    fn engine(&self) -> IoEngine {
        IoEngine::Mmap
    }

    fn counters(&self) -> IoCounters {
        IoCounters { buffer_bytes: self.buffer.capacity() as u64, ..self.counters }
    }
}
