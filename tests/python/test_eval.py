"""`eval` against NumPy: every elementwise function, operator and literal over dtypes and layouts, and refusals.

An expression is Python's too, so what it must give is what Python makes of it with NumPy's names.
"""

import random
import re
import warnings
from functools import partial

import numpy as np
import pytest
from conftest import contents, run

REAL = ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", ">i4", ">f8"]
COMPLEX = ["<c8", "<c16"]
NUMBERS = REAL + COMPLEX
TIMES = ["<M8[D]", "<M8[ms]", "<m8[h]", "<m8[ms]"]

# Results that are bits, whatever computed them.
UNARY = ["negative", "positive", "absolute", "fabs", "sign", "signbit", "sqrt", "square", "reciprocal", "floor",
         "ceil", "trunc", "rint", "isnan", "isinf", "isfinite", "logical_not", "invert", "conjugate", "real",
         "imag", "spacing"]
BINARY = ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "maximum",
          "minimum", "fmax", "fmin", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
          "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift",
          "right_shift", "copysign", "nextafter", "heaviside"]
# Results that are rounded somehow.
ELEMENTARY = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
              "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "cbrt", "deg2rad", "rad2deg"]
ELEMENTARY_OF_TWO = ["power", "float_power", "hypot", "arctan2", "logaddexp", "logaddexp2"]
ALIASES = {"abs": "absolute", "bitwise_not": "invert", "conj": "conjugate", "degrees": "rad2deg", "radians": "deg2rad",
           "true_divide": "divide", "mod": "remainder", "asin": "arcsin", "acosh": "arccosh", "atan2": "arctan2",
           "pow": "power", "bitwise_invert": "invert", "bitwise_left_shift": "left_shift"}
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "^", "|", "<", "<=", ">", ">=", "==", "!="]

SIGN_OF_ZERO_IS_FREE = {"maximum", "minimum", "fmax", "fmin"}


# --- Arrays ---------------------------------------------------------------------------------------------------


def specials(dtype):
    """Twelve values of a dtype at which functions go wrong, and twelve plain ones."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True, True, False] * 6)
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        small = [0, 1, 2, 3, 7, 8, 31, 63, 64, 100, 101, 127, 5, 6, 9, 10, 11, 12, high, high - 1, low, low + 1]
        return np.array([*small, *((-1, -7) if low else (4, 13))], dtype)
    if dtype.kind == "f":
        about = np.finfo(dtype)
        odd = [0.0, -0.0, np.nan, np.inf, -np.inf, about.max, -about.max, about.tiny, about.smallest_subnormal,
               -about.smallest_subnormal, about.eps, 1 - about.epsneg]
        return np.array([*odd, 1, -1, 0.5, -0.5, 2.5, -3.5, 3, 7, -8, 1e-3, 10, 100.25]).astype(dtype)
    if dtype.kind == "c":
        parts = [0.0, -0.0, 1.0, -1.5, 2.0, 0.25]
        return np.array([complex(a, b) for a in parts for b in (0.0, 1.0, -3.5, 1e-3)]).astype(dtype)
    counts = np.array([*range(-8, 12), 1000, 86_400_000, -86_399_999, 0], "i8")
    counts[-1] = np.iinfo("i8").min
    return counts.astype(dtype)


def stored(values, layout):
    """An array to be saved, and the index that makes of it the values in a layout."""
    grid = values.reshape(4, 6)
    if layout == "C":
        return grid, ""
    if layout == "F":
        return np.asfortranarray(grid), ""
    if layout == "strided":
        return np.repeat(grid, 3, axis=1), "[:, ::3]"
    if layout == "reversed":
        return grid[::-1, ::-1].copy(), "[::-1, ::-1]"
    if layout == "column":
        return values, "[:, None]"
    if layout == "row":
        return np.roll(values, 1), ""
    if layout == "item":
        return values[12:13].reshape(()), ""
    if layout == "line":
        return np.repeat(values[::4], 2)[:6], ""
    assert layout == "empty"
    return grid[:0], ""


LAYOUTS = ["C", "F", "strided", "reversed", "column", "row", "item", "empty"]
PAIRS = [("C", "C"), ("C", "F"), ("strided", "reversed"), ("C", "item"), ("item", "strided"), ("item", "item"),
         ("empty", "line"), ("reversed", "line"), ("F", "F"), ("empty", "empty")]


def select(array, index):
    return eval(f"a{index}", {"a": array})


# --- What NumPy says ------------------------------------------------------------------------------------------

NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {"np": np}


def by_numpy(text, arrays):
    """What NumPy makes of an expression, as an array; or the exception that it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            *bindings, result = text.split(";")
            names = {**NAMES, **arrays}
            for binding in bindings:
                exec(binding.strip(), names)
            return np.asarray(eval(result.strip(), names))
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            return error


