"""`ndfolio.array_api` against array-api-strict: every function of the standard, and no name is missing."""

import doctest
import inspect
import operator
import subprocess
import sys

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ndfolio as nf

xp = nf.array_api
VERSION = "2024.12"
KINDS = {
    "bool": ["bool"],
    "integer": ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
    "real floating": ["float32", "float64"],
    "complex": ["complex64", "complex128"],
}
GROUPS = {
    "floating": ["real floating", "complex"],
    "real": ["integer", "real floating"],
    "numeric": ["integer", "real floating", "complex"],
    "bits": ["bool", "integer"],
    "all": list(KINDS),
    "no bool": ["integer", "real floating"],
}
UNARY = {
    "numeric": "abs negative positive square",
    "floating": "acos acosh asin asinh atan atanh cos cosh exp log log10 log1p log2 sin sinh sqrt tan tanh reciprocal",
    "real floating": "expm1",
    "bits": "bitwise_invert",
    "real": "ceil floor trunc",
    "numeric ": "isfinite isinf isnan round sign",
    "bool": "logical_not",
    "complex": "conj imag",
    "numeric  ": "real",
    "real floating ": "signbit",
}
BINARY = {
    "numeric": "add multiply subtract",
    "all": "equal not_equal",
    "floating": "divide",
    "real floating": "atan2 copysign hypot logaddexp nextafter",
    "bits": "bitwise_and bitwise_or bitwise_xor",
    "real": "greater greater_equal less less_equal maximum minimum",
    "bool": "logical_and logical_or logical_xor",
    "no bool": "floor_divide remainder",
}


def dtypes(kind):
    kind = kind.strip()
    return [np.dtype(name) for group in GROUPS.get(kind, [kind]) for name in KINDS[group]]


def values(dtype, special=False):
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind in "iu":
        return st.integers(0 if dtype.kind == "u" else -9, 9)
    # Halves are exact, so that sums in another order are the same.
    halves = st.integers(-40, 40).map(lambda n: n / 2)
    if dtype.kind == "f":
        return halves | st.sampled_from([np.nan, np.inf, -np.inf, -0.0]) if special else halves
    return st.builds(complex, halves, halves)


def arrays(dtype, shape, special=False):
    return hnp.arrays(dtype, shape, elements=values(dtype, special))


def in_namespace(namespace, x):
    return namespace.asarray(x, copy=True) if isinstance(x, np.ndarray) else x


def plain(result):
    """Results as a list of NumPy's arrays."""
    if isinstance(result, nf.Array):
        return [np.asarray(result)]
    if isinstance(result, (tuple, list)):
        return [array for one in result for array in plain(one)]
    return [result._array if hasattr(result, "_array") else result]


def compare(function, *args):
    """Calls a function with both namespaces: what strict refuses is not looked at."""
    with np.errstate(all="ignore"):
        try:
            expected = plain(function(strict, *(in_namespace(strict, x) for x in args)))
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
            return
        found = plain(function(xp, *(in_namespace(xp, x) for x in args)))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        same(one, other)


def same(found, expected):
    if not isinstance(expected, (np.ndarray, np.generic)):
        assert found == expected
        return
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    tolerance = 2e-5 if found.dtype in ("f4", "c8") else 1e-11
    np.testing.assert_allclose(found, expected, tolerance, tolerance)


@pytest.fixture(autouse=True)
def version():
    strict.set_array_api_strict_flags(api_version=VERSION)
    yield
    strict.reset_array_api_strict_flags()


FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def named(table):
    return [pytest.param(kind, name, id=name) for kind, names in table.items() for name in names.split()]


@pytest.mark.parametrize(("kind", "name"), named(UNARY))
@FEW
@given(st.data())
def test_functions_of_one_array(kind, name, data):
    dtype = data.draw(st.sampled_from(dtypes(kind)))
    x = data.draw(arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), special=True))
    compare(lambda xp, x: getattr(xp, name)(x), x)


