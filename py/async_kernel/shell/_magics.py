"""Magics of the kernel, beside IPython's own."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from IPython.core.magics.code import CodeMagics

from async_kernel._cell_threads import call_in_thread
from async_kernel._errors import BadMessageError
from async_kernel._platform import HAS_THREADS
from async_kernel._run_mode import thread_options
from async_kernel.caller import Caller
from async_kernel.shell._awaited import take_awaited
from async_kernel.shell._evaluate import evaluate
from async_kernel.shell._process import CAN_AWAIT
from async_kernel.shell._scripts import AwaitedScriptMagics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from async_kernel.caller._backend import Backend
    from async_kernel.shell._shell import AsyncInteractiveShell


@magics_class
class KernelMagics(Magics):
    """What needs the kernel."""

    shell: AsyncInteractiveShell

    @line_magic
    def connect_info(self, _: str = "") -> None:
        """Show how other clients connect to this kernel."""
        print(self.shell.parent.connection_help())  # noqa: T201  # a magic's output

    @line_magic
    def edit(self, parameter_s: str = "", last_call: list[Any] | None = None) -> None:
        """Ask the client to open an editor.

        Takes what IPython's %edit takes: a file, the name of an object, or a range of the history.
        """
        options, args = self.parse_options(parameter_s, "prn:")
        target: tuple[str | None, int | None, bool] = CodeMagics._find_edit_target(
            self.shell, args, options, last_call or ["", ""]
        )
        filename, line, _ = target
        if filename:
            self.shell.write_payload({"source": "edit_magic", "filename": filename, "line_number": line or 0})


@magics_class
class ConcurrencyMagics(Magics):
    """Where code runs. The cell awaits it, and other messages are handled meanwhile."""

    shell: AsyncInteractiveShell

    @line_cell_magic
    async def thread(self, line: str, cell: str | None = None) -> object:
        """Run code in a thread that has an event loop.

        `%thread CODE` runs it in a thread of a pool, `%%thread [name=NAME] [backend=asyncio|trio]` runs the cell: with
        a name always in the same thread. The value is that of the last expression.
        """
        code, options = (line, {}) if cell is None else (cell, _options(line))
        if not HAS_THREADS:
            print("There are no threads here: %thread runs code in the cell itself.", file=sys.stderr)  # noqa: T201  # for the cell
            return await evaluate(self.shell, code)
        try:
            return await call_in_thread(self.shell.parent.callers["shell"], options, evaluate, self.shell, code)
        except ValueError as e:
            raise UsageError(str(e)) from e

    @line_cell_magic
    async def asyncio(self, line: str, cell: str | None = None) -> object:
        """Run code under asyncio: `%asyncio CODE`, or `%%asyncio` for the cell."""
        return await self._using("asyncio", line, cell)

    @line_cell_magic
    async def trio(self, line: str, cell: str | None = None) -> object:
        """Run code under trio: `%trio CODE`, or `%%trio` for the cell."""
        return await self._using("trio", line, cell)

    async def _using(self, backend: Backend, line: str, cell: str | None) -> object:
        code = line if cell is None else cell
        return await Caller().call_using_backend(backend, evaluate, self.shell, code)

    @line_magic
    def callers(self, _: str = "") -> None:
        """List the event loops that take calls, with their threads."""
        rows = [
            (c.name, c.backend, c.id, c.thread and c.thread.name, c.parent and c.parent.name)
            for c in Caller.all_callers()
        ]
        _print_table(("name", "backend", "id", "thread", "parent"), rows)

    @line_magic
    def subshell(self, _: str = "") -> None:
        """List the subshells. A star marks the one that the cell runs in."""
        kernel = self.shell.kernel
        shells = {"(main shell)": kernel.main_shell, **kernel.subshells}
        rows = [("*" if shell is self.shell else "", name, len(shell.runs)) for name, shell in shells.items()]
        _print_table(("", "subshell", "cells that run"), rows)


def _options(line: str) -> dict[str, str]:
    try:
        return thread_options(line)
    except BadMessageError as e:
        raise UsageError(str(e)) from e


def _print_table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    texts = [head, *([str("" if value is None else value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        print("  ".join(map(str.ljust, row, widths)).rstrip())  # noqa: T201  # a magic's output


@magics_class
class InstallMagics(Magics):
    """Package managers, awaited: their output is shown as it comes, and other messages are handled meanwhile."""

    shell: AsyncInteractiveShell

    @line_magic
    def pip(self, line: str) -> Awaitable[None] | None:
        """Run pip in the environment of this kernel: `%pip install NAME`."""
        return self._run("pip", line)

    @line_magic
    def uv(self, line: str) -> Awaitable[None] | None:
        """Run uv in the environment of this kernel: `%uv pip install NAME`."""
        return self._run("uv", line)

    def _run(self, module: str, line: str) -> Awaitable[None] | None:
        command = f"{shlex.quote(sys.executable)} -m {module} {line}"
        if take_awaited():
            return self._run_awaited(command)
        self.shell.system(command)
        return None

    async def _run_awaited(self, command: str) -> None:
        await self.shell.system_awaited(command)
        if "install" in command:
            print("Note: restart the kernel to use packages that were imported before.")  # noqa: T201


def magics() -> list[type[Magics]]:
    """The magics of this platform."""
    common = [KernelMagics, ConcurrencyMagics]
    if CAN_AWAIT:
        return [*common, InstallMagics, AwaitedScriptMagics]
    if HAS_THREADS:
        return common
    from async_kernel._browser._packages import PackageMagics

    return [*common, PackageMagics]
