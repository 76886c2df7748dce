//! What was changed in a private mapping.

use std::ops::Range;

use super::RawMap;
use crate::{Mode, Result, StoreError, syscalls};

impl RawMap {
    /// Copies the bytes of one of the [`changes`](Self::changes), also of a file that was not opened yet.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_change(&self, change: &Range<u64>, buf: &mut [u8]) -> Result<()> {
        match self.waiting_bytes(change) {
            Some(bytes) if bytes.len() == buf.len() => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            _ => self.read(change.start, buf),
        }
    }

    /// In [`Mode::CopyOnWrite`], the parts of the map (counted from its beginning) that were written to, in order:
    /// whole pages, as far as they belong to the map. In the other modes, nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] where the system does not tell.
    pub fn changes(&self) -> Result<Vec<Range<u64>>> {
        let Some(held) = self.held.as_ref().filter(|_| self.mode == Mode::CopyOnWrite && !self.is_closed())
        else {
            return Ok(Vec::new());
        };
        if let Some(waiting) = self.waiting_changes() {
            return Ok(waiting);
        }
        let base = held.pages.base.as_ptr().addr();
        let len = held.pages.len.next_multiple_of(syscalls::page_size());
        let found = own_pages(base..base + len).map_err(|source| {
            let operation = "find out which pages of a private mapping were changed";
            StoreError::Unsupported { path: self.path.clone(), operation, source }
        })?;
        // The map begins within the first page, and ends within the last.
        let before = self.offset - held.start;
        let part = |range: Range<usize>| {
            let inside =
                |address: usize| ((address - base) as u64).saturating_sub(before).min(self.len as u64);
            inside(range.start)..inside(range.end)
        };
        Ok(found.into_iter().map(part).filter(|range| !range.is_empty()).collect())
    }
}

/// The parts of a private mapping of a file, given by addresses, whose pages belong to this process alone.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn own_pages(range: Range<usize>) -> std::io::Result<Vec<Range<usize>>> {
    let pagemap = std::fs::File::open("/proc/self/pagemap")?;
    scan(&pagemap, range.clone()).or_else(|_| read(&pagemap, range))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn own_pages(_: Range<usize>) -> std::io::Result<Vec<Range<usize>>> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Asks for the pages at once (since Linux 6.7): the time goes with what is in memory, not with what is mapped.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn scan(pagemap: &std::fs::File, range: Range<usize>) -> std::io::Result<Vec<Range<usize>>> {
    use std::os::fd::AsRawFd;

    /// `PAGEMAP_SCAN`, and the categories of pages that it knows.
    const SCAN: libc::c_ulong = 0xc060_6610;
    const OF_FILE: u64 = 1 << 2;
    const PRESENT: u64 = 1 << 3;
    const SWAPPED: u64 = 1 << 4;
    const MOST: usize = 256;

    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let mut regions = [[0_u64; 3]; MOST];
        // size, flags, start, end, where it stopped, regions, how many, most pages, inverted categories, wanted
        // categories, any of these, what to tell
        let mut asked = [
            96,
            0,
            at as u64,
            range.end as u64,
            0,
            regions.as_mut_ptr().expose_provenance() as u64,
            MOST as u64,
            0,
            OF_FILE,
            OF_FILE,
            PRESENT | SWAPPED,
            PRESENT,
        ];
        // SAFETY: the structure has the kernel's layout, and names a place for as many regions as it says; both
        // live during the call.
        let count = unsafe { libc::ioctl(pagemap.as_raw_fd(), SCAN as _, asked.as_mut_ptr()) };
        if count < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let regions = regions.iter().take(count as usize);
        found.extend(regions.map(|[start, end, _]| *start as usize..*end as usize));
        at = (asked[4] as usize).max(at + syscalls::page_size());
    }
    Ok(found)
}

/// Reads the eight bytes that the system has for each page.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read(pagemap: &std::fs::File, range: Range<usize>) -> std::io::Result<Vec<Range<usize>>> {
    use std::os::unix::fs::FileExt;

    const OF_FILE: u64 = 1 << 61;
    const IN_MEMORY_OR_SWAPPED: u64 = 3 << 62;
    let page = syscalls::page_size();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut entries = [0_u8; 64 << 10];
    let mut at = range.start;
    while at < range.end {
        let count = ((range.end - at) / page * 8).min(entries.len());
        pagemap.read_exact_at(&mut entries[..count], (at / page * 8) as u64)?;
        let (words, _) = entries[..count].as_chunks::<8>();
        for word in words {
            let entry = u64::from_ne_bytes(*word);
            if entry & OF_FILE == 0 && entry & IN_MEMORY_OR_SWAPPED != 0 {
                match found.last_mut() {
                    Some(last) if last.end == at => last.end += page,
                    _ => found.push(at..at + page),
                }
            }
            at += page;
        }
    }
    Ok(found)
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Short;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ndfolio-changes-{name}-{}", std::process::id()))
    }

    #[test]
    fn both_ways_find_the_pages_that_were_written() {
        let path = temporary("both");
        let page = syscalls::page_size();
        std::fs::write(&path, vec![7; 100 * page]).unwrap();
        let map = RawMap::open(&path, Mode::CopyOnWrite, 10, None, Short::Refuse).unwrap();
        // Read, so that pages of the file are there too.
        map.read(0, &mut vec![0; 50 * page]).unwrap();
        for place in [0, 3 * page, 4 * page, 98 * page] {
            map.write(place as u64, &[9]).unwrap();
        }
        let base = map.held.as_ref().unwrap().pages.base.as_ptr().addr();
        let pagemap = std::fs::File::open("/proc/self/pagemap").unwrap();
        let range = base..base + 100 * page;
        let by_read = read(&pagemap, range.clone()).unwrap();
        let pages = |from: usize, to: usize| base + from * page..base + to * page;
        assert_eq!(by_read, [pages(0, 1), pages(3, 5), pages(98, 99)]);
        if let Ok(by_scan) = scan(&pagemap, range) {
            assert_eq!(by_scan, by_read);
        }
        let page = page as u64;
        let wanted = [0..page - 10, 3 * page - 10..5 * page - 10, 98 * page - 10..99 * page - 10];
        assert_eq!(map.changes().unwrap(), wanted);
        std::fs::remove_file(path).unwrap();
    }
}
