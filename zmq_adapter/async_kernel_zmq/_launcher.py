"""Launchers: code of the user's own that starts the kernel, kept beside its kernelspec."""

from __future__ import annotations

import ast
import builtins
import inspect
import runpy
import symtable
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets.utils.importstring import import_item

from async_kernel_zmq._errors import LauncherError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE_NAME = "launcher.py"


def script_of(function: Callable[..., object]) -> str:
    """A script that defines the function and calls it with empty settings, or with nothing where it takes nothing.

    Raises:
        LauncherError: its source is not to be had, or needs what is not in it.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        source = textwrap.dedent(inspect.getsource(function))
        body = ast.parse(source).body
    except (OSError, TypeError, SyntaxError) as e:
        msg = f"the launcher {name} has no source to save: use a function defined with def, or a path"
        raise LauncherError(msg) from e
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        msg = f"the launcher {name} is no plain function: use one defined with def"
        raise LauncherError(msg)
    if missing := sorted(set(_unresolved(source))):
        msg = (
            f"the launcher {name} uses {', '.join(missing)} from outside: it is run in a file of its own, so import "
            "and define what it needs inside it"
        )
        raise LauncherError(msg)
    call = f"{name}({'' if _takes_nothing(function) else '{}'})"
    return (
        '"""Starts the kernel of the kernelspec beside."""\n\nfrom __future__ import annotations\n\n\n'
        f'{source.rstrip()}\n\n\nif __name__ == "__main__":\n    {call}\n'
    )


def run(launcher: str) -> None:
    """Run a launcher until the kernel ends.

    Args:
        launcher: the path of a Python file, run as a script, or the dotted path of a function, called with settings.

    Raises:
        LauncherError: there is none.
    """
    if launcher.endswith(".py"):
        if not Path(launcher).is_file():
            msg = f"the launcher {launcher} is not there: install the kernelspec again"
            raise LauncherError(msg)
        runpy.run_path(launcher, run_name="__main__")
        return
    try:
        function = import_item(launcher)
    except ImportError as e:
        msg = f"the launcher {launcher} cannot be imported: {e}"
        raise LauncherError(msg) from e
    settings: dict[str, Any] = {}
    function(settings)


def _unresolved(source: str) -> Iterator[str]:
    """Names that the source uses and neither it nor Python defines."""
    module = symtable.symtable(f"from __future__ import annotations\n{source}", FILE_NAME, "exec")
    known = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned()} | set(dir(builtins))
    tables = [module]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            name = symbol.get_name()
            is_global = symbol.is_global() or table is module
            if is_global and symbol.is_referenced() and name not in known:
                yield name


def _takes_nothing(function: Callable[..., object]) -> bool:
    try:
        inspect.signature(function).bind({})
    except TypeError:
        return True
    return False
