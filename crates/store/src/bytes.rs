//! Bytes of a file in memory, private or mapped, for those who read them once from front to back.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use crate::mapping::copy;
#[cfg(target_arch = "x86_64")]
use crate::mapping::registers;

/// Bytes of a file in memory, at any address.
///
/// Mapped ones can be changed by others at any time, so nothing here gives a slice of them: they are loaded into
/// registers in [rows](Self::row), or copied in [tiles](Self::tile) so small that the processor copies the next one
/// while it works on this one. Neither costs anything beside reading them in place.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// Memory that nobody else can change.
    Private(&'a [u8]),
    /// A part of a mapping of the file.
    Mapped(MappedBytes<'a>),
}

/// A part of a mapping. What is read of it counts only once the mapping says that the file still has it.
#[derive(Clone, Copy, Debug)]
pub struct MappedBytes<'a> {
    start: *const u8,
    len: usize,
    mapping: PhantomData<&'a [u8]>,
}

/// Bytes of a [tile](Bytes::tile).
pub const TILE: usize = 1024;

/// Bytes that are [loaded](Bytes::row) at once: some whole registers.
pub const ROW: usize = 256;

/// Room for a copy of at most `N` bytes, in whole cache lines.
#[derive(Debug)]
#[repr(align(64))]
pub struct Room<const N: usize = TILE>([MaybeUninit<u8>; N]);

impl<const N: usize> Room<N> {
    /// Room that holds nothing; making it costs nothing.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Room([MaybeUninit::uninit(); N])
    }
}

impl<const N: usize> Default for Room<N> {
    fn default() -> Self {
        Room::new()
    }
}

impl<'a> MappedBytes<'a> {
    /// # Safety
    ///
    /// The `len` bytes at `start` are mapped for reading, and stay mapped for `'a`.
    pub(crate) unsafe fn new(start: *const u8, len: usize) -> Self {
        MappedBytes { start, len, mapping: PhantomData }
    }

    /// Copies the bytes at `at`.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    #[inline(always)]
    pub fn read(&self, at: usize, out: &mut [u8]) {
        // SAFETY: bytes are such memory, and what is written to them are bytes.
        let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<u8>]) };
        self.fill(at, out);
    }

    /// Copies the bytes at `at` to memory that nothing was written to.
    #[inline(always)]
    fn fill<'t>(&self, at: usize, out: &'t mut [MaybeUninit<u8>]) -> &'t [u8] {
        assert!(at <= self.len && out.len() <= self.len - at, "bytes behind the end of a mapping");
        // SAFETY: the bytes are mapped, says `new`, and the range was checked. All of `out` was written to.
        unsafe {
            copy::read(self.start.add(at), out);
            &*(std::ptr::from_ref(out) as *const [u8])
        }
    }

    /// Copies all bytes, behind which nobody reads on.
    #[inline(always)]
    fn read_alone(&self, out: &mut [u8]) {
        assert_eq!(out.len(), self.len, "room of another length");
        // SAFETY: bytes are such memory, and what is written to them are bytes. As many are mapped, says `new`.
        unsafe { copy::read_alone(self.start, &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<u8>])) };
    }

    fn slice(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "bytes behind the end of a mapping");
        // SAFETY: a part of what is mapped.
        unsafe { MappedBytes::new(self.start.add(range.start), range.end - range.start) }
    }
}

