"""NumPy's functions on arrays, through `__array_function__`, against NumPy on the same items in memory."""

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _described


@pytest.fixture
def known():
    values = np.random.default_rng(8).normal(size=(4, 5, 6))
    values[0, 1, 2] = np.nan
    return values


@pytest.fixture
def x(tmp_path, known):
    np.save(tmp_path / "x.npy", known)
    return nf.open(tmp_path / "x.npy")


def same(found, expected):
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    values = np.asarray(found)
    assert values.dtype == np.asarray(expected).dtype and values.shape == np.shape(expected)
    np.testing.assert_allclose(values, expected, rtol=1e-13, atol=1e-13)


LAZY = {
    "where": lambda a: np.where(a > 0, a, -1.0),
    "where of arrays": lambda a: np.where(a > 0, a[0], np.arange(6.0)),
    "clip": lambda a: np.clip(a, -0.5, 0.5),
    "clip below": lambda a: np.clip(a, 0, None),
    "clip above": lambda a: np.clip(a, max=0.25),
    "clip method": lambda a: a.clip(-1, 1),
    "clip by arrays": lambda a: np.clip(a, np.zeros(6), 1),
    "round": lambda a: np.round(a, 2),
    "round method": lambda a: a.round(1),
    "nan_to_num": lambda a: np.nan_to_num(a, nan=7.0),
    "real": lambda a: np.real(a * 1j),
    "imag": lambda a: np.imag(a * 1j),
    "conj": lambda a: np.conj(a * 1j),
    "angle": lambda a: np.angle(a + 1j),
    "angle in degrees": lambda a: np.angle(a + 1j, deg=True),
    "fix": lambda a: np.fix(a * 3),
    "diff": lambda a: np.diff(a),
    "diff twice": lambda a: np.diff(a, n=2, axis=1),
    "diff of none": lambda a: np.diff(a, n=0),
    "isclose": lambda a: np.isclose(a, a + 1e-9),
    "isclose of nan": lambda a: np.isclose(a, a, equal_nan=True),
    "average": lambda a: np.average(a, axis=0),
    "average with weights": lambda a: np.average(a, axis=1, weights=np.arange(1.0, 6)),
    "average with as many weights": lambda a: np.average(a, weights=a * a + 1),
    "norm": lambda a: np.linalg.norm(a[1]),
    "norm along an axis": lambda a: np.linalg.norm(a, axis=1),
    "transpose": lambda a: np.transpose(a, (1, 0, 2)),
    "matrix_transpose": lambda a: np.matrix_transpose(a),
    "reshape": lambda a: np.reshape(a, (20, 6)),
    "ravel": lambda a: np.ravel(a),
    "squeeze": lambda a: np.squeeze(a[:1]),
    "expand_dims": lambda a: np.expand_dims(a, (0, -1)),
    "swapaxes": lambda a: np.swapaxes(a, 0, 2),
    "moveaxis": lambda a: np.moveaxis(a, 0, -1),
    "moveaxis of two": lambda a: np.moveaxis(a, (0, 1), (2, 0)),
    "permute_dims": lambda a: np.permute_dims(a, (2, 1, 0)),
    "broadcast_to": lambda a: np.broadcast_to(a[0], (3, 5, 6)),
    "flip": lambda a: np.flip(a),
    "flip one": lambda a: np.flip(a, 1),
    "flipud": lambda a: np.flipud(a),
    "fliplr": lambda a: np.fliplr(a),
    "rot90": lambda a: np.rot90(a),
    "rot90 thrice": lambda a: np.rot90(a, 3, axes=(1, 2)),
    "atleast_2d": lambda a: np.atleast_2d(a[0, 0]),
    "atleast_1d": lambda a: np.atleast_1d(a.sum()),
    "zeros_like": lambda a: np.zeros_like(a),
    "ones_like": lambda a: np.ones_like(a, dtype="i4"),
    "full_like": lambda a: np.full_like(a, 2.5, shape=(3, 2)),
    "split": lambda a: np.split(a, 2),
    "array_split": lambda a: np.array_split(a, 4, axis=1),
    "split at": lambda a: np.split(a, [1, 3], axis=2),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, a[0, :, :1]),
    "copy": lambda a: np.copy(a),
    "cumulative_sum": lambda a: np.cumsum(a, axis=2),
    "standardised": lambda a: (a - np.nanmean(a, axis=0)) / np.nanstd(a, axis=0),
}


