"""Makes one .npy file of `cargo xtask bench peers` and its like: data.py FILE DTYPE ORDER ROWS COLUMNS SEED"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Items that are made at once, each such block by a generator of its own.
BLOCK = 1 << 22


def block(dtype, seed, start, count, all_items):
    """Items `start` to `start + count`, in the order of the file."""
    random = np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, start // BLOCK])))
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            # The sum of halves is a half, which ends at 65504.
            return (random.standard_normal(count, dtype=np.float32) / 64 + 32768 / all_items).astype(dtype)
        # Around 1 and not 0: a sum that misses a part is then seen to be wrong.
        wide = np.float64 if dtype.itemsize == 8 else np.float32
        items = np.abs(random.standard_normal(count, dtype=wide) + wide(1))
        # Positive, so that each has a logarithm.
        items[items == 0] = 1
        return items.astype(dtype)
    low, high = (0, 1 << 8 * dtype.itemsize) if dtype.kind == "u" else (-1_000_000, 3_000_000)
    return random.integers(low, high, count, dtype=dtype)


def main(path, dtype, order, rows, columns, seed):
    dtype, shape = np.dtype(dtype), (int(rows), int(columns))
    count = shape[0] * shape[1]
    with open(path, "wb") as file:
        header = {"descr": dtype.str, "fortran_order": order == "F", "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        begin = file.tell()
        file.truncate(begin + count * dtype.itemsize)

    def write(start):
        items = block(dtype, int(seed), start, min(BLOCK, count - start), count)
        os.pwrite(descriptor, items.tobytes(), begin + start * dtype.itemsize)

    descriptor = os.open(path, os.O_WRONLY)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(write, range(0, count, BLOCK)):
            pass
    # Only what is on the disk can be dropped from memory.
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
