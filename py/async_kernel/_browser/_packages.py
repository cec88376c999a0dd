"""`%pip`, `!pip`, `%uv pip` in Pyodide, by micropip: there are no processes that could run pip."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from pyodide.ffi import JsException

from async_kernel._browser._front_end import FrontEnd, normal
from async_kernel.interface import BaseInterface
from async_kernel.shell._awaited import take_awaited
from async_kernel.shell._command_output import complain, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

_IGNORED: Final = [
    "--user",
    "--system",
    "--no-cache-dir",
    "--no-cache",
    "--no-input",
    "--no-build-isolation",
    "--no-warn-script-location",
    "--disable-pip-version-check",
    "--break-system-packages",
    "--prefer-binary",
    "--no-progress-bar",
]
"""Options that make no difference here."""
_IGNORED_WITH_VALUE: Final = ["--progress-bar", "--root-user-action", "--only-binary", "--timeout", "--retries"]
_NO_WHEEL: Final = re.compile(r"^(git\+|hg\+|svn\+|bzr\+)|\.(tar\.gz|zip|tgz)$")


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def _parser() -> _Parser:
    parser = _Parser(prog="%pip", add_help=False)
    parser.add_argument("-V", "--version", action="store_true")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    install = commands.add_parser("install", add_help=False)
    install.add_argument("packages", nargs="*")
    install.add_argument("-r", "--requirement", "--requirements", action="append", default=[])
    install.add_argument("-c", "--constraint", action="append", default=[])
    install.add_argument("-e", "--editable", action="append", default=[])
    install.add_argument("-U", "--upgrade", "--force-reinstall", "--reinstall", action="store_true")
    install.add_argument("--pre", action="store_true")
    install.add_argument("--no-deps", action="store_true")
    install.add_argument("-i", "--index-url", "--extra-index-url", "--default-index", "--index", action="append")
    uninstall = commands.add_parser("uninstall", add_help=False)
    uninstall.add_argument("packages", nargs="*")
    uninstall.add_argument("-r", "--requirement", action="append", default=[])
    uninstall.add_argument("-y", "--yes", action="store_true")
    show = commands.add_parser("show", add_help=False)
    show.add_argument("packages", nargs="+")
    for name in ("list", "freeze"):
        commands.add_parser(name, add_help=False)
    for command in commands.choices.values():
        command.add_argument("-q", "--quiet", action="count", default=0)
        command.add_argument("-v", "--verbose", action="count", default=0)
        for option in _IGNORED:
            command.add_argument(option, action="store_true")
        for option in _IGNORED_WITH_VALUE:
            command.add_argument(option)
    return parser


@magics_class
class PackageMagics(Magics):
    """Installs packages into the running Python."""

    @line_magic
    def pip(self, line: str) -> Awaitable[None] | None:
        """Install packages by name, address or path: `%pip install NAME`. Also `list`, `show`, `uninstall`."""
        return _awaited(run_pip(_words(line)))

    @line_magic
    def uv(self, line: str) -> Awaitable[None] | None:
        """Do what `%pip` does: `%uv pip install NAME`.

        Raises:
            UsageError: another command of uv's.
        """
        return _awaited(run_uv(_words(line)))


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line}: {error}") from None


def _awaited(call: Awaitable[None]) -> Awaitable[None] | None:
    if take_awaited():
        return call
    from pyodide.ffi import run_sync

    run_sync(call)
    return None


async def run_uv(arguments: list[str]) -> None:
    """Run a command line of `uv`'s.

    Raises:
        UsageError: it is none of those that mean the same as pip's.
    """
    match arguments:
        case ["pip", *rest]:
            await run_pip(rest)
        case ["add", *rest]:
            await run_pip(["install", *rest])
        case ["remove", *rest]:
            await run_pip(["uninstall", *rest])
        case _:
            msg = "uv: there are no environments and no Python versions in the browser: use uv pip install NAME"
            raise UsageError(msg)


async def run_pip(arguments: list[str]) -> None:
    """Run a command line of `pip`'s. What it prints goes to the cell.

    Raises:
        UsageError: the arguments are wrong, or a package cannot be installed: which, what blocks, and why.
    """
    options = _parser().parse_args(arguments)
    if options.version:
        python = ".".join(map(str, sys.version_info[:2]))
        say(f"micropip {metadata.version('micropip')} in place of pip (python {python})")
    elif options.command is None:
        msg = "%pip: say what to do: install, uninstall, list, freeze or show"
        raise UsageError(msg)
    elif options.command == "install":
        await _install(options)
    else:
        _COMMANDS[options.command](options)


async def _install(options: argparse.Namespace) -> None:
    listed = _Requirements()
    for path in options.requirement:
        listed.read(path)
    constraints = _Requirements()
    for path in options.constraint:
        constraints.read(path)
    requirements = [*options.packages, *listed.requirements]
    if options.editable or listed.editable:
        msg = "%pip install: -e needs a build, and there is none in the browser: install a wheel"
        raise UsageError(msg)
    if not requirements:
        if options.requirement:
            return  # an empty file
        msg = "%pip install: say what to install, by name, address or path"
        raise UsageError(msg)
    indexes = [*(options.index_url or []), *listed.indexes] or None
    wanted = [located(requirement) for requirement in requirements]
    await install(
        [await _newest(one, indexes) for one in wanted] if options.upgrade else wanted,
        deps=not options.no_deps,
        index_urls=indexes,
        constraints=[*constraints.requirements, *listed.constraints] or None,
        pre=options.pre,
        reinstall=True,  # as pip: another version is replaced
        verbose=not options.quiet,
    )


async def install(requirements: list[str], *, index_urls: list[str] | str | None = None, **options: Any) -> None:
    """`micropip.install`, with other errors.

    Raises:
        UsageError: a package cannot be installed: which, what blocks, and why.
    """
    import micropip
    from micropip import package_index

    indexes = [index_urls] if isinstance(index_urls, str) else index_urls
    front_end = FrontEnd(BaseInterface.instance().kernel.front_end_packages)
    options["constraints"] = [*(options.get("constraints") or []), *front_end.constraints] or None
    before = {*_installed()}
    try:
        await micropip.install(requirements, index_urls=indexes, **options)
    except (ValueError, OSError, TypeError, JsException) as error:
        from async_kernel._browser._index import explain

        default = package_index.DEFAULT_INDEX_URLS
        asked = indexes or ([default] if isinstance(default, str) else default)
        wanted = ", ".join(requirement.removeprefix("emfs:") for requirement in requirements)
        urls = [package_index.PYPI_URL if url == package_index.PYPI else url for url in asked]
        why = await explain(error, urls, front_end)
        msg = f"Cannot install {wanted}: {why}"
        raise UsageError(msg) from None
    for text in front_end.misfits(name for name, _ in sorted({*_installed()} - before)):
        complain(text)


async def _newest(requirement: str, index_urls: list[str] | None) -> str:
    """A requirement by name, narrowed to the newest version of what is installed already."""
    from micropip import package_index
    from micropip._compat import compatibility_layer
    from micropip.transaction import Requirement, find_wheel

    if requirement.startswith("emfs:") or "://" in requirement:
        return requirement
    asked = Requirement(requirement)
    if _distribution(asked.name) is None:
        return requirement
    try:
        urls = index_urls or package_index.DEFAULT_INDEX_URLS
        project = await package_index.query_package(asked.name, urls, compat_layer=compatibility_layer)
        wheel = find_wheel(project, asked)
    except ValueError:
        return requirement  # it is told when it is installed
    extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
    return f"{asked.name}{extras}=={wheel.version}"


class _Requirements:
    """What requirements files ask for."""

    def __init__(self) -> None:
        self.requirements: list[str] = []
        self.constraints: list[str] = []
        self.indexes: list[str] = []
        self.editable = False

    def read(self, path: str | Path) -> None:
        """Add what a file has, and the files that it names.

        Raises:
            UsageError: it cannot be read, or has a line that means nothing here.
        """
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            msg = f"%pip install: {path} cannot be read: {error.strerror}"
            raise UsageError(msg) from None
        for raw in text.replace("\\\n", " ").splitlines():
            line = re.sub(r"(^|\s)#.*", "", raw).strip()
            if line.startswith("-"):
                self._option(file, line)
            elif line:
                self.requirements.append(re.sub(r"\s--hash=\S+", "", line).strip())

    def _option(self, file: Path, line: str) -> None:
        option, _, value = line.replace("=", " ", 1).partition(" ")
        value = value.strip()
        match option:
            case "-r" | "--requirement":
                self.read(file.parent / value)
            case "-c" | "--constraint":
                other = _Requirements()
                other.read(file.parent / value)
                self.constraints += other.requirements
            case "-i" | "--index-url" | "--extra-index-url":
                self.indexes.append(value)
            case "-e" | "--editable":
                self.editable = True
            case "--pre" | "--no-binary" | "--only-binary" | "--prefer-binary" | "--trusted-host" | "--require-hashes":
                pass
            case _:
                msg = f"%pip install: {file} has an option that means nothing in the browser: {line}"
                raise UsageError(msg)


def located(requirement: str) -> str:
    """A requirement as micropip takes it: files have a scheme of their own.

    Raises:
        UsageError: it is a file that is not there, or something that would have to be built.
    """
    if _NO_WHEEL.search(requirement) or requirement == "." or requirement.startswith(("./", "../", "/", "~")):
        path = Path(requirement).expanduser()
        if path.suffix != ".whl":
            msg = f"Cannot install {requirement}: it would have to be built, and there is no build in the browser"
            raise UsageError(f"{msg}: install a wheel")
    if requirement.endswith(".whl") and ":" not in requirement:
        path = Path(requirement).expanduser().resolve()
        if not path.is_file():
            msg = f"Cannot install {requirement}: there is no such file"
            raise UsageError(msg)
        return f"emfs:{path}"
    return requirement


def _uninstall(options: argparse.Namespace) -> None:
    import micropip

    listed = _Requirements()
    for path in options.requirement:
        listed.read(path)
    names = [*options.packages, *listed.requirements]
    if not names:
        msg = "%pip uninstall: say what to uninstall"
        raise UsageError(msg)
    for name in names:
        if _distribution(name) is None:
            complain(f"WARNING: Skipping {name} as it is not installed.")
        else:
            micropip.uninstall([name], verbose=not options.quiet)


def _list(_: argparse.Namespace) -> None:
    rows = [("Package", "Version"), *_installed()]
    width = max(len(name) for name, _ in rows)
    rows.insert(1, ("-" * width, "-" * max(len(version) for _, version in rows)))
    for name, version in rows:
        say(f"{name:<{width}} {version}")


def _freeze(_: argparse.Namespace) -> None:
    for name, version in _installed():
        say(f"{name}=={version}")


def _show(options: argparse.Namespace) -> None:
    found = [(name, _distribution(name)) for name in options.packages]
    missing = [name for name, distribution in found if distribution is None]
    if missing:
        complain(f"WARNING: Package(s) not found: {', '.join(missing)}")
    texts = ["\n".join(_described(distribution)) for _, distribution in found if distribution is not None]
    if texts:
        say("\n---\n".join(texts))


def _described(distribution: metadata.Distribution) -> Iterator[str]:
    fields: Any = distribution.metadata
    own = normal(fields["Name"])
    needed_by = [
        other.metadata["Name"]
        for other in metadata.distributions()
        if own in {normal(name) for name in _required(other.requires or ())}
    ]
    for title, value in {
        "Name": fields["Name"],
        "Version": distribution.version,
        "Summary": fields.get("Summary", ""),
        "Home-page": fields.get("Home-page", ""),
        "Author": fields.get("Author", ""),
        "License": fields.get("License-Expression") or fields.get("License", ""),
        "Location": str(distribution.locate_file("")),
        "Requires": ", ".join(_required(distribution.requires or ())),
        "Required-by": ", ".join(sorted(needed_by)),
    }.items():
        yield f"{title}: {value or ''}".rstrip()


def _required(requirements: Iterable[str]) -> list[str]:
    """The names of those that are not for an extra."""
    return [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements if "extra ==" not in text]


def _installed() -> list[tuple[str, str]]:
    """The names and versions of all that is installed."""
    found = {normal(one.metadata["Name"]): (one.metadata["Name"], one.version) for one in metadata.distributions()}
    return [found[name] for name in sorted(found)]


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


_COMMANDS: dict[str, Callable[[Any], None]] = {
    "uninstall": _uninstall,
    "list": _list,
    "freeze": _freeze,
    "show": _show,
}
