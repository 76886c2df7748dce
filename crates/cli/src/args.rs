//! The command line.

mod append;
mod batches;
mod describe;
mod eval;
mod integrity;
mod pick;
mod plan;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ndfolio::{Casting, DType, FileKind, Format, Io, IoEngine, Location, OpenOptions, Order, Session, Size};

pub(crate) use self::append::{AppendArgs, CompactArgs, LockArgs, ResizeArgs};
pub(crate) use self::batches::{BatchesArgs, ShuffleName};
pub(crate) use self::describe::{BinsArg, DescribeArgs, RangeArg, StatsArgs};
use crate::failure::Failure;
pub(crate) use eval::EvalArgs;
pub(crate) use integrity::CheckArgs;
pub(crate) use pick::{PickedArgs, SampleArgs, ShuffleArgs, TakeArgs};
pub(crate) use plan::{BenchArgs, ExplainArgs};

/// Arrays on disk, used as if they were in memory.
///
/// FILE is file[::member][[slice]]: run.npy, 'run.npy[0:10, ::2]', archive.npz::weights, "table.npy['x'][-1]".
#[derive(Debug, Parser)]
#[command(name = "ndfolio", version, override_usage = "ndfolio FILE\n       ndfolio <COMMAND>")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads a command line. What it may be is put together once: that takes as long as opening a file.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        let mut known = Cli::command();
        let args = with_info(args.into_iter().collect(), &known);
        let mut found = known.try_get_matches_from_mut(args)?;
        Cli::from_arg_matches_mut(&mut found).map_err(|error| error.format(&mut known))
    }
}