impl<'a> Bytes<'a> {
    /// How many bytes there are.
    #[inline(always)]
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Bytes::Private(bytes) => bytes.len(),
            Bytes::Mapped(bytes) => bytes.len,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a range.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    #[must_use]
    pub fn slice(self, range: Range<usize>) -> Bytes<'a> {
        match self {
            Bytes::Private(bytes) => Bytes::Private(&bytes[range]),
            Bytes::Mapped(bytes) => Bytes::Mapped(bytes.slice(range)),
        }
    }

    /// The first `at` bytes, and the others.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[must_use]
    pub fn split_at(self, at: usize) -> (Bytes<'a>, Bytes<'a>) {
        (self.slice(0..at), self.slice(at..self.len()))
    }

    /// Parts of `len` bytes each, the last of what is left.
    ///
    /// # Panics
    ///
    /// If `len` is 0.
    pub fn chunks(self, len: usize) -> impl Iterator<Item = Bytes<'a>> {
        (0..self.len()).step_by(len).map(move |at| self.slice(at..self.len().min(at + len)))
    }

    /// Bytes from `at` on: all of them if they are private, else a copy of the next [`TILE`], or of what is
    /// left. There are some unless `at` is the end.
    #[inline(always)]
    pub fn tile<'t>(&'t self, at: usize, room: &'t mut Room) -> &'t [u8] {
        match self {
            Bytes::Private(bytes) => &bytes[at..],
            Bytes::Mapped(bytes) => bytes.fill(at, &mut room.0[..TILE.min(bytes.len - at)]),
        }
    }

    /// The `len` bytes at `at`, at most as many as `room` has: themselves if they are private, else a copy.
    ///
    /// # Panics
    ///
    /// If they are not all there, or do not fit `room`.
    #[inline(always)]
    pub fn part<'t, const N: usize>(&'t self, at: usize, len: usize, room: &'t mut Room<N>) -> &'t [u8] {
        match self {
            Bytes::Private(bytes) => &bytes[at..at + len],
            Bytes::Mapped(bytes) => bytes.fill(at, &mut room.0[..len]),
        }
    }

    /// Where the [`ROW`] bytes at `at` begin.
    #[inline(always)]
    fn row_start(&self, at: usize) -> *const u8 {
        let len = self.len();
        assert!(at <= len && ROW <= len - at, "a row behind the end");
        match self {
            Bytes::Private(bytes) => bytes[at..].as_ptr(),
            Bytes::Mapped(bytes) => bytes.start.wrapping_add(at),
        }
    }

    /// The [`ROW`] bytes at `at`.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    #[must_use]
    pub fn row(&self, at: usize) -> [u8; ROW] {
        let mut row = [MaybeUninit::uninit(); ROW];
        // SAFETY: the bytes are there, says `row_start`; all of the row was written to, and is bytes.
        unsafe {
            copy::read(self.row_start(at), &mut row);
            std::mem::transmute::<[MaybeUninit<u8>; ROW], [u8; ROW]>(row)
        }
    }

    /// [`row`](Self::row), loaded into registers of 32 bytes in the middle of the caller's loop.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    ///
    /// # Safety
    ///
    /// The processor has the instructions.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    #[must_use]
    pub fn row_avx2(&self, at: usize) -> [u8; ROW] {
        // SAFETY: the bytes are there, says `row_start`.
        unsafe { registers::row_avx2(self.row_start(at)) }
    }

    /// [`row`](Self::row), loaded into registers of 64 bytes in the middle of the caller's loop.
    ///
    /// # Panics
    ///
    /// If they are not all there.
    ///
    /// # Safety
    ///
    /// The processor has the instructions.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    #[inline]
    #[must_use]
    pub fn row_avx512(&self, at: usize) -> [u8; ROW] {
        // SAFETY: the bytes are there, says `row_start`.
        unsafe { registers::row_avx512(self.row_start(at)) }
    }

    /// Asks the processor for what comes two kilobytes after the byte at `at`. For those who read several places
    /// in turn, which the processor does not foresee by itself.
    #[inline(always)]
    pub fn look_ahead(&self, at: usize) {
        #[cfg(target_arch = "x86_64")]
        registers::look_ahead(match self {
            Bytes::Private(bytes) => bytes.as_ptr().wrapping_add(at),
            Bytes::Mapped(bytes) => bytes.start.wrapping_add(at),
        });
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    /// Copies all bytes.
    ///
    /// # Panics
    ///
    /// If `out` has another length.
    pub fn copy_to(&self, out: &mut [u8]) {
        match self {
            Bytes::Private(bytes) => out.copy_from_slice(bytes),
            Bytes::Mapped(bytes) => {
                assert_eq!(out.len(), bytes.len, "room of another length");
                bytes.read(0, out);
            }
        }
    }

    /// As [`copy_to`](Self::copy_to), for bytes behind which nobody reads on: nothing beside them is loaded.
    ///
    /// # Panics
    ///
    /// If `out` has another length.
    #[inline(always)]
    pub fn pick_to(&self, out: &mut [u8]) {
        match self {
            Bytes::Private(bytes) => out.copy_from_slice(bytes),
            Bytes::Mapped(bytes) => bytes.read_alone(out),
        }
    }

    /// Asks the processor for the `len` bytes at `at`, which are read soon: where places are far apart, it does not
    /// foresee them by itself. A hint, which loads nothing of pages that were not touched yet.
    #[inline(always)]
    pub fn fetch(&self, at: usize, len: usize) {
        #[cfg(target_arch = "x86_64")]
        registers::fetch(
            match self {
                Bytes::Private(bytes) => bytes.as_ptr().wrapping_add(at),
                Bytes::Mapped(bytes) => bytes.start.wrapping_add(at),
            },
            len,
        );
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (at, len);
    }

    /// The bytes as private memory: themselves, or a copy in `room`, which grows when it must.
    pub fn private<'t>(&'t self, room: &'t mut Vec<u8>) -> &'t [u8] {
        match self {
            Bytes::Private(bytes) => bytes,
            Bytes::Mapped(mapped) => {
                if room.len() < mapped.len {
                    room.resize(mapped.len, 0);
                }
                let room = &mut room[..mapped.len];
                mapped.read(0, room);
                room
            }
        }
    }
}

