"""`%%script`, `%%bash` and their like, awaited: output as it comes, and other messages handled meanwhile."""

from __future__ import annotations

import functools
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.magics.script import ScriptMagics

from async_kernel.shell import _process
from async_kernel.shell._awaited import take_awaited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from async_kernel.shell._shell import AsyncInteractiveShell


class AwaitedScriptMagics(ScriptMagics):
    """IPython's own, but that a cell at whose top level they stand awaits the program."""

    shell: AsyncInteractiveShell

    @functools.wraps(ScriptMagics.shebang)  # its options too
    def shebang(self, line: str, cell: str) -> Awaitable[None] | None:
        args, command = ScriptMagics.shebang.parser.parse_known_args(shlex.split(line))
        if args.bg or not take_awaited():
            ScriptMagics.shebang(self, line, cell)
            return None
        return self._run(command, cell if cell.endswith("\n") else f"{cell}\n", args)

    async def _run(self, command: list[str], cell: str, args: Any) -> None:
        writers = self._writer(args.out, sys.stdout.write), self._writer(args.err, sys.stderr.write)
        text = cell.encode("utf-8", "replace")
        try:
            code = await _process.feed(command, text, *writers)
        except FileNotFoundError:
            print(f"Couldn't find program: {command[0]!r}")  # noqa: T201  # as IPython tells it
            return
        if code and args.raise_error:
            raise subprocess.CalledProcessError(code, text)

    def _writer(self, name: str | None, write: Callable[[str], object]) -> Callable[[str], object]:
        """Where a stream goes: into the variable, if one is named."""
        if not name:
            return write
        names = self.shell.user_ns
        names[name] = ""

        def keep(text: str) -> None:
            names[name] += text

        return keep
