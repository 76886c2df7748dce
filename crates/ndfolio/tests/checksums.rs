//! Checksums beside files: what they find, and that writing keeps them up to date.

mod common;

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use common::Folder;
use ndarray::{Array1, Array2};
use ndfolio::{
    Casting, CreateOptions, Existing, Io, IoEngine, Lazy, Memmap, Mode, OpenOptions, Run, Session,
    Verification, checksum, slice, verify,
};

const MIB: u64 = 1 << 20;

/// 5 MiB and some of rows of 1000 bytes, with checksums.
fn summed(folder: &Folder) -> PathBuf {
    let path = folder.path("a.npy");
    let items = Array2::from_shape_fn((5300, 250), |(i, j)| (i * 250 + j) as f32);
    ndfolio::save(&path, &items).unwrap();
    let sums = checksum(&path, Run::default()).unwrap();
    assert_eq!((sums.blocks, sums.covered, sums.generation), (6, 5_300_128, 1));
    path
}

fn check(path: &Path) -> Verification {
    let array = ndfolio::open(path).unwrap();
    let found = array.verify(Run::default()).unwrap();
    assert_eq!(verify(path, Run::default()).unwrap().is_damaged(), found.is_damaged());
    found
}

fn expect_good(path: &Path) {
    let found = check(path);
    assert!(!found.is_damaged() && !found.is_outdated() && found.differing.is_empty(), "{found:?}");
}

/// Flips a bit behind everybody's back.
fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

fn writable(path: &Path) -> ndfolio::Array {
    OpenOptions::new().mode(Mode::ReadWrite).open(path).unwrap()
}

/// The same 5300 rows, in a file that counts them.
fn counted(folder: &Folder) -> PathBuf {
    let path = folder.path("a.npy");
    let items = Array2::from_shape_fn((5300, 250), |(i, j)| (i * 250 + j) as f32);
    let array = CreateOptions::new("<f4".parse().unwrap(), &[5300, 250]).growable().create(&path).unwrap();
    array.write(.., &items).unwrap();
    array.close().unwrap();
    checksum(&path, Run::default()).unwrap();
    path
}

fn expect_covered(path: &Path, rows: u64) {
    expect_good(path);
    let found = check(path);
    assert_eq!(found.sums.covered, ndfolio::open(path).unwrap().offset() + 1000 * rows, "{found:?}");
}

#[test]
fn rows_that_are_appended_are_covered() {
    let folder = Folder::new();
    let path = counted(&folder);
    let rows = Array2::from_elem((700, 250), 1.5_f32);
    let mut array = writable(&path);
    array.append(&rows).unwrap();
    expect_covered(&path, 6000);
    // The array knows the sums of its new rows.
    array.write((5990..6000, ..), &rows.slice(ndarray::s![..10, ..]).mapv(|x| x + 1.0)).unwrap();
    array.flush().unwrap();
    expect_covered(&path, 6000);
    array.truncate_rows(10).unwrap();
    expect_covered(&path, 10);
    array.resize(2500, Run::default()).unwrap();
    expect_covered(&path, 2500);
    array.close().unwrap();
    let mut log = ndfolio::Appender::open(&path).unwrap();
    for _ in 0..3 {
        log.append(&rows).unwrap();
        log.commit().unwrap();
    }
    // Until it is closed they are not covered, and not damaged; what lies behind the counted rows is nothing.
    let found = check(&path);
    assert!(!found.is_damaged() && found.uncovered == 2_100_000, "{found:?}");
    log.close().unwrap();
    expect_covered(&path, 4600);
    flip(&path, 4_599_000);
    assert!(check(&path).is_damaged());
}

