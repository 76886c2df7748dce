//! A file that appears whole under its name, or not at all.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, OFlags};

use crate::file::expect_regular;
use crate::handle::{Handle, LONG, again, is_unsupported};
use crate::io::direct::Descriptor;
#[cfg(target_os = "linux")]
use crate::io::edges::Edges;
use crate::later::Later;
use crate::syscalls::{Calls, calls_for};
use crate::temporary::{self, Temporary};
use crate::{
    ALL_BYTES, Durability, EVERYTHING, Existing, File, FileId, Lock, Locking, Mode, Reserve, Result,
    StoreError,
};

/// How many symbolic links are followed; as many as the kernel follows.
const MAX_LINKS: u32 = 40;

/// A file in the making.
///
/// The bytes go to a temporary file in the same folder, named `.NAME.<pid>-<random>.part`.
/// [`commit`](Self::commit) brings them to the disk and gives them the name; a `NewFile` that is dropped
/// before that leaves nothing behind. What a killed process leaves is removed by the next creation of the
/// same name in the folder: the temporary file is locked (`flock`) as long as its writer lives. Where a
/// file system has no locks nothing is swept, and of a huge folder only the first 10 000 names are looked at.
///
/// If the path is a symbolic link, the file it points at is made or replaced, and the link stays.
///
/// ```
/// use ndfolio_store::{Existing, NewFile, Reserve};
///
/// # let folder = std::env::temp_dir().join(format!("ndfolio-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut new = NewFile::create(folder.join("four.bin"), Existing::Replace)?;
/// new.reserve(4, Reserve::Space)?;
/// new.write_at(0, b"four")?;
/// new.commit()?;
/// assert_eq!(std::fs::read(folder.join("four.bin"))?, b"four");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NewFile {
    handle: Handle,
    /// Name in the folder that the file will get.
    name: OsString,
    existing: Existing,
    durability: Durability,
    temporary: Temporary,
    /// Message of the reservation that failed: nothing can be committed then.
    failure: Option<String>,
    /// Message of the write-back that failed: likewise.
    lost: OnceLock<String>,
    /// Whether it is so long that it should not take the page cache of others.
    is_long: bool,
    /// The descriptor that writes past the page cache, opened when it is needed.
    direct: OnceLock<Result<Descriptor, i32>>,
    /// The error number with which it refused a write, later; 0 if it did not.
    direct_refused: AtomicI32,
    /// Parts of blocks that writers hold for each other.
    #[cfg(target_os = "linux")]
    edges: Edges,
    /// Last, so that it frees what is not wanted after all.
    later: Later,
}

impl NewFile {
    /// Begins a file that will be named `path`. The name shows nothing of it before [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] with [`Existing::Refuse`], [`StoreError::NotFound`] if the folder is
    /// missing, [`StoreError::NotRegular`] if the name belongs to a directory, a device, a FIFO or a socket,
    /// [`StoreError::PermissionDenied`] if the folder cannot be changed or the file to replace is
    /// write-protected, [`StoreError::NoSpace`], [`StoreError::Io`].
    pub fn create(path: impl AsRef<Path>, existing: Existing) -> Result<NewFile> {
        NewFile::create_with(path.as_ref(), existing, calls_for(path.as_ref()))
    }