@pytest.mark.parametrize(("kind", "name"), named(BINARY))
@FEW
@given(st.data())
def test_functions_of_two_arrays(kind, name, data):
    dtype, other = (data.draw(st.sampled_from(dtypes(kind))) for _ in range(2))
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=3, min_side=0, max_side=4))
    both = zip((dtype, other), shapes.input_shapes, strict=True)
    x, y = (data.draw(arrays(one, shape, special=True)) for one, shape in both)
    compare(lambda xp, x, y: getattr(xp, name)(x, y), x, y)
    number = data.draw(values(dtype))
    compare(lambda xp, x: getattr(xp, name)(x, number), x)
    compare(lambda xp, x: getattr(xp, name)(number, x), x)


OPERATORS = {
    "numeric": "add sub mul",
    "floating": "truediv",
    "real": "floordiv mod lt le gt ge",
    "all": "eq ne",
    "bits": "and_ or_ xor",
}


@pytest.mark.parametrize(("kind", "name"), named(OPERATORS))
@FEW
@given(st.data())
def test_operators(kind, name, data):
    act = getattr(operator, name)
    dtype, other = (data.draw(st.sampled_from(dtypes(kind))) for _ in range(2))
    x, y = data.draw(arrays(dtype, (2, 3))), data.draw(arrays(other, (3,)))
    compare(lambda xp, x, y: act(x, y), x, y)
    number = data.draw(values(dtype))
    compare(lambda xp, x: act(x, number), x)
    if name not in ("lt", "le", "gt", "ge", "eq", "ne"):
        compare(lambda xp, x: act(number, x), x)
        inplace = getattr(operator, "i" + name.rstrip("_"))
        compare(lambda xp, x: inplace(x, number), x)


def test_shifts_and_powers():
    x, few = np.arange(-6, 6, dtype="i4").reshape(3, 4), np.array([0, 1, 2, 3], "i4")
    compare(lambda xp, x, n: [xp.bitwise_left_shift(x, n), x << n, x << 2], x, few)
    compare(lambda xp, x, n: [xp.bitwise_right_shift(x, n), x >> n, x >> 1], x, few)
    compare(lambda xp, x, n: [xp.pow(x, n), x**n, x**2, ~x, -x, +x, abs(x)], x, few)
    y = np.linspace(0.1, 4, 12).reshape(3, 4)
    compare(lambda xp, y, n: [xp.pow(y, n), y**0.5, 2.0**y], y, few.astype("f8"))
    compare(lambda xp, y: y @ y.mT, y)
    product = xp.asarray(y) @ y.T
    assert type(product) is nf.Array
    np.testing.assert_allclose(product, y @ y.T)
    with pytest.raises(TypeError):
        xp.asarray(y) @ "text"
    with pytest.raises(ValueError, match="matmul"):
        xp.asarray(y) @ 2


