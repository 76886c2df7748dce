//! Archives as NumPy and others make them.

use std::io::Write;

use ndfolio_format::{Format, FormatError, ReadAt, ReadOptions, npy, read};
use ndfolio_layout::{Order, View};
use proptest::prelude::*;

use super::{
    common::{Watched, open},
    zip::{End, Entry, Zip64, archive},
};

const STORED: &[u8] = include_bytes!("../fixtures/stored.npz");

/// An array of these many bytes.
pub(crate) fn array(bytes: &[u8]) -> Vec<u8> {
    let mut file = npy::header(&"|u1".parse().unwrap(), &[bytes.len()], Order::C).unwrap();
    file.extend(bytes);
    file
}

fn bytes<'a>(file: &'a [u8], view: &View) -> &'a [u8] {
    let extent = view.extent();
    &file[extent.start as usize..extent.end as usize]
}

#[test]
fn what_savez_makes() {
    let contents = open(STORED).unwrap();
    assert_eq!(contents.format, Format::NPZ);
    let names: Vec<_> = contents.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "empty", "日"]);
    let a = contents.member("a").unwrap().view().unwrap();
    assert_eq!((a.dtype().to_string().as_str(), a.shape(), a.order()), ("<i4", &[2, 3][..], Some(Order::C)));
    let expected: Vec<u8> = (0..6_i32).flat_map(i32::to_le_bytes).collect();
    assert_eq!(bytes(STORED, a), expected);
    let b = contents.member("b.npy").unwrap().view().unwrap();
    let expected: Vec<u8> = [0., 3., 1., 4., 2., 5.].into_iter().flat_map(f64::to_be_bytes).collect();
    assert_eq!(b.order(), Some(Order::F));
    assert_eq!(bytes(STORED, b), expected);
    assert_eq!(contents.member("empty").unwrap().view().unwrap().shape(), [0, 4]);
    assert_eq!(bytes(STORED, contents.member("日").unwrap().view().unwrap()), [7, 0]);
}

#[test]
fn errors_list_the_names() {
    let contents = open(STORED).unwrap();
    let error = contents.member("c").unwrap_err();
    assert_eq!(error.to_string(), "no array 'c' in the file; there are 'a', 'b', 'empty', '日'");
    let error = contents.only().unwrap_err();
    assert_eq!(error.to_string(), "the file has 4 arrays, say which one; there are 'a', 'b', 'empty', '日'");
    let many: Vec<_> = (0..25).map(|i| Entry::new(&format!("{i}.npy"), &array(b"x"))).collect();
    let error = open(&archive(&many, &End::default())).unwrap().only().unwrap_err();
    assert!(error.to_string().ends_with("'8', '9' and 15 more"), "{error}");
}

#[test]
fn compressed_members_say_why_not() {
    let contents =
        read(&&include_bytes!("../fixtures/deflated.npz")[..], "d/x.npz", &ReadOptions::default()).unwrap();
    assert_eq!(contents.members.len(), 4);
    let Err(FormatError::Unmappable(reason)) = contents.member("a").unwrap().view() else { panic!() };
    assert_eq!(reason.what, "'a.npy' is compressed (deflate)");
    assert!(reason.run.ends_with(" d/x.npz d/x.new.npz"), "{reason}");
}

#[test]
fn members_of_objects_leave_the_others_alone() {
    let contents = open(include_bytes!("../fixtures/objects.npz")).unwrap();
    assert!(matches!(contents.member("a").unwrap().view(), Err(FormatError::Unmappable(_))));
    assert_eq!(contents.member("b").unwrap().view().unwrap().shape(), [2]);
}

#[test]
fn an_archive_of_nothing() {
    let contents = open(include_bytes!("../fixtures/none.npz")).unwrap();
    assert!(contents.members.is_empty());
    assert_eq!(contents.only().unwrap_err().to_string(), "no array in the file; it has no arrays");
}

#[test]
fn what_else_lies_in_an_archive() {
    let file = archive(
        &[
            Entry::new("readme.txt", b"hello"),
            Entry::new("d/", b""),
            Entry { method: 8, ..Entry::new("deflated.txt", b"hello") },
            Entry { flags: 1, ..Entry::new("secret.npy", &array(b"xyz")) },
            Entry { method: 93, ..Entry::new("z.npy", b"hello") },
            Entry::new("text.npy", b"hello"),
            Entry::new("without ending", &array(b"xyz")),
            Entry::new("../../etc/a.npy", &array(b"xyz")),
            Entry::new("cut.npy", &array(b"xyz")[..130]),
            Entry::new("readme.txt.npy", &array(b"xyz")),
        ],
        &End::default(),
    );
    let contents = open(&file).unwrap();
    let find = |name: &str| contents.member(name).unwrap().view();
    for name in ["readme.txt", "d/", "deflated.txt", "text.npy"] {
        assert!(matches!(find(name), Err(FormatError::NotAnArray { .. })), "{name}");
    }
    for (name, part) in [("secret", "encrypted"), ("z", "zstd")] {
        let error = find(name).unwrap_err();
        assert!(matches!(error, FormatError::Unmappable(_)));
        assert!(error.to_string().contains(part), "{error}");
    }
    for name in ["without ending", "../../etc/a", "readme.txt.npy"] {
        assert_eq!(bytes(&file, find(name).unwrap()), b"xyz", "{name}");
    }
    assert!(matches!(find("cut"), Err(FormatError::DataCut { expected: 3, found: 2, .. })));
}

