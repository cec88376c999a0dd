"""`%pip` in Pyodide, by micropip: there are no processes that could run pip."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from async_kernel.shell._awaited import take_awaited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def _parser() -> _Parser:
    parser = _Parser(prog="%pip", add_help=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command", parser_class=_Parser)
    install = commands.add_parser("install", add_help=False)
    install.add_argument("packages", nargs="*")
    install.add_argument("-r", "--requirement", action="append", default=[])
    install.add_argument("-q", "--quiet", action="count", default=0)
    install.add_argument("-U", "--upgrade", action="store_true")
    install.add_argument("--pre", action="store_true")
    install.add_argument("--no-deps", action="store_true")
    install.add_argument("-i", "--index-url", action="append")
    uninstall = commands.add_parser("uninstall", add_help=False)
    uninstall.add_argument("packages", nargs="+")
    uninstall.add_argument("-y", "--yes", action="store_true")
    for name in ("list", "freeze"):
        commands.add_parser(name, add_help=False)
    return parser


@magics_class
class PackageMagics(Magics):
    """Installs packages into the running Python."""

    @line_magic
    def pip(self, line: str) -> Awaitable[None] | None:
        """Install packages by name, address or path: `%pip install NAME`. Also `list`, `freeze` and `uninstall`."""
        options = _parser().parse_args(shlex.split(line))
        if options.command != "install":
            _COMMANDS[options.command](options)
            return None
        if take_awaited():
            return _install(options)
        from pyodide.ffi import run_sync

        run_sync(_install(options))
        return None


async def _install(options: argparse.Namespace) -> None:
    import micropip

    requirements = [*options.packages, *(line for path in options.requirement for line in _requirements(path))]
    if not requirements:
        msg = "%pip install: say what to install, by name, address or path"
        raise UsageError(msg)
    await micropip.install(
        [_located(requirement) for requirement in requirements],
        deps=not options.no_deps,
        index_urls=options.index_url,
        pre=options.pre,
        reinstall=options.upgrade,
        verbose=not options.quiet,
    )


def _requirements(path: str) -> list[str]:
    """The lines of a requirements file, without its comments."""
    lines = (line.partition(" #")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def _located(requirement: str) -> str:
    """A requirement as micropip takes it: files have a scheme of their own."""
    is_file = requirement.endswith(".whl") and ":" not in requirement
    return f"emfs:{Path(requirement).resolve()}" if is_file else requirement


def _uninstall(options: argparse.Namespace) -> None:
    import micropip

    micropip.uninstall(options.packages, verbose=True)


def _list(_: argparse.Namespace) -> None:
    import micropip

    print(micropip.list())  # noqa: T201  # a magic's output


def _freeze(_: argparse.Namespace) -> None:
    import micropip

    for name, package in sorted(micropip.list().items()):
        print(f"{name}=={package.version}")  # noqa: T201  # a magic's output


_COMMANDS: dict[str, Callable[[Any], None]] = {"uninstall": _uninstall, "list": _list, "freeze": _freeze}
