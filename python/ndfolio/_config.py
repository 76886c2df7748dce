"""How passes are run: memory, threads, the way of reading, progress."""

from __future__ import annotations

import contextvars
import os
from types import TracebackType
from typing import Any

from . import _progress
from ._ndfolio import Session

_FIELDS = ("memory", "threads", "io", "scratch", "progress", "accelerate")


class Settings:
    """What holds at one place of a program; a new one is made for each change."""

    __slots__ = (*_FIELDS, "session")

    def __init__(self, memory=None, threads=None, io="auto", scratch=None, progress="auto", accelerate=True):
        self.memory = memory
        self.threads = threads
        self.io = io
        self.scratch = scratch
        self.progress = progress
        self.accelerate = accelerate
        show = _progress.show if _progress.wanted(progress) else None
        self.session = Session(memory, threads, io, scratch, show)

    def with_changes(self, changes: dict) -> Settings:
        return Settings(**({name: getattr(self, name) for name in _FIELDS} | changes))


_current: contextvars.ContextVar[Settings | None] = contextvars.ContextVar("ndfolio_settings", default=None)
_default = Settings()


def settings() -> Settings:
    """The settings that hold here."""
    return _current.get() or _default


def session() -> Session:
    """The session of the settings that hold here."""
    return (_current.get() or _default).session


class config:
    """Settings for the passes within a ``with`` block, in this thread and its coroutines.

    Parameters
    ----------
    memory : int or str, optional
        Bytes that a pass may take, buffers and results together: a number, or text such as ``'2GiB'``. If it is not
        given, buffers take the few megabytes that are fast, and results as much as the machine can spare.
    threads : int, optional
        At most so many threads.
    io : {'auto', 'mmap', 'pread', 'direct'}, optional
        Which way files are read.
    scratch : path, optional
        The folder for results that fit no memory and are needed again.
    progress : {'auto', True, False}, optional
        Whether long passes show a bar: on terminals and in notebooks, always, never.
    accelerate : bool, optional
        Whether NumPy's functions on ``ndfolio.memmap`` arrays run on the engine where that is faster.

    What is not given stays as it is outside of the block.

    Raises
    ------
    ValueError, TypeError
        A setting that there is not.

    Examples
    --------
    >>> with nf.config(memory='64MiB', threads=1):
    ...     float(nf.asarray([1.0, 2.0]).sum())
    3.0
    """

    __slots__ = ("_settings", "_tokens")

    def __init__(self, **changes: Any) -> None:
        unknown = [name for name in changes if name not in _FIELDS]
        if unknown:
            raise TypeError(f"config() has no setting {unknown[0]!r}; there are {', '.join(_FIELDS)}")
        if "scratch" in changes and changes["scratch"] is not None:
            changes["scratch"] = os.fspath(changes["scratch"])
        # Wrong settings are found here, and not at the first pass.
        self._settings = settings().with_changes(changes)
        self._tokens: list[contextvars.Token] = []

    def __enter__(self) -> Settings:
        self._tokens.append(_current.set(self._settings))
        return self._settings

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._tokens.pop())