/// The command line with the `info` that a bare file leaves out, and the `show` of a bare `cache FILE`.
fn with_info(mut args: Vec<OsString>, known: &clap::Command) -> Vec<OsString> {
    let is_command = |first: &OsString| {
        ["help", "-h", "--help", "-V", "--version"].iter().any(|word| first == word)
            || known.get_subcommands().any(|command| first == command.get_name())
    };
    if args.get(1).is_some_and(|first| !is_command(first)) {
        args.insert(1, "info".into());
    }
    let cache_words = ["show", "touch", "evict", "lock", "help", "-h", "--help"];
    if args.get(1).is_some_and(|first| first == "cache")
        && args.get(2).is_some_and(|word| cache_words.iter().all(|known| word != known))
    {
        args.insert(2, "show".into());
    }
    args
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What a file holds: dtype, shape, order, where the items lie. A bare FILE means this
    Info(InfoArgs),
    /// Print items as NumPy does, or as CSV, JSON, npy, raw
    Show(ShowArgs),
    /// Make a new file of one array
    Create(CreateArgs),
    /// Write a value or a list of values to a selection, in place
    Set(SetArgs),
    /// Write one value to every item of a selection, in place
    Fill(FillArgs),
    /// Append rows to a .npy file: durable when the command ends, whole to whoever reads meanwhile
    ///
    /// `ndfolio append log.npy new.npy 'more.npy[10:]'`; a FILE that is missing is made
    Append(AppendArgs),
    /// Give a .npy file another number of rows: rows of zeros are added, or the last ones are no longer counted
    Resize(ResizeArgs),
    /// Rewrite a .npy file without what lies behind its rows, with room for more
    Compact(CompactArgs),
    /// Count, minimum, maximum, mean, standard deviation, sum, zeros, NaN, infinities
    Stats(StatsArgs),
    /// Statistics, exact quantiles and a histogram of all items or along axes
    Describe(DescribeArgs),
    /// Sum, mean, var, min, argmax, … with NumPy's results; several in one pass
    Reduce(ReduceArgs),
    /// Make a new file with another dtype, order or format
    Convert(ConvertArgs),
    /// Pick rows, or items along another axis, by indices from a file
    ///
    /// `ndfolio take big.npy --rows idx.npy -o picked.npy`
    Take(TakeArgs),
    /// Draw rows at random, each at most once
    ///
    /// `ndfolio sample big.npy -n 10 --seed 7`
    Sample(SampleArgs),
    /// Make a new file with the rows in random order, of a file of any size
    ///
    /// `ndfolio shuffle x.npy x-shuffled.npy --seed 7`; with the same seed, y.npy gets the same order
    Shuffle(ShuffleArgs),
    /// Batches of rows or of windows, as a training loop gets them: what they are, and how fast they come
    ///
    /// `ndfolio batches x.npy y.npy --batch-size 64 --shuffle blocks --dry-run`
    Batches(BatchesArgs),
    /// Compute an expression of arrays: arithmetic, functions, reductions, to a new file or the screen
    ///
    /// `ndfolio eval '(x - mean(x, axis=0)) / std(x, axis=0)' x=big.npy -o z.npy`
    Eval(EvalArgs),
    /// SHA-256 of the items, equal for equal arrays whatever their format, order and byte order
    Digest(PassArgs),
    /// Compare two arrays; the exit code is 0 if they are equal, 1 if not
    Diff(DiffArgs),
    /// Put checksums beside a file, FILE.ndsum: from then on, writing to it keeps them up to date
    Checksum(PassArgs),
    /// Compare a file with the checksums beside it; the exit code is 0 if it is good, 1 if it is damaged
    Verify(PassArgs),
    /// Look whether a file is whole: header and size, bytes behind the items, what killed processes left, checksums
    Check(CheckArgs),
    /// What of a file is in memory; touch, evict or lock it
    ///
    /// `ndfolio cache FILE` shows it, and so does `ndfolio cache show FILE`
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// What a command would do, before it does it: passes, bytes, engine and reason, memory, time
    ///
    /// `ndfolio explain 'reduce big.npy sum --axis 0'`, or `ndfolio explain -- reduce big.npy sum --axis 0`
    Explain(ExplainArgs),
    /// Measure what this machine and a disk can do at most, in some seconds; `explain` and `--profile` use it
    Bench(BenchArgs),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// A file and, where it is raw, what it holds.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// file[::member][[slice]]
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Files without a header")]
pub(crate) struct RawArgs {
    /// The dtype of the items: '<f4', 'int16', "[('x', '<f8'), ('y', '<i4')]"
    #[arg(long, value_name = "DTYPE")]
    pub(crate) dtype: Option<String>,
    /// The shape: 1000,64; one extent may be -1: as many as there are
    #[arg(long, value_name = "N,N,...", allow_hyphen_values = true)]
    pub(crate) shape: Option<String>,
    /// Where the items begin, in bytes
    #[arg(long, value_name = "BYTES")]
    pub(crate) offset: Option<u64>,
    /// The order of the axes: C or F
    #[arg(long, value_name = "C|F")]
    pub(crate) order: Option<Order>,
    /// Take the file's bytes as items even if they look like a file of a known format
    #[arg(long)]
    pub(crate) force_raw: bool,
    /// The longest .npy header that is read
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 16)]
    pub(crate) max_header: u32,
}

/// Reads a dtype; an error names the file that it was meant for.
pub(crate) fn dtype(path: &Path, text: &str) -> Result<DType, Failure> {
    text.parse().map_err(|error| Failure::about(path, error))
}

/// Reads a shape: `1000,64`, with brackets or without.
fn shape(path: &Path, text: &str) -> Result<Vec<i64>, Failure> {
    let inner = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let wrong = |part: &str| {
        Failure::about(
            path,
            format!("shape {text}: {part:?} is no extent; expected whole numbers such as 1000,64"),
        )
    };
    parts.map(|part| part.parse().map_err(|_| wrong(part))).collect()
}

