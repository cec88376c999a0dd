"""HTTP by the browser's fetch for the libraries that expect sockets: `urllib.request`, `httpx`.

`urllib3`, and with it `requests`, uses fetch by itself; its errors are made to say what is known.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PATCHES: Final = {
    "urllib.request": "patch_urllib",
    "urllib3.contrib.emscripten.connection": "patch_urllib3",
    "httpx": "patch_httpx",
}
"""Functions of `_fetch`, by module."""


def install() -> None:
    """Let the libraries use it, those that are imported already and those that will be."""
    for name in _PATCHES:
        if name in sys.modules:
            _patch(sys.modules[name])
    sys.meta_path.insert(0, _AfterImport())


def _patch(module: ModuleType) -> None:
    from async_kernel._browser import _fetch  # not before, since few cells need it

    getattr(_fetch, _PATCHES[module.__name__])(module)


class _AfterImport(MetaPathFinder):
    """Has modules patched when they are imported."""

    def __init__(self) -> None:
        self._looking_for: set[str] = set()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if fullname not in _PATCHES or fullname in self._looking_for:
            return None
        self._looking_for.add(fullname)
        try:
            spec = find_spec(fullname)
        finally:
            self._looking_for.remove(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _PatchingLoader(spec.loader)
        return spec


class _PatchingLoader(Loader):
    """Loads as another loader does, and then patches the module."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)  # sources, data files