def native(dtype):
    return dtype.newbyteorder("=")


def bits(array):
    """Floats as unsigned numbers of the same order."""
    unsigned = np.dtype(f"u{array.dtype.itemsize}")
    plain = np.ascontiguousarray(array).view(unsigned)
    top = unsigned.type(1 << (8 * array.dtype.itemsize - 1))
    return np.where(plain & top, ~plain, plain | top)


def parts(array):
    """An array of one dimension as arrays of real numbers."""
    flat = array.astype(native(array.dtype)).ravel()
    return [flat.real.copy(), flat.imag.copy()] if flat.dtype.kind == "c" else [flat]


def same(found, wanted, told, ulps=0, zeros=True):
    """Whether two results are equal: dtype, shape, NaN, and every bit or all but the last ones."""
    assert native(found.dtype) == native(wanted.dtype), f"{told}: dtype {found.dtype}, not {wanted.dtype}"
    assert found.shape == wanted.shape, f"{told}: shape {found.shape}, not {wanted.shape}"
    for a, b in zip(parts(found), parts(wanted)):
        if a.dtype.kind != "f":
            np.testing.assert_array_equal(a, b, err_msg=told)
            continue
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=f"{told}: NaN")
        kept = ~np.isnan(a)
        a, b = a[kept], b[kept]
        if not zeros:
            a, b = a + a.dtype.type(0), b + b.dtype.type(0)
        high, low = np.maximum(bits(a), bits(b)), np.minimum(bits(a), bits(b))
        wrong = high - low > ulps
        assert not wrong.any(), f"{told}: {a[wrong][:5]}, not {b[wrong][:5]}"


def close(found, wanted, told, factor=16, least=0.0):
    """Whether two results are as near as sums of a few rounded terms are: relative to the absolute value, or to
    that of the terms where it is at least so much."""
    assert native(found.dtype) == native(wanted.dtype), f"{told}: dtype {found.dtype}, not {wanted.dtype}"
    assert found.shape == wanted.shape, f"{told}: shape {found.shape}, not {wanted.shape}"
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(found), finite, err_msg=told)
    if wanted.dtype.kind == "f":
        np.testing.assert_array_equal(found[~finite], wanted[~finite], err_msg=told)
    with np.errstate(over="ignore"):
        difference = np.abs(found[finite] - wanted[finite])
    allowed = factor * np.finfo(wanted.dtype).eps * np.maximum(np.abs(wanted[finite]), least)
    assert (difference <= allowed).all(), f"{told}: off by {difference.max()}"