#: Functions with arguments, of arrays with two axes or more of one to four items.
MORE = [
    ("sum", "numeric", lambda xp, x: [xp.sum(x), xp.sum(x, axis=0), xp.sum(x, axis=(0, -1), keepdims=True)]),
    ("sum", "real", lambda xp, x: [xp.sum(x, dtype=xp.float64), xp.sum(x, axis=(), dtype=xp.float32)]),
    ("prod", "numeric", lambda xp, x: [xp.prod(x), xp.prod(x, axis=-1, keepdims=True)]),
    ("prod", "real floating", lambda xp, x: xp.prod(x, dtype=xp.float64)),
    ("mean", "real floating", lambda xp, x: [xp.mean(x), xp.mean(x, axis=(0, 1)), xp.mean(x, axis=0, keepdims=True)]),
    ("var", "real floating", lambda xp, x: [xp.var(x), xp.var(x, axis=0), xp.var(x, axis=1, correction=0.5)]),
    ("std", "real floating", lambda xp, x: [xp.std(x), xp.std(x, axis=0), xp.std(x, axis=1, keepdims=True)]),
    ("min", "real", lambda xp, x: [xp.min(x), xp.min(x, axis=(0, 1)), xp.min(x, axis=-1, keepdims=True)]),
    ("max", "real", lambda xp, x: [xp.max(x), xp.max(x, axis=0), xp.max(x, axis=-1, keepdims=True)]),
    ("any", "all", lambda xp, x: [xp.any(x), xp.any(x, axis=0), xp.any(x, axis=(0, 1), keepdims=True)]),
    ("all", "all", lambda xp, x: [xp.all(x), xp.all(x, axis=0), xp.all(x, axis=(0, 1), keepdims=True)]),
    ("argmin", "real", lambda xp, x: [xp.argmin(x), xp.argmin(x, axis=0), xp.argmin(x, axis=-1, keepdims=True)]),
    ("argmax", "real", lambda xp, x: [xp.argmax(x), xp.argmax(x, axis=0), xp.argmax(x, keepdims=True)]),
    ("count_nonzero", "all", lambda xp, x: [xp.count_nonzero(x), xp.count_nonzero(x, axis=0, keepdims=True)]),
    ("cumulative_sum", "numeric", lambda xp, x: [xp.cumulative_sum(x, axis=0), xp.cumulative_sum(x[0, ...], axis=-1)]),
    ("cumulative_sum", "numeric", lambda xp, x: xp.cumulative_sum(x, axis=1, include_initial=True)),
    ("cumulative_sum", "real", lambda xp, x: xp.cumulative_sum(xp.reshape(x, (-1,)), dtype=xp.float64)),
    ("cumulative_prod", "numeric", lambda xp, x: [xp.cumulative_prod(x, axis=i) for i in (0, -1)]),
    ("cumulative_prod", "numeric", lambda xp, x: xp.cumulative_prod(x, axis=1, include_initial=True)),
    ("diff", "numeric", lambda xp, x: [xp.diff(x), xp.diff(x, axis=0, n=2), xp.diff(x, prepend=x, append=x)]),
    ("clip", "real", lambda xp, x: [xp.clip(x, 1, 4), xp.clip(x, max=3), xp.clip(x, 2), xp.clip(x), xp.clip(x, x, 7)]),
    ("broadcast_to", "all", lambda xp, x: xp.broadcast_to(x, (2, *x.shape))),
    ("broadcast_arrays", "all", lambda xp, x: xp.broadcast_arrays(x, x[:1, ...], x[0, ...])),
    ("expand_dims", "all", lambda xp, x: [xp.expand_dims(x, axis=i) for i in (0, 1, -1)]),
    ("squeeze", "all", lambda xp, x: xp.squeeze(x[:1, None, ...], (0, 1))),
    ("flip", "all", lambda xp, x: [xp.flip(x), xp.flip(x, axis=0), xp.flip(x, axis=(0, -1))]),
    ("moveaxis", "all", lambda xp, x: [xp.moveaxis(x, 0, -1), xp.moveaxis(x, (0, 1), (1, 0))]),
    ("permute_dims", "all", lambda xp, x: xp.permute_dims(x, tuple(range(x.ndim))[::-1])),
    ("matrix_transpose", "all", lambda xp, x: [xp.matrix_transpose(x), x.mT, xp.linalg.matrix_transpose(x)]),
    ("T", "all", lambda xp, x: x.T),
    ("reshape", "all", lambda xp, x: [xp.reshape(x, (-1,)), xp.reshape(x, x.shape[::-1], copy=True)]),
    ("unstack", "all", lambda xp, x: [xp.unstack(x), xp.unstack(x, axis=-1)]),
    ("tile", "all", lambda xp, x: [xp.tile(x, (2,)), xp.tile(x, (2, 1, 1, 3)), xp.tile(x, ()), xp.tile(x, (0, 1))]),
    ("repeat", "all", lambda xp, x: [xp.repeat(x, 2), xp.repeat(x, 3, axis=0)]),
    ("repeat", "all", lambda xp, x: xp.repeat(x, xp.asarray(range(x.shape[0]), dtype=xp.int64), axis=0)),
    ("roll", "all", lambda xp, x: [xp.roll(x, 1), xp.roll(x, -1, axis=1), xp.roll(x, (1, 2), axis=(0, 1))]),
    ("concat", "all", lambda xp, x: [xp.concat([x, x]), xp.concat((x, x), axis=-1), xp.concat([x, x], axis=None)]),
    ("stack", "all", lambda xp, x: [xp.stack([x, x]), xp.stack((x, x), axis=-1)]),
    ("take", "all", lambda xp, x: [xp.take(x, xp.asarray([0, -1, 0]), axis=i) for i in (0, 1, -1)]),
    ("take", "all", lambda xp, x: xp.take(x[:, 0, ...], xp.asarray([0]), axis=0)),
    ("take_along_axis", "real", lambda xp, x: [xp.take_along_axis(x, xp.argsort(x, axis=i), axis=i) for i in (0, -1)]),
    ("where", "all", lambda xp, x: xp.where(x[:1, ...] == x, x, x[0, ...])),
    ("where", "real", lambda xp, x: xp.where(x > 2, x, 3)),
    ("nonzero", "all", lambda xp, x: xp.nonzero(x)),
    ("searchsorted", "real", lambda xp, x: [xp.searchsorted(xp.sort(x[0, :1]), x, side=s) for s in ("left", "right")]),
    ("sort", "real", lambda xp, x: [xp.sort(x), xp.sort(x, axis=0, descending=True, stable=False)]),
    ("argsort", "real", lambda xp, x: [xp.argsort(x), xp.argsort(x, axis=0, descending=True)]),
    ("unique_all", "real", lambda xp, x: [tuple(xp.unique_all(x)), tuple(xp.unique_inverse(x))]),
    ("unique_counts", "real", lambda xp, x: [tuple(xp.unique_counts(x)), xp.sort(xp.unique_values(x))]),
    ("tril", "all", lambda xp, x: [xp.tril(x), xp.tril(x, k=1), xp.tril(x, k=-2)]),
    ("triu", "all", lambda xp, x: [xp.triu(x), xp.triu(x, k=1), xp.triu(x, k=-2)]),
    ("matmul", "numeric", lambda xp, x: [xp.matmul(x, x.mT), xp.linalg.matmul(x.mT, x), x @ x[0, 0, ...]]),
    ("tensordot", "numeric", lambda xp, x: [xp.tensordot(x, x, axes=x.ndim), xp.linalg.tensordot(x, x, axes=0)]),
    ("tensordot", "numeric", lambda xp, x: xp.tensordot(x, x, axes=((0,), (0,)))),
    ("vecdot", "numeric", lambda xp, x: [xp.vecdot(x, x), xp.vecdot(x, x[0, ...]), xp.linalg.vecdot(x, x, axis=-2)]),
    ("zeros_like", "all", lambda xp, x: [xp.zeros_like(x), xp.ones_like(x), xp.zeros_like(x, dtype=xp.int8)]),
    ("full_like", "real", lambda xp, x: [xp.full_like(x, 3), xp.full_like(x, 3.5, dtype=xp.float32)]),
    ("empty_like", "all", lambda xp, x: [xp.empty_like(x).shape, xp.empty((2, 3)).shape, xp.empty_like(x).ndim]),
    ("astype", "real", lambda xp, x: [xp.astype(x, one) for one in (xp.float32, xp.complex128, xp.int64)]),
    ("astype", "all", lambda xp, x: [xp.astype(x, x.dtype, copy=False), xp.astype(x, x.dtype, device=x.device)]),
    ("asarray", "all", lambda xp, x: [xp.asarray(x, copy=True), xp.asarray(x, dtype=x.dtype, copy=False)]),
    ("from_dlpack", "all", lambda xp, x: [xp.from_dlpack(x), xp.from_dlpack(x, copy=True)]),
    ("meshgrid", "all", lambda xp, x: [xp.meshgrid(x[0, :, 0], x[:, 0, 0]), xp.meshgrid(x[0, 0, :])]),
    ("meshgrid", "all", lambda xp, x: xp.meshgrid(x[0, 0, :], x[:, 0, 0], x[0, :, 0], indexing="ij")),
    ("getitem", "all", lambda xp, x: [x[0, ..., None], x[::-2, ...], x[..., -1], x[x == x], x[1:, 0, ...]]),
    ("getitem", "all", lambda xp, x: x[xp.asarray([0, -1]), xp.asarray([0, 0]), xp.asarray([-1, 0])]),
    ("fft", "complex", lambda xp, x: [xp.fft.fft(x), xp.fft.ifft(x, n=5, axis=0), xp.fft.fft(x, norm="ortho")]),
    ("fftn", "complex", lambda xp, x: [xp.fft.fftn(x), xp.fft.ifftn(x, s=(2, 3), axes=(0, 1), norm="forward")]),
    ("rfft", "real floating", lambda xp, x: [xp.fft.rfft(x), xp.fft.rfftn(x), xp.fft.ihfft(x, axis=0)]),
    ("irfft", "complex", lambda xp, x: [xp.fft.irfft(x, n=6), xp.fft.hfft(x, n=6), xp.fft.irfftn(x, s=(4,), axes=(0,))]),
    ("fftshift", "floating", lambda xp, x: [xp.fft.fftshift(x), xp.fft.ifftshift(x, axes=(0,))]),
    ("diagonal", "all", lambda xp, x: [xp.linalg.diagonal(x), xp.linalg.diagonal(x, offset=1)]),
    ("trace", "numeric", lambda xp, x: [xp.linalg.trace(x), xp.linalg.trace(x, offset=-1)]),
    ("outer", "numeric", lambda xp, x: xp.linalg.outer(x[0, 0, :], x[:, 0, 0])),
    ("cross", "real", lambda xp, x: xp.linalg.cross(xp.tile(x[..., :1], (3,)), xp.tile(x[..., -1:], (3,)))),
    ("vector_norm", "floating", lambda xp, x: [xp.linalg.vector_norm(x), xp.linalg.vector_norm(x, axis=0)]),
    ("vector_norm", "floating", lambda xp, x: xp.linalg.vector_norm(x, axis=(0, 1), keepdims=True)),
    ("vector_norm", "floating", lambda xp, x: [xp.linalg.vector_norm(x, axis=0, ord=i) for i in (1, 0, 3.5)]),
    ("vector_norm", "floating", lambda xp, x: [xp.linalg.vector_norm(x, ord=i) for i in (xp.inf, -xp.inf, -1)]),
    ("matrix_norm", "floating", lambda xp, x: [xp.linalg.matrix_norm(x), xp.linalg.matrix_norm(x, keepdims=True)]),
    ("matrix_norm", "floating", lambda xp, x: [xp.linalg.matrix_norm(x, ord=i) for i in (1, -1, 2, xp.inf, "nuc")]),
]


