//! A second descriptor of a file, which reads or writes past the page cache.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, StatxFlags};

use super::arena::Arena;
use crate::FileId;
use crate::cache::has_device;
use crate::handle::{Handle, again};
use crate::syscalls::page_size;

/// What offsets, lengths and addresses are multiples of where the system does not tell: a page, which is enough
/// for every device in use.
const USUAL_ALIGN: usize = 4096;

/// Where the system names more than this, something is wrong.
const MAX_ALIGN: usize = 1 << 20;

/// Up to here, a block of the file system is one that its writes should keep to.
const MAX_BLOCK: u64 = 64 << 10;

/// An open file that reads or writes past the page cache.
pub(crate) struct Descriptor {
    pub(super) file: fs::File,
    /// Offsets, lengths and addresses have to be multiples of this power of two.
    pub(super) align: usize,
}

impl Descriptor {
    /// Opens it, and reads a block with it: some file systems refuse only that.
    ///
    /// Fails with the number of the system's error.
    pub(crate) fn open(handle: &Handle, path: &Path, id: FileId) -> Result<Self, i32> {
        Self::try_open(handle, path, id).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
    }

    fn try_open(handle: &Handle, path: &Path, id: FileId) -> io::Result<Self> {
        let file = again(|| handle.calls.open_direct(&handle.file, path))?;
        // Of a path, another file may be the owner by now.
        if FileId::from(&file.metadata()?) != id {
            return Err(io::Error::from_raw_os_error(libc::ESTALE));
        }
        let align = alignment(&file)?;
        Self::try_reading(handle, file, align)
    }

    /// Opens one that writes. Whether it can is known only once it did.
    ///
    /// Fails with the number of the system's error.
    pub(crate) fn open_to_write(handle: &Handle) -> Result<Self, i32> {
        Self::try_open_to_write(handle).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
    }

    fn try_open_to_write(handle: &Handle) -> io::Result<Self> {
        // File systems in memory take such a descriptor too, and write to memory.
        if !has_device(&handle.file) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        let file = again(|| handle.calls.open_direct_to_write(&handle.file))?;
        let about = rustix::fs::fstat(&file)?;
        let block = u64::try_from(about.st_blksize).unwrap_or(0);
        let block = if block.is_power_of_two() && block <= MAX_BLOCK { block as usize } else { 1 };
        // What is written beside it goes through whole pages of the page cache, which must hold nothing else.
        let align = alignment(&file)?.max(page_size()).max(block);
        Self::try_reading(handle, file, align)
    }

    fn try_reading(handle: &Handle, file: fs::File, align: usize) -> io::Result<Self> {
        let mut block = Arena::new(align, align)?;
        // SAFETY: nobody else uses the block, and no read into it is on its way.
        let block = unsafe { block.bytes(0, align) };
        again(|| handle.calls.pread(&file, block, 0))?;
        Ok(Descriptor { file, align })
    }
}

fn alignment(file: &fs::File) -> io::Result<usize> {
    let Ok(about) = rustix::fs::statx(file.as_fd(), c"", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN) else {
        return Ok(USUAL_ALIGN);
    };
    if about.stx_mask & StatxFlags::DIOALIGN.bits() == 0 {
        return Ok(USUAL_ALIGN);
    }
    let align = about.stx_dio_mem_align.max(about.stx_dio_offset_align) as usize;
    match align {
        // What the system says of files that it cannot read this way.
        0 => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        _ if align.is_power_of_two() && align <= MAX_ALIGN => Ok(align.max(512)),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}
