"""NumPy's functions of items and reductions on arrays of files, against NumPy on the same items in memory."""

import itertools

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _ufuncs

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", ">f4", ">i2"]
UFUNCS = sorted(name for name in _ufuncs.NAMES if isinstance(getattr(np, name), np.ufunc))
UNARY = [name for name in UFUNCS if getattr(np, name).nin == 1]
BINARY = [name for name in UFUNCS if getattr(np, name).nin == 2]

#: Functions whose results NumPy itself does not promise to the last bit; in units of the last place.
ULPS = 4


def items(dtype, seed=0, shape=(5, 7)):
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        low = 0 if dtype.kind == "u" else -9
        return rng.integers(low, 10, shape).astype(dtype)
    values = rng.normal(size=shape) * 3
    if dtype.kind == "c":
        # Infinite complex numbers are no two numbers alike: NumPy's own results depend on where they stand.
        return (values + 1j * rng.normal(size=shape)).astype(dtype)
    values = values.astype(dtype)
    values.flat[3] = np.nan
    values.flat[5] = np.inf
    values.flat[8] = 0
    return values


@pytest.fixture(params=DTYPES)
def pair(request, tmp_path):
    """The same items in memory and in a file."""
    known = items(request.param)
    np.save(tmp_path / "x.npy", known)
    return known, nf.open(tmp_path / "x.npy")


def same(found, expected, exact=True):
    found = np.asarray(found)
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.shape == expected.shape
    if exact or expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, expected)
    else:
        rtol = ULPS * np.finfo(expected.dtype).eps
        if expected.dtype.kind == "c":
            # Of the whole number, not of each part.
            assert np.array_equal(np.isfinite(found), np.isfinite(expected))
            finite = np.isfinite(expected)
            assert np.all(np.abs(found - expected)[finite] <= 16 * rtol * np.abs(expected)[finite])
        else:
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol, equal_nan=True)


def computed(ufunc, *args):
    """What items alone show, such as negative powers of integers, is found when they are computed."""
    result = ufunc(*args)
    assert type(result) is nf.Array
    result.compute()
    return result


def answer(function, *args, **kwargs):
    """What a call gives, or the kind of its refusal."""
    with np.errstate(all="ignore"):
        try:
            return function(*args, **kwargs), None
        except (TypeError, ValueError) as error:
            return None, type(error)


def agree(ufunc, ours, theirs, exact=False):
    expected, refused = answer(ufunc, *theirs)
    found, ours_refused = answer(computed, ufunc, *ours)
    if refused is not None or expected.dtype == object:
        assert ours_refused is not None, f"NumPy refuses: {refused}"
        assert issubclass(ours_refused, (TypeError, ValueError))
        return
    assert ours_refused is None, ours_refused
    with np.errstate(all="ignore"):
        same(found, expected, exact)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name, pair):
    known, x = pair
    agree(getattr(np, name), (x,), (known,))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name, pair):
    known, x = pair
    agree(getattr(np, name), (x, x[::-1]), (known, known[::-1]))


@pytest.mark.parametrize(("left", "right"), list(itertools.product(["?", "i1", "u8", "f2", "f4", "c8"], repeat=2)))
@pytest.mark.parametrize("name", ["add", "true_divide", "power", "less", "maximum", "floor_divide"])
def test_promotion(name, left, right):
    a, b = items(left, 1), items(right, 2)
    ufunc = getattr(np, name)
    agree(ufunc, (nf.asarray(a), b), (a, b))
    agree(ufunc, (a, nf.asarray(b)), (a, b))


