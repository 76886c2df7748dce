"""What NumPy makes of single items, for `numpy_elementwise.rs`:

    python elementwise.py types > elementwise_types.txt
    python elementwise.py values > elementwise_values.txt

Made with NumPy 2.4.6. `values full` writes all results in hexadecimal, to see where they differ.
"""

import sys
import warnings

import numpy as np

assert np.__version__ == "2.4.6"
warnings.simplefilter("ignore")

PYTHON = {"int": int, "float": float, "complex": complex}
NUMBERS = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "F", "D", *PYTHON]
OTHERS = ["M8", "M8[Y]", "M8[D]", "M8[7s]", "M8[as]", "m8", "m8[M]", "m8[D]", "m8[7s]", "m8[as]", "S3", "S5", "U2"]
SOME = ["?", "b", "L", "l", "e", "d", "D", "int", "float"]
UNARY = ["negative", "positive", "absolute", "fabs", "sign", "reciprocal", "sqrt", "square", "degrees", "radians",
         "floor", "ceil", "trunc", "rint", "logical_not", "invert", "bitwise_count", "isnan", "isinf", "isfinite",
         "isnat", "signbit", "spacing", "conjugate"]
ELEMENTARY = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
              "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "cbrt"]
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
BINARY = ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "power", "minimum", "maximum", "fmin",
          "fmax", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift",
          "right_shift", "copysign", "nextafter", "heaviside", "gcd", "lcm", *COMPARISONS]
ELEMENTARY_OF_TWO = ["float_power", "arctan2", "hypot", "logaddexp", "logaddexp2"]
NOT_UFUNCS = {"round": np.round, "round_1": lambda x: np.round(x, 1), "round_-1": lambda x: np.round(x, -1),
              "nan_to_num": np.nan_to_num, "real": np.real, "imag": np.imag, "angle": np.angle}


def name(dtype):
    dtype = np.dtype({"q": "l", "Q": "L"}.get(dtype.char, dtype))
    return dtype.char if dtype.char in [*NUMBERS, "g", "G"] else dtype.str.lstrip("<|")


def operand(text):
    return PYTHON.get(text) or np.dtype(text)


def types(ufunc, *operands):
    """The dtypes of the loop, or a dash."""
    try:
        return ",".join(map(name, ufunc.resolve_dtypes((*map(operand, operands), None))))
    except (TypeError, ValueError, OverflowError):
        return "-"


def common(*operands):
    known = {"int": 1, "float": 1.0, "complex": 1j}
    try:
        return name(np.result_type(*(known.get(x) or np.dtype(x) for x in operands)))
    except (TypeError, OverflowError):
        return "-"


def type_lines():
    """Function, first operand, then for each second one the dtypes of operands and result."""
    for function in UNARY + ELEMENTARY:
        yield f"{function} : " + " ".join(types(getattr(np, function), x) for x in NUMBERS + OTHERS)
    for function in [*BINARY, "ldexp", *ELEMENTARY_OF_TWO]:
        ufunc = getattr(np, function)
        for first in NUMBERS:
            yield f"{function} {first} : " + " ".join(types(ufunc, first, x) for x in NUMBERS)
    for function in ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "equal", "less", "minimum", "fmod",
                     "bitwise_and"]:
        ufunc = getattr(np, function)
        for first in OTHERS:
            yield f"{function} {first} : " + " ".join(types(ufunc, first, x) for x in OTHERS + SOME)
        for first in SOME:
            yield f"{function} {first} :: " + " ".join(types(ufunc, first, x) for x in OTHERS)
    for first in NUMBERS + OTHERS + ["g", "G", "V3"]:
        yield f"result_type {first} : " + " ".join(common(first, x) for x in NUMBERS + OTHERS + ["g", "G", "V3"])