/// The shape of something that does not exist yet.
pub(crate) fn new_shape(path: &Path, text: &str) -> Result<Vec<usize>, Failure> {
    let extent = |n: i64| {
        usize::try_from(n).map_err(|_| {
            Failure::about(path, format!("negative dimensions are not allowed: shape {text}; a new array needs every extent, -1 is for files that exist"))
        })
    };
    shape(path, text)?.into_iter().map(extent).collect()
}

/// How a long pass is run.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it is run")]
pub(crate) struct RunArgs {
    /// Memory for buffers: 64MiB, 2G, a number of bytes; if not given, what is fast and can be spared
    #[arg(long, value_name = "SIZE", env = "NDFOLIO_MEMORY")]
    pub(crate) memory: Option<Size>,
    /// At most so many threads
    #[arg(long, value_name = "N", env = "NDFOLIO_THREADS")]
    pub(crate) threads: Option<usize>,
    /// How the file is read
    #[arg(long, value_name = "WAY", env = "NDFOLIO_IO", default_value = "auto")]
    pub(crate) io: IoName,
    /// The folder for results that fit no memory and are needed again, in files without a name
    #[arg(long, value_name = "DIR", env = "NDFOLIO_SCRATCH")]
    pub(crate) scratch: Option<PathBuf>,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say on standard error what was predicted and what happened: how it was read, bytes, faults, memory, time
    #[arg(long)]
    pub(crate) profile: bool,
}

impl RunArgs {
    /// The session that the arguments and `NDFOLIO_…` describe.
    pub(crate) fn session(&self) -> Session {
        let mut session = Session::new().io(self.io.into());
        if let Some(size) = self.memory {
            session = session.memory(size);
        }
        if let Some(threads) = self.threads {
            session = session.threads(threads);
        }
        if let Some(folder) = &self.scratch {
            session = session.scratch(folder);
        }
        session
    }
}

/// A way of reading by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum IoName {
    /// By what is in memory already, the file system and the amount
    Auto,
    /// Through a mapping
    Mmap,
    /// By system calls, through the page cache
    Pread,
    /// From the device, past the page cache
    Direct,
}

impl From<IoName> for Io {
    fn from(name: IoName) -> Self {
        match name {
            IoName::Auto => Io::Auto,
            IoName::Mmap => Io::Force(IoEngine::Mmap),
            IoName::Pread => Io::Force(IoEngine::Pread),
            IoName::Direct => Io::Force(IoEngine::Direct),
        }
    }
}

impl Input {
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        Ok(Location::parse(&self.path)?)
    }
}

impl RawArgs {
    /// How the file is opened; `path` is for errors.
    pub(crate) fn options(&self, path: &Path) -> Result<OpenOptions, Failure> {
        let mut options = OpenOptions::new().max_header(self.max_header);
        if let Some(text) = &self.dtype {
            options = options.dtype(dtype(path, text)?);
        }
        if let Some(text) = &self.shape {
            options = options.shape(&shape(path, text)?);
        }
        if let Some(offset) = self.offset {
            options = options.offset(offset);
        }
        if let Some(order) = self.order {
            options = options.order(order);
        }
        Ok(if self.force_raw { options.format(Format::RAW) } else { options })
    }
}

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Every item, however many there are
    #[arg(long)]
    pub(crate) all: bool,
    /// How to print; all but numpy print every item
    #[arg(long, value_name = "FORMAT", default_value = "numpy")]
    pub(crate) format: ShowFormat,
    /// The most digits after the point
    #[arg(long, value_name = "DIGITS", default_value_t = 8)]
    pub(crate) precision: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// As NumPy prints
    Numpy,
    /// One line for each row, its items separated by commas
    Csv,
    /// Nested lists
    Json,
    /// A .npy file
    Npy,
    /// The items' bytes
    Raw,
}