@pytest.mark.parametrize("dtype", ["i1", "u1", "f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("number", [2, 2.5, 1j, True, np.float64(2.5), np.int64(3), np.float32(1.5), np.array(7, "i2")])
def test_numbers_of_python_are_weak_and_those_of_numpy_are_not(dtype, number):
    known = items(dtype)
    x = nf.asarray(known)
    agree(np.add, (x, number), (known, number))
    agree(np.multiply, (number, x), (number, known))
    with np.errstate(all="ignore"):
        same(x + number, known + number, exact=False)
        same(number - x, number - known, exact=False)


def test_a_number_of_python_that_a_dtype_does_not_hold():
    with pytest.raises(OverflowError, match="300"):
        nf.asarray(np.array([1], "u1")) + 300
    with pytest.raises(OverflowError):
        nf.asarray(np.array([1], "i8")) + 2**80


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!="])
def test_operators_and_their_reflections(operator):
    known = items("f8")[np.newaxis]
    x, other = nf.asarray(known), items("f4", 3)
    with np.errstate(all="ignore"):
        for text in (f"a {operator} b", f"b {operator} a", f"a {operator} 2", f"2.5 {operator} a"):
            same(eval(text, {"a": x, "b": other}), eval(text, {"a": known, "b": other}), exact=False)


def test_what_cannot_be_compared_is_not_equal():
    x = nf.asarray([1.0, 2.0])
    assert (x == "a").tolist() == (x == None).tolist() == [False, False]  # noqa: E711
    assert (x != "a").tolist() == (x != None).tolist() == [True, True]  # noqa: E711
    assert (nf.asarray(np.array(["a", "b"])) == "b").tolist() == [False, True]
    assert (nf.asarray(np.array([b"a", b"b"])) == b"a").tolist() == [True, False]
    assert (x == object()) is False
    with pytest.raises(ValueError, match="broadcast"):
        x == [1, 2, 3]


@pytest.mark.parametrize("operator", ["&", "|", "^", "<<", ">>"])
def test_bit_operators(operator):
    known = np.abs(items("i4"))
    x = nf.asarray(known)
    for text in (f"a {operator} 3", f"3 {operator} (a % 8)", f"a {operator} (a % 8)"):
        same(eval(text, {"a": x}), eval(text, {"a": known}))
    same(~x, ~known)
    same(-x, -known)
    same(abs(-x), known)


REDUCTIONS = ["sum", "prod", "mean", "var", "std", "min", "max", "ptp", "argmin", "argmax", "any", "all"]
NAN_REDUCTIONS = ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax"]


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("name", REDUCTIONS + NAN_REDUCTIONS + ["count_nonzero"])
def test_reductions(name, axis, pair):
    known, x = pair
    function = getattr(np, name)
    for keepdims in (False, True):
        expected, refused = answer(function, known, axis=axis, keepdims=keepdims)
        found, ours = answer(function, x, axis=axis, keepdims=keepdims)
        assert (refused is None) == (ours is None), (refused, ours)
        if refused is None:
            close_to_exact(found, np.asarray(expected), known, name, axis, keepdims)


def close_to_exact(found, expected, known, name, axis, keepdims):
    """As NumPy's, or closer to the truth: half and single precision are added in double precision."""
    with np.errstate(all="ignore"):
        found = np.asarray(found)
        assert found.dtype == expected.dtype.newbyteorder("=")
        assert found.shape == expected.shape
        if known.dtype.kind in "fc" and known.dtype.itemsize <= 8:
            wide = np.result_type(known.dtype, "f8")
            expected = np.asarray(getattr(np, name)(known.astype(wide), axis=axis, keepdims=keepdims))
            expected = expected.astype(found.dtype)
        eps = np.finfo(found.dtype).eps if found.dtype.kind in "fc" else 0
        np.testing.assert_allclose(found, expected, rtol=8 * eps, atol=8 * eps, equal_nan=True)


@pytest.mark.parametrize("axis", [(0, 1), (2,), (0, -1), ()])
def test_axes_in_tuples(axis):
    known = items("f8", shape=(3, 4, 5))
    x = nf.asarray(known)
    for name in ("sum", "max", "mean", "any"):
        with np.errstate(all="ignore"):
            same(getattr(x, name)(axis=axis), np.asarray(getattr(known, name)(axis=axis)), exact=False)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_running(name, axis, pair):
    known, x = pair
    with np.errstate(all="ignore"):
        same(getattr(np, name)(x, axis=axis), getattr(np, name)(known, axis=axis), exact=known.dtype.kind not in "fc")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "c16"])
def test_the_dtype_of_a_reduction(dtype):
    known = items("i2")
    x = nf.asarray(known)
    for name in ("sum", "mean", "prod", "cumsum"):
        same(getattr(x, name)(dtype=dtype), np.asarray(getattr(known, name)(dtype=dtype)), exact=False)


