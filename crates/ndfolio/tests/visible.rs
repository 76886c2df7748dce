//! How much memory of files is visible as the process's after many gathers. A test by itself: it is counted for the
//! process.

#![cfg(target_os = "linux")]

mod common;

use common::{Folder, Log};
use ndfolio::{CreateOptions, Indices, Io, IoEngine, Session, Size, open};

const MIB: usize = 1 << 20;

/// Bytes of files that are mapped here and were touched.
fn visible() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn gathers_leave_no_more_visible_than_they_may() {
    let folder = Folder::new();
    let path = folder.path("rows.npy");
    let rows = 64 << 10;
    let array = CreateOptions::new("<u4".parse().unwrap(), &[rows, 256]).create(&path).unwrap();
    for row in (0..rows).step_by(1024) {
        let values = ndarray::Array2::from_shape_fn((1024, 256), |(i, j)| ((row + i) * 1000 + j) as u32);
        array.write(row..row + 1024, &values).unwrap();
    }
    array.close().unwrap();
    let array = open(&path).unwrap();
    let indices = |round: usize| -> Vec<i64> {
        (0..4000).map(|i| (((i * 7919 + round) * 104_729) % rows) as i64).collect()
    };
    // Code of the program is touched here and there too.
    let slack = 4 * MIB;
    let gather = |session: &Session, round: usize| {
        let indices = indices(round);
        let log = Log::new(u64::MAX);
        let session = session.clone().observe(log.clone());
        let found =
            array.take(Indices::from(&indices), Some(0)).unwrap().run(&session).read::<u32>().unwrap();
        for (number, &index) in indices.iter().enumerate() {
            assert_eq!(found[[number, 17]], index as u32 * 1000 + 17);
        }
        log.take()
    };
    let little = Session::new().memory(Size::from(16 * MIB));
    let much = Session::new().memory(Size::from(80 * MIB));
    gather(&little, 0);
    let before = visible();
    for io in [Io::Auto, Io::Force(IoEngine::Mmap), Io::Force(IoEngine::Pread)] {
        for round in 0..10 {
            gather(&little.clone().io(io), round);
            let now = visible();
            assert!(now <= before + slack, "{io:?}: {before} {now}");
        }
    }
    // An array that fits stays, and only as long as the memory is given.
    for round in 0..20 {
        let report = gather(&much, round);
        if report.engine != "mmap" {
            return eprintln!("skipped: {}", report.reason);
        }
        assert!(report.reason.contains("stay mapped"), "{}", report.reason);
        let now = visible();
        assert!(now >= before + 32 * MIB && now <= before + 64 * MIB + slack, "{before} {now}");
    }
    let several: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|round| {
                let (gather, much) = (&gather, &much);
                scope.spawn(move || gather(much, round))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(several.len(), 3);
    gather(&little, 0);
    assert!(visible() <= before + slack);
    gather(&much, 1);
    drop(array);
    assert!(visible() <= before + slack);
}