@pytest.mark.parametrize(("name", "kind", "function"), MORE, ids=[f"{i}-{one[0]}" for i, one in enumerate(MORE)])
@FEW
@given(st.data())
def test_functions_with_arguments(name, kind, function, data):
    dtype = data.draw(st.sampled_from(dtypes(kind)))
    x = data.draw(arrays(dtype, st.tuples(*[st.integers(1, 4)] * 3)))
    compare(function, x)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize(("name", "kind", "function"), MORE, ids=[f"{i}-{one[0]}" for i, one in enumerate(MORE)])
def test_functions_of_files(name, kind, function, endian, order, tmp_path):
    """The same of arrays in files of either order and byte order."""
    rng = np.random.default_rng(3)
    for dtype in dtypes(kind):
        known = rng.integers(0, 2 if dtype.kind == "b" else 9, (3, 4, 2)).astype(dtype)
        np.save(tmp_path / "x.npy", np.asarray(known, dtype.newbyteorder(endian), order=order))
        with nf.open(tmp_path / "x.npy") as x, np.errstate(all="ignore"):
            try:
                expected = plain(function(strict, strict.asarray(known)))
            except (TypeError, ValueError, IndexError):
                continue
            for one, other in zip(plain(function(xp, x)), expected, strict=True):
                if isinstance(one, np.ndarray):
                    # Files keep their byte order until something is computed.
                    one = one.astype(one.dtype.newbyteorder("="))
                same(one, other)


