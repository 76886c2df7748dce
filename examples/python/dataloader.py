"""Rows of one file in a PyTorch DataLoader, whose workers share the file and copy nothing to each other.

    python examples/python/dataloader.py [ROWS] [WORKERS] [fork|spawn|forkserver]

Makes a file of rows in a temporary folder, goes through it once in random order, and compares the sum. A worker gets the
array by reference: some hundred bytes, whatever the size of the file.
"""

import sys
import tempfile
from pathlib import Path

import ndfolio as nf
import numpy as np
from torch.utils.data import DataLoader, Dataset

COLUMNS = 64


class Rows(Dataset):
    """The rows of a file as tensors."""

    def __init__(self, path):
        # Tensors know no reading only: what is stored to one of these stays in this process.
        self.rows = nf.load(path, mmap_mode="c")

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return np.asarray(self.rows[index])


def main(rows=20_000, workers=4, way="fork"):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        with nf.create(path, (rows, COLUMNS), "f4") as file:
            file[...] = np.arange(rows * COLUMNS, dtype="f4").reshape(rows, COLUMNS)
        loader = DataLoader(
            Rows(path), batch_size=256, shuffle=True, num_workers=workers, multiprocessing_context=way
        )
        seen, total = 0, 0.0
        for batch in loader:
            seen += len(batch)
            total += batch.double().sum().item()
        expected = float(nf.open(path).sum(dtype="f8"))
        assert (seen, total) == (rows, expected), (seen, total, expected)
        print(f"{seen} rows by {workers} workers, which were made by {way}")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(*[int(word) for word in words[:2]], *words[2:])
