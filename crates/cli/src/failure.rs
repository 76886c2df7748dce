//! How the command ends.
//!
//! 0 fine · 1 the operation failed (or `diff` found a difference, `verify` or `check` damage) · 2 wrong usage · 3 a file that cannot be
//! mapped, with one line that says what it is, why not and what to run · 130 interrupted.

use std::{fmt::Display, io, path::Path, process::ExitCode};

use ndfolio::{EngineError, Error, FormatError, KernelError, StoreError};
use thiserror::Error;

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The library says so.
    #[error("{0}")]
    Library(#[from] Error),
    /// Standard output or input.
    #[error("standard output: {0}")]
    Stream(#[from] io::Error),
    /// Arguments that do not fit each other or the file.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// An argument that is not what it should be, with the file that it was meant for.
    pub(crate) fn about(path: &Path, error: impl Display) -> Failure {
        Failure::Usage(format!("{}: {error}", path.display()))
    }

    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    const UNMAPPABLE: u8 = 3;
    const INTERRUPTED: u8 = 130;

    /// Says what went wrong on standard error, and how the process ends.
    pub(crate) fn report(&self) -> ExitCode {
        if let Failure::Stream(error) = self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Whoever read has enough.
            return ExitCode::SUCCESS;
        }
        eprintln!("ndfolio: {self}{}", self.hint());
        self.exit_code().into()
    }

    /// The argument that is the way out, where the library can only say what it is.
    fn hint(&self) -> &'static str {
        match self {
            Failure::Library(Error::Store(StoreError::AlreadyExists { .. })) => "; replace it with --force",
            Failure::Library(Error::Store(StoreError::Locked { .. })) => " (--wait SECONDS, --lock off)",
            Failure::Library(Error::Store(StoreError::NoLocks { .. })) => " (--lock auto)",
            Failure::Library(Error::Format { source, .. }) => match source {
                FormatError::LooksLike { .. } => " (--force-raw)",
                FormatError::Unknown { .. } => " (--dtype, --shape, --offset, --order)",
                FormatError::SeveralMembers { .. } => " (FILE::NAME)",
                _ => "",
            },
            Failure::Library(Error::NoSums { .. }) => " (ndfolio checksum FILE)",
            Failure::Library(Error::Archive { .. }) => " (ndfolio convert FILE::NAME NAME.npy)",
            Failure::Library(Error::Kernel { source: KernelError::Cast { .. }, .. }) => " (--casting unsafe)",
            Failure::Library(Error::Expression(error))
                if matches!(**error, EngineError::Kernel(KernelError::Cast { .. })) =>
            {
                " (--casting unsafe)"
            }
            Failure::Library(Error::Expression(error)) if matches!(**error, EngineError::Budget { .. }) => {
                " (-o FILE, --memory SIZE)"
            }
            _ => "",
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_)
            | Failure::Library(
                Error::Usage { .. }
                | Error::NoSums { .. }
                | Error::Eval(_)
                | Error::SpecForHeader { .. }
                | Error::Location { .. },
            ) => Self::USAGE,
            Failure::Library(Error::Format { source, .. }) => match source {
                FormatError::Unmappable(_) => Self::UNMAPPABLE,
                FormatError::Unknown { .. }
                | FormatError::LooksLike { .. }
                | FormatError::SeveralMembers { .. } => Self::USAGE,
                _ => Self::FAILED,
            },
            Failure::Library(Error::Engine { source: EngineError::Cancelled, .. }) => Self::INTERRUPTED,
            Failure::Library(Error::Expression(error)) if matches!(**error, EngineError::Cancelled) => {
                Self::INTERRUPTED
            }
            _ => Self::FAILED,
        }
    }
}
