"""Several results at once beside each by itself, by NumPy and by Dask: `python several.py FOLDER`, as a Markdown table.

The package, NumPy and Dask are those of the Python that runs this. Files of 2 GiB are made in the folder, if they are not
there, and are in the page cache; medians of 7 runs in turns, in seconds. Results are compared.
"""

import sys
import time
from pathlib import Path
from statistics import median

import dask
import dask.array
import numpy as np

import ndfolio as nf

ROWS, COLUMNS, RUNS = 1 << 19, 1 << 10, 7
# What is asked of x and y, each as one writes it for all three.
CASES = {
    "`x.sum(), x.max(axis=1)`": lambda x, y: (x.sum(), x.max(axis=1)),
    "`x.sum(), x.std(), x.mean(axis=0), x.min(axis=1)`": lambda x, y: (
        x.sum(),
        x.std(),
        x.mean(axis=0),
        x.min(axis=1),
    ),
    "`(x + y).sum(), (x - y).sum()`": lambda x, y: ((x + y).sum(), (x - y).sum()),
    "`np.exp(x).sum(), np.exp(x).mean(axis=0)`": lambda x, y: (np.exp(x).sum(), np.exp(x).mean(axis=0)),
}


def make(path: Path, seed: int) -> None:
    if path.exists():
        return
    numbers = np.random.default_rng(seed)
    rows = np.lib.format.open_memmap(path, "w+", "f4", (ROWS, COLUMNS))
    for first in range(0, ROWS, 8192):
        rows[first : first + 8192] = numbers.random((8192, COLUMNS), "f4")
    rows.flush()


def timed(call):
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def main(folder: Path) -> None:
    paths = [folder / "several-x.npy", folder / "several-y.npy"]
    for seed, path in enumerate(paths):
        make(path, seed)
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass
    files = [nf.open(path) for path in paths]
    maps = [np.load(path, mmap_mode="r") for path in paths]
    parts = [dask.array.from_array(one, chunks=(4096, COLUMNS)) for one in maps]
    # The threads of NumPy's libraries look for work when they are new.
    time.sleep(0.5)
    print("| results | passes | at once | one by one | ratio | NumPy | Dask | to the faster |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, case in CASES.items():
        ours = case(*files)
        calls = {
            "once": lambda ours=ours: nf.compute(*ours),
            "alone": lambda ours=ours: [one.compute() for one in ours],
            "numpy": lambda case=case: case(*maps),
            "dask": lambda case=case: dask.compute(*case(*parts)),
        }
        times = {way: [] for way in calls}
        for run in range(RUNS):
            found = {}
            for way, call in calls.items():
                if way == "numpy" and run >= 3:
                    continue
                seconds, found[way] = timed(call)
                times[way].append(seconds)
            for one, other in zip(found["once"], found["alone"], strict=True):
                assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), name
            for one, other in zip(found["once"], found["dask"], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4)
        once, alone, numpy, by_dask = (median(times[way]) for way in calls)
        passes = ours[0].profile["passes"]
        print(
            f"| {name} | {passes} | {once:.3f} | {alone:.3f} | {once / alone:.2f} | {numpy:.3f} | {by_dask:.3f} "
            f"| {once / min(numpy, by_dask):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