def spd(rng, dtype, n=4):
    """Positive definite matrices, which every decomposition takes."""
    x = rng.normal(size=(2, n, n)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        x = x + (1j * rng.normal(size=x.shape)).astype(dtype)
    return (x @ x.conj().mT + n * np.eye(n)).astype(dtype)


MATRICES = {
    "cholesky": lambda xp, x: [xp.linalg.cholesky(x), xp.linalg.cholesky(x, upper=True)],
    "det": lambda xp, x: xp.linalg.det(x),
    "eigh": lambda xp, x: [xp.linalg.eigh(x).eigenvalues, xp.abs(xp.linalg.eigh(x).eigenvectors)],
    "eigvalsh": lambda xp, x: xp.linalg.eigvalsh(x),
    "inv": lambda xp, x: xp.linalg.inv(x),
    "matrix_power": lambda xp, x: [xp.linalg.matrix_power(x, n) for n in (0, 1, 2, -1)],
    "matrix_rank": lambda xp, x: [xp.linalg.matrix_rank(x), xp.linalg.matrix_rank(x[0, ...], rtol=0.1)],
    "pinv": lambda xp, x: [xp.linalg.pinv(x), xp.linalg.pinv(x, rtol=1e-3)],
    "qr": lambda xp, x: [*map(xp.abs, xp.linalg.qr(x)), xp.abs(xp.linalg.qr(x[:, :, :2], mode="complete").Q)],
    "slogdet": lambda xp, x: [xp.linalg.slogdet(x).sign, xp.linalg.slogdet(x).logabsdet],
    "solve": lambda xp, x: [xp.linalg.solve(x, x), xp.linalg.solve(x[0, ...], x[0, 0, :])],
    "svd": lambda xp, x: [xp.linalg.svd(x).S, xp.abs(xp.linalg.svd(x, full_matrices=False).U)],
    "svdvals": lambda xp, x: xp.linalg.svdvals(x),
}


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("name", MATRICES)
def test_decompositions(name, dtype):
    x = spd(np.random.default_rng(9), dtype)
    tolerance = 1e-3 if np.dtype(dtype) in ("f4", "c8") else 1e-10
    found, expected = plain(MATRICES[name](xp, xp.asarray(x))), plain(MATRICES[name](strict, strict.asarray(x)))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, tolerance, tolerance)


