"""Imports in a cell: what is not there and Pyodide's own index has is loaded before the cell runs."""

from __future__ import annotations

import ast
import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from IPython.core.inputtransformer2 import TransformerManager
from IPython.display import DisplayHandle, display
from pyodide.code import find_imports
from pyodide.ffi import to_js

from async_kernel._browser._front_end import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from async_kernel._browser._front_end import FrontEnd

_MAGICS_WITH_PYTHON: Final = frozenset(("asyncio", "capture", "prun", "thread", "time", "timeit", "trio"))
"""Cell magics that run their cell as Python."""
_INSTALLS: Final = re.compile(r"\b(pip3?|micropip|piplite|uv)\b.*\b(install|add)\b")
"""A line by which the cell itself installs what it names."""


class ImportLoader:
    """Loads packages.

    Args:
        packages: `PyodidePackages` of the worker.
        front_end: what the page has.
    """

    def __init__(self, packages: Any, front_end: FrontEnd) -> None:
        self._packages = packages
        self._front_end = front_end

    async def load_for(self, code: str) -> None:
        """Load what a cell, transformed by IPython, imports. What cannot be loaded is said, and left to the import."""
        if "import" not in code:
            return
        modules = {name for source in _sources(code) for name in find_imports(source)}
        names = [name for module in sorted(modules) if module not in sys.modules for name in self._needed(module)]
        own = [normal(line) for line in code.splitlines() if _INSTALLS.search(line)]
        names = [name for name in dict.fromkeys(names) if not any(normal(name) in line for line in own)]
        if names:
            await self._load(names)
        for text in self._front_end.misfits(module for module in sorted(modules) if module not in sys.modules):
            print(text, file=sys.stderr)  # noqa: T201  # the cell's output

    def _needed(self, module: str) -> list[str]:
        """The packages that a module needs, besides those that the site ships."""
        for_shipped: list[str] = self._packages.forShipped(module).to_py()
        if for_shipped or find_spec(module) is not None:
            return for_shipped
        package: str | None = self._packages.forModule(module)
        return [] if package is None else [package]

    async def _load(self, names: list[str]) -> None:
        shown = _show(f"Loading {', '.join(names)} …")
        result = (await self._packages.load(to_js(names))).to_py()
        loaded, errors = result["loaded"], result["errors"]
        shown.update({"text/plain": f"Loaded {', '.join(loaded)}" if loaded else "Nothing was loaded"}, raw=True)
        for error in errors:
            print(error, file=sys.stderr)  # noqa: T201  # the cell's output


def _show(text: str) -> DisplayHandle:
    handle = DisplayHandle()
    display({"text/plain": text}, raw=True, display_id=handle.display_id)
    return handle


def _sources(code: str) -> Iterator[str]:
    """The Python in a cell: itself, and what it gives to magics that run Python."""
    yield code
    if "run_cell_magic" not in code:
        return
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="run_cell_magic"),
                args=[ast.Constant(value=name), _, ast.Constant(value=str(body))],
            ) if name in _MAGICS_WITH_PYTHON:
                yield from _sources(TransformerManager().transform_cell(body))
