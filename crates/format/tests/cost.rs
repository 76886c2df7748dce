//! What a hostile file costs before it is refused: a millisecond and a megabyte at most, whatever it promises.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use ndfolio_format::{BlockSums, KnownMagic, RawSpec, ReadAt, ReadOptions, npy, read, read_raw, sniff};
use ndfolio_layout::{DType, Order};

const MOST_BYTES: usize = 1 << 20;
/// Code that is hardly optimised takes some times as long.
const MOST_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5 } else { 1 });
/// JSON beside a raw file is taken apart first, and may cost some times its own length.
const MOST_OF_JSON: usize = 48;
/// A busy machine is slow now and then: the fastest of so many counts.
const TRIES: usize = 20;

thread_local! {
    /// Bytes that this thread has now, and the most that it had.
    static LIVE: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(change: impl Fn(usize) -> usize) {
    // At the end of a thread there is nothing to count any more.
    let _ = LIVE.try_with(|live| {
        let (now, most) = live.get();
        let now = change(now);
        live.set((now, most.max(now)));
    });
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|now| now.saturating_add(layout.size()));
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(|now| now.saturating_sub(layout.size()));
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A file that begins with these bytes and claims to be longer: the rest is zeros.
struct Claims<'a>(&'a [u8], u64);

impl ReadAt for Claims<'_> {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let there = self.1.saturating_sub(offset).min(buf.len() as u64) as usize;
        buf[..there].fill(0);
        Ok(self.0.read_at(offset, &mut buf[..there])?.max(there))
    }
}

/// The most bytes, and the least time, of all that is done with a file.
fn cost(work: &dyn Fn()) -> (usize, Duration) {
    let (mut bytes, mut time) = (0, Duration::MAX);
    for _ in 0..TRIES {
        let before = LIVE.get().0;
        LIVE.set((before, before));
        let started = Instant::now();
        work();
        time = time.min(started.elapsed());
        bytes = bytes.max(LIVE.get().1 - before);
        if time < MOST_TIME {
            break;
        }
    }
    (bytes, time)
}

fn expect_cheap(what: &str, work: &dyn Fn()) {
    let (bytes, time) = cost(work);
    assert!(bytes <= MOST_BYTES, "{what}: {bytes} bytes");
    assert!(time <= MOST_TIME, "{what}: {time:?}");
}

fn expect_cheap_file(what: &str, file: &[u8]) {
    let claims = [file.len() as u64, (file.len() as u64).max(1 << 33), i64::MAX as u64, u64::MAX];
    for len in claims {
        let file = Claims(file, len);
        expect_cheap(&format!("{what}, {len} bytes"), &|| {
            let _ = sniff(&file);
            let _ = read(&file, "a.npy", &ReadOptions::default()).map_err(|error| error.to_string());
        });
        let spec = RawSpec::new("[('a', '<f4'), ('b', '|S7')]".parse().unwrap());
        let mut ignore = ReadOptions::default();
        ignore.known_magic = KnownMagic::Ignore;
        expect_cheap(&format!("{what} as values"), &|| drop(read_raw(&file, "a", &spec, &ignore)));
    }
}

/// A `.npy` file of a version with this text as its header.
fn header(version: u8, text: &[u8]) -> Vec<u8> {
    let mut out = npy::MAGIC.to_vec();
    out.extend([version, 0]);
    match version {
        1 => out.extend((text.len() as u16).to_le_bytes()),
        _ => out.extend((text.len() as u32).to_le_bytes()),
    }
    out.extend(text);
    out
}