CREATION = {
    "arange": lambda xp: [xp.arange(5), xp.arange(2, 9, 3), xp.arange(5, 1, -0.5), xp.arange(3, dtype=xp.float32)],
    "arange-empty": lambda xp: [xp.arange(5, 1), xp.arange(0), xp.arange(0.0, dtype=xp.int8)],
    "linspace": lambda xp: [xp.linspace(0, 1, 5), xp.linspace(0, 1, 4, endpoint=False), xp.linspace(0, 1j, 3)],
    "linspace-dtype": lambda xp: [xp.linspace(0, 9, 4, dtype=xp.float32), xp.linspace(1, 2, 0), xp.linspace(1, 2, 1)],
    "eye": lambda xp: [xp.eye(3), xp.eye(2, 4), xp.eye(4, 3, k=-1, dtype=xp.int8), xp.eye(0), xp.eye(3, k=9)],
    "zeros": lambda xp: [xp.zeros(3), xp.zeros((2, 0)), xp.zeros((), dtype=xp.bool), xp.zeros((2, 2), device=None)],
    "ones": lambda xp: [xp.ones(3), xp.ones((2, 1)), xp.ones((), dtype=xp.complex64)],
    "full": lambda xp: [xp.full(3, 7), xp.full((2, 2), 1.5), xp.full((), True), xp.full(2, 1j)],
    "full-dtype": lambda xp: [xp.full(3, 7, dtype=xp.uint8), xp.full((2, 2), 2, dtype=xp.float32)],
    "asarray": lambda xp: [xp.asarray([1, 2]), xp.asarray([[1.5], [2]]), xp.asarray(True), xp.asarray([1j])],
    "asarray-dtype": lambda xp: [xp.asarray([1, 2], dtype=xp.float32), xp.asarray([], dtype=xp.int8)],
    "fftfreq": lambda xp: [xp.fft.fftfreq(5), xp.fft.rfftfreq(6, d=0.5), xp.fft.fftfreq(4, dtype=xp.float32)],
    "constants": lambda xp: [xp.e, xp.inf, xp.pi, xp.newaxis],
}


@pytest.mark.parametrize("name", CREATION)
def test_creation(name):
    for found, expected in zip(plain(CREATION[name](xp)), plain(CREATION[name](strict)), strict=True):
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found, expected, strict=True)
        else:
            assert found == expected


