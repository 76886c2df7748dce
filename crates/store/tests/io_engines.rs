//! The read engines: one set of tests, which each of them has to pass.
#![allow(clippy::single_range_in_vec_init, reason = "a pass over one piece is a list of one range")]

mod common;

use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::{fs, thread};

use common::{Folder, PAGE, as_child, assert_success, cut, pattern, run_child};
use ndfolio_store::{
    AccessPlan, Chunks, Dispenser, Existing, File, IoCounters, IoEngine, Mode, NewFile, Pattern, PieceStream,
    Pieces, Reserve, Result, StoreError, Turns, WriteEngine,
};

/// What a stream may take beyond its budget, to begin and end at blocks.
const SLACK: u64 = 2 * PAGE;

const MIB: u64 = 1 << 20;

/// Runs a test with each engine that can be had for the file.
fn each(file: &File, mut test: impl FnMut(IoEngine)) {
    for engine in IoEngine::ALL {
        let nothing = Vec::new();
        match file.stream(engine, &Dispenser::new(&nothing), 0) {
            Err(error @ StoreError::Unsupported { .. }) => eprintln!("skipped {engine}: {error}"),
            other => {
                other.unwrap();
                test(engine);
            }
        }
    }
}

/// All pieces that several workers get, and what they counted. No index comes twice.
fn read(
    file: &File,
    engine: IoEngine,
    pieces: &dyn Pieces,
    workers: usize,
    budget: usize,
) -> Result<(BTreeMap<usize, Vec<u8>>, IoCounters)> {
    let dispenser = Dispenser::new(pieces);
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        let mut stream = file.stream(engine, &dispenser, budget)?;
        assert_eq!(stream.engine(), engine);
        while let Some((index, bytes)) = stream.next()? {
            let range = pieces.range(index);
            if !bytes.is_empty() {
                assert_eq!(bytes.as_ptr().addr() as u64 % 64, range.start % 64, "{engine} {range:?}");
            }
            assert!(found.lock().unwrap().insert(index, bytes.to_vec()).is_none(), "{index} came twice");
            // Private memory: whatever happens to it changes nothing else.
            bytes.fill(0xff);
        }
        assert!(stream.next()?.is_none(), "the end is the end");
        assert!(stream.counters().buffer_bytes <= budget as u64 + SLACK, "{engine} {:?}", stream.counters());
        Ok::<_, StoreError>(stream.counters())
    };
    let mut counters = IoCounters::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            counters.add(&worker.join().unwrap()?);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok((found.into_inner().unwrap(), counters))
}

fn longest(pieces: &[Range<u64>]) -> usize {
    pieces.iter().map(|range| (range.end - range.start) as usize).max().unwrap_or(0)
}

/// Reads the pieces of a file of [`pattern`] and compares.
fn expect_right(file: &File, engine: IoEngine, pieces: &[Range<u64>], workers: usize, budget: usize) {
    let (found, counters) = read(file, engine, &pieces, workers, budget).unwrap();
    assert_eq!(found.len(), pieces.len());
    for (index, bytes) in &found {
        let range = &pieces[*index];
        assert!(*bytes == pattern(range.start, (range.end - range.start) as usize), "{engine} {range:?}");
    }
    let asked: u64 = pieces.iter().map(|range| range.end - range.start).sum();
    assert_eq!((counters.pieces, counters.bytes_asked), (pieces.len() as u64, asked));
    assert!(counters.bytes_read >= asked, "{engine} {counters:?}");
}

/// Ranges of all kinds within `len` bytes, the same each time.
fn ranges(len: u64, count: usize, longest: u64) -> Vec<Range<u64>> {
    let mut state = 12345_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    };
    (0..count)
        .map(|_| {
            let start = random(len);
            start..(start + random(longest + 1)).min(len)
        })
        .collect()
}

