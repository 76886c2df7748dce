"""Batches for training: rows of arrays or windows of a file, in an order that a seed gives."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _build, _config, _ndfolio
from ._array import Array, asarray


class Loader:
    """Batches of rows of one or several arrays, or of windows of one, as NumPy's arrays.

    Iterating gives one epoch: all rows or windows once, in the order that `seed` and the number of the epoch give, the
    same on every machine. The next iteration gives the next epoch. Batches are read ahead by threads, from the first
    batch on; the memory of an array is the loader's own, without a copy, writable, and lives as long as the array.

    Parameters
    ----------
    *arrays : Array, path, str or numpy.memmap
        With the same number of rows: features and labels, for example. Of windows: one array, of tokens, for example.
    batch_size : int
        Rows or windows of a batch.
    length : int, optional
        Windows of so many rows instead of rows.
    target : bool, optional
        Whether each window comes with the one that begins one row later: ``(inputs, targets)``.
    stride : int, optional
        From one window to the next; `length` if not given.
    first : int, optional
        Where the first window begins.
    samples : int, optional
        So many windows that begin anywhere, drawn anew for each epoch, instead of those that are `stride` apart.
    shuffle : {None, 'full', 'blocks'}, optional
        As they lie in the file; each order as likely as any other; or blocks of neighbours in random order, and the
        items of sixteen blocks at a time shuffled, so that the file is read in long pieces.
    block_items, block_count : int, optional
        Items of a block, and how many blocks are shuffled together.
    seed : int, optional
        What orders are drawn from.
    drop_last : bool, optional
        Whether the items behind the last whole batch are left out; else they are a smaller batch.
    rank, world_size : int, optional
        Which of several loaders that share each step this one is.
    worker, workers : int, optional
        Which of several processes that take turns in giving a rank's batches this one is. The order of all batches
        is the same for any number of them.
    dtype : dtype or sequence of dtypes, optional
        What items are cast to on the way: one for all arrays, or one for each (None: as it is).
    casting : str, optional
        Which casts are allowed.
    buffers : {'reuse', 'fresh'}, optional
        Whether the memory of arrays that nobody has any more is used again.
    memory, threads : optional
        As of `ndfolio.config`, for what is read ahead.

    Raises
    ------
    ValueError
        Arrays of different lengths, windows longer than the array, no batch in an epoch, more ranks or workers than
        items.
    MemoryError
        A batch, and what it is made of, that the budget does not allow.
    OSError
        From a batch on: a file that changed meanwhile.

    Examples
    --------
    >>> x = nf.asarray(np.arange(20.0).reshape(10, 2)).save(tmp / 'x.npy')
    >>> y = nf.asarray(np.arange(10)).save(tmp / 'y.npy')
    >>> loader = nf.Loader(x, y, batch_size=4, shuffle='full', seed=1)
    >>> len(loader), [len(labels) for _, labels in loader]
    (3, [4, 4, 2])
    >>> loader.epoch
    1

    In the middle of an epoch, the state says where it is; a loader of another process goes on there:

    >>> batches = iter(loader)
    >>> _ = next(batches)
    >>> state = loader.state_dict()
    >>> other = nf.Loader(x, y, batch_size=4, shuffle='full', seed=1)
    >>> other.load_state_dict(state)
    >>> all((a == b).all() for a, b in zip(next(batches), next(iter(other))))
    True

    Windows of tokens, with those that are shifted by one:

    >>> tokens = nf.Loader(y, length=4, target=True, batch_size=2, dtype='i8')
    >>> next(iter(tokens))
    (array([[0, 1, 2, 3],
           [4, 5, 6, 7]]), array([[1, 2, 3, 4],
           [5, 6, 7, 8]]))
    """

    __module__ = "ndfolio"

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 1,
        length: int | None = None,
        target: bool = False,
        stride: int | None = None,
        first: int = 0,
        samples: int | None = None,
        shuffle: str | None = None,
        block_items: int | None = None,
        block_count: int | None = None,
        seed: int = 0,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        worker: int = 0,
        workers: int = 1,
        dtype: Any = None,
        casting: str = "same_kind",
        buffers: str = "reuse",
        memory: int | str | None = None,
        threads: int | None = None,
    ) -> None:
        if buffers not in ("reuse", "fresh"):
            raise ValueError(f"buffers must be 'reuse' or 'fresh', got {buffers!r}")
        if length is None and (target or stride is not None or first or samples is not None):
            raise ValueError("target, stride, first and samples are of windows; give their length")
        if samples is not None and (stride is not None or first):
            raise ValueError("windows are `samples` that begin anywhere, or `stride` apart from `first` on; not both")
        windows = None
        if length is not None:
            windows = {
                "length": _whole("length", length),
                "stride": None if stride is None else _whole("stride", stride, 1),
                "first": _whole("first", first),
                "samples": None if samples is None else _whole("samples", samples),
                "target": bool(target),
            }
        self._arrays = tuple(_array(one) for one in arrays)
        self._settings: dict[str, Any] = {
            "batch_size": _whole("batch_size", batch_size),
            "drop_last": bool(drop_last),
            "shuffle": shuffle,
            "block_items": block_items,
            "block_count": block_count,
            "seed": _whole("seed", seed),
            "rank": _whole("rank", rank),
            "world_size": _whole("world_size", world_size),
            "worker": _whole("worker", worker),
            "workers": _whole("workers", workers),
            "dtypes": _dtypes(dtype, 1 if length is not None else len(arrays)),
            "casting": casting,
            "fresh": buffers == "fresh",
            "windows": windows,
        }
        self._limits = {"memory": memory, "threads": threads}
        self._loader = self._made()
        self._done = (0, 0)

    def _made(self) -> _ndfolio.Loader:
        changes = {name: value for name, value in self._limits.items() if value is not None}
        session = _config.settings().with_changes(changes).session if changes else _config.session()
        return _ndfolio.Loader([array._node for array in self._arrays], self._settings, session)

    def shared(self, worker: int, workers: int) -> Loader:
        """The loader of one of several workers, which take turns in giving this one's batches; it goes on where this
        one is."""
        if not 0 <= worker < workers:
            raise ValueError(f"worker {worker} of {workers}; they count from 0")
        other = object.__new__(type(self))
        other.__setstate__({**self.__getstate__(), "settings": {**self._settings, "worker": worker, "workers": workers}})
        return other

    def __iter__(self) -> Iterator[Any]:
        """The batches of this epoch that are still to come."""
        while True:
            found = self._loader.next()
            if found is None:
                self._done = (self._loader.epoch, 0)
                return
            epoch, step, arrays = found
            self._done = (epoch, step + 1)
            yield _batch(arrays)

    def __len__(self) -> int:
        """Batches of an epoch; of one of several workers, those that it still has in this one."""
        return self._loader.steps if self._settings["workers"] == 1 else self._loader.steps_left

    @property
    def epoch(self) -> int:
        """The epoch of the next batch, from 0."""
        return self._loader.epoch

    @property
    def step(self) -> int:
        """Batches of the epoch that are done."""
        return self._loader.step

    @property
    def items(self) -> int:
        """Rows or windows of an epoch, for all ranks together."""
        return self._loader.items

    @property
    def nbytes(self) -> int:
        """Bytes that what is read ahead takes."""
        return self._loader.nbytes

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch."""
        self._loader.set_epoch(_whole("epoch", epoch))
        self._done = (epoch, 0)

    def fetch(self, items: Any) -> Any:
        """Any rows, or windows by their numbers, in this order: a batch for who draws orders himself."""
        items = np.asarray(items)
        if items.size and items.dtype.kind not in "iu":
            raise IndexError("items are named by integers")
        if items.ndim != 1:
            raise IndexError(f"items are named along one axis, found shape {items.shape}")
        return _batch(self._loader.fetch(items.astype(np.int64).tolist()))

    def batch_items(self, step: int) -> np.ndarray[Any, Any]:
        """The rows, or numbers of windows, of this epoch's batch `step`."""
        return np.array(self._loader.batch_items(_whole("step", step)), np.int64)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as what JSON can hold: behind the last batch that was given."""
        return json.loads(self._loader.state_at(*self._done))

    def state_at(self, epoch: int, step: int) -> dict[str, Any]:
        """The state with so many steps of an epoch done."""
        return json.loads(self._loader.state_at(epoch, step))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a state is, with exactly the batches that were still to come, whatever the number of workers.

        Raises
        ------
        ValueError
            The state of other files or of other batches, with what differs.
        """
        self._loader.load_state(json.dumps(state))
        self._done = (self._loader.epoch, self._loader.step)

    def __getstate__(self) -> dict[str, Any]:
        return {"arrays": self._arrays, "settings": self._settings, "limits": self._limits, "done": self._done}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arrays, self._settings, self._limits = state["arrays"], state["settings"], state["limits"]
        self._loader = self._made()
        self._done = state["done"]
        epoch, step = self._done
        if step:
            # Made here of the same file, so that it is the loader's own state.
            self._loader.load_state(self._loader.state_at(epoch, step))
        elif epoch:
            self._loader.set_epoch(epoch)

    def __repr__(self) -> str:
        size = self._settings["batch_size"]
        return f"<ndfolio.Loader: {self.items} items, batches of {size}, epoch {self.epoch}, step {self.step}>"


