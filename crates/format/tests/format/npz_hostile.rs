//! Archives that lie.

use ndfolio_format::{FormatError, ReadOptions, read};

use super::{
    common::{Watched, open},
    npz::array,
    zip::{End, Entry, Zip64, archive},
};

fn one() -> Entry {
    Entry::new("a.npy", &array(b"xyz"))
}

fn refused(file: &[u8], part: &str) {
    let watched = Watched::new(file, file.len() as u64);
    let error = match read(&watched, "", &ReadOptions::default()) {
        Ok(contents) => panic!("{part}: {contents:?}"),
        Err(error) => error,
    };
    assert!(matches!(error, FormatError::Archive { .. } | FormatError::HeaderCut { .. }), "{part}: {error}");
    assert!(error.to_string().contains(part), "{part}: {error}");
    assert!(watched.largest_read() < 70_000);
}

#[test]
fn members_that_overlap() {
    // Two entries of one member, each under its own name: the header can have one of them only.
    let file = archive(&[one(), Entry { offset: Some(0), ..Entry::new("b.npy", b"") }], &End::default());
    refused(&file, "overlaps");
    // A member that lies within another's bytes.
    let inner = archive(&[Entry::new("b.npy", &array(b"inner"))], &End::default());
    let inner_len = array(b"inner").len() as u32;
    let outer = Entry::new("a", &inner);
    let ghost = Entry {
        offset: Some(31),
        size: Some(inner_len),
        stored: Some(inner_len),
        ..Entry::new("b.npy", b"")
    };
    refused(&archive(&[outer, ghost], &End::default()), "overlaps");
    // The directory's bytes as a member's.
    let entry = Entry { size: Some(300), stored: Some(300), ..one() };
    refused(&archive(&[entry], &End::default()), "ends behind the members");
}

#[test]
fn offsets_and_sizes_outside_of_the_file() {
    for offset in [1, 500, 0x7fff_ffff, u32::MAX - 1] {
        refused(&archive(&[Entry { offset: Some(offset), ..one() }], &End::default()), "member");
    }
    for size in [0, 1, 500, u32::MAX - 1] {
        refused(&archive(&[Entry { size: Some(size), ..one() }], &End::default()), "a.npy");
        refused(
            &archive(&[Entry { stored: Some(size), size: Some(size), ..one() }], &End::default()),
            "a.npy",
        );
    }
    // Sizes that follow the bytes are not compared with the directory's, but they end where the members do.
    let len = array(b"xyz").len() as u32;
    let streamed =
        Entry { flags: 1 << 3, local_size: Some(0), stored: Some(len + 1), size: Some(len + 1), ..one() };
    refused(&archive(std::slice::from_ref(&streamed), &End::default()), "ends behind the members");
    let streamed = Entry { stored: Some(len), ..streamed };
    refused(&archive(&[streamed], &End::default()), "two lengths");
    for at in [0, 1, 0x7fff_ffff, u32::MAX - 1] {
        refused(&archive(&[one()], &End { at: Some(at), ..End::default() }), "must end where");
        refused(&archive(&[one()], &End { len: Some(at), ..End::default() }), "must end where");
    }
    let near_the_top = [u64::MAX, u64::MAX - 1, u64::MAX - 29, u64::MAX / 2, 1 << 40];
    for number in near_the_top {
        let mut extra = vec![1, 0, 8, 0];
        extra.extend(number.to_le_bytes());
        let entry = Entry { offset: Some(u32::MAX), extra: extra.clone(), ..one() };
        refused(&archive(&[entry], &End::default()), "member");
        let entry = Entry { stored: Some(u32::MAX), extra, ..one() };
        refused(&archive(&[entry], &End::default()), "a.npy");
    }
}

#[test]
fn zip64_records_that_lie() {
    let with = |zip64| archive(&[one()], &End { zip64: Some(zip64), ..End::default() });
    for number in [0, 2, 1 << 40, u64::MAX] {
        refused(&with(Zip64 { count: Some(number), ..Zip64::default() }), "contradict");
        refused(&with(Zip64 { len: Some(number), ..Zip64::default() }), "contradict");
        refused(&with(Zip64 { at: Some(number), ..Zip64::default() }), "contradict");
        refused(&with(Zip64 { record_at: Some(number), ..Zip64::default() }), "zip64 record");
        refused(&with(Zip64 { record_len: Some(number), ..Zip64::default() }), "zip64 record");
    }
    refused(&with(Zip64 { disks: 2, ..Zip64::default() }), "several files");
    refused(&archive(&[one()], &End { at: Some(u32::MAX), ..End::default() }), "missing");
    let all_there =
        |zip64| End { zip64: Some(zip64), at: Some(u32::MAX), len: Some(u32::MAX), ..End::default() };
    let file =
        archive(&[one()], &all_there(Zip64 { at: Some(u64::MAX), len: Some(u64::MAX), ..Zip64::default() }));
    refused(&file, "must end where");
    // A field that is announced and missing, too short, or there twice.
    let mut twice = vec![1, 0, 8, 0];
    twice.extend((array(b"xyz").len() as u64).to_le_bytes());
    let once = Entry { size: Some(u32::MAX), extra: twice.clone(), ..one() };
    assert!(open(&archive(&[once], &End::default())).is_ok());
    twice.extend(twice.clone());
    refused(
        &archive(&[Entry { size: Some(u32::MAX), extra: twice, ..one() }], &End::default()),
        "zip64 field",
    );
    for extra in [vec![], vec![1, 0, 4, 0, 0, 0, 0, 0], vec![1, 0, 9, 0, 0], vec![1, 0, 0, 0, 1, 0, 0, 0]] {
        refused(&archive(&[Entry { size: Some(u32::MAX), extra, ..one() }], &End::default()), "zip64 field");
    }
}

