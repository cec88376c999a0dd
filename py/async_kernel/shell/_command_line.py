"""Command lines without processes and without a shell: the commands that notebooks use most."""

from __future__ import annotations

import argparse
import glob
import os
import re
import shlex
import shutil
import stat
import time
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

from IPython.core.error import UsageError

from async_kernel.shell._command_output import complain, say, sent_to, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Command = Callable[[list[str]], Awaitable[None] | None]
    """Takes arguments."""

_NOT_FOUND: Final = 127
"""The exit code of shells for a command that is not there."""
_OPERATOR: Final = re.compile(r"[();<>|&]+")


class CommandError(Exception):
    """What a command says of its failure."""


@dataclass
class _Step:
    """A command with its arguments.

    Args:
        words: its name, and what follows.
        target: the file that its output goes to.
        appends: whether that is added to the file.
        always: whether it runs if the one before has failed: no for `&&`, yes for `;`.
    """

    words: list[str]
    target: str | None = None
    appends: bool = False
    always: bool = True


class CommandLine:
    """Runs command lines.

    Args:
        commands: what there is, by name.
    """

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = commands

    async def run(self, line: str) -> int:
        """Run a command line, its output being the cell's. Returns its exit code."""
        try:
            steps = _parse(line)
        except CommandError as error:
            complain(str(error))
            return 2
        code = 0
        for step in steps:
            if step.always or code == 0:
                code = await self._run_step(step)
        return code

    async def output(self, line: str) -> tuple[str, int]:
        """What a command line writes, to both its streams, and its exit code."""
        written = StringIO()
        with sent_to(written, written):
            code = await self.run(line)
        return written.getvalue(), code

    async def _run_step(self, step: _Step) -> int:
        name, *words = step.words
        arguments = [part for word in words for part in _expanded(word)]
        command = self._commands.get(name)
        if command is None:
            there_are = ", ".join(sorted(self._commands))
            complain(f"{name}: there is no shell in the browser. Of its commands there are {there_are}.")
            return _NOT_FOUND
        try:
            if step.target is None:
                return await _call(command, arguments)
            with _opened(step.target, step.appends) as file, sent_to(file):
                return await _call(command, arguments)
        except CommandError as error:
            complain(f"{name}: {error}")
        except UsageError as error:
            complain(str(error))
        except OSError as error:
            complain(": ".join(str(part) for part in (name, error.filename, error.strerror or error) if part))
        return 1


def _opened(target: str, appends: bool) -> TextIO:  # told by the line
    return Path(target).expanduser().open("a" if appends else "w", encoding="utf-8")


async def _call(command: Command, arguments: list[str]) -> int:
    waiting = command(arguments)
    if waiting is not None:
        await waiting
    return 0


