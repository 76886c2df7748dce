"""What the Python array API standard asks of arrays beyond what NumPy's have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _dlpack

#: The versions whose code runs with `ndfolio.array_api`.
VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


class Standard:
    """The namespace of an array, its device, and DLPack."""

    __slots__ = ()

    _shared: Callable[[], Any]

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        """The functions of the standard: `ndfolio.array_api`.

        Raises
        ------
        ValueError
            A version that there is not.
        """
        if api_version is not None and api_version not in VERSIONS:
            raise ValueError(f"ndfolio has version {VERSIONS[-1]} of the array API and older ones, not {api_version!r}")
        from . import array_api

        return array_api

    @property
    def device(self) -> str:
        """Where values are computed: always ``'cpu'``."""
        return "cpu"

    def to_device(self, device: Any, /, *, stream: Any = None):
        """The array itself: there is one device."""
        if device != "cpu":
            raise ValueError(f"device must be 'cpu', got {device!r}")
        if stream is not None:
            raise ValueError("the device 'cpu' has no streams")
        return self

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's number of this machine's memory."""
        return _dlpack.CPU

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The items for another library: the mapped file itself where it can be, else a copy that the budget allows.

        An array for reading only is handed out as such, or copied for a receiver that could not be told.

        Raises
        ------
        BufferError
            `copy=False` where there has to be a copy; another device; a dtype that DLPack does not have.
        MemoryError
            A copy that the budget does not allow.
        """
        return _dlpack.export(self, self._shared(), stream, max_version, dl_device, copy)
