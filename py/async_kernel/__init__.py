"""A concurrent Python kernel for Jupyter."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from async_kernel._version import __version__

if TYPE_CHECKING:
    from async_kernel._kernel import Kernel
    from async_kernel.caller import Caller, Pending

__all__ = ["Caller", "Kernel", "Pending", "__version__"]

_HOMES: Final = {"Caller": "async_kernel.caller", "Kernel": "async_kernel._kernel", "Pending": "async_kernel.caller"}
"""Imported when they are first asked for: the package itself is imported by whoever wants one of its modules."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=import_module(__name__))
    return getattr(import_module(_HOMES[name]), name)