fn said(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

/// Longest text that a version 1 header can have.
const LONGEST: usize = 65_535;

/// `start`, then as many `part` as fit, then `end`.
fn long(start: &str, part: &str, end: &str) -> String {
    let count = (LONGEST - start.len() - end.len()) / part.len();
    format!("{start}{}{end}", part.repeat(count))
}

/// Headers that ask for much, or want much work.
fn headers() -> Vec<(&'static str, String)> {
    let frame = |part: &str| {
        let all = said("@", "@");
        let (start, rest) = all.split_once('@').unwrap();
        let (middle, end) = rest.split_once('@').unwrap();
        match part {
            "descr" => (start.to_owned(), format!("{middle}(1,){end}")),
            _ => (format!("{start}'<f4'{middle}"), end.to_owned()),
        }
    };
    let ((descr, descr_end), (shape, shape_end)) = (frame("descr"), frame("shape"));
    vec![
        ("objects", said("'|O'", "(0,)")),
        ("nested objects", said("[('a', [('b', '|O')])]", "(1,)")),
        ("brackets", "[".repeat(LONGEST)),
        ("round brackets", "(".repeat(LONGEST)),
        ("curly brackets", "{".repeat(LONGEST)),
        ("closed brackets", format!("{}{}", "(".repeat(30_000), ")".repeat(30_000))),
        ("nested records", long(&descr, "[('a', ", &descr_end)),
        ("nested sub-arrays", long(&descr, "('<f4', ", &descr_end)),
        ("many fields", long(&format!("{descr}["), "('', '<f4'), ", &format!("]{descr_end}"))),
        ("fields of one name", long(&format!("{descr}["), "('a', '<f4'), ", &format!("]{descr_end}"))),
        ("a long name", long(&format!("{descr}[('"), "a", &format!("', '<f4')]{descr_end}"))),
        ("escapes", long(&format!("{descr}[('"), "\\U0001f600", &format!("', '<f4')]{descr_end}"))),
        ("a long dtype", long(&format!("{descr}'"), "1", &format!("f4'{descr_end}"))),
        ("a dtype with commas", long(&format!("{descr}'"), "f4,", &format!("f4'{descr_end}"))),
        ("a huge item", said("'|V99999999999999999999'", "(1,)")),
        ("huge sub-arrays", said("('<f4', (4294967296, 4294967296))", "(1,)")),
        ("many axes", long(&format!("{shape}("), "1, ", &format!("){shape_end}"))),
        ("a long extent", long(&format!("{shape}("), "9", &format!(",){shape_end}"))),
        ("a product that wraps", said("'<f8'", "(4294967296, 4294967296)")),
        ("nothing beside much", said("'<f8'", "(0, 4611686018427387904, 4611686018427387904)")),
        ("2^63 times nothing", said("'|V0'", "(9223372036854775808, 0)")),
        ("items of no bytes", said("'|S0'", "(1099511627776,)")),
        ("2^40 items", said("'<f8'", "(1000000000000,)")),
        ("many keys", long("{", "'descr': 1, ", "}")),
        ("other keys", long("{", "'x': 1, ", "}")),
        ("text in pieces", said("'<' 'f4'", "(1,)")),
        ("a comment", long("{#", "x", "}")),
        ("blanks", long("{", " ", "}")),
        ("line breaks", long("", "\n", "")),
        ("quotes", "'".repeat(LONGEST)),
        ("an open text", long("{'", "a", "")),
        ("minus signs", long(&shape, "-", &shape_end)),
        ("code", said("__import__('os').system('true')", "(1,)")),
    ]
}

#[test]
fn headers_of_arrays() {
    for (what, text) in headers() {
        assert!(text.len() <= LONGEST, "{what}");
        for version in [1, 2, 3] {
            expect_cheap_file(&format!("{what}, version {version}"), &header(version, text.as_bytes()));
        }
    }
    for len in [65_536_u32, 1 << 20, u32::MAX] {
        let mut file = b"\x93NUMPY\x02\0".to_vec();
        file.extend(len.to_le_bytes());
        expect_cheap_file("a length that lies", &file);
    }
    expect_cheap_file("bytes that are no text", &header(3, &[0xff; LONGEST]));
}

#[test]
fn texts_of_dtypes() {
    for (what, text) in headers() {
        expect_cheap(what, &|| drop(text.parse::<DType>()));
        let json = text.replace('(', "[").replace(')', "]").replace('\'', "\"");
        let json = format!("{{\"dtype\": {json}}}");
        let (bytes, _) = cost(&|| drop(RawSpec::from_json(json.as_bytes())));
        assert!(bytes <= MOST_BYTES.max(MOST_OF_JSON * json.len()), "{what} as JSON: {bytes} bytes");
    }
    let deep = format!("{{\"dtype\": {}", "[".repeat(60_000));
    expect_cheap("deep JSON", &|| drop(RawSpec::from_json(deep.as_bytes())));
}

#[test]
fn checksums() {
    let good = BlockSums::new(0, 0).unwrap().to_bytes();
    for (at, number) in [(32, u64::MAX), (32, 1 << 43), (24, u64::MAX), (8, 4096)] {
        let mut bad = good.clone();
        bad[at..at + 8].copy_from_slice(&number.to_le_bytes());
        expect_cheap("checksums that lie", &|| {
            drop(BlockSums::from_bytes(&bad));
            drop(BlockSums::file_len(&bad));
        });
    }
}

/// Archives: the directory's numbers, wherever they are, say as much as they can.
#[test]
fn archives() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut seen = 0;
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "npz") {
            continue;
        }
        seen += 1;
        let good = fs::read(&path).unwrap();
        expect_cheap_file("an archive", &good);
        for at in 0..good.len() {
            for width in [2, 4, 8] {
                let mut bad = good.clone();
                let end = bad.len().min(at + width);
                bad[at..end].fill(0xff);
                let work = || drop(read(&bad, "a.npz", &ReadOptions::default()));
                expect_cheap(&format!("{}: {width} bytes at {at}", path.display()), &work);
            }
        }
    }
    assert!(seen >= 4);
}

/// Everything that fuzzing begins with.
#[test]
fn seeds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut seen = 0;
    for target in ["npy_header", "npz", "raw_sidecar", "any_format", "checksums"] {
        for entry in fs::read_dir(folder.join(target)).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            expect_cheap_file(target, &bytes);
            expect_cheap(target, &|| drop(BlockSums::from_bytes(&bytes)));
            expect_cheap(target, &|| drop(RawSpec::from_json(&bytes)));
            seen += 1;
        }
    }
    assert!(seen > 20);
}

/// The count is of what is allocated: who asks for too much is seen.
#[test]
fn what_costs_more_is_seen() {
    let (bytes, _) = cost(&|| drop(std::hint::black_box(vec![1_u8; MOST_BYTES + 1])));
    assert!(bytes > MOST_BYTES);
    let (bytes, time) = cost(&|| drop(npy::header(&"<f4".parse().unwrap(), &[2, 3], Order::C)));
    assert!(bytes > 0 && bytes < 10_000 && time < MOST_TIME);
}
