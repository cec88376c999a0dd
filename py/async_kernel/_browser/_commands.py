"""`!` in Pyodide: commands without processes, some of which use the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import unquote, urlsplit

from IPython.core.error import UsageError
from pyodide import ffi
from pyodide.http import pyfetch

from async_kernel._browser._index import why_not_read
from async_kernel._browser._packages import run_pip, run_uv
from async_kernel.shell._command_line import COMMANDS, CommandError, CommandLine, Options
from async_kernel.shell._command_output import say, write

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def finished(call: Coroutine[Any, Any, T]) -> T:
    """The result of `run` or `output`, waited for in place, as in a function.

    Raises:
        UsageError: it has to wait for the network, which this browser cannot do in place.
    """
    if ffi.can_run_sync():
        return cast("T", ffi.run_sync(call))
    try:
        call.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    call.close()
    msg = "this command waits for the network: write it at the top level of a cell, not in a function"
    raise UsageError(msg)


async def _wget(arguments: list[str]) -> None:
    options = Options("-q/--quiet", "-nc", "-nv", "-c", "--no-check-certificate", paths="+", O=None, P=".").parse_args(
        arguments
    )
    for url in options.paths:
        name = options.O or unquote(urlsplit(url).path.rpartition("/")[2]) or "index.html"
        await _download(url, name if options.O else str(Path(options.P) / name), quiet=options.q)


async def _curl(arguments: list[str]) -> None:
    parser = Options("-O/--remote-name", "-L/--location", "-s/--silent", "-S", "-f/--fail", "-k", paths="+", o=None)
    options = parser.parse_args(arguments)
    for url in options.paths:
        name = options.o or (unquote(urlsplit(url).path.rpartition("/")[2]) if options.O else "-")
        await _download(url, name, quiet=True)


async def _download(url: str, name: str, *, quiet: bool) -> None:
    address = url if "://" in url else f"https://{url}"
    try:
        response = await pyfetch(address)
    except OSError:
        raise CommandError(await why_not_read(address) or f"{address} cannot be read") from None
    if not response.ok:
        msg = f"{address} answered {response.status} {response.status_text}"
        raise CommandError(msg.rstrip())
    content = await response.bytes()
    if name == "-":
        write(content.decode(errors="replace"))
        return
    _save(Path(name), content)
    if not quiet:
        say(f"'{name}' saved [{len(content)}]")


def _save(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


command_line: Final = CommandLine(
    {**COMMANDS, "curl": _curl, "pip": run_pip, "pip3": run_pip, "uv": run_uv, "wget": _wget}
)
run, output = command_line.run, command_line.output
