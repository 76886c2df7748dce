//! Modes, visibility, flushing, views without a copy.

mod common;

use common::Folder;
use ndarray::{Array1, arr1, arr2};
use ndfolio::{CreateOptions, Existing, Memmap, Mode, OpenOptions, Order, Reserve, Sidecar, Value, slice};

fn sample(folder: &Folder) -> std::path::PathBuf {
    let path = folder.path("a.npy");
    ndfolio::save(&path, &arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]])).unwrap();
    path
}

#[test]
fn reading_is_the_default_and_refuses_writes_with_the_mode_that_allows_them() {
    let folder = Folder::new();
    let path = sample(&folder);
    let before = std::fs::read(&path).unwrap();
    let array = ndfolio::open(&path).unwrap();
    assert_eq!(array.mode(), Mode::Read);
    for error in [
        array.set(&[0, 0], 9.0).unwrap_err(),
        array.write(.., &arr1(&[9.0_f32])).unwrap_err(),
        array.fill(9.0).unwrap_err(),
        array.slice((.., 1)).unwrap().write(.., &arr1(&[9.0_f32, 8.0])).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("a.npy") && text.contains("'r'") && text.contains("'r+'"), "{text}");
    }
    array.flush().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_one_handle_writes_another_sees() {
    let folder = Folder::new();
    let path = sample(&folder);
    let writer = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    let reader = ndfolio::open(&path).unwrap();
    let map = Memmap::<f32>::open(&path).unwrap();
    writer.set(&[1, -1], -6.5).unwrap();
    assert_eq!(reader.get(&[1, 2]).unwrap(), Value::Float32(-6.5));
    assert_eq!(map.get(&[1, 2]).unwrap(), -6.5);
    writer
        .slice((.., slice(None, None, -2)))
        .unwrap()
        .write(.., &arr2(&[[30.0_f32, 10.0], [60.0, 40.0]]))
        .unwrap();
    assert_eq!(reader.read::<f32>(..).unwrap(), arr2(&[[10.0, 2.0, 30.0], [40.0, 5.0, 60.0]]).into_dyn());
    writer.slice(0).unwrap().flush_range().unwrap();
    writer.close().unwrap();
    assert_eq!(ndfolio::load::<f32>(&path).unwrap().sum(), 147.0);
}

#[test]
fn copy_on_write_never_touches_the_file() {
    let folder = Folder::new();
    let path = sample(&folder);
    let before = std::fs::read(&path).unwrap();
    let array = OpenOptions::new().mode(Mode::CopyOnWrite).open(&path).unwrap();
    array.fill(7.0).unwrap();
    array.set(&[0, 0], 1.0).unwrap();
    let mut map = Memmap::<f32>::new(array.clone()).unwrap();
    assert_eq!(map.read(..).unwrap().sum(), 36.0);
    {
        // SAFETY: the pages are this process's own, and nothing else looks at them while the view lives.
        let mut view = unsafe { map.view_mut().unwrap() };
        view[[1, 1]] = 100.0;
    }
    map.check().unwrap();
    assert_eq!(array.get(&[1, 1]).unwrap(), Value::Float32(100.0));
    map.flush().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn views_without_a_copy_of_any_direction() {
    let folder = Folder::new();
    let path = sample(&folder);
    let array = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    let mut map =
        Memmap::<f32>::new(array.slice((slice(None, None, -1), slice(None, None, -2))).unwrap()).unwrap();
    // SAFETY: this test alone has the file, and writes nothing while the view lives.
    let view = unsafe { map.view().unwrap() };
    assert_eq!(view, arr2(&[[6.0, 4.0], [3.0, 1.0]]).into_dyn());
    // SAFETY: as before.
    unsafe { map.view_mut().unwrap() }.mapv_inplace(|x| x * 10.0);
    map.flush().unwrap();
    assert_eq!(
        ndfolio::load::<f32>(&path).unwrap(),
        arr2(&[[10.0, 2.0, 30.0], [40.0, 5.0, 60.0]]).into_dyn()
    );

    let empty = Memmap::<f32>::new(array.slice(0..0).unwrap()).unwrap();
    // SAFETY: there is nothing to change.
    assert_eq!(unsafe { empty.view().unwrap() }.shape(), [0, 3]);
    let error = Memmap::<f64>::new(array).unwrap_err().to_string();
    assert!(error.contains("expected '<f8'"), "{error}");
    let mut reader = Memmap::<f32>::open(&path).unwrap();
    // SAFETY: nothing is viewed, since the array is open for reading only.
    let error = unsafe { reader.view_mut() }.unwrap_err().to_string();
    assert!(error.contains("'r+'"), "{error}");
}

#[test]
fn views_without_a_copy_need_alignment_and_byte_order_and_say_so() {
    let folder = Folder::new();
    let raw = |offset: u64, dtype: &str| {
        let path = folder.path(&format!("{offset}{}.bin", &dtype[1..]));
        let options =
            CreateOptions::new(dtype.parse().unwrap(), &[4]).offset(offset).existing(Existing::Replace);
        Memmap::<f32>::new(options.create(path).unwrap()).unwrap()
    };
    let (unaligned, foreign) = (raw(3, "<f4"), raw(0, ">f4"));
    // SAFETY: no view comes of it.
    let error = unsafe { unaligned.view() }.unwrap_err().to_string();
    assert!(error.contains("offset 3 is not a multiple of 4"), "{error}");
    // SAFETY: as before.
    let error = unsafe { foreign.view() }.unwrap_err().to_string();
    assert!(error.contains("byte order") && error.contains(">f4"), "{error}");
    let map = raw(3, ">f4");
    map.array().write(.., &arr1(&[1.0_f32, 2.0, 3.0, 4.0])).unwrap();
    assert_eq!(map.read(slice(None, None, -1)).unwrap(), arr1(&[4.0, 3.0, 2.0, 1.0]).into_dyn());
}

#[test]
fn new_files() {
    let folder = Folder::new();
    let path = folder.path("new.npy");
    let array = ndfolio::create(&path, "<i4".parse().unwrap(), &[1000, 100]).unwrap();
    assert_eq!((array.mode(), array.offset(), array.version()), (Mode::ReadWrite, 128, Some("1.0")));
    let blocks =
        |path: &std::path::Path| std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap());
    assert!(blocks(&path) * 512 >= 400_128);
    assert!(ndfolio::create(&path, "<i4".parse().unwrap(), &[3]).unwrap_err().to_string().contains("exists"));
    let sparse = folder.path("sparse.npy");
    let options = CreateOptions::new("<f8".parse().unwrap(), &[1 << 37]).reserve(Reserve::Sparse);
    let huge = options.create(&sparse).unwrap();
    assert!(blocks(&sparse) * 512 < 1 << 20);
    huge.set(&[-1], 1.5).unwrap();
    assert_eq!(huge.slice(-2..).unwrap().read::<f64>(..).unwrap(), arr1(&[0.0, 1.5]).into_dyn());

    let raw = folder.path("x.dat");
    let options = CreateOptions::new(">u2".parse().unwrap(), &[2, 3]).order(Order::F).offset(5).fill(258_u16);
    options.sidecar(Sidecar::Write).create(&raw).unwrap().close().unwrap();
    assert_eq!(std::fs::read(&raw).unwrap(), [&[0; 5][..], &[1, 2].repeat(6)].concat());
    let again = ndfolio::open(&raw).unwrap();
    assert_eq!((again.shape(), again.order(), again.offset()), (&[2, 3][..], Some(Order::F), 5));
    assert_eq!(folder.names(), ["new.npy", "sparse.npy", "x.dat", "x.dat.json"]);
}

