"""Inspection: what the namespace can do."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _dtypes
from ._support import check_device

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_GROUPS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


class _Info:
    """The standard's inspection functions."""

    def capabilities(self) -> dict[str, Any]:
        """What depends on the library: masks select items, and shapes may depend on values."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The only device."""
        return "cpu"

    def devices(self) -> list[str]:
        """The only device."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes of what is made without naming one."""
        check_device(device)
        return {
            "real floating": np.dtype(_dtypes.float64),
            "complex floating": np.dtype(_dtypes.complex128),
            "integral": np.dtype(_dtypes.int64),
            "indexing": np.dtype(_dtypes.int64),
        }

    def dtypes(self, *, device: Any = None, kind: str | tuple[str, ...] | None = None) -> dict[str, np.dtype]:
        """The standard's dtypes, all or those of some kinds."""
        check_device(device)
        names: list[str] = []
        for one in kind if isinstance(kind, tuple) else (kind,):
            if one is None:
                names.extend(name for kind_names in _KINDS.values() for name in kind_names)
            elif one in _KINDS or one in _GROUPS:
                names.extend(name for part in _GROUPS.get(one, (one,)) for name in _KINDS[part])
            else:
                raise ValueError(f"there is no kind {one!r} of dtypes; there are {', '.join((*_KINDS, *_GROUPS))}")
        return {name: np.dtype(getattr(_dtypes, name)) for name in names}


def __array_namespace_info__() -> _Info:
    """The inspection functions."""
    return _Info()
