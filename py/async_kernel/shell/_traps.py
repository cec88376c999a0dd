"""What IPython puts into `builtins` and `sys` for the time of each cell, put there once.

IPython counts how deep cells are nested. Cells that run side by side, and completions in another thread, would confuse
the count and take the names away from each other.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, Self

from IPython.core.builtin_trap import BuiltinTrap
from IPython.core.display_trap import DisplayTrap

from async_kernel.caller._host import current_host

if TYPE_CHECKING:
    from types import TracebackType

    from IPython.core.interactiveshell import InteractiveShell

    from async_kernel._cell_code import CellCode


class _Held:
    """A trap that a cell's beginning and end leave as it is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> Literal[False]:
        return False


class HeldBuiltins(_Held, BuiltinTrap):
    """`get_ipython` and its like in `builtins`, from `activate` to `deactivate`."""


class HeldDisplayHook(_Held, DisplayTrap):
    """The kernel's `sys.displayhook`, from `set` to `unset`."""


class Traps:
    """Both, of the main shell, for as long as the kernel runs.

    Under a host `sys.excepthook` too: it shows what callbacks raise, and PyQt ends the process where it is its own.
    """

    def __init__(self, shell: InteractiveShell, cells: CellCode) -> None:
        self._shell = shell
        self._cells = cells
        self._excepthook = sys.excepthook

    def install(self) -> None:
        self._shell.builtin_trap.activate()
        self._shell.display_trap.set()
        if current_host():
            sys.excepthook = self._show

    def uninstall(self) -> None:
        self._shell.display_trap.unset()
        self._shell.builtin_trap.deactivate()
        sys.excepthook = self._excepthook

    def _show(self, kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
        with self._cells.owning(tb):
            self._excepthook(kind, error, tb)
