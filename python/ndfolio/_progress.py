"""A bar where a person waits: on a terminal or in a notebook, for passes that take more than half a second."""

from __future__ import annotations

import sys
import threading

from ._ndfolio import size_text

# Seconds before a bar is shown, and between two of its lines.
_PATIENCE = 0.5
_EACH = 0.1
_WIDTH = 30

_state = threading.local()


def wanted(choice) -> bool:
    """Whether bars are shown with this setting: 'auto', True or False."""
    if choice in (True, False):
        return bool(choice)
    if choice != "auto":
        raise ValueError(f"progress must be 'auto', True or False, got {choice!r}")
    # Where it goes is looked up when there is something to show.
    return True


def _stream():
    """Where a bar goes; None where nobody would see it, unless it was asked for."""
    from ._config import settings

    stream = sys.stderr
    if stream is None or getattr(stream, "closed", False):
        return None
    if settings().progress is True or stream.isatty() or _in_notebook():
        return stream
    return None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _write(stream, text: str) -> None:
    """Writes at once; a terminal that is gone ends no pass."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        pass


def show(done: int | None = None, total: int = 0, seconds: float = 0.0) -> None:
    """Shows how far a pass of this thread is, and takes the bar away when called with nothing."""
    if done is None:
        width = getattr(_state, "width", 0)
        if width and (stream := _stream()) is not None:
            _write(stream, "\r" + " " * width + "\r")
        _state.width, _state.at = 0, 0.0
        return
    last = getattr(_state, "at", 0.0)
    if seconds < _PATIENCE or 0.0 < last <= seconds < last + _EACH or (stream := _stream()) is None:
        return
    _state.at = seconds
    text = line(done, total, seconds)
    width = getattr(_state, "width", 0)
    _write(stream, "\r" + text.ljust(width))
    _state.width = max(width, len(text))


def line(done: int, total: int, seconds: float) -> str:
    """The text of a bar. It is full at the end, but not before."""
    # Passes can deal with more bytes than their arrays have: those that are needed again.
    share = min(done / total, 0.99) if total else 0.0
    full = int(share * _WIDTH)
    bar = "=" * full + ">" * (full < _WIDTH)
    speed = done / seconds if seconds else 0.0
    left = f"{(total - done) / speed:.0f} s left" if speed and total > done else ""
    return f"[{bar:<{_WIDTH}}] {share:4.0%}  {size_text(done)}  {size_text(int(speed))}/s  {left}".rstrip()