#[test]
fn every_piece_has_its_bytes() {
    let folder = Folder::new();
    let len = 3 * MIB + 1234;
    let file = File::open(folder.file("file", len), Mode::Read).unwrap();
    let lists = [
        vec![0..len],
        vec![0..0, len..len, 5..5, 0..1, len - 1..len, 1..2, 511..513, 4095..4097, 4096..8192, 100..100],
        vec![0..MIB, 128..MIB + 128, 1..len - 1, 0..len, len - PAGE..len, len - 1234..len, len - 1235..len],
        (0..2000).map(|index| index * 1000..index * 1000 + 8).collect(),
        ranges(len, 300, 20_000),
        ranges(len, 40, len),
        vec![],
    ];
    each(&file, |engine| {
        for pieces in &lists {
            for (workers, factor) in [(1, 1), (1, 4), (3, 1), (2, 100)] {
                expect_right(&file, engine, pieces, workers, longest(pieces) * factor);
            }
        }
    });
}

#[test]
fn one_range_in_equal_pieces() {
    let folder = Folder::new();
    let len = 2 * MIB + 77;
    let file = File::open(folder.file("file", len), Mode::Read).unwrap();
    for (range, step) in [(0..len, 256 << 10), (128..len, 100_000), (7..8, 100), (len..len, 1)] {
        let chunks = Chunks::new(range.clone(), step);
        let list: Vec<Range<u64>> = (0..chunks.count()).map(|index| chunks.range(index)).collect();
        assert_eq!(chunks.count() as u64, (range.end - range.start).div_ceil(step));
        each(&file, |engine| {
            let (found, _) = read(&file, engine, &chunks, 2, step as usize).unwrap();
            let joined: Vec<u8> = found.into_values().flatten().collect();
            assert!(joined == pattern(range.start, (range.end - range.start) as usize), "{engine}");
            expect_right(&file, engine, &list, 1, step as usize);
        });
    }
}

#[test]
fn a_file_of_many_windows() {
    let folder = Folder::new();
    let path = folder.join("holes");
    let len = 700 * MIB;
    let made = fs::File::create(&path).unwrap();
    made.set_len(len).unwrap();
    let mut pieces: Vec<Range<u64>> =
        (0..7).map(|index| index * 100 * MIB..index * 100 * MIB + 5000).collect();
    pieces.extend([256 * MIB - 100..256 * MIB + 100, 512 * MIB - MIB..512 * MIB + 3, len - 10..len]);
    // There and back: windows are mapped again.
    pieces.extend(pieces.clone().into_iter().rev());
    for range in &pieces {
        made.write_all_at(&pattern(range.start, (range.end - range.start) as usize), range.start).unwrap();
    }
    let file = File::open(&path, Mode::Read).unwrap();
    each(&file, |engine| {
        for workers in [1, 3] {
            expect_right(&file, engine, &pieces, workers, 4 << 20);
        }
    });
}

#[test]
fn an_empty_file_has_empty_pieces() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 0), Mode::Read).unwrap();
    each(&file, |engine| {
        expect_right(&file, engine, &[0..0, 0..0], 2, 0);
        let error = read(&file, engine, &vec![0..1], 1, 100).unwrap_err();
        assert!(matches!(error, StoreError::OutOfRange { offset: 0, len: 1, file_len: 0, .. }), "{error}");
    });
}

#[test]
fn pieces_that_never_were_are_refused() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 10_000), Mode::Read).unwrap();
    each(&file, |engine| {
        for range in [9_999..10_001, 20_000..20_001, u64::MAX - 1..u64::MAX, 0..u64::MAX] {
            let pieces = vec![range.clone(), 0..10];
            let dispenser = Dispenser::new(&pieces);
            let mut stream = file.stream(engine, &dispenser, 1 << 20).unwrap();
            let error = stream.next().unwrap_err();
            assert!(
                matches!(error, StoreError::OutOfRange { offset, len, .. }
                    if offset == range.start && len == range.end - range.start),
                "{error}"
            );
            assert!(dispenser.is_stopped(), "an error ends the pass for all");
            assert!(stream.next().unwrap().is_none());
        }
    });
}