def special(dtype):
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        few = [0, 1, 2, 3, 5, 8, 10, 63, 100, limits.max, limits.max - 1, limits.max // 2 + 1]
        return np.array(few + [-1, -2, -5, -10, -15, limits.min, limits.min + 1] * (dtype.kind == "i"), dtype)
    if dtype.kind in "mM":
        return np.array([0, 1, 3, 7, -7, 100, 2**62, np.iinfo("i8").max, np.iinfo("i8").min], "i8").view(dtype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        few = [0, 1, 0.5, 1.5, 2.5, 2, 3, 7.25, 100, info.max, info.tiny, info.smallest_subnormal, 0.1, 1 / 3, 1024, np.inf]
        return np.array([*few, *(-x for x in few), np.nan], dtype)
    inf, nan, most = np.inf, np.nan, np.finfo(dtype).max
    parts = [0.0, -0.0, 1.0, -2.5, 1 / 3, most, inf, -inf, nan]
    return np.array([complex(re, im) for re in parts for im in parts], dtype)


def canonical(result):
    """The bytes, where all that is not a number is the same."""
    result = np.array(result)
    if result.dtype.kind in "fc":
        parts = result.view(result.real.dtype)
        parts[np.isnan(parts)] = np.abs(np.array(np.nan, parts.dtype))
    return result.tobytes()


def digest(data):
    """FNV-1a."""
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"#{state:016x}"


def conditions(function, operands):
    """How many items are divided by zero, too large, not a number."""
    counts, seen = [0, 0, 0], set()
    np.seterrcall(lambda _, flag: seen.add(flag))
    with np.errstate(divide="call", over="call", invalid="call", under="ignore"):
        for at in range(len(operands[0])):
            seen.clear()
            function(*(operand[at : at + 1] for operand in operands))
            flags = sum(seen)
            for i, bit in enumerate((1, 2, 8)):
                counts[i] += bool(flags & bit)
    return counts


def operands_of(function, dtype, arity):
    """Each item with each; a third one is the second, rolled."""
    items = special(dtype)
    if arity == 1:
        return [items]
    second = items[items >= 0] if function == "power" and dtype.kind == "i" else items
    if function in ELEMENTARY_OF_TWO:
        items = second = items[::3]
    if dtype.kind == "c":
        items, second = items[::4], second[::7]
    both = [np.repeat(items, len(second)), np.tile(second, len(items))]
    return both if arity == 2 else [*both, np.roll(both[1], 1)]


def value_line(function, call, dtype, arity, full):
    operands = operands_of(function, dtype, arity)
    try:
        result = call(*operands)
    except TypeError:
        return None
    counts = conditions(call, operands)
    data = canonical(result)
    hexadecimal = full or function in ELEMENTARY + ELEMENTARY_OF_TWO or len(data) <= 32
    text = data.hex() if hexadecimal else digest(data)
    return f"{function} {name(dtype)} {name(result.dtype)} {' '.join(map(str, counts))} {text}"


def value_lines(full):
    """Items of each dtype; then function, dtype, the result's, conditions, and the result or its digest."""
    dtypes = [np.dtype(x) for x in NUMBERS if x not in PYTHON]
    times = [np.dtype("M8[s]"), np.dtype("m8[s]")]
    for dtype in dtypes + times:
        yield f"items {name(dtype)} {special(dtype).tobytes().hex()}"
    calls = [(x, getattr(np, x), 1) for x in UNARY + ELEMENTARY]
    calls += [(x, call, 1) for x, call in NOT_UFUNCS.items()]
    calls += [(x, getattr(np, x), 2) for x in BINARY + ELEMENTARY_OF_TWO]
    calls += [("clip", np.clip, 3)]
    for function, call, arity in calls:
        for dtype in dtypes + times:
            # NumPy makes a copy of times only by way of an error.
            if function in NOT_UFUNCS and dtype in times:
                continue
            # What these are of complex numbers is the matter of their own module.
            if function in ELEMENTARY + ELEMENTARY_OF_TWO and dtype.kind != "f":
                continue
            line = value_line(function, call, dtype, arity, full)
            if line:
                yield line


lines = type_lines() if sys.argv[1] == "types" else value_lines("full" in sys.argv)
sys.stdout.writelines(line + "\n" for line in lines)