@pytest.mark.parametrize("name", LAZY)
def test_stays_lazy(name, x, known):
    found, expected = LAZY[name](x), LAZY[name](known)
    for one in found if isinstance(found, (list, tuple)) else [found]:
        assert type(one) is nf.Array
    same(found, expected)


BY_NUMPY = {
    "median": lambda a: np.median(a[1:], axis=0),
    "quantile": lambda a: np.nanquantile(a, [0.1, 0.9]),
    "sort": lambda a: np.sort(a, axis=1),
    "argsort": lambda a: np.argsort(a, axis=0),
    "unique": lambda a: np.unique(np.round(a[1:])),
    "methods": lambda a: [a.take([1, 0], axis=0), a.argsort(0), a[1].dot(np.ones(6)), a[1:].trace(), a[1].nonzero()],
    "matmul": lambda a: np.matmul(a, np.ones((6, 2))),
    "@": lambda a: a @ a[0].T,
    "@ reflected": lambda a: np.ones((2, 5)) @ a,
    "dot": lambda a: np.dot(a[1], np.arange(6)),
    "tensordot": lambda a: np.tensordot(a, a, axes=([0, 1], [0, 1])),
    "einsum": lambda a: np.einsum("ijk,ijk->k", a, a),
    "concatenate": lambda a: np.concatenate([a, a[:1]]),
    "stack": lambda a: np.stack((a, a), axis=1),
    "where alone": lambda a: np.where(a > 1),
    "take": lambda a: np.take(a, [3, 0], axis=0),
    "histogram": lambda a: np.histogram(a[1:], bins=5),
    "cov": lambda a: np.cov(a[1]),
    "interp": lambda a: np.interp(a[1, 0], [-1, 1], [0, 10]),
    "trace": lambda a: np.trace(a),
    "diff with ends": lambda a: np.diff(a, prepend=0),
    "other norms": lambda a: np.linalg.norm(a[1], ord="fro"),
    "gradient": lambda a: np.gradient(a, axis=1),
    "roll": lambda a: np.roll(a, 2, axis=0),
    "digitize": lambda a: np.digitize(a[1], [-1, 0, 1]),
    "fft": lambda a: np.fft.rfft(a, axis=0),
    "svd": lambda a: np.linalg.svd(a[1:], compute_uv=False),
}


@pytest.mark.parametrize("name", BY_NUMPY)
def test_is_done_by_numpy(name, x, known):
    same(BY_NUMPY[name](x), BY_NUMPY[name](known))
    same(BY_NUMPY[name](x * 1), BY_NUMPY[name](known))


@pytest.mark.parametrize("name", ["median", "sort", "matmul", "concatenate", "einsum", "where alone", "svd"])
def test_is_refused_above_the_budget(name, tmp_path):
    x = nf.create(tmp_path / "x.npy", (4, 5, 60_000), "f8")
    x = x.transpose(0, 2, 1) if name == "matmul" else x
    function = {
        "methods": lambda a: [a.take([1, 0], axis=0), a.argsort(0), a[1].dot(np.ones(6)), a[1:].trace(), a[1].nonzero()],
    "matmul": lambda a: np.matmul(a, np.ones((5, 2))),
        "median": lambda a: np.median(a, axis=0),
        "where alone": lambda a: np.where(a == 0),
        "svd": lambda a: np.linalg.svd(a[1]),
    }.get(name, BY_NUMPY[name])
    with nf.config(memory="1MiB"), pytest.raises(MemoryError, match=r"\d bytes .*budget is 1048576 bytes"):
        function(x)


def test_what_is_known_without_reading(x, known):
    assert np.shape(x) == known.shape and np.ndim(x) == 3 and np.size(x) == 120 and np.size(x, 1) == 5
    assert np.result_type(x, np.float32) == np.float64 and np.can_cast(x, "f4", "same_kind")
    assert np.isrealobj(x) and not np.iscomplexobj(x) and np.iscomplexobj(x * 1j)


def test_comparisons_of_whole_arrays(x, known):
    assert np.array_equal(x, known, equal_nan=True) and not np.array_equal(x, known)
    assert not np.array_equal(x, known[:1]) and np.array_equal(known[1:], x[1:])
    assert np.allclose(x, known + 1e-12, equal_nan=True) and not np.allclose(x, known + 1)
    assert not np.allclose(x, known)


