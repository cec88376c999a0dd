"""The Python packages of which the site has a part: those whose JupyterLab extensions it ships."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

OWN = "async-kernel-lite"


def front_end_packages(site: Path) -> dict[str, str]:
    """Their versions, by normalised name."""
    found: dict[str, str] = {}
    for pattern in ("extensions/*/install.json", "extensions/@*/*/install.json"):
        for file in sorted(site.glob(pattern)):
            name = json.loads(file.read_text(encoding="utf-8")).get("packageName")
            if name and canonicalize_name(name) != OWN:
                found[canonicalize_name(name)] = _version(name, file.parent)
    return found


def _version(name: str, extension: Path) -> str:
    """That of the package, which may be another than that of its extension."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # the site has it from a wheel
        version: str = json.loads((extension / "package.json").read_text(encoding="utf-8"))["version"]
        return version