def widened(text, arrays, wanted):
    """The result from numbers of twice the digits, rounded: nearer to the truth than any library's."""
    wide = {"e": "f4", "f": "f8", "d": "g"}[wanted.dtype.char]
    wider = {name: array.astype(wanted.dtype).astype(wide) for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        return by_numpy(text, wider).astype(wanted.dtype)


# --- The command ----------------------------------------------------------------------------------------------


class Bench:
    """A folder with the arrays of a test, each saved once."""

    def __init__(self, folder):
        self.folder = folder
        self.saved = {}

    def path(self, array):
        key = (array.dtype.str, array.shape, array.flags.f_contiguous, array.tobytes("A"))
        if key not in self.saved:
            self.saved[key] = self.folder / f"{len(self.saved)}.npy"
            np.save(self.saved[key], array)
        return self.saved[key]

    def call(self, text, operands, *options, index_in_file=False, check=0):
        """Runs an expression in which `{x}` is an operand: (array, index). The index goes into the text or behind
        the file's name."""
        inside = {name: name if index_in_file else name + index for name, (_, index) in operands.items()}
        given = [f"{name}={self.path(array)}{index if index_in_file else ''}"
                 for name, (array, index) in operands.items()]
        out = self.folder / "out.npy"
        result = run("eval", text.format(**inside), *given, "-o", out, "--force", *options, check=check)
        return np.load(out) if result.code == 0 else result

    def agree(self, text, operands, compare=same, *, index_in_file=False, **how):
        """The command gives what NumPy gives, and refuses what NumPy refuses."""
        views = {name: select(array, index) for name, (array, index) in operands.items()}
        plain = text.format(**{name: name for name in operands})
        wanted = by_numpy(plain, views)
        told = f"{plain} of " + ", ".join(f"{n} {v.dtype}{v.shape}" for n, v in views.items())
        if isinstance(wanted, Exception):
            refusal = self.call(text, operands, index_in_file=index_in_file, check=(1, 2))
            assert refusal.err.startswith("ndfolio: "), f"{told}: {wanted}"
            return
        found = self.call(text, operands, index_in_file=index_in_file)
        if how.pop("widen", False) and wanted.dtype.kind == "f":
            wanted = widened(plain, views, wanted)
        if compare is not same and wanted.dtype.kind not in "fc":
            compare = same
        compare(found, wanted, told, **how)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def sample(seed, cases, count):
    """The same few of many cases, whenever it is run."""
    cases = list(cases)
    return random.Random(seed).sample(cases, min(count, len(cases)))


def how_to_compare(dtypes, name, elementary):
    """What a result is compared with and by how much it may be off."""
    if any(np.dtype(dtype).kind == "c" for dtype in dtypes):
        exact = name in ("add", "subtract", "negative", "positive", "conjugate", "conj", "real", "imag", "equal",
                         "not_equal", "+", "-", "==", "!=")
        # NumPy's log1p is exact beside 1, and no nearer.
        return {} if exact else {"compare": partial(close, least=float(name == "log1p"))}
    if not elementary:
        return {"zeros": name not in SIGN_OF_ZERO_IS_FREE}
    if name.startswith("logaddexp"):
        # NumPy adds a logarithm to one of the two, which loses digits where they cancel out.
        return {"compare": partial(close, factor=2, least=1.0)}
    double = np.result_type(*dtypes, np.float16).itemsize > 4
    return {"widen": True, "ulps": 1 if double else 2}


# --- Functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY + ELEMENTARY)
def test_functions_of_one_array(bench, name):
    elementary = name in ELEMENTARY
    for number, dtype in enumerate(NUMBERS):
        values = specials(dtype)
        if name == "reciprocal" and values.dtype.kind in "iub":
            # NumPy leaves to the processor what 1 / 0 is.
            values = np.where(values == 0, np.ones_like(values), values)
        layouts = ["C", *sample(f"{name} {dtype}", LAYOUTS[1:], 1)]
        for layout in layouts:
            bench.agree(f"{name}({{x}})", {"x": stored(values, layout)}, index_in_file=number % 2 == 0,
                        **how_to_compare([dtype], name, elementary))


@pytest.mark.parametrize("name", BINARY + ELEMENTARY_OF_TWO)
def test_functions_of_two_arrays(bench, name):
    elementary = name in ELEMENTARY_OF_TWO
    # Every value with every other of the dtype; ways in which arrays of two dtypes can lie.
    cases = [(dtype, dtype, "column", "row") for dtype in NUMBERS]
    mixed = sample(name, [(a, b) for a in NUMBERS for b in NUMBERS if a != b], len(PAIRS))
    cases += [(*dtypes, *layouts) for dtypes, layouts in zip(mixed, PAIRS)]
    for number, (a, b, lies_so, and_so) in enumerate(cases):
        operands = {"x": stored(specials(a), lies_so), "y": stored(specials(b), and_so)}
        bench.agree(f"{name}({{x}}, {{y}})", operands, index_in_file=number % 2 == 0,
                    **how_to_compare([a, b], name, elementary))


def test_other_names_of_functions(bench):
    for alias, name in ALIASES.items():
        operands = {"x": stored(specials("<i4"), "C"), "y": stored(specials("|u1"), "C")}
        two = name in BINARY + ELEMENTARY_OF_TWO
        given = operands if two else {"x": operands["x"]}
        arguments = "({x}, {y})" if two else "({x})"
        if name == "power":
            given = {name: (array.astype("f4"), index) for name, (array, index) in operands.items()}
        same(bench.call(alias + arguments, given), bench.call(name + arguments, given), alias)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(bench, operator):
    pairs = sample(operator, [(a, b) for a in NUMBERS for b in NUMBERS], 24)
    for number, (a, b) in enumerate(pairs):
        layouts = PAIRS[number % len(PAIRS)]
        operands = {"x": stored(specials(a), layouts[0]), "y": stored(specials(b), layouts[1])}
        bench.agree(f"{{x}} {operator} {{y}}", operands, **how_to_compare([a, b], operator, operator == "**"))


@pytest.mark.parametrize("operator", ["-", "+", "~"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_signs(bench, operator, dtype):
    bench.agree(f"{operator}{{x}}", {"x": stored(specials(dtype), "strided")})


LITERALS = ["1", "-1", "0", "7", "300", "-300", "70000", "2**40", "2**63", "2**64", "2.5", "1e300", "0.1", "2j", "True",
            "pi", "inf", "nan"]


@pytest.mark.parametrize("literal", LITERALS)
def test_literals_take_the_arrays_dtype(bench, literal):
    """NEP 50: Python's numbers have no dtype of their own, and those that do not fit are refused."""
    for dtype in NUMBERS:
        if dtype == "|b1" and literal in ["2**63", "2**64"]:
            # NumPy refuses to compare truth values with such numbers, but not integers.
            continue
        for text in sample(f"{literal} {dtype}", [f"{{x}} + {literal}", f"{literal} - {{x}}", f"{{x}} * {literal}",
                                                  f"{{x}} < {literal}", f"maximum({{x}}, {literal})"], 2):
            floats = np.dtype(dtype).kind == "c" or literal == "2j"
            how = {"compare": close} if floats and "*" in text else {"zeros": "maximum" not in text}
            with_pairs = stored(specials(dtype), "C")
            bench.agree(text, {"x": with_pairs}, **how)


@pytest.mark.parametrize("text", [
    "where({x} > {y}, {x}, {y})", "where(isnan({x}), 0, {x})", "where({x} > 0, 1, 0.5)", "clip({x}, 1, 7)",
    "clip({x}, {y}, 100)", "clip({x}, None, 7)", "isclose({x}, {y})", "nan_to_num({x})", "round({x}, 1)", "around({x})",
])
def test_functions_of_several_arrays(bench, text):
    for a, b in sample(text, [(a, b) for a in REAL for b in REAL], 12):
        operands = {"x": stored(specials(a), "strided"), "y": stored(specials(b), "line")}
        bench.agree(text, {name: operand for name, operand in operands.items() if f"{{{name}}}" in text},
                    zeros="clip" not in text)


@pytest.mark.parametrize("name", ["equal", "less", "greater_equal", "maximum", "fmin", "add", "subtract", "floor_divide",
                                  "divide", "remainder", "multiply"])
def test_functions_of_two_times(bench, name):
    for a in TIMES:
        for b in [*TIMES, "<i4", "<f8"]:
            with_b = specials(b)
            if with_b.dtype.kind == "f":
                # NumPy leaves to the processor what a float beyond 64 bits is as a count.
                with_b = np.where(np.isfinite(with_b) & (np.abs(with_b) < 1e4), with_b, 2.0)
            bench.agree(f"{name}({{x}}, {{y}})", {"x": stored(specials(a), "C"), "y": stored(with_b, "reversed")})


@pytest.mark.parametrize("text", ["isnat({x})", "isfinite({x})", "-{x}", "abs({x})", "sign({x})", "{x} == {x}",
                                  "sqrt({x})", "{x} > '2000-01-01'", "{x} - {x}[0]", "{x}.astype('i8')"])
def test_expressions_of_times(bench, text):
    for dtype in TIMES:
        bench.agree(text, {"x": (specials(dtype), "")})


# --- Whole expressions ----------------------------------------------------------------------------------------


def numbers(shape, dtype="<f8", seed=1):
    return np.random.default_rng(seed).normal(1, 3, shape).astype(dtype)


EXACT = [
    "x", "x + y * w", "-x**2", "(-x)**2", "x[:, ::2] + x[:, 1::2]", "x[::-1] - x", "x.T", "x.T + 1", "x[0]", "x[-1, 3]",
    "x[..., None] * w[:2]", "x[None] * 2", "x[:, :, np.newaxis].T", "x > 0", "(x > 0) & (y < 1) | ~(w == w)",
    "x.astype('f4')", "x.astype(np.float32) * y", "x.real + x.imag", "abs(x) // 0.5", "m = x * 2; n = m + y; m * n",
    "x[2:2]", "x[()]", "np.where(x > y, x, y)[1:3]", "x % 0.75", "3", "1 / 3", "2**10", "pi * 2",
]
SUMS = [
    "x - mean(x)", "(x - mean(x, axis=0)) / std(x, axis=0)", "sum(x)", "sum(x * y)", "sum(where(isnan(x), 0, x) * w)",
    "x.mean(axis=1)", "x.sum(axis=0, keepdims=True) / x", "sqrt(sum(x**2, axis=-1))", "x / x.max(axis=(0, 1))",
    "m = mean(x, axis=0); var(x - m, axis=0, ddof=1)", "prod(x[:2, :2])", "min(x) + max(y)", "mean((x - y)**2)",
    "any(x > 3, axis=0)", "all(x < 100)", "argmax(x * y, axis=1)", "count_nonzero(x > y)",
]


def used(text, arrays):
    return {name: (array, "") for name, array in arrays.items() if re.search(rf"\b{name}\b", text)}


@pytest.mark.parametrize("text", EXACT + SUMS)
@pytest.mark.parametrize("dtype", ["<f8", ">f4"])
def test_expressions(bench, text, dtype):
    arrays = {"x": numbers((6, 8), dtype), "y": numbers((6, 8), dtype, 2), "w": numbers(8, dtype, 3)}
    how = {"compare": partial(close, factor=64)} if text in SUMS else {}
    bench.agree(text, used(text, arrays), **how)


def test_fields(bench):
    table = np.zeros(10, [("a", "<f4"), ("b", ">i4"), ("grid", "<f8", (2, 3))])
    table["a"], table["b"], table["grid"] = numbers(10), np.arange(10), numbers((10, 2, 3))
    for text in ["t['a'] + t['b']", "t['grid'][:, 0, ::-1] * t['b'][:, None]", "t['b'][2]", "mean(t['grid'], axis=0)"]:
        bench.agree(text, {"t": (table, "")}, **({"compare": close} if "mean" in text else {}))


def test_text_is_free_in_lines_and_comments(bench):
    text = "# centred\nm = mean(x,\n  axis=0)  # of columns\n(x - m) / (\n  2\n)\n"
    x = numbers((5, 4))
    close(bench.call(text, {"x": (x, "")}), (x - x.mean(axis=0)) / 2, text)


def test_same_bits_however_it_is_run(bench):
    operands = {"x": (numbers((1000, 300), "<f4"), ""), "w": (numbers(300), "")}
    for text in ["exp(x) * w", "(x - mean(x, axis=0)) / std(x, axis=0)", "x.T + x.T", "sum(x * w, axis=0)"]:
        given = {name: operand for name, operand in operands.items() if name in text}
        plain = bench.call(text, given)
        for options in [("--threads", 1), ("--threads", 2, "--memory", "4MiB"), ("--io", "mmap"), ("--io", "direct")]:
            same(bench.call(text, given, *options), plain, f"{text} {options}")


def test_the_result_is_cast_and_printed(bench):
    x = numbers((3, 4))
    path = bench.path(x)
    found = bench.call("x * 2", {"x": (x, "")}, "--dtype", "<f4")
    same(found, (x * 2).astype("<f4"), "--dtype")
    assert run("eval", "x * 2", f"x={path}").out == f"{x * 2}\n"
    assert run("eval", "x > 0", f"x={path}").out == f"{x > 0}\n"
    assert run("eval", "max(x)", f"x={path}").out == f"{x.max()}\n"
    assert run("eval", "2**3").out == "8\n"


def test_the_file_is_what_numpy_writes(bench, tmp_path):
    x = numbers((3, 4))
    out, wanted = tmp_path / "z.npy", tmp_path / "wanted.npy"
    run("eval", "x + x", f"x={bench.path(x)}", "-o", out)
    np.save(wanted, x + x)
    assert out.read_bytes() == wanted.read_bytes()


# --- Refusals -------------------------------------------------------------------------------------------------


def refused(folder, text, *options, words=(), at=None):
    """Runs what must fail. `at` is the part of the text that the caret must stand under, and its first character
    that the message must name."""
    before = contents(folder)
    result = run("eval", text, *options, check=(1, 2))
    assert result.raw == b"" and contents(folder) == before
    lines = result.err.splitlines()
    assert lines[0].startswith("ndfolio: "), result.err
    for word in words:
        assert word in lines[0], f"does not say {word!r}: {result.err}"
    if at is not None:
        column = text.index(at)
        assert f"at character {column + 1}: " in lines[0], result.err
        assert lines[1] == f"  {text}", result.err
        assert lines[2].startswith(" " * (column + 2) + "^") and len(lines) == 3, result.err
    return result


@pytest.fixture
def given(bench):
    return [f"x={bench.path(numbers((3, 4)))}", f"w={bench.path(numbers(5))}"]


@pytest.mark.parametrize("text, at, words", [
    ("x + $", "$", ["'$'"]),
    ("x +* w", "*", ["expected a value, found '*'"]),
    ("x + y * w", "y", ["there is no array 'y'", "given are x, w", "y=FILE"]),
    ("x + sqr(w)", "sqr(w)", ["there is no function 'sqr'", "did you mean 'sqrt'?"]),
    ("x + meen(w)", "meen(w)", ["'meen'", "'mean'"]),
    ("0 < x < w", "0 < x", ["(0 < x) & (x < w)"]),
    ("x > 0 and w > 0", "and", ["(x > 0) & (w > 0)"]),
    ("not x == w", "not", ["~(x == w)"]),
    ("x if w else 0", "if", ["where(w, x, 0)"]),
    ("x[w > 0]", "w", ["where"]),
    ("x[::0] + w", "0", ["slice step cannot be zero"]),
    ("x @ w", "@", ["products of matrices"]),
    ("w = x; w +", None, ["expected a value, found the end of the expression"]),
    ("größe + x + w", "größe", ["there is no array 'größe'"]),
    ("x[3] + w[:4]", "x[3]", ["index 3 is out of bounds for axis 0 with size 3"]),
    ("x + w.nothing", "nothing", ["'nothing'"]),
    ("sum(x, axis=2) + w", "sum(x, axis=2)", ["axis 2 is out of bounds for array of dimension 2"]),
    ("sqrt(x, w, x)", "w", ["sqrt takes one argument"]),
    ("sum(x, axes=0) + w", "axes", ["'axes'", "'axis'"]),
])
def test_wrong_expressions(tmp_path, given, text, at, words):
    refused(tmp_path, text, *given, words=words, at=at)


def test_unclosed_brackets_are_named(tmp_path, given):
    refused(tmp_path, "(x - mean(w, axis=0", *given,
            words=["character 20", "expected ')' to close the '(' at character 10", "found the end of the expression"])


def test_lines_are_counted(tmp_path, given):
    result = refused(tmp_path, "m = x\nm + ? + w", *given, words=["line 2, character 5"])
    assert result.err.splitlines()[1:] == ["  m + ? + w", "      ^"]


@pytest.mark.parametrize("operator", ["+", "*", "<", "**"])
def test_shapes_that_do_not_fit_are_both_named(tmp_path, given, operator):
    refused(tmp_path, f"x {operator} w", *given, at=f"x {operator} w",
            words=["operands could not be broadcast together with shapes (3,4) (5,)"])


def test_what_is_given_must_be_used_and_named_once(tmp_path, given):
    refused(tmp_path, "x + 1", *given, words=["w"])
    refused(tmp_path, "x + 1", given[0], given[0], words=["x"])
    for name in ["1x", "np", "if", "a-b", ""]:
        refused(tmp_path, "x + 1", given[0], f"{name}={given[1][2:]}", words=[name])
    refused(tmp_path, "x + 1", given[0][2:], words=["=FILE"])
    missing = tmp_path / "missing.npy"
    refused(tmp_path, "x + 1", f"x={missing}", words=[str(missing)])


def test_dtypes_without_a_loop(tmp_path, bench):
    x, text, when = bench.path(numbers(3)), bench.path(np.array(["a", "b"])), bench.path(specials("<M8[D]"))
    refused(tmp_path, "x & 1", f"x={x}", words=["float64"], at="x & 1")
    refused(tmp_path, "sqrt(t)", f"t={text}", words=["StrDType"], at="sqrt(t)")
    refused(tmp_path, "sum(d)", f"d={when}", words=["<M8[D]"], at="sum(d)")
    refused(tmp_path, "d + d", f"d={when}", words=["<M8[D]"], at="d + d")


def test_files_are_not_lost(tmp_path, bench):
    path = bench.path(numbers(3))
    out = tmp_path / "out.npy"
    run("eval", "x + 1", f"x={path}", "-o", out)
    refused(tmp_path, "x + 2", f"x={path}", "-o", out, words=[str(out), "--force"])
    run("eval", "x + 2", f"x={path}", "-o", out, "--force")
    same(np.load(out), np.load(path) + 2, "--force")
    # The old file is read until the new one is whole.
    old = np.load(path)
    run("eval", "x + sum(x)", f"x={path}", "-o", path, "--force")
    same(np.load(path), old + old.sum(), "onto itself")


def test_hostile_texts(tmp_path, given):
    for text in ["(" * 60_000, "-" * 60_000 + "x", "x" + "[0]" * 20_000, "x" + " + x" * 15_000, "9" * 60_000]:
        assert len(run("eval", text, given[0], check=(1, 2)).err) < 1000