    /// What [`commit`](Self::commit) waits for.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    pub(crate) fn create_with(path: &Path, existing: Existing, calls: &'static dyn Calls) -> Result<NewFile> {
        let target = follow_links(path)?;
        let (folder, name) = split(path, &target)?;
        let old = expect_replaceable(path, &target, existing)?;
        let folder = open_folder(folder)?;
        if old.is_some() {
            expect_writable(path, &folder, name)?;
        }
        temporary::sweep(folder.as_fd(), name);
        // The bytes must not be readable by more people than those of the old file are.
        let mode = if old.is_some() { 0o600 } else { 0o666 };
        let (temporary, file) =
            Temporary::create(folder.as_fd(), name, rustix::fs::Mode::from_raw_mode(mode))
                .map_err(|source| create_failed(path, source))?;
        if let Some(old) = old {
            keep_permissions(&file, &old).map_err(|source| create_failed(path, source))?;
        }
        let handle = Handle::new(file, path.to_path_buf(), calls);
        Ok(NewFile {
            handle,
            name: name.to_os_string(),
            existing,
            durability: Durability::default(),
            temporary,
            failure: None,
            lost: OnceLock::new(),
            is_long: false,
            direct: OnceLock::new(),
            direct_refused: AtomicI32::new(0),
            #[cfg(target_os = "linux")]
            edges: Edges::default(),
            later: Later::default(),
        })
    }

    /// The path as it was given to [`create`](Self::create), which the file gets when it is whole.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.handle.path
    }

    /// Makes the file at least `len` bytes long, and asks for the space if wanted. New bytes are zero.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`] if the disk or the quota is too small, [`StoreError::TooLarge`] if the process
    /// or the file system forbids files of that length, [`StoreError::Io`]. The temporary file is removed at
    /// once then, and every later call fails with [`StoreError::Poisoned`].
    pub fn reserve(&mut self, len: u64, reserve: Reserve) -> Result<()> {
        self.reserve_until(len, reserve, &|| false)
    }

    /// As [`reserve`](Self::reserve); where it takes long (a file system in memory, or one on which zeros have to
    /// be written) it asks `stop`, and fails with [`StoreError::Io`] once that says so.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_until(&mut self, len: u64, reserve: Reserve, stop: &dyn Fn() -> bool) -> Result<()> {
        self.expect_usable()?;
        self.is_long |= len >= LONG;
        let result = self.handle.reserve(len, reserve, stop);
        let Err(mut error) = result else { return Ok(()) };
        // Whoever stopped it drops it next, which frees the space without waiting.
        if !stop() {
            self.temporary.remove();
            // Even where the name cannot be removed, or somebody maps the file, its space is free again.
            let _ = self.handle.calls.ftruncate(&self.handle.file, 0);
            error = self.handle.look_at_space_again(error, 0);
        }
        self.failure = Some(error.to_string());
        Err(error)
    }

    /// Writes `data` at `offset`; the file becomes as long as that needs.
    ///
    /// Of a file for which 256 MiB or more were reserved, long parts are not left in the page cache.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`], [`StoreError::TooLarge`], [`StoreError::Io`]. The caller then drops the
    /// `NewFile`, or writes the same bytes again.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.expect_usable()?;
        if self.is_long {
            self.handle.write_through(offset, data)
        } else {
            self.handle.write_all(offset, data)
        }
    }

    /// Has the device write the dirty pages of `range`, and waits for it: what [`commit`](Self::commit) would do
    /// for the whole file at once, in parts that can be watched.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`], [`StoreError::Io`]. The system tells of a failure only once, so nothing can be
    /// committed then.
    pub fn write_back(&self, range: Range<u64>) -> Result<()> {
        self.expect_usable()?;
        self.handle.write_back(&range).inspect_err(|error| self.lost(error))
    }

    /// Has the device begin to write the dirty pages of `range`: a hint.
    pub fn begin_write_back(&self, range: Range<u64>) {
        self.handle.begin_write_back(&range);
    }

    /// Fills `buf` with the bytes at `offset` that were written or reserved before.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] if the file does not reach that far yet, [`StoreError::Io`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.expect_usable()?;
        self.handle.expect_within(offset, buf.len() as u64, self.handle.current_len()?)?;
        self.handle.read_exact(offset, buf)
    }

    /// The file as it is so far, for passes that read again what they wrote. It is as long as what was
    /// [reserved](Self::reserve) or written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Poisoned`] after a failure, [`StoreError::Io`].
    pub fn reader(&self) -> Result<File> {
        self.expect_usable()?;
        self.opened_again(Mode::Read)
    }

    /// The same open file as a [`File`]: its locks are those of this one.
    fn opened_again(&self, mode: Mode) -> Result<File> {
        let failed = |source| StoreError::from_io(self.path(), "keep it open", source);
        let file = self.handle.file.try_clone().map_err(failed)?;
        let id = FileId::from(&file.metadata().map_err(failed)?);
        File::of(Handle::new(file, self.path().to_path_buf(), self.handle.calls), mode, id)
    }

    /// Brings the bytes to the disk, gives the file its name, and brings the name to the disk (unless less
    /// [durability](Self::set_durability) was asked for).
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] if the name was taken meanwhile and replacing was not asked for,
    /// [`StoreError::NotRegular`] if it now belongs to something that is no file, [`StoreError::NoSpace`],
    /// [`StoreError::Io`]. Nothing of the new file stays then, and an old one is as it was; only if the very
    /// last step failed (the error says "flush the folder") is the new file there, whole, though a power
    /// loss could still take its name.
    pub fn commit(mut self) -> Result<()> {
        self.publish()
    }

    /// As [`commit`](Self::commit), then opens the file.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit) and [`File::open`]; [`StoreError::Replaced`] if somebody put another file
    /// there in between.
    pub fn commit_open(mut self, mode: Mode) -> Result<File> {
        self.publish()?;
        let looked_up = self.handle.file.metadata();
        let id = looked_up.map_err(|source| StoreError::from_io(self.path(), "look it up", source))?;
        let file = File::open_with(self.path(), mode, self.handle.calls)?;
        if file.id() != FileId::from(&id) {
            return Err(StoreError::Replaced { path: self.path().to_path_buf() });
        }
        Ok(file)
    }

    /// As [`commit_open`](Self::commit_open) for reading and writing, with [`EVERYTHING`] locked, and beside it
    /// [`ALL_BYTES`], until the file is closed or the locks are given up. That is done before the file has its name, so that
    /// nobody comes in between, and that a lock that fails leaves what was there.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit); [`StoreError::NoLocks`] where a lock is required and there are none.
    pub fn commit_locked(mut self, lock: Lock) -> Result<File> {
        let file = self.opened_again(Mode::ReadWrite)?;
        for range in [EVERYTHING, ALL_BYTES] {
            file.lock_until_closed(range, Locking { lock, wait: Duration::ZERO })?;
        }
        self.publish()?;
        Ok(file)
    }

    fn publish(&mut self) -> Result<()> {
        self.expect_usable()?;
        let Handle { file, path, calls, .. } = &self.handle;
        if self.durability != Durability::Nothing {
            again(|| calls.fsync(file)).map_err(|source| {
                let needed = self.handle.current_len().unwrap_or(0);
                self.handle.write_failed("flush", 0, needed, source)
            })?;
        }
        let folder = self.temporary.folder();
        expect_still_replaceable(path, folder, &self.name)?;
        calls
            .rename(folder, self.temporary.name(), &self.name, self.existing)
            .map_err(|source| StoreError::from_io(path, "give the new file its name", source))?;
        self.temporary.keep();
        if self.durability != Durability::Name {
            return Ok(());
        }
        match again(|| calls.sync_folder(self.temporary.folder())) {
            // Where folders cannot be flushed, the file's own flush is all there is.
            Err(error) if is_unsupported(&error) || error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            result => result.map_err(|source| StoreError::from_io(path, "flush the folder", source)),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn is_long(&self) -> bool {
        self.is_long
    }

    /// Nothing can be committed after this failure.
    pub(crate) fn lost(&self, error: &StoreError) {
        // A second failure adds nothing.
        let _ = self.lost.set(error.to_string());
    }

    /// The second descriptor, which writes past the page cache, or the error number with which that was refused.
    pub(crate) fn direct(&self) -> Result<&Descriptor, i32> {
        match self.direct_refused.load(Ordering::Relaxed) {
            0 => {
                let open = || Descriptor::open_to_write(&self.handle);
                self.direct.get_or_init(open).as_ref().map_err(|&code| code)
            }
            code => Err(code),
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn edges(&self) -> &Edges {
        &self.edges
    }

    /// The descriptor turned out not to write after all.
    pub(crate) fn refuse_direct(&self, code: i32) {
        self.direct_refused.store(code, Ordering::Relaxed);
    }

    pub(crate) fn expect_usable(&self) -> Result<()> {
        self.handle.expect_own_process()?;
        match self.failure.as_ref().or(self.lost.get()) {
            Some(reason) => {
                Err(StoreError::Poisoned { path: self.path().to_path_buf(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.temporary.is_gone() {
            self.later = Later::free(&self.handle.file);
        }
    }
}

impl fmt::Debug for NewFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewFile")
            .field("path", &self.path())
            .field("temporary", &self.temporary.name())
            .field("existing", &self.existing)
            .finish_non_exhaustive()
    }
}

/// Makes a folder, and those above it, that are not there yet.
///
/// # Errors
///
/// [`StoreError::PermissionDenied`], [`StoreError::AlreadyExists`] if it is the name of something else,
/// [`StoreError::Io`].
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| StoreError::from_io(path, "make the folder", source))
}

/// Where the bytes will lie: `path`, or what it points at.
fn follow_links(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&target)
                    .map_err(|source| StoreError::from_io(path, "follow the symbolic link", source))?;
                target = target.parent().unwrap_or(Path::new("")).join(link);
            }
            _ => return Ok(target),
        }
    }
    let source = io::Error::from_raw_os_error(libc::ELOOP);
    Err(StoreError::from_io(path, "follow the symbolic link", source))
}