/// What a new file is.
#[derive(Debug, Args)]
#[command(next_help_heading = "The new file")]
pub(crate) struct TargetArgs {
    /// Write FILE.json beside a raw file, which says what it holds
    #[arg(long)]
    pub(crate) sidecar: bool,
    /// Replace a file of that name
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not reserve the space: a full disk is an error later
    #[arg(long)]
    pub(crate) sparse: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TargetFormat {
    Npy,
    Raw,
}

impl From<TargetFormat> for FileKind {
    fn from(format: TargetFormat) -> Self {
        match format {
            TargetFormat::Npy => FileKind::Npy,
            TargetFormat::Raw => FileKind::Raw,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The new file; .npy makes a NumPy file, any other name a raw one
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// The dtype of the items
    #[arg(long, value_name = "DTYPE")]
    pub(crate) dtype: String,
    /// The shape: 1000,64; () for a single item
    #[arg(long, value_name = "N,N,...", allow_hyphen_values = true)]
    pub(crate) shape: String,
    /// The order of the axes: C or F
    #[arg(long, value_name = "C|F", default_value_t = Order::C)]
    pub(crate) order: Order,
    /// What every item is; zero if it is not given
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) fill: Option<String>,
    /// What the file is, whatever its name
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<TargetFormat>,
    /// Bytes of zeros before the items of a raw file
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) offset: u64,
    /// Room for more rows in the header of a .npy file, so that the first `append` need not rewrite it
    #[arg(long)]
    pub(crate) growable: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// A value (1, -2.5, nan, 1+2j, true, text, 2020-01-31) or a list of them ([[1, 2], [3, 4]]), broadcast to
    /// the selection
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FillArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// The value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReduceArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// What to compute; several share one pass
    #[arg(value_name = "OPERATION", required = true)]
    pub(crate) operations: Vec<OpName>,
    /// Along these axes: 0 or 0,2; negative ones count from the end; over all items if not given
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) axis: Option<Vec<isize>>,
    /// The result keeps the reduced axes, with one item each
    #[arg(long)]
    pub(crate) keepdims: bool,
    /// Leave NaN and NaT out, as NumPy's nansum, nanmax, …
    #[arg(long)]
    pub(crate) skip_nan: bool,
    /// What average weights the items with: file[::member][[slice]], of the array's shape or of that of the axes
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// What var and std take from the number of items
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    pub(crate) ddof: f64,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// A reduction by NumPy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum OpName {
    Sum,
    Prod,
    Mean,
    Var,
    Std,
    Min,
    Max,
    Ptp,
    Argmin,
    Argmax,
    Any,
    All,
    CountNonzero,
    Norm,
    /// The mean, or the average with --weights
    Average,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// The new file; .npy makes a NumPy file, any other name a raw one
    #[arg(value_name = "TARGET")]
    pub(crate) target_path: PathBuf,
    /// The dtype of the new items
    #[arg(long, value_name = "DTYPE")]
    pub(crate) to_dtype: Option<String>,
    /// The order of the new file: C or F; that of the old one if it is not given
    #[arg(long, value_name = "C|F")]
    pub(crate) to_order: Option<Order>,
    /// What the new file is, whatever its name
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to_format: Option<TargetFormat>,
    /// Bytes of zeros before the items of a raw file
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) to_offset: u64,
    /// Which casts are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show how much of it is in memory, and where
    Show(CacheArgs),
    /// Read it into the page cache
    Touch(CacheArgs),
    /// Drop it from the page cache
    Evict(CacheArgs),
    /// Keep it in memory until the command is interrupted
    Lock(CacheArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

// Of commands that go through a whole file or array.
#[derive(Debug, Args)]
pub(crate) struct PassArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// file[::member][[slice]]
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// file[::member][[slice]]
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Numbers are equal if they differ by at most atol + rtol × |b|
    #[arg(long, value_name = "R", default_value_t = 0.0)]
    pub(crate) rtol: f64,
    /// See --rtol
    #[arg(long, value_name = "A", default_value_t = 0.0)]
    pub(crate) atol: f64,
    /// NaN in both is equal
    #[arg(long)]
    pub(crate) equal_nan: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
