"""Datasets for `torch.utils.data.DataLoader`; needs PyTorch, which nothing else of the package does.

``RowDataset`` is map-style: a batch is one gather, whatever the sampler. ``BatchDataset`` is iterable: a `Loader` whose batches
the workers of a ``DataLoader`` share. ``BatchSampler`` gives the first the order of a `Loader`, and can be resumed.
Items are tensors, which share the memory that the loader read into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ._loader import Loader

# PyTorch is imported by what needs it: a sampler is of no class of it, and neither is a map-style dataset.


def tensors(batch: Any) -> Any:
    """The tensors of a batch, which share the memory of its arrays."""
    if isinstance(batch, tuple):
        return tuple(tensors(one) for one in batch)
    return _torch().from_numpy(batch)


def _torch() -> Any:
    from importlib import import_module

    try:
        return import_module("torch")
    except ImportError as error:
        raise ImportError("ndfolio.torch makes tensors of PyTorch, which is not installed: pip install torch") from error


class RowDataset:
    """Rows of arrays, or windows of one, by their numbers; takes what `Loader` takes, but for what is of an order.

    A ``DataLoader`` with `batch_size` or a batch sampler asks for a whole batch at once; `collate` keeps it as it is:
    ``DataLoader(dataset, batch_size=64, shuffle=True, collate_fn=dataset.collate)``.
    """

    def __init__(self, *arrays: Any, **settings: Any) -> None:
        self._loader = Loader(*arrays, **settings)

    def __len__(self) -> int:
        return self._loader.items

    def __getitem__(self, item: int) -> Any:
        batch = tensors(self._loader.fetch([item]))
        return tuple(one[0] for one in batch) if isinstance(batch, tuple) else batch[0]

    def __getitems__(self, items: Sequence[int]) -> Any:
        """A batch as one: `collate` hands it on."""
        return tensors(self._loader.fetch(np.asarray(items, np.int64)))

    @staticmethod
    def collate(batch: Any) -> Any:
        """What `__getitems__` gave, which is a batch already."""
        return batch


class BatchSampler:
    """The batches of a loader's order as lists of rows, for a `RowDataset`; with a state, as the loader has one.

    The state counts the batches that were drawn. A ``DataLoader`` with workers draws ahead of what it gives:
    ``state_dict(given)`` is the state behind the `given` first batches of this epoch.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._epoch, self._step = loader.epoch, loader.step

    def __iter__(self) -> Iterator[list[int]]:
        while self._step < self._loader._loader.steps:
            self._loader.set_epoch(self._epoch)
            items = self._loader.batch_items(self._step).tolist()
            self._step += 1
            yield items
        self._epoch, self._step = self._epoch + 1, 0

    def __len__(self) -> int:
        return self._loader._loader.steps

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch."""
        self._epoch, self._step = epoch, 0

    def state_dict(self, given: int | None = None) -> dict[str, Any]:
        """Where the sampler is, or is once only the `given` first batches of its epoch were used."""
        return self._loader.state_at(self._epoch, self._step if given is None else given)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a state is."""
        self._loader.load_state_dict(state)
        self._epoch, self._step = self._loader.epoch, self._loader.step


class _BatchDataset:
    """Whole batches of a `Loader`, shared by the workers of a ``DataLoader``: ``DataLoader(dataset, batch_size=None)``.

    The order of the batches is the loader's, whatever the number of workers. The loader itself stays where it is
    while workers read: ``state_dict(given)`` is where it is once so many more batches were used.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Any]:
        info = _torch().utils.data.get_worker_info()
        loader = self._loader
        if info is not None:
            # A DataLoader begins with its first worker: that one has the batch that comes next.
            loader = loader.shared((loader.step + info.id) % info.num_workers, info.num_workers)
        for batch in loader:
            yield tensors(batch)

    def __len__(self) -> int:
        return self._loader._loader.steps_left

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch; workers that run already do not hear of it."""
        self._loader.set_epoch(epoch)

    def state_dict(self, given: int = 0) -> dict[str, Any]:
        """The loader's state, with `given` more batches of its epoch used: those that workers gave since."""
        return self._loader.state_at(self._loader.epoch, self._loader.step + given)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a state is; workers that run already do not hear of it."""
        self._loader.load_state_dict(state)


def __getattr__(name: str) -> Any:
    # A DataLoader knows iterable datasets by their class.
    if name != "BatchDataset":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    about = {"__module__": __name__, "__qualname__": name, "__doc__": _BatchDataset.__doc__}
    made = type(name, (_BatchDataset, _torch().utils.data.IterableDataset), about)
    globals()[name] = made
    return made
