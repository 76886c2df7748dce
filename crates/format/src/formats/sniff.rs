use crate::source::Source;

/// How a format is told by a file's first bytes.
pub(super) enum Sniff {
    /// One of these byte strings at its place.
    Magic(&'static [(usize, &'static [u8])]),
    /// A question about the first bytes and the file's length.
    Test(fn(&[u8], u64) -> bool),
}

impl Sniff {
    pub(super) fn matches(&self, source: &Source<'_>) -> bool {
        let start = source.known();
        match self {
            Sniff::Magic(magics) => magics.iter().any(|(at, magic)| has(start, *at, magic)),
            Sniff::Test(test) => test(start, source.len()),
        }
    }

    /// The bytes that such a file begins with, for a message.
    pub(super) fn first_magic(&self) -> Option<String> {
        match self {
            Sniff::Magic([(0, magic), ..]) => Some(magic.escape_ascii().to_string()),
            _ => None,
        }
    }
}

/// Whether `magic` stands `at` bytes into the file.
pub(super) fn has(start: &[u8], at: usize, magic: &[u8]) -> bool {
    start.get(at..).is_some_and(|rest| rest.starts_with(magic))
}
