//! Formats that are known, so that a file of one is refused with a reason and a way out.

use super::{
    Bytes::{self, Packed, Values},
    Entry, Format, Read,
    sniff::{Sniff, has},
};

pub(super) const STREAM: &str = "a compressed stream has no fixed place for an item";
const IMAGE: &str = "its pixels are compressed, none has a fixed place";
const INDEX: &str = "its header says where the values lie, and this version does not read it";

const fn entry(
    name: &'static str,
    what: &'static str,
    extensions: &'static [&'static str],
    sniff: Sniff,
    refusal: (Bytes, &'static str, &'static str),
) -> Entry {
    let (bytes, why, run) = refusal;
    Entry { format: Format(name), what, extensions, sniff, read: Read::Refuse { bytes, why, run } }
}

/// In the order in which a file is compared with them: long magics before short ones.
pub(super) static ENTRIES: [Entry; 32] = [
    entry(
        "hdf5",
        "an HDF5 file",
        &["h5", "hdf5", "hdf", "nc", "nc4", "mat"],
        Sniff::Magic(&[
            (0, b"\x89HDF\r\n\x1a\n"),
            (512, b"\x89HDF\r\n\x1a\n"),
            (1024, b"\x89HDF\r\n\x1a\n"),
            (2048, b"\x89HDF\r\n\x1a\n"),
        ]),
        (
            Values,
            "its arrays are found through HDF5's own index, which this version does not read",
            "python -c \"import sys, numpy, h5py; numpy.save(sys.argv[3], h5py.File(sys.argv[1])[sys.argv[2]][...])\" {in} NAME {npy}",
        ),
    ),
    entry(
        "torch",
        "a PyTorch checkpoint of the format before version 1.6",
        &["pt", "pth"],
        Sniff::Magic(&[(0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")]),
        (Values, PICKLE, TORCH_RUN),
    ),
    entry(
        "png",
        "a PNG image",
        &["png"],
        Sniff::Magic(&[(0, b"\x89PNG\r\n\x1a\n")]),
        (Packed, IMAGE, IMAGE_RUN),
    ),
    entry(
        "arrow",
        "an Arrow IPC file",
        &["arrow", "feather"],
        Sniff::Magic(&[(0, b"ARROW1\0\0"), (0, b"FEA1")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, pyarrow.feather; t = pyarrow.feather.read_table(sys.argv[1]); numpy.savez(sys.argv[2], **{n: t[n].to_numpy() for n in t.column_names})\" {in} {npz}",
        ),
    ),
    entry(
        "mat5",
        "a MATLAB file of version 5",
        &["mat"],
        Sniff::Magic(&[(0, b"MATLAB 5.0 MAT-file")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, scipy.io; numpy.savez(sys.argv[2], **{k: v for k, v in scipy.io.loadmat(sys.argv[1]).items() if k[0] != '_'})\" {in} {npz}",
        ),
    ),
    entry(
        "bzip2",
        "a bzip2-compressed file",
        &["bz2"],
        Sniff::Test(is_bzip2),
        (Packed, STREAM, "bzip2 -dc {in} > {bare}"),
    ),
    entry(
        "fits",
        "a FITS file",
        &["fits", "fit", "fts"],
        Sniff::Magic(&[(0, b"SIMPLE  =")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, astropy.io.fits; numpy.save(sys.argv[2], astropy.io.fits.getdata(sys.argv[1]))\" {in} {npy}",
        ),
    ),
    entry(
        "metaimage",
        "a MetaImage header",
        &["mha", "mhd"],
        Sniff::Magic(&[(0, b"ObjectType = Image"), (0, b"NDims = ")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, SimpleITK; numpy.save(sys.argv[2], SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(sys.argv[1])))\" {in} {npy}",
        ),
    ),
    entry(
        "nrrd",
        "a NRRD file",
        &["nrrd", "nhdr"],
        Sniff::Magic(&[(0, b"NRRD000")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, nrrd; numpy.save(sys.argv[2], nrrd.read(sys.argv[1])[0])\" {in} {npy}",
        ),
    ),
    entry(
        "xz",
        "an xz-compressed file",
        &["xz"],
        Sniff::Magic(&[(0, b"\xfd7zXZ\0")]),
        (Packed, STREAM, "xz -dc {in} > {bare}"),
    ),
    entry(
        "7z",
        "a 7z archive",
        &["7z"],
        Sniff::Magic(&[(0, b"7z\xbc\xaf\x27\x1c")]),
        (Packed, STREAM, "7z x {in}"),
    ),
    entry(
        "wav",
        "a WAV file",
        &["wav"],
        Sniff::Test(is_wav),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, scipy.io.wavfile; numpy.save(sys.argv[2], scipy.io.wavfile.read(sys.argv[1])[1])\" {in} {npy}",
        ),
    ),
    entry("webp", "a WebP image", &["webp"], Sniff::Test(is_webp), (Packed, IMAGE, IMAGE_RUN)),
    entry(
        "gif",
        "a GIF image",
        &["gif"],
        Sniff::Magic(&[(0, b"GIF87a"), (0, b"GIF89a")]),
        (Packed, IMAGE, IMAGE_RUN),
    ),
    entry(
        "tar",
        "a tar archive",
        &["tar"],
        Sniff::Magic(&[(257, b"ustar")]),
        (Values, "it is a bundle of other files", "tar -xf {in}"),
    ),
    entry(
        "nifti",
        "a NIfTI image",
        &["nii", "hdr"],
        Sniff::Magic(&[(344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0\r\n\x1a\n"), (4, b"ni2\0\r\n\x1a\n")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, nibabel; numpy.save(sys.argv[2], numpy.asanyarray(nibabel.load(sys.argv[1]).dataobj))\" {in} {npy}",
        ),
    ),
    entry(
        "dicom",
        "a DICOM file",
        &["dcm", "dicom"],
        Sniff::Magic(&[(128, b"DICM")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, pydicom; numpy.save(sys.argv[2], pydicom.dcmread(sys.argv[1]).pixel_array)\" {in} {npy}",
        ),
    ),
    entry(
        "mrc",
        "an MRC file",
        &["mrc", "mrcs", "ccp4", "map"],
        Sniff::Magic(&[(208, b"MAP ")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, mrcfile; numpy.save(sys.argv[2], mrcfile.read(sys.argv[1]))\" {in} {npy}",
        ),
    ),
    entry(
        "safetensors",
        "a safetensors file",
        &["safetensors"],
        Sniff::Test(is_safetensors),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, safetensors.numpy; numpy.savez(sys.argv[2], **safetensors.numpy.load_file(sys.argv[1]))\" {in} {npz}",
        ),
    ),
    entry(
        "zstd",
        "a zstd-compressed file",
        &["zst", "zstd"],
        Sniff::Magic(&[(0, b"\x28\xb5\x2f\xfd")]),
        (Packed, STREAM, "zstd -dc {in} > {bare}"),
    ),
    entry(
        "lz4",
        "an lz4-compressed file",
        &["lz4"],
        Sniff::Magic(&[(0, b"\x04\x22\x4d\x18")]),
        (Packed, STREAM, "lz4 -dc {in} > {bare}"),
    ),
    entry(
        "parquet",
        "a Parquet file",
        &["parquet", "pq"],
        Sniff::Magic(&[(0, b"PAR1")]),
        (
            Packed,
            "its columns are encoded page by page, no value has a fixed place",
            "python -c \"import sys, numpy, pyarrow.parquet; t = pyarrow.parquet.read_table(sys.argv[1]); numpy.savez(sys.argv[2], **{n: t[n].to_numpy() for n in t.column_names})\" {in} {npz}",
        ),
    ),
    entry(
        "gguf",
        "a GGUF model",
        &["gguf"],
        Sniff::Magic(&[(0, b"GGUF")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, gguf; numpy.savez(sys.argv[2], **{t.name: t.data for t in gguf.GGUFReader(sys.argv[1]).tensors})\" {in} {npz}",
        ),
    ),
    entry(
        "ply",
        "a PLY model",
        &["ply"],
        Sniff::Magic(&[(0, b"ply\n"), (0, b"ply\r\n")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, plyfile; numpy.save(sys.argv[2], plyfile.PlyData.read(sys.argv[1])['vertex'].data)\" {in} {npy}",
        ),
    ),
    entry(
        "tiff",
        "a TIFF image",
        &["tif", "tiff"],
        Sniff::Magic(&[(0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, tifffile; numpy.save(sys.argv[2], tifffile.imread(sys.argv[1]))\" {in} {npy}",
        ),
    ),
    entry(
        "netcdf3",
        "a NetCDF file of version 3",
        &["nc", "cdf"],
        Sniff::Magic(&[(0, b"CDF\x01"), (0, b"CDF\x02"), (0, b"CDF\x05")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, netCDF4; numpy.savez(sys.argv[2], **{n: v[...].data for n, v in netCDF4.Dataset(sys.argv[1]).variables.items()})\" {in} {npz}",
        ),
    ),
    entry(
        "las",
        "a LAS point cloud",
        &["las", "laz"],
        Sniff::Magic(&[(0, b"LASF")]),
        (
            Values,
            INDEX,
            "python -c \"import sys, numpy, laspy; numpy.save(sys.argv[2], laspy.read(sys.argv[1]).points.array)\" {in} {npy}",
        ),
    ),
    entry("jpeg", "a JPEG image", &["jpg", "jpeg"], Sniff::Test(is_jpeg), (Packed, IMAGE, IMAGE_RUN)),
    entry(
        "gzip",
        "a gzip-compressed file",
        &["gz"],
        Sniff::Test(is_gzip),
        (Packed, STREAM, "gzip -dc {in} > {bare}"),
    ),
    entry(
        "compress",
        "a file compressed by compress",
        &["Z"],
        Sniff::Test(is_compress),
        (Packed, STREAM, "gzip -dc {in} > {bare}"),
    ),
    entry(
        "pnm",
        "a Netpbm image",
        &["ppm", "pgm", "pbm", "pnm", "pam", "pfm"],
        Sniff::Test(is_pnm),
        (Values, INDEX, IMAGE_RUN),
    ),
    entry(
        "pickle",
        "a Python pickle",
        &["pkl", "pickle"],
        Sniff::Test(is_pickle),
        (
            Packed,
            PICKLE,
            "python -c \"import sys, pickle, numpy; numpy.save(sys.argv[2], pickle.load(open(sys.argv[1], 'rb')))\" {in} {npy}",
        ),
    ),
];

const PICKLE: &str = "it is a program that makes values, and reading it runs what it says: do that only with a file that you trust";
const IMAGE_RUN: &str = "python -c \"import sys, numpy, imageio.v3; numpy.save(sys.argv[2], imageio.v3.imread(sys.argv[1]))\" {in} {npy}";
pub(super) const TORCH_RUN: &str = "python -c \"import sys, numpy, torch; numpy.savez(sys.argv[2], **{k: v.numpy() for k, v in torch.load(sys.argv[1], map_location='cpu', weights_only=True).items()})\" {in} {npz}";

/// The file header, then that of a first block or of the end.
fn is_bzip2(start: &[u8], _: u64) -> bool {
    has(start, 0, b"BZh")
        && matches!(start.get(3), Some(b'1'..=b'9'))
        && (has(start, 4, b"1AY&SY") || has(start, 4, b"\x17rE8P\x90"))
}

fn is_wav(start: &[u8], _: u64) -> bool {
    has(start, 8, b"WAVE") && [b"RIFF", b"RF64", b"RIFX", b"BW64"].iter().any(|id| has(start, 0, *id))
}

fn is_webp(start: &[u8], _: u64) -> bool {
    has(start, 0, b"RIFF") && has(start, 8, b"WEBP")
}

/// The length of a JSON text that fits into the file, and its beginning.
fn is_safetensors(start: &[u8], len: u64) -> bool {
    let Some((length, rest)) = start.split_first_chunk() else { return false };
    let length = u64::from_le_bytes(*length);
    (2..=len.saturating_sub(8)).contains(&length) && (rest.starts_with(b"{\"") || rest.starts_with(b"{}"))
}

fn is_jpeg(start: &[u8], _: u64) -> bool {
    has(start, 0, b"\xff\xd8\xff") && matches!(start.get(3), Some(0xc0..=0xfe))
}

/// Magic, deflate (the one method that there is), no reserved flag.
fn is_gzip(start: &[u8], len: u64) -> bool {
    has(start, 0, b"\x1f\x8b\x08") && matches!(start.get(3), Some(0..=0x1f)) && len >= 18
}

/// Magic, and a code length from 9 to 16 bits with no reserved flag.
fn is_compress(start: &[u8], _: u64) -> bool {
    has(start, 0, b"\x1f\x9d")
        && start.get(2).is_some_and(|b| b & 0x60 == 0 && (9..=16).contains(&(b & 0x1f)))
}

/// The letter of the kind, a blank, then a number or a comment.
fn is_pnm(start: &[u8], _: u64) -> bool {
    matches!(start, [b'P', b'1'..=b'6' | b'f' | b'F', b' ' | b'\t' | b'\n' | b'\r', b'0'..=b'9' | b'#', ..])
        || has(start, 0, b"P7\nWIDTH ")
}

/// A protocol from 2 to 5; from 4 on a frame that fits into the file follows, before that the opcode of a
/// container, a class or a text.
fn is_pickle(start: &[u8], len: u64) -> bool {
    match start {
        [0x80, 4 | 5, 0x95, rest @ ..] => {
            let frame = rest.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            frame.is_some_and(|frame| frame.saturating_add(11) <= len)
        }
        [0x80, 2 | 3, b'c', module, ..] => module.is_ascii_alphabetic() || *module == b'_',
        [0x80, 2 | 3, b']' | b'}' | b')', b'q', ..] => true,
        _ => false,
    }
}
