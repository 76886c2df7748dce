"""Files that grow, and whether they are whole: the methods of `Array`, and functions of paths."""

from __future__ import annotations

import operator

from . import _config, _ndfolio


def _summary(x, quantiles, bins, range):
    found, x._profile = _ndfolio.describe(
        x._node, [float(q) for q in quantiles], bins, range, _config.session()
    )
    return found


class Storage:
    """What can be done to the file of an array."""

    __slots__ = ()

    def _change(self, node) -> None:
        """Goes on with another number of rows: what is mapped and known of the array is out of date."""
        self._node = node
        self._map = None
        self._shape = node.shape

    def append(self, rows) -> None:
        """Appends rows to the file, as one batch that is on stable storage when this returns.

        Rows lie along the first axis (in Fortran order along the last); one row may come without its axis. The array
        has them then. The first time, a file whose header has no room for the number of rows is copied to one that has.

        Parameters
        ----------
        rows : array_like
            Of the array's shape but for the number of rows, cast to its dtype as far as NumPy's ``same_kind`` allows.

        Raises
        ------
        ValueError
            Rows of another shape; an array that is open for reading only, or is no array of a ``.npy`` file.

        Examples
        --------
        >>> x = nf.create(tmp / 'rows.npy', (0, 2), 'i4', growable=True)
        >>> x.append([[1, 2], [3, 4]])
        >>> x.shape
        (2, 2)
        >>> x.close()
        """
        from ._array import asarray

        self._change(_ndfolio.append(self._node, asarray(rows)._node, _config.session()))

    def appender(self, *, durability="commit", casting="same_kind", wait=0.0) -> Appender:
        """Begins to append to the file; see `Appender`. This array sees the rows after `refresh`."""
        if self.filename is None:
            raise TypeError("only an array of a file can have more rows")
        return Appender(self.filename, durability=durability, casting=casting, wait=wait)

    def refresh(self) -> int:
        """Takes notice of rows that were appended, and says how many there are. Views stay what they were."""
        self._change(_ndfolio.refresh(self._node, _config.session()))
        return len(self)

    def resize(self, rows: int) -> None:
        """Makes it so many rows: adds rows of zeros, or counts fewer. The file does not become shorter."""
        rows = operator.index(rows)
        if rows < 0:
            raise ValueError(f"rows must be 0 or more, got {rows}")
        self._change(_ndfolio.resize(self._node, rows, _config.session()))

    def check(self) -> dict:
        """Whether the file is whole; see `ndfolio.check`."""
        return check(self._node.path)

    def checksum(self) -> dict:
        """Puts checksums beside the file, which writing through this library keeps up to date."""
        return _ndfolio.checksum(self._node, _config.session())

    def verify(self) -> dict:
        """Compares the file with the checksums beside it: ``is_damaged``, and where.

        Examples
        --------
        >>> x = nf.create(tmp / 'sums.npy', (100,), 'f8', fill=2)
        >>> x.checksum()['blocks']
        1
        >>> x.verify()['is_damaged']
        False
        >>> x.close()
        """
        return _ndfolio.verify(self._node, _config.session())

    def stats(self) -> dict:
        """Counts, extremes and moments of a file's array, in one pass; NaN are counted and left out.

        Examples
        --------
        >>> np.save(tmp / 's.npy', [1.0, 2.0, np.nan])
        >>> found = nf.open(tmp / 's.npy').stats()
        >>> found['count'], found['nan'], found['mean']
        (3, 1, 1.5)
        """
        return _summary(self, (), None, None)

    def describe(self, quantiles=(0.25, 0.5, 0.75), bins=None, range=None) -> dict:
        """`stats` with exact quantiles, and a histogram of so many bins if they are wanted."""
        return _summary(self, quantiles, None if bins is None else operator.index(bins), range)


class Appender:
    """Appends rows to a ``.npy`` file batch by batch; nobody else can meanwhile.

    Rows are counted by `commit`: all that were written since the last at once, or none of them if the process ends
    before. Used in a ``with`` block, it commits at the end, or takes them back if there was an exception.

    Parameters
    ----------
    path : path
    durability : {'commit', 'data', 'none'}
        What is on stable storage when rows are acknowledged: rows and their count, the rows, or nothing yet.
    casting : str
        Which casts to the array's dtype are allowed.
    wait : float
        Seconds to wait for somebody else who appends.

    Raises
    ------
    BlockingIOError
        Somebody else appends.

    Examples
    --------
    >>> nf.create(tmp / 'log.npy', (0, 2), 'f8', growable=True).close()
    >>> with nf.Appender(tmp / 'log.npy') as log:
    ...     for i in range(3):
    ...         log.append([i, i + 0.5])
    >>> nf.open(tmp / 'log.npy').shape
    (3, 2)
    """

    __slots__ = ("_inner",)

    def __init__(self, path, *, durability="commit", casting="same_kind", wait=0.0):
        self._inner = _ndfolio.Appender(path, durability, casting, float(wait))

    @property
    def rows(self) -> int:
        """How many rows are counted."""
        return self._inner.rows

    @property
    def pending(self) -> int:
        """How many rows were written and are not counted yet."""
        return self._inner.pending

    def append(self, rows) -> None:
        """Writes rows behind the others; `commit` counts them."""
        from ._array import asarray

        self._inner.append(asarray(rows)._node, _config.session())

    def commit(self) -> None:
        """Counts what was written."""
        self._inner.commit()

    def rollback(self) -> None:
        """Takes back the rows that are not counted."""
        self._inner.rollback()

    def close(self) -> None:
        """Commits, and lets others append."""
        self._inner.close()

    def __enter__(self) -> Appender:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self.rollback()
        self.close()


def check(path) -> dict:
    """Whether a file is whole, without reading its items.

    Returns
    -------
    dict
        ``problem`` (why there is no array, or None), ``trailing`` bytes behind the last item, ``leftovers`` of killed
        processes, and whether there are checksums.

    Examples
    --------
    >>> np.save(tmp / 'k.npy', [1, 2])
    >>> nf.check(tmp / 'k.npy')['problem'] is None
    True
    """
    return _ndfolio.check(path)


def checksum(path) -> dict:
    """Puts checksums beside a file; those that are there are replaced.

    Writing to the file through this library keeps them up to date from then on.

    Examples
    --------
    >>> np.save(tmp / 'v.npy', np.arange(10))
    >>> nf.checksum(tmp / 'v.npy')['blocks']
    1
    >>> nf.verify(tmp / 'v.npy')['is_damaged']
    False
    """
    return _ndfolio.checksum_path(path, _config.session())


def verify(path) -> dict:
    """Compares a file with the checksums beside it; its header need not be readable.

    Returns
    -------
    dict
        ``is_damaged``; ``damage``, a list of first byte, byte behind the last, and which rows those are;
        ``is_outdated`` and ``was_modified`` if somebody wrote to the file otherwise.

    Raises
    ------
    FileNotFoundError
        No such file, or no checksums beside it.
    """
    return _ndfolio.verify_path(path, _config.session())


def repair(path) -> dict:
    """Mends what can be mended without losing anything: bytes behind the last item, hidden files of killed processes."""
    return _ndfolio.repair(path)
