//! Makes zip archives, also such as nobody should make.

/// One member, as its header, its bytes and the directory say it. `None` is what is true.
#[derive(Clone, Default)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) local_extra: Vec<u8>,
    pub(crate) local_size: Option<u32>,
    pub(crate) local_method: Option<u16>,
    pub(crate) extra: Vec<u8>,
    pub(crate) size: Option<u32>,
    pub(crate) stored: Option<u32>,
    pub(crate) offset: Option<u32>,
    pub(crate) disk: u16,
}

impl Entry {
    pub(crate) fn new(name: &str, data: &[u8]) -> Self {
        Entry { name: name.into(), data: data.into(), flags: 1 << 11, ..Entry::default() }
    }
}

/// What the end record says beside the truth.
#[derive(Clone, Default)]
pub(crate) struct End {
    pub(crate) count: Option<u16>,
    pub(crate) here: Option<u16>,
    pub(crate) len: Option<u32>,
    pub(crate) at: Option<u32>,
    pub(crate) disk: u16,
    pub(crate) comment: Vec<u8>,
    pub(crate) zip64: Option<Zip64>,
}

/// A zip64 record, with what it says beside the truth.
#[derive(Clone, Default)]
pub(crate) struct Zip64 {
    pub(crate) count: Option<u64>,
    pub(crate) len: Option<u64>,
    pub(crate) at: Option<u64>,
    pub(crate) record_at: Option<u64>,
    pub(crate) record_len: Option<u64>,
    pub(crate) disks: u32,
}

fn put(out: &mut Vec<u8>, numbers: &[(u64, usize)]) {
    for (number, width) in numbers {
        out.extend(&number.to_le_bytes()[..*width]);
    }
}

pub(crate) fn archive(entries: &[Entry], end: &End) -> Vec<u8> {
    let mut out = Vec::new();
    let mut offsets = Vec::new();
    for entry in entries {
        offsets.push(out.len() as u64);
        local(&mut out, entry);
    }
    let at = out.len() as u64;
    for (entry, offset) in entries.iter().zip(offsets) {
        central(&mut out, entry, offset);
    }
    let len = out.len() as u64 - at;
    let count = entries.len() as u64;
    if let Some(zip64) = &end.zip64 {
        let record_at = out.len() as u64;
        out.extend(b"PK\x06\x06");
        put(&mut out, &[(zip64.record_len.unwrap_or(44), 8), (45, 2), (45, 2), (0, 4), (0, 4)]);
        let said = zip64.count.unwrap_or(count);
        put(&mut out, &[(said, 8), (said, 8), (zip64.len.unwrap_or(len), 8), (zip64.at.unwrap_or(at), 8)]);
        out.extend(b"PK\x06\x07");
        put(&mut out, &[(0, 4), (zip64.record_at.unwrap_or(record_at), 8), (zip64.disks.into(), 4)]);
    }
    out.extend(b"PK\x05\x06");
    let said = end.count.map_or(count, u64::from);
    put(&mut out, &[(end.disk.into(), 2), (0, 2), (end.here.map_or(said, u64::from), 2), (said, 2)]);
    put(&mut out, &[(end.len.map_or(len, u64::from), 4), (end.at.map_or(at, u64::from), 4)]);
    put(&mut out, &[(end.comment.len() as u64, 2)]);
    out.extend(&end.comment);
    out
}

fn local(out: &mut Vec<u8>, entry: &Entry) {
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    let size = entry.local_size.map_or(entry.data.len() as u64, u64::from);
    out.extend(b"PK\x03\x04");
    let method = entry.local_method.unwrap_or(entry.method);
    put(out, &[(20, 2), (entry.flags.into(), 2), (method.into(), 2), (0, 4)]);
    put(out, &[(rawzip::crc32(&entry.data).into(), 4), (size, 4), (size, 4)]);
    put(out, &[(name.len() as u64, 2), (entry.local_extra.len() as u64, 2)]);
    out.extend(name);
    out.extend(&entry.local_extra);
    out.extend(&entry.data);
}

fn central(out: &mut Vec<u8>, entry: &Entry, offset: u64) {
    let len = entry.data.len() as u64;
    out.extend(b"PK\x01\x02");
    put(out, &[(20, 2), (20, 2), (entry.flags.into(), 2), (entry.method.into(), 2), (0, 4)]);
    put(out, &[(rawzip::crc32(&entry.data).into(), 4)]);
    put(out, &[(entry.stored.map_or(len, u64::from), 4), (entry.size.map_or(len, u64::from), 4)]);
    put(out, &[(entry.name.len() as u64, 2), (entry.extra.len() as u64, 2), (0, 2)]);
    put(out, &[(entry.disk.into(), 2), (0, 2), (0, 4), (entry.offset.map_or(offset, u64::from), 4)]);
    out.extend(&entry.name);
    out.extend(&entry.extra);
}
