"""The command `async-kernel`."""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from async_kernel._errors import HostError, SettingsError

from async_kernel_zmq import _options
from async_kernel_zmq._connection_file import OPTIONS, ConnectionFileError
from async_kernel_zmq._errors import KernelSpecError, OptionError
from async_kernel_zmq._other_project import other_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from async_kernel_zmq.kernelspec import InstalledSpec

_HELP: Final = """\
usage: async-kernel COMMAND ...

Run the kernel, and tell Jupyter of it.

  async-kernel install [OPTIONS]     add a kernelspec               or -a NAME [OPTIONS]
  async-kernel uninstall NAME ...    remove kernelspecs             or -r NAME
  async-kernel list                  show this kernel's kernelspecs or -l
  async-kernel start [OPTIONS]       run a kernel                   or -f CONNECTION_FILE [OPTIONS]

  -h, --help        this help; after a command, its own
  --help-all        every option of the kernel, with help
  --show-config     the configuration that a kernel would run with
  -V, --version     the version

Options of the kernel after `install` go into the kernelspec: async-kernel install --name=async-trio --backend=trio
"""
_OLDER: Final = {
    "-a": "install",
    "--add": "install",
    "-r": "uninstall",
    "--remove": "uninstall",
    "-l": "list",
    "--list": "list",
    "-V": "version",
    "--version": "version",
}
_SHOW_CONFIG: Final = {"--show-config", "--show-config-json"}
_START: Final = {*OPTIONS} | _SHOW_CONFIG


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. An error is one line on stderr.

    Args:
        argv: the arguments; those of this process unless given.

    Returns:
        The exit code: 0, 1 where it failed, 2 where it was called wrongly.
    """
    if problem := other_project():
        _say(f"warning: {problem}")
    try:
        _run(list(sys.argv[1:] if argv is None else argv))
    except OptionError as e:
        _say(str(e))
        return 2
    except (KernelSpecError, SettingsError, ConnectionFileError, HostError) as e:
        _say(str(e))
        return 1
    except BrokenPipeError:  # as in `async-kernel --help-all | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _run(args: list[str]) -> None:
    command, rest = _split(args)
    match command:
        case "start":
            _start(rest)
        case "install":
            _install(rest)
        case "uninstall":
            _uninstall(rest)
        case "list":
            _parser("list", "Show the kernelspecs of this kernel that Jupyter sees.").parse_args(rest)
            _list()
        case "version":
            from async_kernel import __version__

            _print(f"async-kernel {__version__}")
        case "help":
            _print(_HELP)
            if "--help-all" in rest:
                _start(["--help-all"])


def _split(args: list[str]) -> tuple[str, list[str]]:
    """The command, also where it is an older option, and its arguments."""
    if not args or args[0] in {"-h", "--help", "--help-all"}:
        return "help", args
    if args[0] in {"install", "uninstall", "start", "list"}:
        return args[0], args[1:]
    for i, arg in enumerate(args):
        word, equals, name = arg.partition("=")
        if word in _START:
            return "start", args
        if word in _OLDER:
            rest = [*args[:i], *args[i + 1 :]]
            command = _OLDER[word]
            if command in {"list", "version"}:
                return command, rest
            if not equals and not args[i + 1 :]:
                msg = f"{word} needs the name of a kernelspec"
                raise OptionError(msg)
            return command, [f"--name={name if equals else rest.pop(i)}", *rest]
    msg = f"unknown command {args[0]!r}: use install, uninstall, start or list; async-kernel --help explains them"
    raise OptionError(msg)


def _start(args: list[str]) -> None:
    """Run a kernel until it ends."""
    launcher, args = _options.take(args, "launcher")
    path, args = _options.take(args, "interface_class")
    cls = _options.interface_class(path)
    # Of the application, because not every interface has the flag.
    args = [f"--Application.{arg[2:].replace('-', '_')}=True" if arg in _SHOW_CONFIG else arg for arg in args]
    args = _options.renamed(args, cls)
    if launcher is None:
        _options.check_words(args, cls)
    elif path is not None:
        args.append(f"--interface_class={path}")
    sys.argv = [sys.argv[0], *args]
    if launcher is None:
        from async_kernel.interface import launch_interface

        launch_interface({"interface_class": cls})
    else:
        from async_kernel_zmq._launcher import run

        gc.enable()
        run(launcher)


def _install(args: list[str]) -> None:
    from async_kernel_zmq.kernelspec import DEFAULT_NAME, kernels_folder, write_kernel_spec

    parser = _parser("install", "Add a kernelspec. Other options are the kernel's, as --backend=trio, and go into it.")
    parser.add_argument("-n", "--name", default=DEFAULT_NAME, help="its name (%(default)s)")
    parser.add_argument("--display_name", "--display-name", default="", help="what users see")
    parser.add_argument("--launcher", help="a Python file that is copied and run, or a function's dotted path")
    parser.add_argument(
        "--env", action="append", default=[], metavar="KEY=VALUE", help="set for the kernel; repeatable"
    )
    _add_place(parser)
    known, options = parser.parse_known_args(args)
    env = {}
    for item in known.env:
        key, equals, value = item.partition("=")
        if not (key and equals):
            msg = f"--env {item!r} is not of the form KEY=VALUE"
            raise OptionError(msg)
        env[key] = value
    place = {"user": known.user, "prefix": known.prefix, "folder": known.folder}
    try:
        target = write_kernel_spec(
            name=known.name,
            display_name=known.display_name,
            launcher=known.launcher,
            env=env,
            options=options,
            **place,
        )
    except OSError as e:
        msg = f"cannot write into {kernels_folder(**place)}: {e}; --user, --prefix and --folder choose another place"
        raise KernelSpecError(msg) from e
    _print(f"Installed the kernelspec {target.name} in {target}")


def _uninstall(args: list[str]) -> None:
    from async_kernel_zmq.kernelspec import remove_kernel_spec

    parser = _parser("uninstall", "Remove kernelspecs of this kernel.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the name of a kernelspec")
    parser.add_argument("-n", "--name", action="append", default=[], help=argparse.SUPPRESS)
    _add_place(parser)
    known = parser.parse_args(args)
    names = [*known.name, *known.names]
    if not names:
        parser.error("which kernelspec? `async-kernel list` shows them")
    for name in names:
        try:
            removed = remove_kernel_spec(name, known.folder, user=known.user, prefix=known.prefix)
        except OSError as e:
            msg = f"cannot remove the kernelspec {name}: {e}"
            raise KernelSpecError(msg) from e
        _print(f"Removed the kernelspec {name} from {removed.parent}")


_COLUMNS: Final = ("NAME", "DISPLAY NAME", "BACKEND", "HOST", "INTERPRETER", "FOLDER")


def _list() -> None:
    from async_kernel_zmq.kernelspec import installed_specs

    specs = {name: spec for name, spec in installed_specs().items() if spec.is_ours}
    if not specs:
        _print("Jupyter sees no kernelspec of this kernel: `async-kernel install` adds one")
        return
    rows = [_COLUMNS, *((name, *_described(spec)) for name, spec in sorted(specs.items()))]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        _print("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]))


def _described(installed: InstalledSpec) -> tuple[str, ...]:
    argv = [str(word) for word in installed.spec.get("argv") or [""]]
    option = {"backend": "asyncio", "host": "none"}
    for word in argv:
        if found := re.fullmatch(r"--(?:\w+\.)?(backend|host)=(.+)", word):
            option[found[1]] = found[2]
    interpreter = argv[0] if shutil.which(argv[0]) else f"{argv[0]} (missing)"
    display_name = str(installed.spec.get("display_name", ""))
    return display_name, option["backend"], option["host"], interpreter, str(installed.folder)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(message)


def _parser(command: str, description: str) -> _Parser:
    return _Parser(prog=f"async-kernel {command}", description=description, allow_abbrev=False)


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="the user's kernelspecs, not this environment's")
    place.add_argument("--prefix", help="those of the environment in this folder")
    place.add_argument("--folder", help="those in this folder, one folder each")


def _print(text: str) -> None:
    sys.stdout.write(f"{text.rstrip()}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"async-kernel: {text}\n")
