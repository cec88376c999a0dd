"""The subshells of a kernel (JEP 91)."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel._dispatch import Dispatcher
    from async_kernel.caller import Caller, Pending
    from async_kernel.shell import AsyncInteractiveShell
    from async_kernel.shell._subshell import Subshell


async def stop_cells(shell: AsyncInteractiveShell, reason: str) -> None:
    """Stop the cells that run in a shell, and those that begin yet, and wait for the end of the first."""
    shell.ending = reason
    runs = list(shell.runs)
    for run in runs:
        run.stop(KeyboardInterrupt(reason))
    for run in runs:
        await run.ended.wait(protect=True)


class Subshells:
    """Opens, builds and deletes subshells.

    Clients open subshells for their comms, which need no shell: it is built when it is first used.

    Args:
        build: makes the shell for an id.
        dispatcher: gets a queue for each.
        caller: where their cells run.
    """

    def __init__(self, build: Callable[[str], Subshell], dispatcher: Dispatcher, caller: Caller) -> None:
        self._build = build
        self._dispatcher = dispatcher
        self._caller = caller
        self._shells: dict[str, Subshell | None] = {}
        self._lock = RLock()  # cells in threads build one, the control thread deletes it

    @property
    def ids(self) -> list[str]:
        """Their ids, the oldest first."""
        return list(self._shells)

    @property
    def built(self) -> list[Subshell]:
        """The shells that there are: a subshell gets one when it is first used."""
        return [shell for shell in self._shells.copy().values() if shell]

    def open(self) -> str:
        """Open one, and return its id."""
        subshell_id = uuid4().hex
        self._shells[subshell_id] = None
        self._dispatcher.open_queue(subshell_id)
        return subshell_id

    def get(self, subshell_id: str) -> Subshell:
        """The shell of one.

        Raises:
            LookupError: there is none with this id.
        """
        with self._lock:
            shell = self._known(subshell_id)
            if shell is None:
                shell = self._shells[subshell_id] = self._build(subshell_id)
            return shell

    def delete(self, subshell_id: str, *, force: bool = False) -> Pending[None] | None:
        """End one. What runs in it is stopped, what waits for it is aborted.

        Returns:
            The end of its shell, if it had one.

        Raises:
            LookupError: there is none with this id.
            PermissionError: it is protected, and `force` is not given.
        """
        with self._lock:
            shell = self._known(subshell_id)
            if shell and shell.protected and not force:
                msg = f"subshell {subshell_id!r} is protected"
                raise PermissionError(msg)
            del self._shells[subshell_id]
        self._dispatcher.close_queue(subshell_id)
        return self._caller.call_soon(self._end, shell) if shell else None

    def _known(self, subshell_id: str) -> Subshell | None:
        try:
            return self._shells[subshell_id]
        except KeyError as e:
            msg = f"there is no subshell {subshell_id!r}"
            raise LookupError(msg) from e

    async def _end(self, shell: Subshell) -> None:
        await stop_cells(shell, f"subshell {shell.subshell_id} was deleted")
        shell.close()
