"""One reduction by one Python library, in a process of its own, as `cargo xtask bench peers` runs it.

    peers.py PEER OPERATION FILE THREADS

OPERATION is one of `sum-DTYPE`, `mean-f4`, `var-f4`, `std-f4`, `min-f4`, `max-f4`, `argmin-f4`, `argmax-f4`,
`axis0-f4`, `axis1-f4`, `every-f4` (every 7th column), and `column-f4` (column 5). Prints `[seconds, answer]`: the time
of the call alone, on a memory map that was opened before, imports and compilation left out; or `null` where the
library has no such operation.
"""

import json
import sys
import time

import numpy as np

# The threads of OpenBLAS look for work for some hundredths of a second after NumPy was imported, and have a processor to
# themselves meanwhile.
REST = 0.2

# Items of a chunk, for those that go by chunks.
CHUNK = 1 << 22
# What integers and halves are summed in; the others as NumPy likes it.
SUM_DTYPE = {"sum-f2": "f4", "sum-i4": "i8", "sum-u1": "u8"}
FLAT = ("sum", "mean", "var", "std", "min", "max", "argmin", "argmax")


def numpy_call(a, operation, threads):
    return lambda: called(np, a, operation)


def called(module, a, operation):
    """The operation as a user of NumPy writes it, or of a library that is called like NumPy."""
    name = operation.split("-")[0]
    if name == "sum":
        return a.sum(dtype=SUM_DTYPE.get(operation))
    if name in ("argmin", "argmax"):
        flat = a if module is np else a.reshape(-1)
        return getattr(flat, name)()
    if name in FLAT:
        return getattr(a, name)()
    if name == "every":
        return a[:, ::7].sum()
    if name == "column":
        return a[:, 5].sum()
    return a.sum(axis=int(name[-1]))


def in_chunks(a, operation, threads):
    """NumPy as somebody writes it who knows that the file is large: a loop over parts of it, in the file's order."""
    name = operation.split("-")[0]
    if name in FLAT:
        return lambda: flat_in_chunks(a.reshape(-1, order="A"), name, SUM_DTYPE.get(operation))
    if name == "every":
        return lambda: sum(float(x[:, ::7].sum(dtype="f8")) for x in row_chunks(a))
    if name == "column":
        return None
    # The file's rows are an array's columns where it is in F order.
    is_f = a.flags.f_contiguous
    rows, axis = (a.T, 1 - int(name[-1])) if is_f else (a, int(name[-1]))
    if axis == 1:
        return lambda: np.concatenate([x.sum(axis=1) for x in row_chunks(rows)])
    return lambda: sum_of(x.sum(axis=0) for x in row_chunks(rows))


def chunks(a, count):
    for start in range(0, len(a), count):
        yield a[start : start + count]