#[test]
fn a_piece_beyond_the_budget_is_refused() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 100_000), Mode::Read).unwrap();
    each(&file, |engine| {
        expect_right(&file, engine, &[7..10_007], 1, 10_000);
        let error = read(&file, engine, &vec![0..10_000, 7..10_008], 1, 10_000).unwrap_err();
        assert!(
            matches!(error, StoreError::Budget { offset: 7, len: 10_001, budget: 10_000, .. }),
            "{error}"
        );
    });
}

#[test]
fn a_stopped_pass_hands_out_nothing_more() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", MIB), Mode::Read).unwrap();
    let pieces = Chunks::new(0..MIB, 1000);
    each(&file, |engine| {
        let dispenser = Dispenser::new(&pieces);
        let mut streams: Vec<_> = (0..2).map(|_| file.stream(engine, &dispenser, 1 << 20).unwrap()).collect();
        for stream in &mut streams {
            assert!(stream.next().unwrap().is_some());
        }
        dispenser.stop();
        for stream in &mut streams {
            assert!(stream.next().unwrap().is_none());
            assert_eq!(stream.counters().pieces, 1);
        }
        assert!(dispenser.take().is_none());
        assert!((2..=2 * 128).contains(&dispenser.taken()), "{}", dispenser.taken());
    });
}

#[test]
fn a_stream_can_be_dropped_anywhere() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 4 * MIB), Mode::Read).unwrap();
    each(&file, |engine| {
        for step in [1000, 256 << 10] {
            let pieces = Chunks::new(3..4 * MIB, step);
            for taken in 0..12 {
                let dispenser = Dispenser::new(&pieces);
                let mut stream = file.stream(engine, &dispenser, 4 << 20).unwrap();
                for _ in 0..taken {
                    assert!(stream.next().unwrap().is_some());
                }
            }
        }
    });
    file.check().unwrap();
}

#[test]
fn a_stream_can_move_to_another_thread() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 2 * MIB), Mode::Read).unwrap();
    let pieces = Chunks::new(0..2 * MIB, 50_000);
    each(&file, |engine| {
        let dispenser = Dispenser::new(&pieces);
        let mut stream = file.stream(engine, &dispenser, 1 << 20).unwrap();
        let next = |stream: &mut Box<dyn PieceStream + '_>| {
            let (index, bytes) = stream.next().unwrap().unwrap();
            let range = pieces.range(index);
            assert!(*bytes == pattern(range.start, bytes.len()));
        };
        for _ in 0..5 {
            next(&mut stream);
            thread::scope(|scope| scope.spawn(|| next(&mut stream)).join()).unwrap();
        }
    });
}

#[test]
fn a_cut_before_the_pass_is_an_error() {
    for len in [0, 1, 5 * PAGE, 5 * PAGE + 100, 10 * PAGE - 8] {
        let folder = Folder::new();
        let path = folder.file("file", 10 * PAGE);
        let file = File::open(&path, Mode::Read).unwrap();
        each(&file, |engine| {
            fs::write(&path, pattern(0, 10 * PAGE as usize)).unwrap();
            cut(&path, len);
            let whole = 10 * PAGE;
            let error = read(&file, engine, &vec![0..whole], 1, 1 << 20).unwrap_err();
            expect_cut(&error, &path, 0..whole, len);
            let last = whole - 100..whole;
            let error = read(&file, engine, &vec![last.clone()], 1, 1 << 20).unwrap_err();
            expect_cut(&error, &path, last, len);
            expect_right(&file, engine, &[0..len], 1, 1 << 20);
        });
    }
}

fn expect_cut(error: &StoreError, path: &Path, range: Range<u64>, len: u64) {
    let StoreError::Truncated { path: named, offset, expected, found } = error else { panic!("{error}") };
    assert_eq!((named.as_path(), *offset, *expected), (path, range.start, range.end - range.start));
    assert_eq!(*found, len.saturating_sub(range.start), "{error}");
}