def test_constants_take_no_memory():
    with nf.config(memory="1MiB"):
        x = xp.ones((1 << 20, 1 << 10)) + xp.zeros(1 << 10) + xp.full((1, 1), 3.0)
        assert float(x[5, 5]) == 4
        assert float(xp.sum(x[: 1 << 12, :])) == 1 << 24
        assert float(xp.sum(xp.eye(1 << 10, 1 << 12))) == 1 << 10
        assert float(xp.tile(x[:9, :9], (1, 2))[0, 12]) == 4
        for large in (lambda: xp.arange(1 << 20), lambda: xp.linspace(0, 1, 1 << 20)):
            with pytest.raises(MemoryError, match="ndfolio.config"):
                large()
        for large in (xp.sort, lambda x: xp.repeat(x, 2), lambda x: xp.concat([x, x]), xp.fft.fft, xp.linalg.svdvals):
            with pytest.raises(MemoryError, match="8589934592|17179869184"):
                large(x)


def test_large_results_are_refused_before_they_are_made():
    row, column = xp.ones((1, 40_000)), xp.ones((40_000, 1))
    with nf.config(memory="64MiB"):
        for large in (
            lambda: column @ row,
            lambda: xp.matmul(column, row),
            lambda: np.matmul(column, row),
            lambda: np.ones((40_000, 1)) @ row,
            lambda: xp.tensordot(row, column, axes=0),
            lambda: xp.tensordot(row, row, axes=((0,), (0,))),
            lambda: xp.linalg.svd(column),
            lambda: xp.linalg.qr(column, mode="complete"),
            lambda: xp.fft.fft(row, n=1 << 40),
            lambda: xp.fft.fftn(row, s=(1 << 20, 1 << 20)),
            lambda: xp.fft.rfftn(row, s=(1 << 30,), axes=(0,)),
            lambda: xp.repeat(row, 1 << 30),
            lambda: xp.repeat(row, xp.asarray([1 << 30]), axis=0),
            lambda: xp.fft.fftfreq(1 << 40),
        ):
            with pytest.raises(MemoryError, match="the result"):
                large()
        assert xp.linalg.svd(column, full_matrices=False).S.tolist() == pytest.approx([200])
        assert xp.repeat(row, xp.asarray([2]), axis=0).shape == (2, 40_000)
        assert (row @ column).tolist() == [[40_000]]
        assert float(row[0] @ column[:, 0]) == 40_000


def test_clipped_items_keep_their_dtype():
    x = xp.asarray([-3, 0, 9], dtype=xp.int8)
    for low, high in ((xp.asarray(-1), xp.asarray(5)), (xp.asarray([-1, -1, -1]), 5), (-1, xp.asarray(5.0))):
        found = xp.clip(x, low, high)
        assert found.dtype == xp.int8
        assert found.tolist() == [-1, 0, 5]


def test_what_stays_lazy():
    x = xp.asarray(np.arange(24.0).reshape(2, 3, 4))
    for name in "tril triu flip matrix_transpose mean sum var sqrt exp".split():
        result = getattr(xp, name)(x)
        assert type(result) is nf.Array and result._recipe[0] != "memory", name
    assert xp.linalg.outer(x[0, 0], x[0, 0])._recipe[0] == "map"
    assert xp.vecdot(x, x)._recipe[0] == xp.linalg.vector_norm(x)._recipe[0] == "reduce"


def test_dtypes():
    names = [name for kind in KINDS.values() for name in kind]
    for name in names:
        dtype, other = getattr(xp, name), getattr(strict, name)
        assert dtype == np.dtype(name)
        for kind in ("bool", "signed integer", "unsigned integer", "integral", "real floating", "numeric"):
            assert xp.isdtype(dtype, kind) == strict.isdtype(other, kind)
        assert xp.isdtype(dtype, (xp.int8, "complex floating")) == strict.isdtype(other, (strict.int8, "complex floating"))
        for second in names:
            try:
                expected = strict.result_type(other, getattr(strict, second))
            except TypeError:
                continue
            assert xp.result_type(dtype, getattr(xp, second)) == expected._np_dtype
            assert xp.can_cast(xp.zeros(1, dtype=dtype), getattr(xp, second)) == np.can_cast(name, second)
    assert xp.result_type(xp.zeros(1, dtype=xp.float32), 1.5, xp.int8) == xp.float32
    for name in ("float32", "complex128"):
        found, expected = xp.finfo(getattr(xp, name)), strict.finfo(getattr(strict, name))
        assert all(type(getattr(found, one)) is float for one in ("eps", "max", "min", "smallest_normal"))
        for one in ("bits", "eps", "max", "min", "smallest_normal"):
            assert getattr(found, one) == getattr(expected, one)
        assert found.dtype == expected.dtype._np_dtype
    found = xp.iinfo(xp.zeros(1, dtype=xp.int16))
    assert (found.bits, found.min, found.max, found.dtype) == (16, -32768, 32767, np.int16)


