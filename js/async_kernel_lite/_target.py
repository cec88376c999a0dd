"""The Pyodide that packages are for, by the list of packages that it comes with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class PyodidePackage:
    """A package of Pyodide's own index."""

    version: str
    depends: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A build of Pyodide.

    Args:
        info: `info` in its `pyodide-lock.json`.
        packages: what its own index has, by normalised name.
    """

    info: Mapping[str, Any]
    packages: Mapping[str, PyodidePackage]

    @classmethod
    def read(cls, lock: Path) -> Target:
        """Of the file `pyodide-lock.json`."""
        content = json.loads(lock.read_text(encoding="utf-8"))
        entries = {
            canonicalize_name(name): entry
            for name, entry in content["packages"].items()
            if entry["package_type"] == "package" and not name.endswith("-tests")
        }
        packages: dict[str, PyodidePackage] = {
            name: PyodidePackage(entry["version"], tuple(map(canonicalize_name, entry["depends"])))
            for name, entry in entries.items()
        }
        return cls(content["info"], packages)

    @property
    def python(self) -> str:
        """The version of Python, as 3.14."""
        return ".".join(self.info["python"].split(".")[:2])

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels with compiled modules."""
        abi, arch = self.info["abi_version"], self.info["arch"]
        return f"pyemscripten_{abi}_{arch}", f"pyodide_{abi}_{arch}"

    @property
    def environment(self) -> dict[str, str]:
        """What the markers of requirements are evaluated in."""
        version = self.info["python"]
        return {
            "implementation_name": "cpython",
            "implementation_version": version,
            "os_name": "posix",
            "platform_machine": "wasm32",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Emscripten",
            "platform_version": "",
            "python_full_version": version,
            "python_version": self.python,
            "sys_platform": "emscripten",
        }