#[test]
fn appending_hides_no_damage() {
    let folder = Folder::new();
    // In the header, in the last block, and in one that appending does not touch.
    for (at, is_covered) in [(20, false), (5_299_000, false), (300_000, true)] {
        let path = counted(&folder);
        let before = check(&path).sums.covered;
        flip(&path, at);
        // A header that is damaged may be no header any more.
        let appended = OpenOptions::new()
            .mode(Mode::ReadWrite)
            .open(&path)
            .and_then(|mut array| array.append(&Array2::from_elem((700, 250), 1.5_f32)));
        assert_eq!(appended.is_ok(), at != 20);
        let found = verify(&path, Run::default()).unwrap();
        assert_eq!(found.sums.covered > before, is_covered, "{at}: {found:?}");
        assert!(found.is_damaged(), "{at}: {found:?}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn one_bit_is_found_wherever_it_is() {
    let folder = Folder::new();
    let path = summed(&folder);
    assert_eq!(folder.names(), ["a.npy", "a.npy.ndsum"]);
    expect_good(&path);
    for at in [128, 1127, MIB - 1, MIB, 3 * MIB + 77, 5 * MIB, 5_300_127] {
        flip(&path, at);
        for engine in IoEngine::ALL {
            let session = Session::new().io(Io::Force(engine)).threads(2);
            let found = ndfolio::open(&path).unwrap().verify(&session).unwrap();
            assert!(found.is_damaged() && found.was_modified && !found.header_differs, "{at}: {found:?}");
            let [one] = &found.differing[..] else { panic!("{at}: {found:?}") };
            assert!(one.bytes.contains(&at) && one.blocks.clone().eq([(at / MIB) as usize]));
            let (axis, rows) = one.rows.clone().unwrap();
            assert!(axis == 0 && rows.contains(&((at as usize - 128) / 1000)), "{at}: {rows:?}");
        }
        flip(&path, at);
        expect_good(&path);
    }
    flip(&path, MIB);
    flip(&path, 2 * MIB);
    flip(&path, 4 * MIB);
    let blocks: Vec<_> = check(&path).differing.into_iter().map(|one| one.blocks).collect();
    assert_eq!(blocks, [1..3, 4..5]);
}

#[test]
fn a_damaged_header_is_found_though_nothing_can_be_opened() {
    let folder = Folder::new();
    let path = summed(&folder);
    flip(&path, 30);
    let found = verify(&path, Run::default()).unwrap();
    assert!(found.is_damaged() && found.header_differs && found.differing.is_empty());
}

#[test]
fn bytes_behind_are_not_covered_and_cut_ones_are_missing() {
    let folder = Folder::new();
    let path = summed(&folder);
    let good = fs::read(&path).unwrap();
    fs::write(&path, [&good[..], b"more"].concat()).unwrap();
    let found = check(&path);
    assert!(!found.is_damaged() && found.uncovered == 4 && found.differing.is_empty());
    flip(&path, MIB);
    assert!(check(&path).is_damaged());
    fs::write(&path, &good[..2_000_000]).unwrap();
    let found = verify(&path, Run::default()).unwrap();
    assert!(found.is_damaged() && found.missing == 3_300_128 && found.differing.is_empty());
    // Another file of another length: nothing is known of it, rather than that it is damaged.
    let mut other = good;
    other[40] ^= 1;
    other[200] ^= 1;
    other.push(0);
    fs::write(&path, &other).unwrap();
    let found = verify(&path, Run::default()).unwrap();
    assert!(found.is_outdated() && !found.is_damaged() && found.differing.len() == 1);
    for len in [0, 100] {
        fs::write(&path, &other[..len]).unwrap();
        let found = verify(&path, Run::default()).unwrap();
        assert!(found.is_outdated() && found.header_differs, "{found:?}");
    }
}

type Write<'w> = &'w dyn Fn(&ndfolio::Array);

#[test]
fn writing_in_place_renews_what_it_touches() {
    let folder = Folder::new();
    let path = summed(&folder);
    let session = Session::new();
    let writes: [(&str, Write<'_>); 7] = [
        ("set", &|a| a.set(&[5299, 249], 1.5_f32).unwrap()),
        ("write", &|a| a.write((10..20, ..), &Array1::from_elem(250, 2.0_f32)).unwrap()),
        ("assign", &|a| a.slice(3000).unwrap().assign(&[], &[3.0.into()], &session).unwrap()),
        ("fill a column", &|a| a.slice((.., 7)).unwrap().fill(4.0).unwrap()),
        ("fill backwards", &|a| a.slice(slice(None, None, -1)).unwrap().fill(0.0).unwrap()),
        ("assign_lazy", &|a| drop(a.assign_lazy(a.lazy() * 2.0 + 1.0, Casting::SameKind, &session).unwrap())),
        ("assign_lazy to rows", &|a| {
            let rows = a.slice(slice(1, None, 3)).unwrap();
            drop(rows.assign_lazy(Lazy::from(5.0), Casting::SameKind, &session).unwrap());
        }),
    ];
    for (number, (name, write)) in writes.iter().enumerate() {
        let array = writable(&path);
        assert!(array.keeps_checksums().unwrap());
        write(&array);
        array.flush().unwrap();
        let found = check(&path);
        assert!(!found.is_damaged() && !found.was_modified, "{name}: {found:?}");
        assert_eq!(found.sums.generation, 2 * number as u64 + 2, "{name}");
        write(&array);
        array.close().unwrap();
        expect_good(&path);
    }
    // Nothing reaches the file.
    let private = OpenOptions::new().mode(Mode::CopyOnWrite).open(&path).unwrap();
    private.fill(9.0).unwrap();
    private.close().unwrap();
    expect_good(&path);
}

#[test]
fn what_is_not_flushed_is_seen() {
    let folder = Folder::new();
    let path = summed(&folder);
    let array = writable(&path);
    array.set(&[0, 0], 7.0_f32).unwrap();
    drop(array);
    let found = check(&path);
    assert!(found.is_damaged() && found.was_modified && found.differing[0].blocks == (0..1));
}

#[test]
fn writing_beside_damage_does_not_hide_it() {
    let folder = Folder::new();
    let path = summed(&folder);
    flip(&path, 3 * MIB + 5);
    let array = writable(&path);
    array.set(&[3200, 0], 1.0_f32).unwrap();
    array.slice((.., 3)).unwrap().fill(2.0).unwrap();
    array.close().unwrap();
    let found = check(&path);
    assert_eq!(found.differing.len(), 1, "{found:?}");
    assert!(found.differing[0].blocks == (3..4) && found.is_damaged());
    // Who writes all of the block leaves nothing of the damage.
    let array = writable(&path);
    array.fill(1.0).unwrap();
    array.close().unwrap();
    expect_good(&path);
}

#[test]
fn views_without_a_copy_are_written_through_too() {
    let folder = Folder::new();
    let path = summed(&folder);
    let mut map = Memmap::<f32>::open_with(&path, &OpenOptions::new().mode(Mode::ReadWrite)).unwrap();
    // SAFETY: nobody else has the file.
    let mut view = unsafe { map.view_mut().unwrap() };
    view[[2000, 2]] = 5.0;
    map.flush().unwrap();
    expect_good(&path);
    // SAFETY: as above.
    let mut view = unsafe { map.view_mut().unwrap() };
    view[[100, 2]] = 6.0;
    map.close().unwrap();
    expect_good(&path);
}

#[test]
fn two_writers_in_turn_keep_each_others_sums() {
    let folder = Folder::new();
    let path = summed(&folder);
    let of_rows = |rows| OpenOptions::new().mode(Mode::ReadWrite).rows(rows).open(&path).unwrap();
    let (one, two) = (of_rows(0..100), of_rows(4000..5300));
    one.set(&[0, 0], 1.0_f32).unwrap();
    two.set(&[5000, 0], 2.0_f32).unwrap();
    one.flush().unwrap();
    two.flush().unwrap();
    expect_good(&path);
    std::thread::scope(|scope| {
        for (array, rows) in [(&one, 0..40_i64), (&two, 4000..4040)] {
            scope.spawn(move || {
                for row in rows {
                    array.set(&[row, 1], 3.0_f32).unwrap();
                    array.flush().unwrap();
                }
            });
        }
    });
    expect_good(&path);
}

#[test]
fn threads_that_write_while_others_flush_leave_no_stale_sum() {
    let folder = Folder::new();
    let path = summed(&folder);
    let array = writable(&path);
    std::thread::scope(|scope| {
        for column in 0..3_i64 {
            let array = &array;
            scope.spawn(move || {
                for row in 0..150 {
                    array.set(&[row * 30, column], row as f32).unwrap();
                }
            });
        }
        for _ in 0..10 {
            array.flush().unwrap();
        }
    });
    array.close().unwrap();
    expect_good(&path);
}

#[test]
fn a_file_without_checksums_says_so_and_a_replaced_one_has_none() {
    let folder = Folder::new();
    let path = summed(&folder);
    ndfolio::save(&path, &Array1::from_elem(10, 1.0_f32)).unwrap();
    assert_eq!(folder.names(), ["a.npy"]);
    let error = verify(&path, Run::default()).unwrap_err().to_string();
    assert!(error.contains("a.npy: there are no checksums") && error.contains("a.npy.ndsum"), "{error}");
    checksum(&path, Run::default()).unwrap();
    CreateOptions::new("<f8".parse().unwrap(), &[3])
        .existing(Existing::Replace)
        .create(&path)
        .unwrap()
        .close()
        .unwrap();
    assert_eq!(folder.names(), ["a.npy"]);
    assert!(!writable(&path).keeps_checksums().unwrap());
}

#[test]
fn checksums_that_are_none_are_named_and_keep_nobody_from_writing() {
    let folder = Folder::new();
    let path = summed(&folder);
    let sums = folder.path("a.npy.ndsum");
    let good = fs::read(&sums).unwrap();
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    for bad in [&b""[..], b"text", &good[..90], &flipped] {
        fs::write(&sums, bad).unwrap();
        let error = verify(&path, Run::default()).unwrap_err().to_string();
        assert!(error.contains("a.npy.ndsum: not a file of checksums"), "{error}");
        let array = writable(&path);
        array.set(&[0, 0], 1.0_f32).unwrap();
        array.close().unwrap();
        assert_eq!(fs::read(&sums).unwrap(), bad, "nobody mends what is not his");
    }
    checksum(&path, Run::default()).unwrap();
    expect_good(&path);
}

#[test]
fn raw_files_archives_links_and_empty_arrays() {
    let folder = Folder::new();
    let raw = folder.path("r.bin");
    fs::write(&raw, vec![7; 3_000_000]).unwrap();
    let options = || OpenOptions::new().dtype("<i2".parse().unwrap()).offset(100);
    let array = options().mode(Mode::ReadWrite).open(&raw).unwrap();
    assert_eq!(array.checksum(Run::default()).unwrap().blocks, 3);
    array.set(&[-1], 5_i16).unwrap();
    array.close().unwrap();
    assert!(!verify(&raw, Run::default()).unwrap().is_damaged());
    flip(&raw, 99);
    assert!(verify(&raw, Run::default()).unwrap().header_differs);
    let target = folder.path("empty.npy");
    ndfolio::save(&target, &Array1::<f64>::zeros(0)).unwrap();
    let link = folder.path("link.npy");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert_eq!(checksum(&link, Run::default()).unwrap().blocks, 0);
    assert!(folder.names().contains(&"empty.npy.ndsum".to_owned()));
    expect_good(&target);
}

#[test]
fn a_pass_can_be_stopped_and_leaves_the_old_sums() {
    let folder = Folder::new();
    let path = summed(&folder);
    let before = fs::read(folder.path("a.npy.ndsum")).unwrap();
    let log = common::Log::new(0);
    let session = Session::new().observe(log);
    assert!(checksum(&path, &session).unwrap_err().to_string().contains("cancelled"));
    assert!(verify(&path, &session).is_err());
    assert_eq!(fs::read(folder.path("a.npy.ndsum")).unwrap(), before);
    assert_eq!(folder.names(), ["a.npy", "a.npy.ndsum"]);
}

#[test]
fn checksums_go_on_with_a_file_that_is_written_anew() {
    let folder = Folder::new();
    let path = summed(&folder);
    let row = || Array2::from_elem((1, 250), 0.5_f32);
    let mut array = writable(&path);
    // NumPy's file has no room for the number of rows, so this copies it.
    array.append(&row()).unwrap();
    expect_good(&path);
    let sums = array.checksums().unwrap().unwrap();
    assert_eq!((sums.covered, sums.blocks), (5_301_128, 6));
    array.write((3..4, ..), &row()).unwrap();
    array.delete_rows(7..2000, Run::default()).unwrap();
    expect_good(&path);
    array.insert_rows(1, row(), Run::default()).unwrap();
    array.compact(Run::default()).unwrap();
    expect_good(&path);
    assert_eq!(array.checksums().unwrap().unwrap().covered, 128 + 1000 * 3309);
    array.set(&[5, 5], 1.0).unwrap();
    array.append(&row()).unwrap();
    array.close().unwrap();
    expect_good(&path);
}

#[test]
fn writing_a_file_anew_hides_no_damage() {
    let folder = Folder::new();
    let path = summed(&folder);
    flip(&path, 2 * MIB + 5);
    let mut array = writable(&path);
    // What stays where it is keeps its sums.
    array.append(&Array2::from_elem((1, 250), 0.5_f32)).unwrap();
    let found = check(&path);
    assert!(
        found.is_damaged() && found.differing.len() == 1 && found.differing[0].blocks == (2..3),
        "{found:?}"
    );
    // What moves could not.
    for error in [
        array.delete_rows(0..1, Run::default()).unwrap_err(),
        array.insert_rows(9, Array2::from_elem((1, 250), 0.5_f32), Run::default()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("damage"), "{error}");
    }
    assert_eq!(array.shape(), [5301, 250]);
    array.checksum(Run::default()).unwrap();
    array.delete_rows(0..1, Run::default()).unwrap();
    expect_good(&path);
}

#[test]
fn rows_that_are_not_counted_are_not_covered() {
    let folder = Folder::new();
    let path = counted(&folder);
    let mut appender = ndfolio::Appender::open(&path).unwrap();
    appender.append(&Array2::from_elem((3, 250), 0.5_f32)).unwrap();
    let sums = checksum(&path, Run::default()).unwrap();
    assert_eq!(sums.covered, 5_300_128);
    appender.commit().unwrap();
    let found = check(&path);
    assert!(found.is_outdated() && found.count_differs && !found.is_damaged(), "{found:?}");
    appender.close().unwrap();
    expect_good(&path);
}
