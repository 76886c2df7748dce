/// Limits for files that are not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The longest `.npy` header, in bytes: 64 KiB unless it is raised. Longer ones are refused before they
    /// are read. Headers of thousands of fields need more.
    pub max_header: u32,
    /// The most members of an archive: 65 536 unless it is raised. Its directory may then have 256 bytes for
    /// each of them.
    pub max_members: u32,
    /// What a raw opening does with a file that begins like a known format.
    pub known_magic: KnownMagic,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { max_header: 64 << 10, max_members: 1 << 16, known_magic: KnownMagic::Refuse }
    }
}

/// What a raw opening does with a file that begins like a known format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KnownMagic {
    /// It is an error. With an offset behind the file's first byte only compressed formats are refused:
    /// an offset is how one steps over a header, but no offset leads to a value in compressed bytes.
    #[default]
    Refuse,
    /// The bytes are taken as values, whatever they look like.
    Ignore,
}
