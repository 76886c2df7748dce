"""Rows in another order than that of the file, by NumPy or ndfolio's Python package, as `cargo xtask bench access` runs it.

    access.py indices FILE COUNT ROWS
    access.py run PEER CASE FILE INDICES RESULT
    access.py check FILE RESULT

`indices` makes random numbers of rows; if COUNT is ROWS, each once. PEER is `numpy`, `numpy-chunks` or `ndfolio-python`.
`run` prints `[seconds, answer]` (bound/access.h says what the answer is), or `null` where there is no such way. `check` says
nothing if a file has the rows of the other in any order.
"""

import json
import os
import sys
import time

import numpy as np

from peers import REST

# Rows of a step of NumPy's shuffle; batches, windows of each and tokens of a window.
CHUNK = 65536
BATCHES, WINDOWS, TOKENS = 200, 64, 1024


def probe(rows):
    """The first and the last four bytes of each row, as integers."""
    words = np.ascontiguousarray(rows).view("u4").reshape(len(rows), -1)
    return words[:, 0].astype("u8") + words[:, -1]


def answer(rows):
    factors = (np.arange(len(rows)) % 1000 + 1).astype("u8")
    return int((probe(rows) * factors).sum()) % 2**52


def rows_of(path, row):
    a = np.load(path, mmap_mode="r")
    return a.reshape(-1, row // a.itemsize)


def numpy_gather(path, indices, result):
    a, indices = rows_of(path, 1024), np.load(indices)
    return lambda: a[indices], answer


def numpy_windows(path, indices, result):
    data = np.load(path, mmap_mode="r").reshape(-1)
    random = np.random.default_rng(3)

    def batches():
        seen = 0
        for _ in range(BATCHES):
            starts = random.integers(0, len(data) - TOKENS, WINDOWS)
            x = np.stack([data[i : i + TOKENS].astype(np.int64) for i in starts])
            y = np.stack([data[i + 1 : i + 1 + TOKENS].astype(np.int64) for i in starts])
            seen += int(x[0, 1] == y[0, 0]) + int(x[-1, -1] == y[-1, -2])
        return seen

    return batches, int


def numpy_shuffle(path, indices, result):
    a, indices = rows_of(path, 1024), np.load(indices)

    def shuffle():
        out = np.lib.format.open_memmap(result, mode="w+", dtype=a.dtype, shape=a.shape)
        for start in range(0, len(a), CHUNK):
            rows = slice(start, start + CHUNK)
            np.take(a, indices[rows], axis=0, out=out[rows], mode="clip")
        out.flush()

    return shuffle, lambda _: []


def our_gather(path, indices, result):
    import ndfolio

    a, indices = ndfolio.open(path), np.load(indices)
    return lambda: np.asarray(a[indices]), answer


def our_windows(path, indices, result):
    import ndfolio

    data = ndfolio.open(path).reshape(-1)
    loader = ndfolio.Loader(
        data, length=TOKENS, target=True, batch_size=WINDOWS, samples=BATCHES * WINDOWS, dtype="i8", seed=3
    )

    def batches():
        return sum(int(x[0, 1] == y[0, 0]) + int(x[-1, -1] == y[-1, -2]) for x, y in loader)

    return batches, int


def our_epoch(shuffle):
    def of(path, indices, result):
        import ndfolio

        a = ndfolio.open(path).reshape(-1, 1024)
        loader = ndfolio.Loader(a, batch_size=256, shuffle=shuffle, seed=3)
        words = (lambda batch: batch.view("u4")[:, 0]) if shuffle == "blocks" else probe
        return lambda: sum(int(words(batch).sum(dtype="u8")) for batch in loader), lambda found: found % 2**52

    return of


def our_shuffle(path, indices, result):
    import ndfolio

    return lambda: ndfolio.shuffle(path, result, seed=3), lambda _: []


CASES = {
    "gather": {"numpy": numpy_gather, "ndfolio-python": our_gather},
    "windows": {"numpy": numpy_windows, "ndfolio-python": our_windows},
    "blocks": {"ndfolio-python": our_epoch("blocks")},
    "full": {"ndfolio-python": our_epoch("full")},
    "shuffle": {"numpy-chunks": numpy_shuffle, "ndfolio-python": our_shuffle},
}


def run(peer, case, path, indices, result):
    make = CASES[case].get(peer)
    if make is None:
        print("null")
        return
    call, found = make(path, indices, result)
    time.sleep(REST)
    start = time.perf_counter()
    value = call()
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, found(value)]))


def make_indices(path, count, rows):
    random = np.random.default_rng(7)
    count, rows = int(count), int(rows)
    indices = random.permutation(rows) if count == rows else random.integers(0, rows, count)
    np.save(path + ".part.npy", indices.astype("<i8"))
    os.rename(path + ".part.npy", path)


def digest(path, shape=None):
    """A number that depends on some items of every row, and not on the order of the rows."""
    try:
        a = np.load(path, mmap_mode="r")
    except ValueError:
        # The program in C writes no header.
        a = np.memmap(path, "f4", "r", offset=4096, shape=shape)
    a = a.view("u4").reshape(-1, 256)[:, ::37]
    factors = np.arange(1, 8, dtype="u8") ** 2
    total = 0
    for start in range(0, len(a), CHUNK):
        rows = (a[start : start + CHUNK] * factors).sum(axis=1)
        total += int((rows ^ (rows >> np.uint64(29))).sum())
    return len(a), total % 2**64


def check(path, result):
    shape = np.load(path, mmap_mode="r").reshape(-1, 256).shape
    if digest(path) != digest(result, shape):
        sys.exit("the rows are not those of the other file")


if __name__ == "__main__":
    {"indices": make_indices, "run": run, "check": check}[sys.argv[1]](*sys.argv[2:])
