"""Magics of the kernel, beside IPython's own."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magics.code import CodeMagics

from async_kernel.shell._process import CAN_AWAIT

if TYPE_CHECKING:
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
class InstallMagics(Magics):
    """Package managers, awaited: their output is shown as it comes, and other messages are handled meanwhile."""

    shell: AsyncInteractiveShell

    @line_magic
    async def pip(self, line: str) -> None:
        """Run pip in the environment of this kernel: `%pip install NAME`."""
        await self._run("pip", line)

    @line_magic
    async def uv(self, line: str) -> None:
        """Run uv in the environment of this kernel: `%uv pip install NAME`."""
        await self._run("uv", line)

    async def _run(self, module: str, line: str) -> None:
        await self.shell.system_awaited(f"{shlex.quote(sys.executable)} -m {module} {line}")
        if "install" in line:
            print("Note: restart the kernel to use packages that were imported before.")  # noqa: T201


def magics() -> list[type[Magics]]:
    """The magics of this platform."""
    return [KernelMagics, InstallMagics] if CAN_AWAIT else [KernelMagics]