#[test]
fn names_that_lie() {
    let entry = Entry { local_name: Some(b"b.npy".to_vec()), ..one() };
    refused(&archive(&[entry], &End::default()), "another than in the directory");
    refused(&archive(&[one(), one()], &End::default()), "two members are called 'a.npy'");
    for name in [&b""[..], b"a\0.npy", b"\xff.npy"] {
        refused(&archive(&[Entry { name: name.to_vec(), ..one() }], &End::default()), "name is empty");
    }
}

#[test]
fn headers_that_contradict_the_directory() {
    refused(&archive(&[Entry { local_method: Some(8), ..one() }], &End::default()), "contradicts");
    refused(&archive(&[Entry { local_size: Some(5), ..one() }], &End::default()), "contradicts");
    let mut encrypted = archive(&[one()], &End::default());
    encrypted[6] |= 1;
    refused(&encrypted, "contradicts");
    let mut checksum = archive(&[one()], &End::default());
    checksum[14] ^= 1;
    refused(&checksum, "contradicts");
}

#[test]
fn ends_that_lie() {
    for count in [0, 2, 0xffff] {
        refused(&archive(&[one()], &End { count: Some(count), ..End::default() }), "members");
    }
    refused(&archive(&[one()], &End { here: Some(0), ..End::default() }), "several files");
    refused(&archive(&[one()], &End { disk: 1, ..End::default() }), "several files");
    refused(&archive(&[Entry { disk: 1, ..one() }], &End::default()), "several files");
    let good = archive(&[one()], &End::default());
    for more in [1, 22, 70_000] {
        let mut file = good.clone();
        file.resize(good.len() + more, 0);
        refused(&file, "other bytes follow");
    }
    for len in 4..good.len() {
        refused(&good[..len], "no end record");
    }
    // Bytes before the archive: its offsets are wrong, or those of another archive.
    let mut file = b"PK\x03\x04 something".to_vec();
    file.extend(&good);
    refused(&file, "must end where");
}

#[test]
fn an_end_in_the_comment() {
    let fake = archive(&[], &End::default());
    let file = archive(&[one()], &End { comment: fake, ..End::default() });
    refused(&file, "a second end");
    // One whose own comment does not end with the file is no end.
    let mut comment = archive(&[], &End::default());
    comment.push(b'x');
    assert!(open(&archive(&[one()], &End { comment, ..End::default() })).is_ok());
}

#[test]
fn too_many_members() {
    let entries: Vec<_> = (0..20).map(|i| Entry::new(&format!("{i}.npy"), &array(b""))).collect();
    let file = archive(&entries, &End::default());
    let mut options = ReadOptions::default();
    options.max_members = 19;
    let error = read(&file, "", &options).unwrap_err();
    assert!(matches!(error, FormatError::TooManyMembers { found: 20, limit: 19, .. }));
    options.max_members = 20;
    assert_eq!(read(&file, "", &options).unwrap().members.len(), 20);
    // Few members whose names fill the directory.
    let long = Entry::new(&"x".repeat(6000), b"");
    options.max_members = 20;
    let error = read(&archive(&[long], &End::default()), "", &options).unwrap_err();
    assert!(matches!(error, FormatError::TooManyMembers { limit: 5120, .. }), "{error}");
}

#[test]
fn a_header_in_a_member_sees_no_further_than_the_member() {
    // The first array's header promises bytes that lie in the second member.
    let mut lie = array(&[1; 64]);
    lie.truncate(lie.len() - 60);
    let file = archive(&[Entry::new("a.npy", &lie), Entry::new("b.npy", &array(&[2; 64]))], &End::default());
    let contents = open(&file).unwrap();
    assert!(matches!(
        contents.member("a").unwrap().view(),
        Err(FormatError::DataCut { expected: 64, found: 4, .. })
    ));
    assert!(contents.member("b").unwrap().view().is_ok());
    for len in 6..array(b"").len() {
        let file = archive(&[Entry::new("a.npy", &array(b"")[..len])], &End::default());
        let contents = open(&file).unwrap();
        assert!(matches!(contents.members[0].view(), Err(FormatError::HeaderCut { .. })), "{len}");
    }
}
