//! Random operations against a plain vector of bytes, in all three modes.

mod common;

use std::fs;

use common::{Folder, pattern};
use ndfolio_store::{File, Mapping, Mode, StoreError};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Read { offset: u64, len: usize },
    ReadUpTo { offset: u64, len: usize },
    Write { offset: u64, data: Vec<u8> },
    Map { start: u64, end: u64 },
    Unmap,
    CopyTo { offset: usize, len: usize },
    CopyFrom { offset: usize, data: Vec<u8> },
    Flush,
    Reopen,
}

/// Mostly within the file, now and then behind its end.
const LEN: u64 = 20_000;
const REACH: u64 = LEN + 500;

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..9000)]
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![0..40_usize, 0..9000_usize];
    prop_oneof![
        3 => (0..REACH, len.clone()).prop_map(|(offset, len)| Step::Read { offset, len }),
        1 => (0..REACH, len.clone()).prop_map(|(offset, len)| Step::ReadUpTo { offset, len }),
        4 => (0..REACH, data()).prop_map(|(offset, data)| Step::Write { offset, data }),
        2 => (0..REACH, 0..REACH).prop_map(|(a, b)| Step::Map { start: a.min(b), end: a.max(b) }),
        1 => Just(Step::Unmap),
        3 => (0..REACH as usize, len).prop_map(|(offset, len)| Step::CopyTo { offset, len }),
        3 => (0..REACH as usize, data()).prop_map(|(offset, data)| Step::CopyFrom { offset, data }),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

struct Run<'a> {
    folder: &'a Folder,
    mode: Mode,
    file: File,
    maps: Vec<Mapping>,
    model: Vec<u8>,
}

/// The bytes `offset..offset + len`, if there are that many.
fn range(offset: u64, len: usize, total: u64) -> Option<std::ops::Range<usize>> {
    let end = offset.checked_add(len as u64)?;
    (end <= total).then_some(offset as usize..end as usize)
}

fn is_out_of_range<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::OutOfRange { .. }))
}

impl Run<'_> {
    fn read(&self, offset: u64, len: usize) {
        let mut buf = vec![0; len];
        let result = self.file.read_at(offset, &mut buf);
        match range(offset, len, LEN) {
            Some(range) => assert!(result.is_ok() && buf == self.model[range]),
            None => assert!(is_out_of_range(result)),
        }
    }

    fn read_up_to(&self, offset: u64, len: usize) {
        let mut buf = vec![0; len];
        let count = self.file.read_up_to(offset, &mut buf).unwrap();
        let start = offset.min(LEN) as usize;
        assert_eq!(count, len.min(LEN as usize - start));
        assert!(buf[..count] == self.model[start..start + count]);
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        let result = self.file.write_at(offset, data);
        if self.mode == Mode::Read {
            return assert!(matches!(result, Err(StoreError::ReadOnly { .. })));
        }
        match range(offset, data.len(), LEN) {
            Some(range) => {
                result.unwrap();
                self.model[range].copy_from_slice(data);
            }
            None => assert!(is_out_of_range(result)),
        }
    }

    fn map(&mut self, start: u64, end: u64) {
        match self.file.map(start..end) {
            Ok(map) => {
                assert_eq!((map.file_offset(), map.len() as u64), (start, end - start));
                self.maps.push(map);
            }
            result => assert!(end > LEN && is_out_of_range(result)),
        }
    }

    fn copy_to(&self, offset: usize, len: usize) {
        let Some(map) = self.maps.last() else { return };
        let mut buf = vec![0; len];
        let result = map.copy_to(offset, &mut buf);
        match range(offset as u64, len, map.len() as u64) {
            Some(range) => {
                result.unwrap();
                let start = map.file_offset() as usize;
                assert!(buf == self.model[start + range.start..start + range.end]);
            }
            None => assert!(is_out_of_range(result)),
        }
    }

    fn copy_from(&mut self, offset: usize, data: &[u8]) {
        let Some(map) = self.maps.last() else { return };
        let result = map.copy_from(offset, data);
        let Some(range) = range(offset as u64, data.len(), map.len() as u64) else {
            return assert!(is_out_of_range(result));
        };
        if map.is_empty() {
            return result.unwrap();
        }
        if self.mode == Mode::Read {
            return assert!(matches!(result, Err(StoreError::ReadOnly { .. })));
        }
        result.unwrap();
        let start = map.file_offset() as usize;
        self.model[start + range.start..start + range.end].copy_from_slice(data);
    }

    fn reopen(&mut self) {
        let path = self.folder.join("file");
        self.maps.clear();
        let file = std::mem::replace(&mut self.file, File::open(&path, self.mode).unwrap());
        file.close().unwrap();
        if self.mode == Mode::CopyOnWrite {
            self.model = pattern(0, LEN as usize);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Read { offset, len } => self.read(*offset, *len),
            Step::ReadUpTo { offset, len } => self.read_up_to(*offset, *len),
            Step::Write { offset, data } => self.write(*offset, data),
            Step::Map { start, end } => self.map(*start, *end),
            Step::Unmap => drop(self.maps.pop()),
            Step::CopyTo { offset, len } => self.copy_to(*offset, *len),
            Step::CopyFrom { offset, data } => self.copy_from(*offset, data),
            Step::Flush => self.file.flush().unwrap(),
            Step::Reopen => self.reopen(),
        }
        let on_disk = fs::read(self.folder.join("file")).unwrap();
        if self.mode == Mode::ReadWrite {
            assert!(on_disk == self.model);
        } else {
            assert!(on_disk == pattern(0, LEN as usize));
        }
    }
}

fn run(mode: Mode, steps: &[Step]) {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let file = File::open(path, mode).unwrap();
    let mut run = Run { folder: &folder, mode, file, maps: Vec::new(), model: pattern(0, LEN as usize) };
    for step in steps {
        run.step(step);
    }
    run.read(0, LEN as usize);
    run.maps.iter().for_each(|map| map.check().unwrap());
    run.file.close().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_agrees_with_a_vector(steps in prop::collection::vec(step(), 1..40)) {
        run(Mode::Read, &steps);
    }

    #[test]
    fn writing_agrees_with_a_vector(steps in prop::collection::vec(step(), 1..40)) {
        run(Mode::ReadWrite, &steps);
    }

    #[test]
    fn copy_on_write_agrees_with_a_vector(steps in prop::collection::vec(step(), 1..40)) {
        run(Mode::CopyOnWrite, &steps);
    }
}
