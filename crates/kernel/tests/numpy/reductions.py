"""What NumPy makes of small arrays, for `reductions.rs`: python reductions.py > reductions.json

A line is: dtype, items in hexadecimal, function, ddof, then the result's dtype and bytes, or an exception and
its message. Made with NumPy 2.4.6.
"""

import json
import sys
import warnings

import numpy as np

assert np.__version__ == "2.4.6"
warnings.simplefilter("ignore")

NAN, INF = float("nan"), float("inf")
REALS = [[], [1, 2, 4], [-0.0, 0.0], [NAN, 3, 1], [3, NAN, 1, NAN], [NAN, NAN], [INF, 1], [INF, -INF], [-INF, NAN, INF],
         [2], [5, 1, 1, 5], [300, 300, 0.5], [0.125, 3e-3], [0, 5, 0]]
WHOLES = [[], [0], [1, 2, 4], [5, 1, 1, 5], ["least", "greatest"], ["greatest", "greatest", 3], [0, 7, 0]]
COMPLEX = [[], [1 + 2j, 3 - 1j], [1 + 2j, 1 - 2j, 1 + 2j], [1, complex(3, NAN), complex(NAN, 1)], [complex(0, NAN)],
           [complex(INF, 1), 2], [0, 1j]]
TIMES = [[], [3, 4], [1, -4, "NaT"], ["NaT", "NaT"], [5, 5, -9], [0, 1], ["greatest", 2]]
PLAIN = ["sum", "prod", "mean", "var", "std", "min", "max", "ptp", "argmin", "argmax", "any", "all", "count_nonzero", "norm"]
SKIPPING = ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax"]
# Here times that are none are left out by all of these; NumPy does so in two.
TIMES_SKIPPING = ["nanmin", "nanmax"]


def arrays():
    for kind in ("<f2", "<f4", "<f8", ">f4"):
        for items in REALS:
            yield np.array(items, kind)
    for kind in ("i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", ">i4"):
        limits = np.iinfo(kind)
        for items in WHOLES:
            known = {"least": limits.min, "greatest": limits.max}
            yield np.array([known.get(x, x) for x in items], kind)
    for kind in ("<c8", "<c16", ">c8"):
        for items in COMPLEX:
            yield np.array(items, kind)
    for kind in ("<m8[s]", "<M8[25us]", ">M8[D]"):
        for items in TIMES:
            known = {"greatest": np.iinfo("i8").max, "NaT": np.iinfo("i8").min}
            yield np.array([known.get(x, x) for x in items], kind[0] + "i8").view(kind)
    for items in ([], [True], [False, True, True], [False, False]):
        yield np.array(items, "?")


def lines():
    for array in arrays():
        times = array.dtype.kind in "mM"
        for name in PLAIN + (TIMES_SKIPPING if times else SKIPPING):
            # NumPy takes the norm of times as that of plain numbers, and looks for the extremes of no truth
            # values before it refuses their difference. Here both are refused.
            if (times and name == "norm") or (array.dtype == bool and name == "ptp" and not array.size):
                continue
            for ddof in (0, 1, 3) if name.endswith(("var", "std")) else (0,):
                yield line(array, name, ddof)


def line(array, name, ddof):
    function = np.linalg.norm if name == "norm" else getattr(np, name)
    about = [array.dtype.str, array.tobytes().hex(), name, str(ddof)]
    try:
        result = np.asarray(function(array, ddof=ddof) if ddof else function(array))
    except (TypeError, ValueError) as error:
        return [*about, "TypeError" if isinstance(error, TypeError) else "ValueError", str(error)]
    result = result.astype(result.dtype.newbyteorder("<"))
    return [*about, result.dtype.str, result.tobytes().hex()]


sys.stdout.write("[\n" + ",\n".join(json.dumps(line) for line in lines()) + "\n]\n")