#[test]
fn comments_and_zip64_records() {
    let entries = [Entry::new("a.npy", &array(b"xyz"))];
    for end in [
        End { comment: b"a comment".to_vec(), ..End::default() },
        End { comment: vec![b'x'; 0xffff], ..End::default() },
        End { zip64: Some(Zip64::default()), ..End::default() },
        End {
            zip64: Some(Zip64 { disks: 1, ..Zip64::default() }),
            count: Some(0xffff),
            here: Some(0xffff),
            len: Some(u32::MAX),
            at: Some(u32::MAX),
            disk: 0xffff,
            comment: b"x".to_vec(),
        },
    ] {
        let file = archive(&entries, &end);
        let contents = open(&file).unwrap();
        assert_eq!(bytes(&file, contents.only().unwrap().view().unwrap()), b"xyz");
    }
}

#[test]
fn streamed_members_whose_sizes_follow() {
    let entry = Entry { flags: 1 << 3, local_size: Some(0), ..Entry::new("a.npy", &array(b"xyz")) };
    let file = archive(&[entry], &End::default());
    assert_eq!(bytes(&file, open(&file).unwrap().only().unwrap().view().unwrap()), b"xyz");
}

#[test]
fn a_directory_in_another_order_than_the_members() {
    let mut file =
        archive(&[Entry::new("a.npy", &array(b"one")), Entry::new("b.npy", &array(b"two"))], &End::default());
    let end = file.len() - 22;
    file[end - 2 * 51..end].rotate_left(51);
    let contents = open(&file).unwrap();
    let names: Vec<_> = contents.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(bytes(&file, contents.members[0].view().unwrap()), b"two");
    assert_eq!(bytes(&file, contents.members[1].view().unwrap()), b"one");
}

#[test]
fn a_member_costs_one_read() {
    let entries: Vec<_> = (0..10).map(|i| Entry::new(&format!("{i}.npy"), &array(&[i; 9000]))).collect();
    let bytes = archive(&entries, &End::default());
    let file = Watched::new(&bytes, bytes.len() as u64);
    assert_eq!(read(&file, "", &ReadOptions::default()).unwrap().members.len(), 10);
    // The first bytes and the end; then the members but the first, which lies in the first bytes.
    assert_eq!(file.reads.borrow().len(), 2 + 9, "{:?}", file.reads.borrow());
}

#[test]
fn archives_of_other_things() {
    let word = archive(&[Entry::new("word/document.xml", b"<xml>")], &End::default());
    let error = read(&word, "a.docx", &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::Unmappable(_)));
    assert!(
        error.to_string().contains("a zip archive without arrays (its first member is 'word/document.xml')")
    );
    let torch =
        archive(&[Entry::new("m/data.pkl", b"\x80\x02"), Entry::new("m/data/0", b"0")], &End::default());
    let error = read(&torch, "m.pt", &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("a PyTorch checkpoint; "), "{error}");
    assert!(error.to_string().ends_with("m.pt m.npz"), "{error}");
}

#[test]
fn every_read_that_fails_is_an_error() {
    struct Failing<'a>(Watched<'a>, usize);
    impl ReadAt for Failing<'_> {
        fn len(&self) -> u64 {
            self.0.len
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.0.reads.borrow().len() == self.1 {
                return Err(std::io::Error::other("the disk is on fire"));
            }
            self.0.read_at(offset, buf)
        }
    }
    // Headers too long for the first read of a member.
    let fields: Vec<_> = (0..200).map(|i| format!("('field {i}', '<f4')")).collect();
    let dtype = format!("[{}]", fields.join(", ")).parse().unwrap();
    let data = npy::header(&dtype, &[0], Order::C).unwrap();
    let entries: Vec<_> = (0..3).map(|i| Entry::new(&format!("{i}.npy"), &data)).collect();
    let file = archive(&entries, &End { comment: vec![b'x'; 5000], ..End::default() });
    let open = |fail| {
        let file = Failing(Watched::new(&file, file.len() as u64), fail);
        let contents = read(&file, "", &ReadOptions::default());
        (contents, file.0.reads.borrow().len())
    };
    let (contents, reads) = open(usize::MAX);
    assert!(contents.unwrap().members.iter().all(|member| member.view().is_ok()));
    assert!(reads >= 7, "{reads}");
    for fail in 0..reads {
        assert!(matches!(open(fail).0, Err(FormatError::Io { .. })), "{fail}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// An independent writer, and where an independent reader finds the bytes.
    #[test]
    fn as_another_reader_finds_them(
        members in proptest::collection::btree_map("[a-zé日]{1,8}", proptest::collection::vec(any::<u8>(), 0..300), 0..6),
    ) {
        let mut file = Vec::new();
        let mut writer = rawzip::ZipArchiveWriter::new(&mut file);
        for (name, data) in &members {
            let (mut entry, config) = writer.new_file(format!("{name}.npy")).start().unwrap();
            let mut data_writer = config.wrap(&mut entry);
            data_writer.write_all(&array(data)).unwrap();
            let (_, descriptor) = data_writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        writer.finish().unwrap();
        let contents = open(&file).unwrap();
        prop_assert_eq!(contents.members.len(), members.len());
        for (name, data) in &members {
            let view = contents.member(name).unwrap().view().unwrap();
            prop_assert_eq!(bytes(&file, view), data.as_slice());
        }
    }
}
