"""One expression by a library for Python, in a process of its own, as `cargo xtask bench expressions` runs it; and the check of a result.

    expressions.py run PEER CASE RESULT FILE...
    expressions.py check CASE exact|close RESULT FILE...

PEER is `numpy`, an expression as one writes it first, `numpy-chunks`: by somebody who knows that the files are large,
`ndfolio-python`: as one writes it first, with arrays of ndfolio's Python package, or `dask`, `numexpr` or `blosc2` for what
is arithmetic. Of the last two the result is in memory before it is saved.
`run` prints `[seconds, answer]`: the time of the call alone, on memory maps that were opened before; or `null` where
there is no such way. What makes a new file flushes it within its time. `check` compares places of a new file with what
NumPy computes there, and says nothing if they are right: the same bits, or within rounding.
"""

import json
import os
import sys
import time

import numpy as np

from peers import REST, Wrap

# Items of a chunk that goes to a file: some MiB, as one chooses it for a disk.
CHUNK = 1 << 22
# Items of a chunk that stays in the processor's cache.
SMALL_CHUNK = 1 << 16
# Items that are compared at a time, and how many such places there are.
CHECKED, PLACES = 1 << 18, 9
FUNCTIONS = {
    "sum-exp": lambda x, out: np.exp(x, out=out),
    "sum-log": lambda x, out: np.log(x, out=out),
    "sum-sin": lambda x, out: np.sin(x, out=out),
    "sum-tanh": lambda x, out: np.tanh(x, out=out),
}
TEXTS = {"multiply-add": "a * b + c", **{case: f"sum({case.removeprefix('sum-')}(a))" for case in FUNCTIONS}}
THREADS = len(os.sched_getaffinity(0))