#[test]
fn saving_is_replacing_and_never_onto_itself() {
    let folder = Folder::new();
    let path = sample(&folder);
    let old = ndfolio::open(&path).unwrap();
    ndfolio::save(&path, &arr1(&[1_u8, 2]).slice(ndarray::s![..;-1])).unwrap();
    // Who has the old file open keeps it.
    assert_eq!(old.read::<f32>(..).unwrap().sum(), 21.0);
    assert_eq!(ndfolio::load::<u8>(&path).unwrap(), arr1(&[2, 1]).into_dyn());
    let before = std::fs::read(&path).unwrap();
    let array = ndfolio::open(&path).unwrap();
    let error = array.slice(..1).unwrap().save_as(&path).unwrap_err().to_string();
    assert!(error.contains("over the file that it is read from"), "{error}");
    std::os::unix::fs::symlink(&path, folder.path("link.npy")).unwrap();
    assert!(array.save_as(folder.path("link.npy")).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    array.slice(1..).unwrap().save_as(folder.path("b.npy")).unwrap();
    assert_eq!(ndfolio::load::<u8>(folder.path("b.npy")).unwrap(), arr1(&[1]).into_dyn());
}

#[test]
fn fortran_order_is_saved_as_such() {
    let folder = Folder::new();
    let path = folder.path("f.npy");
    let items = arr2(&[[1.0_f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    ndfolio::save(&path, &items.t()).unwrap();
    let array = ndfolio::open(&path).unwrap();
    assert_eq!((array.shape(), array.order()), (&[3, 2][..], Some(Order::F)));
    assert_eq!(array.read::<f64>(..).unwrap(), items.t().to_owned().into_dyn());
}

#[test]
fn views_read_nothing_and_say_what_they_cannot() {
    let folder = Folder::new();
    let array = ndfolio::open(sample(&folder)).unwrap();
    assert_eq!(array.reshape(&[3, -1]).unwrap().shape(), [3, 2]);
    assert_eq!(array.broadcast_to(&[4, 2, 3]).unwrap().strides(), [0, 12, 4]);
    let turned = array.transpose(None).unwrap();
    let error = turned.reshape(&[6]).unwrap_err().to_string();
    assert!(error.contains("a.npy") && error.contains("without copying"), "{error}");
    assert_eq!(
        turned.reshape_in(&[6], Order::F).unwrap().read::<f32>(0..2).unwrap(),
        arr1(&[1.0, 2.0]).into_dyn()
    );
    assert!(
        array.broadcast_to(&[4]).is_err()
            && array.slice(2).is_err()
            && array.transpose(Some(&[0, 0])).is_err()
    );
    let wide = OpenOptions::new()
        .mode(Mode::ReadWrite)
        .open(array.path())
        .unwrap()
        .broadcast_to(&[2, 2, 3])
        .unwrap();
    assert!(wide.fill(1.0).unwrap_err().to_string().contains("repeat along axis 0"));
}

#[test]
fn copy_on_write_has_a_budget_of_its_own() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &Array1::from_elem(1 << 20, 1.0_f64)).unwrap();
    let options = || OpenOptions::new().mode(Mode::CopyOnWrite).copy_budget(ndfolio::Size::from(1 << 20));
    let array = options().open(&path).unwrap();
    // The same pages again and again are no more than they were.
    for _ in 0..10 {
        array.slice(..100_000).unwrap().fill(2.0).unwrap();
    }
    assert_eq!(array.get(&[99_999]).unwrap().as_f64(), Some(2.0));
    for write in [
        &(|| array.fill(3.0)) as &dyn Fn() -> ndfolio::Result<()>,
        &|| array.slice(ndfolio::slice(None, None, 512)).unwrap().fill(3.0),
        &|| {
            array
                .slice(500_000..)
                .unwrap()
                .assign_lazy(7.0, ndfolio::Casting::Unsafe, ndfolio::Run::default())
                .map(drop)
        },
    ] {
        let error = write().unwrap_err().to_string();
        assert!(error.contains("a.npy") && error.contains("1048576 are allowed"), "{error}");
    }
    array.set(&[5], 9.0).unwrap();
    // Another opening has its own, and the file is as it was.
    assert_eq!(options().open(&path).unwrap().get(&[5]).unwrap().as_f64(), Some(1.0));
    assert_eq!(ndfolio::open(&path).unwrap().stats(ndfolio::Run::default()).unwrap().max, Some(1.0.into()));
}

/// Tells the test below that it is the process with little memory, and gives it the file.
#[cfg(target_os = "linux")]
const LITTLE: &str = "NDFOLIO_MODES_LITTLE";

/// The file with the processes of a control group that has 96 MiB, beside the group of this process; or why there is none.
#[cfg(target_os = "linux")]
fn little_group(name: &str) -> std::io::Result<std::path::PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup")?;
    let old = groups.lines().find_map(|line| line.split_once(":memory:").map(|(_, path)| path.to_owned()));
    let (parent, limit) = match old {
        Some(path) => (format!("/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes"),
        None => ("/sys/fs/cgroup".to_owned(), "memory.max"),
    };
    let group = std::path::Path::new(&parent).join(name);
    std::fs::create_dir(&group)?;
    std::fs::write(group.join(limit), (96_u32 << 20).to_string()).inspect_err(|_| {
        let _ = std::fs::remove_dir(&group);
    })?;
    Ok(group)
}

#[cfg(target_os = "linux")]
#[test]
fn child_changes_more_than_it_has_memory() {
    let Some(path) = std::env::var_os(LITTLE) else { return };
    // The group is joined before anybody asks how much memory there is.
    std::fs::write(std::env::var("NDFOLIO_MODES_GROUP").unwrap(), std::process::id().to_string()).unwrap();
    let array = OpenOptions::new().mode(Mode::CopyOnWrite).open(path).unwrap();
    let (mut changed, mut error) = (0, None);
    while changed < array.size() && error.is_none() {
        let part = array.slice(changed as i64..changed as i64 + (1 << 17)).unwrap();
        error = part.fill(2.0).err();
        changed += if error.is_none() { 1 << 17 } else { 0 };
    }
    let error = error.expect("a quarter of a gigabyte was changed").to_string();
    assert!(error.contains("are allowed") && changed > 1 << 20, "{changed}: {error}");
    // What was changed is there, and what was not can be read.
    assert_eq!(array.get(&[changed as i64 - 1]).unwrap().as_f64(), Some(2.0));
    assert_eq!(array.get(&[-1]).unwrap().as_f64(), Some(0.0));
}

#[cfg(target_os = "linux")]
#[test]
fn copy_on_write_in_little_memory_is_an_error_and_not_the_end_of_the_process() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::create(&path, "<f8".parse().unwrap(), &[32 << 20]).unwrap().close().unwrap();
    let group = match little_group(&format!("ndfolio-modes-{}", std::process::id())) {
        Ok(group) => group,
        Err(error) => return println!("not run: no control group can be made: {error}"),
    };
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["child_changes_more_than_it_has_memory", "--exact"])
        .env(LITTLE, &path)
        .env("NDFOLIO_MODES_GROUP", group.join("cgroup.procs"))
        .output()
        .unwrap();
    std::fs::remove_dir(&group).unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{:?} {said}", child.status);
}