/// The folder and the name in it.
fn split<'a>(path: &Path, target: &'a Path) -> Result<(&'a Path, &'a OsStr)> {
    if target.as_os_str().is_empty() {
        return Err(StoreError::NotFound { path: path.to_path_buf() });
    }
    let names_folder = target.as_os_str().as_bytes().ends_with(b"/");
    match target.file_name() {
        Some(name) if !names_folder => Ok((target.parent().unwrap_or(Path::new("")), name)),
        _ => Err(StoreError::NotRegular { path: path.to_path_buf(), kind: "directory" }),
    }
}

/// The folder in which the bytes of a path lie, or will lie; opened; and their name in it.
pub(crate) fn place_of(path: &Path) -> Result<(PathBuf, OwnedFd, OsString)> {
    let target = follow_links(path)?;
    let (folder, name) = split(path, &target)?;
    Ok((folder.to_path_buf(), open_folder(folder)?, name.to_os_string()))
}

fn open_folder(folder: &Path) -> Result<OwnedFd> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, rustix::fs::Mode::empty())
        .map_err(|error| StoreError::from_io(folder, "open the folder", error.into()))
}

/// What is there to be replaced. Only a regular file may be: `rename` would destroy a device just as well.
fn expect_replaceable(path: &Path, target: &Path, existing: Existing) -> Result<Option<fs::Metadata>> {
    let old = match fs::symlink_metadata(target) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::from_io(path, "look it up", source)),
    };
    expect_regular(path, &old)?;
    match existing {
        Existing::Refuse => Err(StoreError::AlreadyExists { path: path.to_path_buf() }),
        Existing::Replace => Ok(Some(old)),
    }
}

/// The same look right before the rename.
fn expect_still_replaceable(path: &Path, folder: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    let Ok(stat) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile {
        return Ok(());
    }
    Err(StoreError::NotRegular { path: path.to_path_buf(), kind: "special file" })
}

/// A file that its owner protects from writing is not replaced either, though `rename` would do it.
fn expect_writable(path: &Path, folder: &OwnedFd, name: &OsStr) -> Result<()> {
    match rustix::fs::accessat(folder, name, Access::WRITE_OK, AtFlags::EACCESS) {
        Err(error @ (rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::PERM)) => {
            Err(StoreError::from_io(path, "replace it (it is write-protected)", error.into()))
        }
        _ => Ok(()),
    }
}

fn keep_permissions(file: &fs::File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = fs::Permissions::from_mode(old.permissions().mode() & 0o777);
    match file.set_permissions(permissions) {
        // File systems without permission bits.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied || is_unsupported(&error) => Ok(()),
        result => result,
    }
}

fn create_failed(path: &Path, source: io::Error) -> StoreError {
    match source.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT) => {
            StoreError::NoSpace { path: path.to_path_buf(), needed: 1, available: None }
        }
        _ => StoreError::from_io(path, "create a file in its folder", source),
    }
}