def test_inspection():
    info, expected = xp.__array_namespace_info__(), strict.__array_namespace_info__()
    assert info.devices() == ["cpu"] and info.default_device() == "cpu"
    capabilities = info.capabilities()
    assert capabilities["boolean indexing"] and capabilities["data-dependent shapes"]
    most = capabilities["max dimensions"]
    assert xp.zeros((1,) * most).ndim == most
    with pytest.raises(ValueError, match=str(most)):
        xp.zeros((1,) * (most + 1)).compute()
    assert {name: np.dtype(d._np_dtype) for name, d in expected.default_dtypes().items()} == info.default_dtypes()
    kinds = [None, "bool", "signed integer", "integral", "numeric", ("bool", "complex floating"), ()]
    for kind in kinds:
        assert sorted(info.dtypes(kind=kind)) == sorted(expected.dtypes(kind=kind)), kind
    with pytest.raises(ValueError, match="no kind"):
        info.dtypes(kind="text")
    with pytest.raises(ValueError, match="cpu"):
        info.dtypes(device="gpu")


def test_arrays_know_their_namespace(tmp_path):
    x = xp.zeros(3)
    assert x.__array_namespace__() is xp is x.__array_namespace__(api_version="2022.12")
    assert xp.__array_api_version__ == VERSION
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.01")
    assert x.device == "cpu" and x.to_device("cpu") is x
    for bad in (lambda: x.to_device("gpu"), lambda: xp.ones(2, device="gpu"), lambda: x.to_device("cpu", stream=1)):
        with pytest.raises(ValueError, match="cpu"):
            bad()


def test_who_does_not_use_it_does_not_wait_for_it():
    code = "import sys, ndfolio as nf; assert 'ndfolio.array_api' not in sys.modules; nf.array_api.pi; nf.array_api.fft"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="array_apis"):
        nf.array_apis


def test_example():
    globs = {"nf": nf, "np": np}
    test = doctest.DocTestParser().get_doctest(xp.__doc__, globs, "array_api", None, None)
    results = doctest.DocTestRunner().run(test)
    assert results.failed == 0 and results.attempted > 3


SECTIONS = {"": (xp, strict), "linalg": (xp.linalg, strict.linalg), "fft": (xp.fft, strict.fft)}


def standard(section):
    """The names of the standard of that version, and where they are."""
    ours, theirs = SECTIONS[section]
    names = [name for name in theirs.__all__ if not name.startswith("_") and "strict" not in name.lower()]
    later = {"isin", "broadcast_shapes", "eig", "eigvals", "Device"}
    return ours, theirs, [name for name in names if name not in later]


@pytest.mark.parametrize("section", SECTIONS)
def test_no_name_is_missing(section):
    ours, theirs, names = standard(section)
    assert len(names) > 10
    for name in names:
        found, expected = getattr(ours, name), getattr(theirs, name)
        if not inspect.isfunction(expected):
            continue
        assert found.__doc__, name
        parameters = inspect.signature(found).parameters
        wanted = inspect.signature(expected).parameters
        assert list(parameters) == list(wanted), name
        for one in wanted:
            assert (parameters[one].kind, parameters[one].default is inspect.Parameter.empty) == (
                wanted[one].kind,
                wanted[one].default is inspect.Parameter.empty,
            ), (name, one)


@pytest.mark.parametrize("section", SECTIONS)
def test_everything_is_tested(section):
    """Each function is called by name somewhere in this file."""
    source = inspect.getsource(inspect.getmodule(test_everything_is_tested))
    tables = " ".join([*UNARY.values(), *BINARY.values()]).split()
    prefix = "xp." + (section + "." if section else "")
    _, theirs, names = standard(section)
    for name in names:
        if inspect.isfunction(getattr(theirs, name)):
            assert name in tables or f"{prefix}{name}(" in source or f"xp.{name}(" in source, name
