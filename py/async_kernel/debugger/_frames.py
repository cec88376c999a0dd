"""Which frames are a user's, and which a client is shown."""

from __future__ import annotations

import os
import site
import sysconfig
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType, TracebackType

_RUN_CODE: Final = InteractiveShell.run_code.__code__
"""Below a cell's frames."""
_NEVER: Final = ("async_kernel", "IPython", "pyodide", "_pyodide", "pyodide_js")
"""Packages whose code runs beside that of users, whatever they ask to see."""


@cache
def _library_folders() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    zipped = {path for path in __import__("sys").path if path.endswith(".zip")}
    return tuple(f"{path}{os.sep}" for path in {*filter(None, paths), *site.getsitepackages(), *zipped})


@dataclass(frozen=True, slots=True)
class Scope:
    """What is debugged.

    Attributes:
        just_my_code: leave out the standard library and installed packages.
    """

    just_my_code: bool = True

    def includes(self, path: str) -> bool:
        """Whether code of a file is debugged."""
        return not path.startswith("<") and not (self.just_my_code and path.startswith(_library_folders()))

    def has(self, frame: FrameType) -> bool:
        """Whether a frame is shown and stopped in."""
        return self.includes(frame.f_code.co_filename) and not _is_kernel(frame)


def _is_kernel(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _NEVER


def is_cell(frame: FrameType) -> bool:
    """Whether a frame is that of a cell's statement."""
    return frame.f_back is not None and frame.f_back.f_code is _RUN_CODE


def stack_of(frame: FrameType | None, scope: Scope) -> Iterator[tuple[FrameType, int]]:
    """The frames that are shown, innermost first, with their lines. They end with the cell."""
    while frame is not None and frame.f_code is not _RUN_CODE:
        if scope.has(frame):
            yield frame, frame.f_lineno or frame.f_code.co_firstlineno
        frame = frame.f_back


def stack_at(trace: TracebackType | None, frame: FrameType, scope: Scope) -> Iterable[tuple[FrameType, int]]:
    """The frames through which an exception came to a frame, and those below it."""
    inner: list[tuple[FrameType, int]] = []
    while trace is not None:
        if trace.tb_frame is not frame and scope.has(trace.tb_frame):
            inner.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return [*reversed(inner), *stack_of(frame, scope)]


def name_of(code: CodeType) -> str:
    """The name of a frame's code. IPython gives one with a number to each statement of a cell."""
    return "<module>" if code.co_name.startswith("<cell line:") else code.co_name