def _parse(line: str) -> list[_Step]:
    """The steps of a command line.

    Raises:
        CommandError: it has what only a shell can do.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError as error:
        msg = f"{line}: {error}"
        raise CommandError(msg) from None
    steps = [_Step([])]
    waiting = iter(tokens)
    for word in waiting:
        step = steps[-1]
        match word:
            case "&&" | ";":
                steps.append(_Step([], always=word == ";"))
            case ">" | ">>":
                step.target, step.appends = next(waiting, ""), word == ">>"
            case _ if _OPERATOR.fullmatch(word):
                msg = f"{line}: there is no shell in the browser, which {word} needs: only &&, ;, > and >> are here"
                raise CommandError(msg)
            case _ if not step.words and "=" in word.partition("/")[0]:
                msg = f"{line}: there is no shell in the browser to set variables in: use %env {word}"
                raise CommandError(msg)
            case _:
                step.words.append(word)
    if any(step.target == "" for step in steps):
        msg = f"{line}: > needs the name of a file"
        raise CommandError(msg)
    return [step for step in steps if step.words]


def _expanded(token: str) -> list[str]:
    """A word with the home directory and environment variables, or the files that it is a pattern of."""
    word = os.path.expandvars(Path(token).expanduser().as_posix() if token.startswith("~") else token)
    if glob.has_magic(word) and "://" not in word:
        return sorted(glob.glob(word)) or [word]
    return [word]


class Options(argparse.ArgumentParser):
    """The options of a command, and then paths. Raises instead of ending the process.

    Args:
        flags: options without a value; those that mean the same with slashes between.
        paths: how many, as argparse takes it.
        values: options of one letter with a value, and what it is if it is not given.
    """

    def __init__(self, *flags: str, paths: str = "*", **values: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        for flag in flags:
            self.add_argument(*flag.split("/"), action="store_true", dest=flag.split("/")[0].lstrip("-"))
        for name, default in values.items():
            self.add_argument(f"-{name}", default=default)
        self.add_argument("paths", nargs=paths)

    def error(self, message: str) -> NoReturn:
        raise CommandError(message)


_LIST: Final = Options("-a/--all", "-A/--almost-all", "-l", "-1", "-F", "-G", "-h", "-t", "-r", "-d", "-R", "--color")


def _ls(arguments: list[str]) -> None:
    options = _LIST.parse_args([word for word in arguments if not word.startswith("--color")])
    paths = [Path(path) for path in options.paths or ["."]]
    missing = [path for path in paths if not path.exists()]
    files = [path for path in paths if path.exists() and (options.d or not path.is_dir())]
    for entry in _sorted(files, options):
        say(_line(entry, str(entry), options))
    for path in paths:
        if path.is_dir() and not options.d:
            if len(paths) > 1 or options.R:
                say(f"{path}:")
            _list_directory(path, options)
    if missing:
        msg = "; ".join(f"cannot access '{path}': No such file or directory" for path in missing)
        raise CommandError(msg)


def _list_directory(path: Path, options: argparse.Namespace) -> None:
    entries = [entry for entry in path.iterdir() if options.a or options.A or not entry.name.startswith(".")]
    for entry in _sorted(entries, options):
        say(_line(entry, entry.name, options))
    if options.R:
        for entry in _sorted(entries, options):
            if entry.is_dir():
                say(f"\n{entry}:")
                _list_directory(entry, options)


def _sorted(entries: list[Path], options: argparse.Namespace) -> list[Path]:
    def newest_first(entry: Path) -> float:
        return -entry.stat().st_mtime

    return sorted(sorted(entries), key=newest_first if options.t else None, reverse=options.r)


def _line(path: Path, name: str, options: argparse.Namespace) -> str:
    shown = f"{name}/" if options.F and path.is_dir() else name
    if not options.l:
        return shown
    info = path.lstat()
    when = time.strftime("%b %e %H:%M", time.localtime(info.st_mtime))
    size = _human(info.st_size) if options.h else str(info.st_size)
    return f"{stat.filemode(info.st_mode)} {info.st_nlink:>2} {size:>9} {when} {shown}"


def _human(size: float) -> str:
    step = 1024
    for unit in ("", "K", "M"):
        if size < step:
            return f"{size:.0f}{unit}" if not unit or size >= 10 else f"{size:.1f}{unit}"  # noqa: PLR2004  # as ls does
        size /= step
    return f"{size:.1f}G"


def _lines(path: str) -> Iterator[str]:
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        yield from file


def _cat(arguments: list[str]) -> None:
    for path in Options("-n", paths="+").parse_args(arguments).paths:
        for line in _lines(path):
            write(line)


def _head(arguments: list[str]) -> None:
    options = Options(paths="+", n="10").parse_args(_count_first(arguments))
    for path in options.paths:
        for line, _ in zip(_lines(path), range(int(options.n)), strict=False):
            write(line)


def _tail(arguments: list[str]) -> None:
    options = Options(paths="+", n="10").parse_args(_count_first(arguments))
    for path in options.paths:
        write("".join(list(_lines(path))[-int(options.n) :]))


def _count_first(arguments: list[str]) -> list[str]:
    """`-5` written as `-n 5`."""
    return [part for word in arguments for part in (("-n", word[1:]) if word[1:].isdigit() else (word,))]


def _wc(arguments: list[str]) -> None:
    options = Options("-l", "-w", "-c", paths="+").parse_args(arguments)
    for path in options.paths:
        content = Path(path).read_bytes()
        counts = {"l": content.count(b"\n"), "w": len(content.split()), "c": len(content)}
        chosen = [name for name in counts if getattr(options, name)] or list(counts)
        say(" ".join([*(str(counts[name]) for name in chosen), path]))


def _echo(arguments: list[str]) -> None:
    stays = arguments[:1] == ["-n"]
    write(" ".join(arguments[1:] if stays else arguments) + ("" if stays else "\n"))


def _pwd(_: list[str]) -> None:
    say(str(Path.cwd()))


def _cd(_: list[str]) -> None:
    msg = "it would change nothing for the next line, as in a shell of its own: use %cd"
    raise CommandError(msg)


def _mkdir(arguments: list[str]) -> None:
    options = Options("-p/--parents", "-v", paths="+").parse_args(arguments)
    for path in options.paths:
        Path(path).mkdir(parents=options.p, exist_ok=options.p)


def _rmdir(arguments: list[str]) -> None:
    for path in Options(paths="+").parse_args(arguments).paths:
        Path(path).rmdir()


def _rm(arguments: list[str]) -> None:
    options = Options("-r/-R/--recursive", "-f/--force", "-v", "-i", paths="*").parse_args(arguments)
    for path in map(Path, options.paths):
        if path.is_dir() and not path.is_symlink():
            if not options.r:
                msg = f"cannot remove '{path}': Is a directory"
                raise CommandError(msg)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=options.f)


def _cp(arguments: list[str]) -> None:
    options = Options("-r/-R/-a/--recursive", "-f", "-v", "-p", "-i", paths="+").parse_args(arguments)
    for source, target in _moves(options.paths):
        if not source.is_dir():
            shutil.copy2(source, target)
        elif options.r:
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            msg = f"-r not specified; omitting directory '{source}'"
            raise CommandError(msg)


def _mv(arguments: list[str]) -> None:
    for source, target in _moves(Options("-f", "-v", "-n", "-i", paths="+").parse_args(arguments).paths):
        shutil.move(source, target)


def _moves(paths: list[str]) -> Iterator[tuple[Path, Path]]:
    """From where to where."""
    *sources, last = map(Path, paths)
    if not sources:
        msg = f"missing destination file operand after '{last}'"
        raise CommandError(msg)
    if len(sources) > 1 and not last.is_dir():
        msg = f"target '{last}' is not a directory"
        raise CommandError(msg)
    for source in sources:
        if not source.exists():
            msg = f"cannot stat '{source}': No such file or directory"
            raise CommandError(msg)
        yield source, last / source.name if last.is_dir() else last


def _touch(arguments: list[str]) -> None:
    for path in Options(paths="+").parse_args(arguments).paths:
        Path(path).touch()


def _unzip(arguments: list[str]) -> None:
    from zipfile import BadZipFile, ZipFile

    options = Options("-o", "-q", "-n", "-l", paths="+", d=".").parse_args(arguments)
    archive, *members = options.paths
    try:
        with ZipFile(archive) as file:
            names = [name for name in file.namelist() if not members or name in members]
            if options.l:
                say("\n".join(names))
                return
            kept = [name for name in names if not (options.n and (Path(options.d) / name).exists())]
            file.extractall(options.d, kept)
    except BadZipFile as error:
        raise CommandError(f"{archive}: {error}") from None
    if not options.q:
        say("\n".join([f"Archive:  {archive}", *(f"  inflating: {Path(options.d) / name}" for name in kept)]))


COMMANDS: Final[Mapping[str, Command]] = {
    "cat": _cat,
    "cd": _cd,
    "cp": _cp,
    "echo": _echo,
    "head": _head,
    "ls": _ls,
    "mkdir": _mkdir,
    "mv": _mv,
    "pwd": _pwd,
    "rm": _rm,
    "rmdir": _rmdir,
    "tail": _tail,
    "touch": _touch,
    "unzip": _unzip,
    "wc": _wc,
}