def shuffle(array: Any, out: Any, *, seed: int = 0, overwrite: bool = True) -> Array:
    """Writes the rows of a file's array in random order to a new file, of any size, and opens that for reading.

    Each order is as likely as any other. The same seed gives the same order for arrays of as many rows, so features and
    labels stay together. What does not fit the memory is read and written twice, in long runs, and takes no
    other space on the disk. The file appears whole or not at all, and may be the array's own.

    Parameters
    ----------
    array : Array, path, str or numpy.memmap
    out : path
        The new file: ``.npy``, or raw by its name.
    seed : int, optional
    overwrite : bool, optional
        Whether a file of that name is replaced; else it is a ``FileExistsError``.

    Examples
    --------
    >>> x = nf.asarray(np.arange(100)).save(tmp / 'x.npy')
    >>> y = nf.shuffle(x, tmp / 'y.npy', seed=7)
    >>> bool((y != x).any()), sorted(y.tolist()) == x.tolist()
    (True, True)
    """
    node, report = _ndfolio.shuffle(_array(array)._node, out, _whole("seed", seed), overwrite, _config.session())
    return Array._of(node, profile=report)


def _batch(arrays: tuple[Any, ...]) -> Any:
    found = tuple(np.ndarray(shape, dtype, buffer) for buffer, dtype, shape in arrays)
    return found[0] if len(found) == 1 else found


def _array(given: Any) -> Array:
    """An array of a file, of what names one."""
    if isinstance(given, (str, os.PathLike)):
        from ._opening import open

        return open(given)
    if isinstance(given, np.memmap):
        place = _build.mapped_place(given)
        if place is not None:
            return asarray(given)
    if type(given) is not Array or not given._in_file:
        raise TypeError(
            f"batches are of arrays of files: ndfolio.open(path), a path, or a memmap that is open for reading; got "
            f"{type(given).__name__}. Save what is in memory, or computed, first"
        )
    return given


def _dtypes(dtype: Any, count: int) -> list[tuple[int, np.dtype[Any]]]:
    if dtype is None:
        return []
    if isinstance(dtype, (list, tuple)):
        if len(dtype) != count:
            raise ValueError(f"{len(dtype)} dtypes were given for {count} arrays")
        return [(i, np.dtype(one)) for i, one in enumerate(dtype) if one is not None]
    return [(i, np.dtype(dtype)) for i in range(count)]


def _whole(name: str, number: Any, least: int = 0) -> int:
    number = operator.index(number)
    if number < least:
        raise ValueError(f"{name} must be {least} or more, got {number}")
    return number
