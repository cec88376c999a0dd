"""Tcl's interpreters, each kept for the thread that made it.

Tcl ends the process where one is deleted in another thread. Python collects garbage in any thread, and a kernel has
several.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final

_OWN: Final = 4
"""References to an interpreter that nobody else uses: the list, the one that is never given back, and of a look two."""


class Interpreters:
    """The interpreters of one thread. Those that are there at its end stay for good."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def keep(self, tcl: Any) -> None:
        """Keep this one, and delete those that nobody uses any more. In their thread."""
        for i in reversed(range(len(self._kept))):
            unused = self._kept[i]
            if sys.getrefcount(unused) == _OWN:
                del self._kept[i]
                ctypes.pythonapi.Py_DecRef(ctypes.py_object(unused))
        if all(kept is not tcl for kept in self._kept):
            self._kept.append(tcl)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(tcl))  # also when this object goes, in whatever thread