#[test]
fn a_cut_in_the_middle_is_an_error() {
    let folder = Folder::new();
    let len = 8 * MIB;
    let path = folder.file("file", len);
    let file = File::open(&path, Mode::Read).unwrap();
    each(&file, |engine| {
        for round in 0..20 {
            fs::write(&path, pattern(0, len as usize)).unwrap();
            let pieces = Chunks::new(0..len, 10_000);
            let dispenser = Dispenser::new(&pieces);
            let mut stream = file.stream(engine, &dispenser, 200_000).unwrap();
            let cutter = thread::spawn({
                let path = path.clone();
                move || cut(&path, MIB + round * 12_345)
            });
            let result = loop {
                match stream.next() {
                    Ok(Some((index, bytes))) => {
                        let range = pieces.range(index);
                        assert!(*bytes == pattern(range.start, bytes.len()), "{engine} {range:?}");
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            cutter.join().unwrap();
            match result {
                Err(StoreError::Truncated { .. }) | Ok(()) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn what_was_written_is_read() {
    let folder = Folder::new();
    let path = folder.file("file", 100_000);
    let file = File::open(&path, Mode::ReadWrite).unwrap();
    let map = file.map(50_000..60_000).unwrap();
    let mut expected = pattern(0, 100_000);
    each(&file, |engine| {
        let mark = engine as u8;
        file.write_at(10_000, &[mark; 5000]).unwrap();
        map.copy_from(100, &[mark; 5000]).unwrap();
        expected[10_000..15_000].fill(mark);
        expected[50_100..55_100].fill(mark);
        let (found, _) = read(&file, engine, &vec![0..100_000], 1, 100_000).unwrap();
        assert!(found[&0] == expected, "{engine}");
    });
}

#[test]
fn the_private_view_is_read_by_calls() {
    let folder = Folder::new();
    let path = folder.file("file", 100_000);
    let file = File::open(&path, Mode::CopyOnWrite).unwrap();
    file.write_at(10, b"private").unwrap();
    let pieces = vec![0..100_000];
    for engine in [IoEngine::Mmap, IoEngine::Direct] {
        let dispenser = Dispenser::new(&pieces);
        let (mut stream, reason) = file.stream_or_fallback(engine, &dispenser, 100_000).unwrap();
        assert!(matches!(reason, Some(StoreError::Unsupported { .. })), "{reason:?}");
        assert_eq!(stream.engine(), IoEngine::Pread);
        assert_eq!(stream.next().unwrap().unwrap().1[10..17], *b"private");
    }
    let choice = file.choose(&plan(0..100_000));
    assert_eq!(choice.engine, IoEngine::Pread);
    assert!(choice.reason.contains("'c'"));
}

fn plan(range: Range<u64>) -> AccessPlan {
    let bytes = range.end - range.start;
    AccessPlan { range, bytes, pieces: 1, pattern: Pattern::Sequential }
}

#[test]
fn the_choice_follows_the_page_cache() {
    let folder = Folder::new();
    let path = folder.file("file", 65 * MIB);
    let file = File::open(&path, Mode::Read).unwrap();
    assert_eq!(file.choose(&plan(0..MIB - 1)).engine, IoEngine::Pread, "small");
    let left = file.evict(0..file.len()).unwrap();
    if left.resident != Some(0) {
        return eprintln!("skipped: {} keeps {left:?}", file.file_system().name);
    }
    let cold = file.choose(&plan(0..file.len()));
    let direct = file.stream(IoEngine::Direct, &Dispenser::new(&Vec::new()), 0).is_ok();
    assert_eq!(cold.engine, if direct { IoEngine::Direct } else { IoEngine::Pread }, "{}", cold.reason);
    assert!(cold.reason.contains("0 %"), "{}", cold.reason);
    // Locked, so that nobody pushes them out.
    file.prefetch(0..file.len(), &|| false).unwrap();
    let _locked = match file.lock(0..file.len()) {
        Err(error @ StoreError::LockLimit { .. }) => return eprintln!("skipped: {error}"),
        result => result.unwrap(),
    };
    let hot = file.choose(&plan(0..file.len()));
    assert_ne!(hot.engine, IoEngine::Direct, "{}", hot.reason);
    assert!(hot.reason.contains("100 %") && hot.reason.contains("folios"), "{}", hot.reason);
    let few = file.choose(&plan(0..10 * MIB));
    assert_eq!(few.engine, IoEngine::Pread, "{}", few.reason);
}

/// Lets the system refuse `io_uring`, as containers do.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn forbid_io_uring() {
    const SETUP: u32 = libc::SYS_io_uring_setup as u32;
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, SETUP),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives during the calls, which change what this process may do and no memory.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn without_io_uring_calls_do() {
    if let Some(folder) = as_child() {
        forbid_io_uring();
        let file = File::open(folder.join("file"), Mode::Read).unwrap();
        let pieces = Chunks::new(0..file.len(), 1000);
        let dispenser = Dispenser::new(&pieces);
        let error = file.stream(IoEngine::Direct, &dispenser, 1000).err().unwrap();
        let StoreError::Unsupported { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.raw_os_error(), Some(libc::EPERM));
        let (mut stream, reason) = file.stream_or_fallback(IoEngine::Direct, &dispenser, 1000).unwrap();
        assert!(reason.is_some());
        let (index, bytes) = stream.next().unwrap().unwrap();
        assert!(index == 0 && *bytes == pattern(0, 1000));
        file.evict(0..file.len()).unwrap();
        let choice = file.choose(&plan(0..file.len()));
        assert_eq!(choice.engine, IoEngine::Pread, "{}", choice.reason);
        let mut new = NewFile::create(folder.join("new"), Existing::Refuse).unwrap();
        new.reserve(256 * MIB, Reserve::Sparse).unwrap();
        let mut writer = new.writer(100_000, 100_000).unwrap();
        assert_ne!(writer.engine(), WriteEngine::Direct);
        let Some(StoreError::Unsupported { source, .. }) = writer.reason() else { panic!("{writer:?}") };
        assert_eq!(source.raw_os_error(), Some(libc::EPERM));
        writer.room(77, 100_000).unwrap().copy_from_slice(&pattern(77, 100_000));
        writer.write().unwrap();
        writer.finish().unwrap();
        let mut found = vec![0; 100_000];
        new.read_at(77, &mut found).unwrap();
        assert!(found == pattern(77, 100_000));
        return;
    }
    let folder = Folder::new();
    folder.file("file", 3 * MIB);
    assert_success(&run_child("without_io_uring_calls_do", folder.path()));
}

#[test]
fn in_order_each_worker_gets_its_pieces_as_it_took_them() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 2 * MIB), Mode::Read).unwrap();
    let pieces = ranges(2 * MIB, 500, 30_000);
    each(&file, |engine| {
        let dispenser = Dispenser::new(&pieces).in_order();
        let count = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut stream = file.stream(engine, &dispenser, 130_000).unwrap();
                    let mut last = None;
                    while let Some((index, bytes)) = stream.next().unwrap() {
                        assert!(last < Some(index), "{engine}: {last:?}, then {index}");
                        last = Some(index);
                        assert!(*bytes == pattern(pieces[index].start, bytes.len()));
                        *count.lock().unwrap() += 1;
                    }
                });
            }
        });
        assert_eq!(count.into_inner().unwrap(), pieces.len(), "{engine}");
    });
}