impl<'a> From<&'a [u8]> for Bytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Bytes::Private(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Bytes<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Bytes::Private(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Bytes<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Bytes::Private(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunks, Dispenser, File, IoEngine, Mode};

    /// Every way to read a part of mapped bytes gives the file's, at any place and of any length.
    #[test]
    fn mapped_bytes_are_the_files() {
        let name = format!("ndfolio-bytes-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let all: Vec<u8> = (0..20_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &all).unwrap();
        let file = File::open(&path, Mode::Read).unwrap();
        for start in [0, 1, 3, 64, 129] {
            let pieces = Chunks::new(start..all.len() as u64, all.len() as u64);
            let dispenser = Dispenser::new(&pieces);
            let mut stream = file.stream(IoEngine::Mmap, &dispenser, 1 << 20).unwrap();
            let want = &all[start as usize..];
            let mut check = |_, bytes: Bytes<'_>| {
                assert!(matches!(bytes, Bytes::Mapped(_)));
                let (mut room, mut at) = (Room::new(), 0);
                while at < bytes.len() {
                    let tile = bytes.tile(at, &mut room);
                    assert_eq!(*tile, want[at..at + tile.len()]);
                    at += tile.len();
                }
                for at in [0, 1, 63, 64, 700, bytes.len() - ROW] {
                    let expected = &want[at..at + ROW];
                    assert_eq!(bytes.row(at), *expected);
                    assert_eq!(Bytes::Private(want).row(at), *expected);
                    #[cfg(target_arch = "x86_64")]
                    {
                        if is_x86_feature_detected!("avx2") {
                            // SAFETY: the processor has the instructions.
                            assert_eq!(unsafe { bytes.row_avx2(at) }, *expected);
                        }
                        if is_x86_feature_detected!("avx512f") {
                            // SAFETY: the processor has the instructions.
                            assert_eq!(unsafe { bytes.row_avx512(at) }, *expected);
                        }
                    }
                }
                for len in [0, 1, 7, 8, 255, 256, 257, 511, 700, 1024] {
                    assert_eq!(*bytes.part(5, len, &mut room), want[5..5 + len]);
                    assert_eq!(*bytes.slice(9..9 + len).private(&mut Vec::new()), want[9..9 + len]);
                }
                let mut copy = vec![0; bytes.len()];
                bytes.copy_to(&mut copy);
                assert_eq!(copy, want);
                for (at, len) in [(0, 0), (3, 9), (1, 255), (64, 256), (65, 1024), (700, 4099)] {
                    bytes.fetch(at, len);
                    let mut copy = vec![0; len];
                    bytes.slice(at..at + len).pick_to(&mut copy);
                    assert_eq!(copy, want[at..at + len]);
                }
                let chunks: usize = bytes.chunks(999).map(|chunk| chunk.len()).sum();
                assert_eq!(chunks, want.len());
            };
            assert_eq!(stream.next_in_place(&mut check).unwrap(), Some(0));
            assert_eq!(stream.next_in_place(&mut check).unwrap(), None);
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    #[should_panic(expected = "behind the end")]
    fn no_row_is_read_behind_the_end() {
        let bytes = [0; ROW];
        let _ = Bytes::Private(&bytes).row(1);
    }

    #[test]
    #[should_panic(expected = "behind the end")]
    fn nothing_is_read_behind_the_end() {
        let bytes = [1, 2, 3];
        // SAFETY: the bytes live longer, and nobody changes them.
        let mapped = unsafe { MappedBytes::new(bytes.as_ptr(), bytes.len()) };
        mapped.read(1, &mut [0; 3]);
    }
}