def test_copyto_and_out(tmp_path, x, known):
    target = np.empty(known.shape)
    np.copyto(target, x)
    np.testing.assert_array_equal(target, known)
    np.copyto(target, x * 2, where=known > 0)
    np.testing.assert_array_equal(target, np.where(known > 0, known * 2, known))
    with pytest.raises(TypeError, match="same_kind"):
        np.copyto(np.empty(known.shape, "i4"), x)
    with nf.create(tmp_path / "y.npy", known.shape, "f8") as y:
        np.copyto(y, known)
        np.nan_to_num(y, copy=False)
        np.sum(x, axis=0, out=y[0])
        np.add(x[1], 1, out=y[1])
    expected = np.nan_to_num(known)
    expected[0], expected[1] = known.sum(0), known[1] + 1
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected)
    out = np.empty((5, 6), "f4")
    assert np.mean(x, axis=0, out=out) is out
    np.testing.assert_allclose(out, known.mean(0), rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        out.flags.writeable = False
        np.mean(x, axis=0, out=out)
    with pytest.raises(TypeError, match="ArrayType"):
        x.sum(out=[1])


def test_masks_and_moments(x, known):
    chosen = known > 0
    for function in (np.mean, np.var, np.std):
        same(function(x, axis=0, where=chosen | (known < 9)), function(known, axis=0, where=chosen | (known < 9)))
    same(np.var(x[1:], where=chosen[1:], ddof=1), np.var(known[1:], where=chosen[1:], ddof=1))


def test_wrong_arguments(x):
    for call in (
        lambda: np.sum(x, axis=3),
        lambda: np.cumsum(x, axis=3),
        lambda: np.moveaxis(x, 0, 5),
        lambda: np.expand_dims(x, 9),
    ):
        with pytest.raises(np.exceptions.AxisError):
            call()
    for call in (
        lambda: np.sum(x, axis=(0, 0)),
        lambda: np.diff(x, n=-1),
        lambda: np.where(x, x),
        lambda: np.reshape(x, (7, 7)),
        lambda: np.broadcast_to(x, (2, 2)),
        lambda: np.split(x, 3),
        lambda: np.rot90(x, axes=(1, 1)),
        lambda: x.reshape(2, order="Z"),
        lambda: x[:0].max(),
    ):
        with pytest.raises(ValueError):
            call()
    for call in (
        lambda: np.sum(x, axis=1.5),
        lambda: x + object(),
        lambda: x.argmax(axis=(0, 1.5)),
        lambda: np.average(x, weights=np.ones(5)),
        lambda: np.clip(x, 0, 1, casting="no"),
        lambda: x << 1,
    ):
        with pytest.raises(TypeError):
            call()


def test_random_walks_through_functions():
    """Chains of functions, chosen by chance, give what NumPy gives."""
    rng = np.random.default_rng(4)
    steps = [
        lambda a: a + 1,
        lambda a: a * a,
        lambda a: np.sqrt(np.abs(a)),
        lambda a: a - a.mean(axis=0),
        lambda a: a[..., ::-1],
        lambda a: np.where(a > 0, a, 0.5),
        lambda a: np.clip(a, -3, 3),
        lambda a: a.T,
        lambda a: a / (1 + a.std()),
        lambda a: a[1:] if a.shape[0] > 3 else a,
        lambda a: np.cumsum(a, axis=0),
        lambda a: a.reshape(-1, a.shape[-1]) if a.ndim == 2 else a,
        lambda a: np.maximum(a, a[0]),
    ]
    for _ in range(40):
        known = rng.normal(size=(6, 5))
        found, expected = nf.asarray(known), known
        for step in rng.choice(len(steps), 8):
            found, expected = steps[step](found), steps[step](expected)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["i2", "u8", "f2", "f4", "f8", ">f4", ">i4"])
