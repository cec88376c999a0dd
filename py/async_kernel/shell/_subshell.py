"""A shell with names of its own over those of the main shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from async_kernel.shell._cell_history import CellHistory
from async_kernel.shell._shell import AsyncInteractiveShell

if TYPE_CHECKING:
    from async_kernel._kernel import Kernel


class Namespace(dict[str, Any]):
    """Globals that read another namespace where they have no name of their own."""

    def __init__(self, below: dict[str, Any]) -> None:
        super().__init__()
        self._below = below

    def __missing__(self, name: str) -> Any:
        return self._below[name]


class Subshell(AsyncInteractiveShell):
    """The shell of a subshell (JEP 91): it reads the main namespace and writes its own.

    Args:
        main: the shell below.
        kernel: the kernel of both.
        subshell_id: its id.
    """

    def __init__(self, *, main: AsyncInteractiveShell, kernel: Kernel, subshell_id: str, **kwargs: Any) -> None:
        self.subshell_id = subshell_id
        self.protected = False
        """Whether it takes `force` to delete it."""
        super().__init__(kernel=kernel, profile_dir=main.profile_dir, user_ns=Namespace(main.user_ns), **kwargs)
        self.Completer.global_namespace = main.user_ns

    def init_sys_modules(self) -> None:
        """`__main__` stays the main shell's module."""

    def init_history(self) -> None:
        """A history that ends with the subshell."""
        self.history_manager = CellHistory(shell=self, parent=self, hist_file=":memory:")

    def cleanup(self) -> None:
        """`sys` stays as the main shell has it."""
