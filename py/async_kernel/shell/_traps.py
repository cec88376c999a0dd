"""What IPython puts into `builtins` and `sys` for the time of each cell, put there once.

IPython counts how deep cells are nested. Cells that run side by side, and completions in another thread, would confuse
the count and take the names away from each other.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, Self

from IPython.core.builtin_trap import BuiltinTrap
from IPython.core.display_trap import DisplayTrap

if TYPE_CHECKING:
    from types import TracebackType

    from IPython.core.interactiveshell import InteractiveShell


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
    """Both, of the main shell, for as long as the kernel runs."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._excepthook = sys.excepthook

    def install(self) -> None:
        self._shell.builtin_trap.activate()
        self._shell.display_trap.set()

    def uninstall(self) -> None:
        self._shell.display_trap.unset()
        self._shell.builtin_trap.deactivate()
        sys.excepthook = self._excepthook