def test_ddof_and_correction():
    known = items("i8")
    x = nf.asarray(known)
    same(x.var(ddof=1), np.asarray(known.var(ddof=1)), exact=False)
    same(np.std(x, axis=0, correction=1), np.std(known, axis=0, correction=1), exact=False)


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all", "mean", "var", "std"])
def test_reductions_of_chosen_items(name):
    known, chosen = items("i4", shape=(6, 9)), items("?", 4, (6, 9))
    chosen[:, 0] = True
    x = nf.asarray(known)
    for axis in (None, 0, 1):
        found = getattr(x, name)(axis=axis, where=chosen)
        expected = np.asarray(getattr(known, name)(axis=axis, where=chosen))
        same(found, expected, exact=False)


def test_initial_values():
    known = items("i4")
    x = nf.asarray(known)
    same(x.sum(initial=5), np.asarray(known.sum(initial=5)))
    same(np.max(x, axis=0, initial=4), np.max(known, axis=0, initial=4))
    chosen = known > 2
    same(x.min(initial=3, where=chosen), np.asarray(known.min(initial=3, where=chosen)))
    with pytest.raises(ValueError, match="initial"):
        x.min(where=chosen)


@pytest.mark.parametrize("name", ["add", "multiply", "minimum", "maximum", "logical_and", "logical_or"])
def test_reduce_of_ufuncs(name):
    known = items("i4")
    x = nf.asarray(known)
    ufunc = getattr(np, name)
    same(ufunc.reduce(x), np.asarray(ufunc.reduce(known)))
    same(ufunc.reduce(x, axis=None, keepdims=True), np.asarray(ufunc.reduce(known, axis=None, keepdims=True)))
    same(ufunc.reduce(x, axis=(0, 1)), np.asarray(ufunc.reduce(known, axis=(0, 1))))


def test_accumulate_and_outer():
    known = items("i4")
    x = nf.asarray(known)
    same(np.add.accumulate(x), np.add.accumulate(known))
    same(np.multiply.accumulate(x, axis=1), np.multiply.accumulate(known, axis=1))
    same(np.maximum.accumulate(x), np.maximum.accumulate(known))
    same(np.add.outer(x[0], x[1]), np.add.outer(known[0], known[1]))


def test_results_go_to_given_arrays():
    known = items("f8")
    x, out = nf.asarray(known), np.empty((5, 7))
    with np.errstate(all="ignore"):
        assert np.multiply(x, 2, out=out) is out
        np.testing.assert_array_equal(out, known * 2)
        out = np.empty(7)
        assert np.add.reduce(x, out=out) is out
        np.testing.assert_allclose(out, known.sum(0))
    with pytest.raises(TypeError, match="same_kind"):
        np.multiply(x, 2, out=np.empty((5, 7), int))


def test_in_place_operators_change_memory_of_numpy():
    known = items("f8")
    total = known.copy()
    with np.errstate(all="ignore"):
        total += nf.asarray(known)
        np.testing.assert_array_equal(total, known + known)


def test_where_of_a_ufunc():
    x = nf.asarray([4.0, -4.0, 9.0])
    out = np.full(3, 7.0)
    np.sqrt(x, out=out, where=x > 0)
    assert out.tolist() == [2.0, 7.0, 3.0]
    with pytest.raises(TypeError, match="out="):
        np.sqrt(x, where=x > 0)


def test_functions_with_two_results():
    known = items("f8")[:, :3]
    x = nf.asarray(known)
    with np.errstate(all="ignore"):
        for found, expected in zip(np.divmod(x, 2.5), np.divmod(known, 2.5), strict=True):
            same(found, expected)
        for found, expected in zip(np.modf(x), np.modf(known), strict=True):
            same(found, expected)
        for found, expected in zip(divmod(x, 2), divmod(known, 2), strict=True):
            same(found, expected)


def test_numpy_warns_and_so_does_this():
    x = nf.asarray([1.0, 0.0])
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in 1 item"):
        np.log(x).compute()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        (1 / x).compute()
    with np.errstate(divide="ignore"):
        assert np.log(x).compute().tolist() == [0.0, -np.inf]


def test_at_is_refused():
    with pytest.raises(TypeError, match=r"\.at\(\)"):
        np.add.at(nf.asarray([1, 2]), [0], 1)


def test_others_may_know_better():
    class Other:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "mine"

    assert nf.asarray([1]) + Other() == "mine"