def rows_of(a, count):
    """Slices of so many whole rows that they have about `count` items."""
    step = max(1, count // a.shape[1])
    return [slice(start, start + step) for start in range(0, a.shape[0], step)]


def moments(a, axis):
    """Mean and standard deviation by one pass in chunks."""
    total = squares = 0.0
    for rows in rows_of(a, CHUNK):
        x = a[rows]
        if axis is None:
            total += float(x.sum(dtype="f8"))
            # In single precision within a row only.
            squares += float(np.einsum("ij,ij->i", x, x).sum(dtype="f8"))
        else:
            total = total + x.sum(axis=0, dtype="f8")
            squares = squares + np.square(x).sum(axis=0, dtype="f8")
    count = a.size if axis is None else a.shape[0]
    mean = total / count
    return np.float32(mean), np.sqrt(np.float32(squares / count - mean**2), dtype="f4")


def at_once(case, files):
    """The whole result, as an expression gives it."""
    a = files[0]
    if case == "multiply-add":
        return a * files[1] + files[2]
    if case in ("normalize", "normalize-axis0"):
        axis = 0 if case == "normalize-axis0" else None
        return (a - a.mean(axis=axis)) / a.std(axis=axis)
    return a.astype("<f4", order="C")


def numpy_call(case, files, result):
    # Its result and what it needs for it are larger than memory may be.
    if case == "order":
        return None
    if case.startswith("sum-"):
        operation = FUNCTIONS[case]
        return lambda: float(operation(files[0], np.empty_like(files[0])).sum(dtype="f8"))

    def to_file():
        with open(result, "wb") as file:
            np.save(file, at_once(case, files))
            os.fsync(file.fileno())

    return to_file


def chunk_function(case, files):
    """What makes the rows of a result, with a buffer for them."""
    a = files[0]
    if case == "multiply-add":

        def multiply_add(rows, out):
            np.multiply(a[rows], files[1][rows], out=out)
            np.add(out, files[2][rows], out=out)

        return multiply_add
    if case in ("normalize", "normalize-axis0"):
        mean, deviation = moments(a, 0 if case == "normalize-axis0" else None)

        def normalize(rows, out):
            np.subtract(a[rows], mean, out=out)
            np.divide(out, deviation, out=out)

        return normalize
    return lambda rows, out: np.copyto(out, a[rows], casting="same_kind")


def in_chunks(case, files, result):
    a = files[0]
    if case.startswith("sum-"):
        operation, flat = FUNCTIONS[case], a.reshape(-1)

        def total_of():
            total, buffer = 0.0, np.empty(SMALL_CHUNK, "f4")
            for start in range(0, flat.size, SMALL_CHUNK):
                x = flat[start : start + SMALL_CHUNK]
                total += float(operation(x, buffer[: x.size]).sum())
            return total

        return total_of
    if case == "order":
        return lambda: by_squares(a, result)

    def to_file():
        make = chunk_function(case, files)
        chunks = rows_of(a, CHUNK)
        buffer = np.empty(a[chunks[0]].shape, "f4")
        with open(result, "wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": a.shape}
            np.lib.format.write_array_header_1_0(file, header)
            for rows in chunks:
                out = buffer[: a[rows].shape[0]]
                make(rows, out)
                out.tofile(file)
            file.flush()
            os.fsync(file.fileno())

    return to_file


def ndfolio_call(case, files, result):
    import ndfolio

    files = [ndfolio.open(file.filename) for file in files]
    if case.startswith("sum-"):
        return lambda: float(FUNCTIONS[case](files[0], None).sum())
    # What is saved keeps its order.
    if case == "order":
        return None
    return lambda: at_once(case, files).save(result)


def dask_call(case, files, result):
    import dask
    import dask.array

    dask.config.set(scheduler="threads", num_workers=THREADS)
    if case not in TEXTS and not case.startswith("normalize"):
        return None
    parts = (max(1, CHUNK // files[0].shape[1]), files[0].shape[1])
    files = [dask.array.from_array(Wrap(file), chunks=parts, name=False) for file in files]
    if case.startswith("sum-"):
        return lambda: float(FUNCTIONS[case](files[0], None).sum(dtype="f8").compute())

    def to_file():
        z = np.lib.format.open_memmap(result, "w+", "<f4", files[0].shape)
        dask.array.store(at_once(case, files), z, lock=False)
        durable(z, result)

    return to_file


def numexpr_call(case, files, result):
    import numexpr

    numexpr.set_num_threads(THREADS)
    return of_text(case, files, result, lambda text, names: numexpr.evaluate(text, names))


def blosc2_call(case, files, result):
    import blosc2

    blosc2.set_nthreads(THREADS)
    return of_text(case, files, result, lambda text, names: np.asarray(blosc2.lazyexpr(text, names)[()]))


def of_text(case, files, result, evaluate):
    """By a library that is given the text of an expression."""
    if case not in TEXTS:
        return None
    names = dict(zip("abc", files))
    if case.startswith("sum-"):
        return lambda: float(evaluate(TEXTS[case], names))

    def to_file():
        with open(result, "wb") as file:
            np.save(file, evaluate(TEXTS[case], names))
            os.fsync(file.fileno())

    return to_file


def durable(z, path):
    z.flush()
    file = os.open(path, os.O_RDWR)
    os.fsync(file)
    os.close(file)


def by_squares(a, result, side=2048):
    """Another order by squares that fit in the processor's cache better than rows do."""
    z = np.lib.format.open_memmap(result, "w+", "<f4", a.shape)
    for i in range(0, a.shape[0], side):
        for k in range(0, a.shape[1], side):
            z[i : i + side, k : k + side] = a[i : i + side, k : k + side]
    durable(z, result)


def check(case, how, result, files):
    found = np.load(result, mmap_mode="r")
    a = files[0]
    if found.shape != a.shape or found.dtype != np.dtype("<f4"):
        sys.exit(f"{result}: {found.dtype} {found.shape}, and not <f4 {a.shape}")
    if os.path.getsize(result) != found.offset + found.nbytes:
        sys.exit(f"{result}: {os.path.getsize(result)} bytes")
    make = chunk_function(case, files)
    all_rows = rows_of(a, CHECKED)
    for place in range(PLACES):
        rows = all_rows[place * (len(all_rows) - 1) // (PLACES - 1)]
        expected = np.empty(a[rows].shape, "f4")
        make(rows, expected)
        if how == "exact":
            same = found[rows].view("u4") == expected.view("u4")
        else:
            # NumPy adds columns in single precision.
            same = np.abs(found[rows] - expected) <= 1e-4 * (1 + np.abs(expected))
        if not same.all():
            row, column = np.argwhere(~same)[0]
            at = (rows.start + int(row), int(column))
            sys.exit(f"{result}: {found[at]!r} at {at}, and not {expected[row, column]!r}")


PEERS = {
    "numpy": numpy_call,
    "numpy-chunks": in_chunks,
    "ndfolio-python": ndfolio_call,
    "dask": dask_call,
    "numexpr": numexpr_call,
    "blosc2": blosc2_call,
}


def main(what, *words):
    if what == "check":
        case, how, result, *files = words
        check(case, how, result, [np.load(file, mmap_mode="r") for file in files])
        return
    peer, case, result, *files = words
    call = PEERS[peer](case, [np.load(file, mmap_mode="r") for file in files], result)
    if call is None:
        print("null")
        return
    time.sleep(REST)
    start = time.perf_counter()
    value = call()
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, value if isinstance(value, float) else []]))


if __name__ == "__main__":
    main(*sys.argv[1:])