#[test]
fn a_worker_gets_the_same_pieces_of_several_files() {
    let folder = Folder::new();
    let files: Vec<File> = ["a", "b", "c"]
        .iter()
        .map(|name| File::open(folder.file(name, 2 * MIB), Mode::Read).unwrap())
        .collect();
    // Each file's pieces are of another length.
    let lists: Vec<Chunks> = (1..=3).map(|n| Chunks::new(n * 77..n * 77 + n * 500_000, n * 5000)).collect();
    each(&files[0], |engine| {
        let pass = Dispenser::new(&lists[0]);
        let seen = Mutex::new(Vec::new());
        let work = || {
            let turns = Turns::new(&pass);
            let dispensers: Vec<_> = lists.iter().map(|list| Dispenser::of_turns(list, &turns)).collect();
            let streams = files.iter().zip(&dispensers);
            let mut streams: Vec<_> = streams
                .zip([1, 3, 9])
                .map(|((file, dispenser), most)| file.stream(engine, dispenser, most * 15_000).unwrap())
                .collect();
            loop {
                let mut indices = Vec::new();
                for (stream, list) in streams.iter_mut().zip(&lists) {
                    if let Some((index, bytes)) = stream.next().unwrap() {
                        assert!(*bytes == pattern(list.range(index).start, bytes.len()));
                        indices.push(index);
                    }
                }
                let Some(&first) = indices.first() else { break };
                assert_eq!(indices, [first; 3], "{engine}");
                seen.lock().unwrap().push(first);
            }
        };
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(work);
            }
        });
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>(), "{engine}");
    });
}