def row_chunks(a):
    return chunks(a, max(1, CHUNK // a.shape[1]))


def sum_of(parts):
    total = None
    for part in parts:
        total = part.astype("f8") if total is None else total + part
    return total


def flat_in_chunks(a, name, dtype):
    if name in ("sum", "mean"):
        total = sum(x.sum(dtype=dtype).item() for x in chunks(a, CHUNK))
        return total / a.size if name == "mean" else total
    if name in ("var", "std"):
        total = squares = 0.0
        for x in chunks(a, CHUNK):
            total += float(x.sum(dtype="f8"))
            squares += float(np.dot(x, x))
        var = squares / a.size - (total / a.size) ** 2
        return var**0.5 if name == "std" else var
    if name in ("min", "max"):
        return getattr(np, name)([getattr(x, name)() for x in chunks(a, CHUNK)])
    place = [i * CHUNK + int(getattr(x, name)()) for i, x in enumerate(chunks(a, CHUNK))]
    return place[getattr(np, name)(a[place])]


class Wrap:
    """Hides `copy` from dask, which would load the whole map with it (dask issue 11850)."""

    def __init__(self, a):
        self.a, self.shape, self.dtype, self.ndim = a, a.shape, a.dtype, a.ndim

    def __getitem__(self, key):
        return np.asarray(self.a[key])


def dask_call(a, operation, threads):
    import dask
    import dask.array

    dask.config.set(scheduler="threads", num_workers=threads)
    name = operation.split("-")[0]
    if name in FLAT:
        a, parts = a.reshape(-1, order="A"), CHUNK
    elif a.flags.c_contiguous:
        parts = (max(1, CHUNK // a.shape[1]), a.shape[1])
    else:
        parts = (a.shape[0], max(1, CHUNK // a.shape[0]))
    return lambda: called(dask.array, dask.array.from_array(Wrap(a), chunks=parts, name=False), operation).compute()


def numexpr_call(a, operation, threads):
    import numexpr

    numexpr.set_num_threads(threads)
    name = operation.split("-")[0]
    expressions = {"sum": "sum(x)", "min": "min(x)", "max": "max(x)", "axis0": "sum(x, axis=0)", "axis1": "sum(x, axis=1)"}
    # Halves, bytes and the other byte order are not among its types.
    if name not in expressions or operation in ("sum-f2", "sum-u1", "sum->f4"):
        return None
    return lambda: numexpr.evaluate(expressions[name], {"x": a})


def numba_call(a, operation, threads):
    import numba

    numba.set_num_threads(threads)
    name = operation.split("-")[0]
    if name not in ("sum", "min", "max", "axis1") or operation in ("sum-f2", "sum->f4"):
        return None
    # numba sees an axis of the file's rows only where the array is in C order.
    if not a.flags.c_contiguous:
        return None
    run = numba_kernel(numba, name, {"i": numba.int64, "u": numba.int64}.get(a.dtype.kind, numba.from_dtype(a.dtype)))
    # Compiled for the very type that is measured: a map is read-only.
    few = np.zeros((2, 2), a.dtype)
    few.flags.writeable = False
    run(few)
    return lambda: run(np.asarray(a))


def numba_kernel(numba, name, wide):
    """A loop over rows on all threads."""
    njit = numba.njit(parallel=True, fastmath=True)

    @njit
    def total(x):
        r = 0.0
        for i in numba.prange(x.shape[0]):
            t = wide(0)
            for j in range(x.shape[1]):
                t += x[i, j]
            r += t
        return r

    @njit
    def rows(x):
        r = np.empty(x.shape[0])
        for i in numba.prange(x.shape[0]):
            t = wide(0)
            for j in range(x.shape[1]):
                t += x[i, j]
            r[i] = t
        return r

    @njit
    def least(x):
        r = np.inf
        for i in numba.prange(x.shape[0]):
            t = x[i, 0]
            for j in range(x.shape[1]):
                t = min(t, x[i, j])
            r = min(r, t)
        return r

    @njit
    def greatest(x):
        r = -np.inf
        for i in numba.prange(x.shape[0]):
            t = x[i, 0]
            for j in range(x.shape[1]):
                t = max(t, x[i, j])
            r = max(r, t)
        return r

    return {"sum": total, "axis1": rows, "min": least, "max": greatest}[name]


def blosc2_call(a, operation, threads):
    import blosc2

    blosc2.set_nthreads(threads)
    name = operation.split("-")[0]
    # Nothing is compressed: an expression of a map. Of the other byte order and halves it knows nothing, and its sums of
    # small integers are of their own dtype.
    if name not in (*FLAT[:6], "axis0", "axis1") or operation in ("sum-f2", "sum->f4", "sum-u1"):
        return None
    expressions = {"axis0": "sum(x, axis=0)", "axis1": "sum(x, axis=1)"}
    expression = expressions.get(name, f"{name}(x)")
    return lambda: np.asarray(blosc2.lazyexpr(expression, {"x": a})[()])


def ndfolio_call(a, operation, threads):
    import ndfolio

    x = ndfolio.open(a.filename)

    def call():
        with ndfolio.config(threads=threads):
            return called(np, x, operation).compute()

    return call


PEERS = {
    "numpy": numpy_call,
    "ndfolio-python": ndfolio_call,
    "numpy-chunks": in_chunks,
    "dask": dask_call,
    "numexpr": numexpr_call,
    "blosc2": blosc2_call,
    "numba": numba_call,
}


def main(peer, operation, path, threads):
    call = PEERS[peer](np.load(path, mmap_mode="r"), operation, int(threads))
    if call is None:
        print("null")
        return
    time.sleep(REST)
    start = time.perf_counter()
    value = call()
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, np.asarray(value).tolist()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
