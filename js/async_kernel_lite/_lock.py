"""The lock: which wheels a site ships beyond the kernel's, in the format of `pyodide-lock.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from async_kernel_lite._resolve import Pin, file_name, is_wheel
from async_kernel_lite._wheels import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from async_kernel_lite._closure import Closure
    from async_kernel_lite._target import Target


def read_lock(lock: Path, target: Target, requirements: Iterable[str]) -> list[Pin] | None:
    """The wheels that a lock names, None if there is no lock or it is for another Pyodide."""
    if not lock.is_file():
        return None
    content = json.loads(lock.read_text(encoding="utf-8"))
    if content["info"] != target.info:
        return None
    sources = {file_name(text): text for text in requirements if is_wheel(text)}
    return [
        Pin(name, entry["version"], entry["file_name"], entry["sha256"], sources.get(entry["file_name"]))
        for name, entry in content["packages"].items()
    ]


def write_lock(lock: Path, closure: Closure) -> None:
    """Write the lock of these packages."""
    packages = {name: _entry(closure, name) for name in sorted(closure.requires)}
    lock.parent.mkdir(parents=True, exist_ok=True)
    content = {"info": closure.target.info, "packages": packages}
    lock.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _entry(closure: Closure, name: str) -> dict[str, Any]:
    wheel = closure.wheels[name]
    return {
        "name": name,
        "version": wheel.version,
        "file_name": wheel.path.name,
        "install_dir": "site",
        "sha256": sha256(wheel.path),
        "package_type": "package",
        "imports": wheel.modules(),
        "depends": sorted(closure.requires[name]),
        "unvendored_tests": False,
    }