#[test]
fn a_forked_child_cannot_go_on() {
    let Some(folder) = as_child() else {
        let folder = Folder::new();
        folder.file("file", MIB);
        return assert_success(&run_child("a_forked_child_cannot_go_on", folder.path()));
    };
    let file = File::open(folder.join("file"), Mode::Read).unwrap();
    let pieces = Chunks::new(0..MIB, 10_000);
    each(&file, |engine| {
        let dispenser = Dispenser::new(&pieces);
        let mut stream = file.stream(engine, &dispenser, 1 << 20).unwrap();
        stream.next().unwrap().unwrap();
        // SAFETY: the child does a few things that need no other thread, and leaves.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_refused = matches!(stream.next(), Err(StoreError::Unsupported { .. }));
            drop(stream);
            // SAFETY: nothing of this process is left to be cleaned up.
            unsafe { libc::_exit(i32::from(is_refused != (engine == IoEngine::Direct))) };
        }
        let mut status = -1;
        // SAFETY: the status is written to a variable of ours.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "{engine}");
        while let Some((index, bytes)) = stream.next().unwrap() {
            assert!(*bytes == pattern(pieces.range(index).start, bytes.len()));
        }
    });
}

/// The queue's memory is not in the child, so something else of the child may lie where it was; giving the queue up
/// there must not take that away.
#[test]
fn a_forked_child_keeps_what_lies_where_the_queue_was() {
    let Some(folder) = as_child() else {
        let folder = Folder::new();
        folder.file("file", MIB);
        return assert_success(&run_child(
            "a_forked_child_keeps_what_lies_where_the_queue_was",
            folder.path(),
        ));
    };
    let file = File::open(folder.join("file"), Mode::Read).unwrap();
    let pieces = Chunks::new(0..MIB, 10_000);
    let dispenser = Dispenser::new(&pieces);
    let Ok(mut stream) = file.stream(IoEngine::Direct, &dispenser, 1 << 20) else {
        return println!("skipped: no queue can be had here");
    };
    stream.next().unwrap().unwrap();
    let queue = queue_memory();
    assert!(!queue.is_empty());
    // SAFETY: the child does a few things that need no other thread, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let own: Vec<_> = queue.into_iter().filter_map(|(start, len)| own_memory(start, len)).collect();
        drop(stream);
        let is_there = own.iter().all(|&place| {
            // SAFETY: it was mapped above; that it still is is what is tested.
            unsafe { place.read_volatile() == 7 }
        });
        // SAFETY: nothing of this process is left to be cleaned up.
        unsafe { libc::_exit(i32::from(own.is_empty() || !is_there)) };
    }
    let mut status = -1;
    // SAFETY: the status is written to a variable of ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

/// Addresses and lengths of the queues of this process.
fn queue_memory() -> Vec<(usize, usize)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let queues = maps.lines().filter(|line| line.contains("io_uring"));
    queues
        .map(|line| {
            let (start, rest) = line.split_once('-').unwrap();
            let end = number(rest.split_once(' ').unwrap().0);
            (number(start), end - number(start))
        })
        .collect()
}

/// Memory at an address at which there is none yet, which holds a 7.
fn own_memory(start: usize, len: usize) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let wanted = std::ptr::without_provenance_mut(start);
    // SAFETY: nothing that is mapped is replaced.
    let place = unsafe { libc::mmap(wanted, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return None;
    }
    let place = place.cast::<u8>();
    // SAFETY: it was mapped above, and is nobody else's.
    unsafe { place.write(7) };
    Some(place)
}
