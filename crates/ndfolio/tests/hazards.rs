//! Files that lie, change or vanish: errors, never a signal, and nothing is lost.

mod common;

use common::Folder;
use ndarray::Array1;
use ndfolio::{Array, Memmap, Mode, OpenOptions, Run};

fn cut(path: &std::path::Path, len: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn big(folder: &Folder, name: &str) -> std::path::PathBuf {
    let path = folder.path(name);
    ndfolio::save(&path, &Array1::from_elem(100_000, 1.0_f64)).unwrap();
    path
}

type Pass = fn(&Array) -> Result<(), ndfolio::Error>;

/// Everything that reads to the end of the file.
const PASSES: [(&str, Pass); 7] = [
    ("read", |a| a.read::<f64>(..).map(drop)),
    ("read backwards", |a| a.slice(ndfolio::slice(None, None, -1))?.read::<f64>(..).map(drop)),
    ("get", |a| a.get(&[-1]).map(drop)),
    ("stats", |a| a.stats(Run::default()).map(drop)),
    ("digest", |a| a.digest(Run::default()).map(drop)),
    ("diff", |a| ndfolio::diff(a, a, ndfolio::Tolerance::default(), Run::default()).map(drop)),
    ("save_as", |a| a.save_as(a.path().with_extension("copy.npy"))),
];

#[test]
fn a_file_that_is_cut_while_open_is_an_error() {
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        // At a page, within the last page, to nothing.
        for len in [409_600, 800_120, 0] {
            let folder = Folder::new();
            let path = big(&folder, "a.npy");
            let array = OpenOptions::new().mode(mode).open(&path).unwrap();
            array.stats(Run::default()).unwrap();
            cut(&path, len);
            for (name, pass) in PASSES {
                let error = pass(&array).expect_err(name).to_string();
                assert!(error.contains("a.npy") && error.contains("expected"), "{name} in {mode}: {error}");
            }
            if mode != Mode::Read {
                assert!(array.fill(2.0).is_err() && array.set(&[-1], 1.0).is_err());
            }
            assert_eq!(std::fs::metadata(&path).unwrap().len(), len);
            assert_eq!(folder.names(), ["a.npy"]);
        }
    }
}

#[test]
fn a_view_of_a_file_that_is_cut_shows_zeros_and_the_check_says_so() {
    for len in [409_600, 800_120] {
        let folder = Folder::new();
        let path = big(&folder, "a.npy");
        let map = Memmap::<f64>::open(&path).unwrap();
        cut(&path, len);
        // SAFETY: nothing writes; the cut came before the view, so what it shows does not change.
        let sum = unsafe { map.view().unwrap() }.sum();
        assert!(sum < 100_000.0);
        let error = map.check().unwrap_err().to_string();
        assert!(error.contains("a.npy"), "{error}");
    }
}

#[test]
fn a_file_that_is_replaced_or_removed_keeps_its_readers_and_tells_its_writers() {
    let folder = Folder::new();
    let path = big(&folder, "a.npy");
    let (reader, writer) =
        (ndfolio::open(&path).unwrap(), OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap());
    big(&folder, "a.npy");
    writer.set(&[0], 5.0).unwrap();
    assert_eq!(reader.get(&[0]).unwrap().as_f64(), Some(5.0));
    let error = writer.close().unwrap_err().to_string();
    assert!(error.contains("replaced"), "{error}");
    assert_eq!(ndfolio::open(&path).unwrap().get(&[0]).unwrap().as_f64(), Some(1.0));
}

#[test]
fn headers_that_do_not_fit_the_file_leave_it_untouched() {
    let folder = Folder::new();
    let path = big(&folder, "a.npy");
    cut(&path, 800_000);
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        let error = OpenOptions::new().mode(mode).open(&path).unwrap_err().to_string();
        assert!(error.contains("promises 800000 bytes") && error.contains("found 799872"), "{error}");
    }
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 800_000);
    let raw = folder.path("r.bin");
    std::fs::write(&raw, [0; 103]).unwrap();
    let options = || OpenOptions::new().mode(Mode::ReadWrite).dtype("<f4".parse().unwrap());
    let error = |options: OpenOptions| options.open(&raw).unwrap_err().to_string();
    assert!(error(options().shape(&[26])).contains("needs a file of 104 bytes, found 103"));
    assert!(error(options()).contains("not a multiple of the data-type size: 103 bytes are 25 items"));
    assert!(error(options().offset(104)).contains("offset 104, the file has 103 bytes"));
    assert!(error(options().shape(&[-1, -1])).contains("can only specify one unknown dimension"));
    assert!(error(options().shape(&[-2])).contains("negative dimensions are not allowed"));
    assert!(error(options().shape(&[1 << 40, 1 << 40])).contains("array is too big"));
    assert!(error(OpenOptions::new().shape(&[2])).contains("needs a dtype"));
    assert_eq!(options().shape(&[-1, 5]).offset(3).open(&raw).unwrap().shape(), [5, 5]);
    assert_eq!(std::fs::metadata(&raw).unwrap().len(), 103);
}

#[test]
fn a_cut_of_another_process_in_the_middle_of_a_pass() {
    let folder = Folder::new();
    let path = big(&folder, "a.npy");
    let array = ndfolio::open(&path).unwrap();
    let cutter = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        cut(&path, 1000);
    });
    let failed = (0..100_000).find_map(|_| array.stats(Run::default()).err());
    cutter.join().unwrap();
    assert!(failed.unwrap().to_string().contains("a.npy"));
}
