"""Arrays of every kind that a .npy file can hold without pickle."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np

PLAIN = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8",
         ">u8",
         "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<f16", "<c8", ">c8", "<c16", ">c16", "<c32"]
TEXT = ["|S5", "<U5", ">U5", "|V7", "|S1", "|V16"]
TIME = ["<M8[ns]", "<M8[25us]", ">M8[D]", "<M8[Y]", "<m8[s]", ">m8[7m]", "<M8", "<m8"]
RECORDS = {
    "packed": [("a", "<i4"), ("b", ">f8", (2, 3))],
    "aligned": np.dtype([("a", "i1"), ("b", "f8")], align=True),
    "offsets": np.dtype({"names": ["x", "y"], "formats": ["<f4", "<u2"], "offsets": [4, 12], "itemsize": 20}),
    "nested": [("p", [("x", "<f4"), ("y", ">f4")]), ("id", "<u8")],
    "nested array": [("p", [("x", "<f4"), ("s", "|S3")], (2,)), ("ok", "|b1")],
    "titles": [(("Title", "a"), "<i4"), ("b", "|u1")],
    "text": [("name", "<U4"), ("tag", "|S3"), ("when", "<M8[s]")],
    "latin1": [("größe", "<f4")],
    "unicode": [("长度", "<f4"), ("λ", "<i2")],
}
DTYPES = {**{code: code for code in PLAIN + TEXT + TIME}, **RECORDS}
SHAPES = [(), (0,), (1,), (7,), (3, 0, 2), (2, 3), (1, 5), (4, 1, 3), (2, 3, 4, 5)]


def filled(dtype, shape, seed=0):
    """An array of that dtype with values that differ, extremes among them; NaT and odd padding are not."""
    dtype, random = np.dtype(dtype), np.random.default_rng(seed)
    array = np.zeros(shape, dtype)
    if dtype.names is not None:
        for number, name in enumerate(dtype.names):
            array[name] = filled(dtype[name].base, array[name].shape, seed + number + 1)
        return array
    kind, count = dtype.kind, array.size
    if kind == "b":
        values = random.integers(0, 2, count).astype(bool)
    elif kind in "iu":
        info = np.iinfo(dtype)
        values = random.integers(info.min, info.max, count, dtype=dtype.newbyteorder("="), endpoint=True)
    elif kind == "f":
        values = np.round(random.normal(0, 100, count), 3)
    elif kind == "c":
        values = np.round(random.normal(0, 10, count), 2) + 1j * np.round(random.normal(0, 10, count), 2)
    elif kind in "Mm":
        values = random.integers(-500, 500, count).astype("i8")
    elif kind == "V":
        values = np.frombuffer(random.bytes(count * dtype.itemsize), dtype)
    else:
        letters = np.array(list("abcxyz ZÄ" if kind == "U" else "abcxyz Z"))
        lengths = random.integers(0, 6, count)
        values = ["".join(letters[random.integers(0, len(letters), length)]) for length in lengths]
    if count:
        array[...] = np.asarray(values, dtype=None if kind not in "SU" else dtype).reshape(shape)
    return array


def dtypes():
    """Any dtype that can be mapped."""
    orders = {"endianness": "?"}
    times = [hnp.datetime64_dtypes(**orders), hnp.timedelta64_dtypes(**orders)]
    scalars = st.one_of(
        hnp.boolean_dtypes(), hnp.integer_dtypes(**orders), hnp.unsigned_integer_dtypes(**orders),
        hnp.floating_dtypes(sizes=(16, 32, 64), **orders),
        hnp.complex_number_dtypes(sizes=(64, 128), **orders),
        hnp.byte_string_dtypes(min_len=1, max_len=6),
        hnp.unicode_string_dtypes(min_len=1, max_len=6, **orders), *times)
    names = st.text("abcxyzäλ", min_size=1, max_size=4)

    def record(fields):
        return np.dtype([(name, dtype, shape) for name, (dtype, shape) in fields.items()])

    shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)
    records = st.dictionaries(names, st.tuples(scalars, shapes), min_size=1, max_size=4).map(record)
    return st.one_of(scalars, scalars, records)


def shapes():
    return hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


@st.composite
def arrays(draw):
    """Any array, in C or F order. Text is of letters, for NumPy cannot compare all of Unicode."""
    dtype = draw(dtypes())
    array = filled(dtype, draw(shapes()), draw(st.integers(0, 2**32 - 1)))
    return np.asfortranarray(array) if draw(st.booleans()) and array.ndim > 1 else array
