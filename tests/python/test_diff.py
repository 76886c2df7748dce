"""`diff`: as numpy.array_equal and numpy.isclose, and where they differ first."""

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import run


def diff(a, b, *options, code=0):
    found = run("diff", a, b, "--json", *options, check=code).json
    assert found["equal"] == (code == 0)
    return found


@pytest.mark.parametrize("name", DTYPES)
def test_equal(save, name):
    array = filled(DTYPES[name], (3, 4))
    found = diff(save(array), save(np.asfortranarray(array), "b.npy"))
    assert (found["differing"], found["size"], found["shape_a"], found["shape_b"]) == (0, 12, [3, 4], [3, 4])
    assert found["first_index"] is None


@pytest.mark.parametrize("name", [n for n in DTYPES if n not in ("|b1", "|V7", "|V16")])
def test_one_item_differs(save, name):
    array = filled(DTYPES[name], (3, 4), 1)
    other = array.copy()
    other[1, 2] = filled(DTYPES[name], (1,), 99)[0]
    if np.array_equal(array, other):
        other[1, 2] = np.zeros((), array.dtype)
    found = diff(save(array), save(other, "b.npy"), code=1)
    assert (found["differing"], found["first_index"]) == (1, [1, 2])


@pytest.mark.parametrize("order", ["C", "F"])
def test_first_is_first_in_c_order(save, order):
    array = np.zeros((4, 5), order=order)
    other = array.copy(order)
    other[3, 0], other[1, 4] = 1, -2.5
    found = diff(save(array), save(other, "b.npy"), code=1)
    assert (found["first_index"], found["first_a"], found["first_b"]) == ([1, 4], 0, -2.5)
    assert (found["max_abs"], found["differing"]) == (2.5, 2)


def test_largest_differences(save):
    a, b = np.array([1.0, 10.0, 100.0, 0.0]), np.array([1.5, 10.0, 98.0, 0.0])
    found = diff(save(a), save(b, "b.npy"), code=1)
    assert found["max_abs"] == 2
    assert found["max_rel"] == pytest.approx(max(abs(a[:3] - b[:3]) / abs(b[:3])))


@pytest.mark.parametrize("rtol, atol", [(0, 0), (1e-3, 0), (0, 0.02), (1e-5, 1e-8), (0.1, 1)])
def test_tolerance(save, rtol, atol):
    random = np.random.default_rng(0)
    a = random.normal(0, 10, 500)
    b = a * (1 + random.normal(0, 1e-3, 500))
    a[:4], b[:4] = [np.inf, -np.inf, 0, 1e300], [np.inf, np.inf, 1e-9, 1e300]
    expected = np.isclose(a, b, rtol=rtol, atol=atol)
    found = diff(save(a), save(b, "b.npy"), "--rtol", rtol, "--atol", atol, code=1 - int(expected.all()))
    assert found["differing"] == np.sum(~expected)


def test_nan(save):
    a, b = save(np.array([1, np.nan])), save(np.array([1, np.nan]), "b.npy")
    assert diff(a, b, code=1)["first_index"] == [1]
    diff(a, b, "--equal-nan")
    times = save(np.array(["NaT", "2020-01-01"], "M8[D]"), "t.npy")
    diff(times, times, code=1)
    diff(times, times, "--equal-nan")


@pytest.mark.parametrize("a, b", [("<f4", ">f4"), ("<i4", "<i8"), ("<f4", "<f8"), ("|u1", "<i2"),
                                  ("<i4", "<f8")])
def test_values_count_not_types(save, a, b):
    found = diff(save(np.arange(5).astype(a)), save(np.arange(5).astype(b), "b.npy"))
    assert (found["dtype_a"], found["dtype_b"]) == (a, b)


def test_large_integers_are_not_compared_as_floats(save):
    a, b = np.array([2**63 - 1, 2**53 + 1], "i8"), np.array([2**63 - 2, 2**53], "i8")
    assert diff(save(a), save(b, "b.npy"), code=1)["differing"] == 2
    assert diff(save(np.array([-1], "i8")), save(np.array([2**64 - 1], "u8"), "b.npy"),
                code=1)["differing"] == 1


@pytest.mark.parametrize("a, b", [((3,), (4,)), ((2, 3), (3, 2)), ((1,), ()), ((0,), (0, 1)), ((3,), (1, 3))])
def test_shapes(save, a, b):
    found = diff(save(np.zeros(a)), save(np.zeros(b), "b.npy"), code=1)
    assert (found["shape_a"], found["shape_b"]) == (list(a), list(b))


def test_selections(save):
    a = filled("<i4", (6, 7))
    path = save(a)
    diff(f"{path}[::2]", save(a[::2].copy(), "b.npy"))
    diff(f"{path}[:3]", f"{path}[3:]", code=1)


def test_text(save):
    a, b = save(np.arange(5)), save(np.array([0, 1, 9, 3, 4]), "b.npy")
    out = run("diff", a, b, check=1).out
    for word in ["2", "9"]:
        assert word in out
    run("diff", a, a)