def test_quantiles_and_histograms_of_files(dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(_described, "_WORTH", 0)
    known = (np.random.default_rng(6).normal(size=(37, 41)) * 100 + 300).astype(dtype)
    np.save(tmp_path / "q.npy", known)
    x = nf.open(tmp_path / "q.npy")
    for function in (
        np.median,
        np.nanmedian,
        lambda a: np.median(a, axis=(0, 1), keepdims=True),
        lambda a: np.quantile(a, [0.1, 0.5, 0.93]),
        lambda a: np.quantile(a, 0.2, keepdims=True),
        lambda a: np.percentile(a, 33),
        lambda a: np.nanpercentile(a, [[5], [95]]),
        lambda a: np.quantile(a, 0.3, axis=0),
        lambda a: np.quantile(a, 0.3, method="nearest"),
        np.histogram,
        lambda a: np.histogram(a, 7, range=(250, 350)),
        lambda a: np.histogram(a, 7, density=True),
        lambda a: np.histogram(a, [0, 200, 300, 1000]),
    ):
        found, expected = function(x), function(known)
        for one, other in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_nan_in_quantiles_and_histograms(tmp_path, monkeypatch):
    monkeypatch.setattr(_described, "_WORTH", 0)
    np.save(tmp_path / "q.npy", [1.0, np.nan, 3.0])
    x = nf.open(tmp_path / "q.npy")
    assert np.isnan(np.median(x)) and np.nanmedian(x) == 2 and np.isnan(np.quantile(x, [0.5])).all()
    with pytest.raises(ValueError, match="not finite"):
        np.histogram(x)
    assert np.histogram(x, 2, (0, 4))[0].tolist() == [1, 1]
    for call in (lambda: np.quantile(x, 1.5), lambda: np.percentile(x, -1)):
        with pytest.raises(ValueError, match="must be in the range"):
            call()


def test_quantiles_beyond_the_budget(tmp_path):
    known = np.random.default_rng(7).normal(size=1 << 20)
    np.save(tmp_path / "q.npy", known)
    with nf.config(memory="1MiB"):
        x = nf.open(tmp_path / "q.npy")
        assert np.median(x) == np.median(known)
        assert x.profile["budget"] == 1 << 20
        with pytest.raises(MemoryError):
            np.median(x + 1)


@pytest.mark.parametrize("name", ["mean", "var", "std", "nanmean", "nanvar", "nanstd"])
def test_means_of_nothing_are_warned_of(name):
    function = getattr(np, name)
    for shape, axis in (((0, 3), 0), ((0, 3), None), ((2, 0, 3), (0, 1))):
        with pytest.warns(RuntimeWarning) as numpys:
            function(np.zeros(shape), axis)
        with pytest.warns(RuntimeWarning) as ours:
            result = function(nf.asarray(np.zeros(shape)), axis)
        assert str(ours[0].message) == str(numpys[0].message) and ours[0].filename == __file__
        assert np.isnan(result.compute()).all()
    # No result, or a result of something.
    function(nf.asarray(np.zeros((0, 3))), 1)
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        np.var(nf.asarray([1.0]), ddof=1)


def test_open_files_are_no_values(tmp_path):
    np.save(tmp_path / "a.npy", [1, 2])
    with open(tmp_path / "a.npy", "rb") as file:
        for function in (nf.asarray, nf.open):
            with pytest.raises(TypeError, match=r"ndfolio.open\(file.name\)"):
                function(file)
        assert nf.open(file.name).shape == (2,)


def test_tokens_of_dask_say_which_items_they_are(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12.0).reshape(3, 4))

    def token(make):
        return str(make(nf.open(tmp_path / "a.npy")).__dask_tokenize__())

    same = [lambda x: x, lambda x: x[1:], lambda x: x.T, lambda x: (x - x.mean(0)) * 2, lambda x: nf.asarray(np.ones(3)) + 1]
    first = [token(make) for make in same]
    assert first == [token(make) for make in same] and len(set(first)) == len(same)
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    second = [token(make) for make in same]
    assert all(a != b for a, b in zip(first[:4], second[:4], strict=True)) and first[4] == second[4]
    # Of a file that is written to, nobody knows.
    with nf.open(tmp_path / "a.npy", mode="r+") as w:
        assert w.__dask_tokenize__() != w.__dask_tokenize__()


def test_strides_and_flat(x, known):
    assert x.strides == known.strides and x.T[::-1].strides == known.T[::-1].strides
    assert x.flat[17].item() == known.flat[17] and list(x[1].flat) == list(known[1].flat)
    assert not hasattr(x + 1, "strides")


@pytest.mark.parametrize("dtype", list("bhiqBHIQ"))
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_integers_are_added_in_what_was_asked_for(name, dtype, tmp_path):
    for own in "?bhiqBHIQ":
        known = np.random.default_rng(3).integers(0, 2 if own == "?" else 120, (5, 90)).astype(own)
        known = -known if own in "bhiq" else known
        np.save(tmp_path / "i.npy", known)
        x = nf.open(tmp_path / "i.npy")
        for axis in (None, 0, 1):
            found = getattr(x, name)(axis=axis, dtype=dtype)
            expected = np.asarray(getattr(known, name)(axis=axis, dtype=dtype))
            np.testing.assert_array_equal(np.asarray(found), expected, strict=True)
        if name == "sum":
            # No cast of the items is among what is computed.
            assert "function" not in x.sum(dtype=dtype).explain().partition("sum of")[0]
