"""Wheels as the worker knows them: see WheelManifest and WheelIndex in js/src/protocol.ts."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FRONT_END_ONLY = {"jupyterlab-widgets", "widgetsnbextension"}
"""They hold JavaScript for the page, which the site has as extensions: Python never imports them."""

# the size of a local file header, and where in it the lengths of the name and of the extra field are
_LOCAL_HEADER, _LOCAL_LENGTHS = 30, 26


def sha256(file: Path) -> str:
    """The file's digest, as pip writes it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk."""

    path: Path

    @cached_property
    def _fields(self) -> Any:
        with ZipFile(self.path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return HeaderParser().parsestr(archive.read(name).decode())

    @property
    def name(self) -> str:
        """The normalised name."""
        return canonicalize_name(self._fields["Name"])

    @property
    def version(self) -> str:
        return str(self._fields["Version"])

    @property
    def is_pure(self) -> bool:
        """Whether it has no compiled modules."""
        return self.path.stem.endswith("-none-any")

    def requirements(self, environment: Mapping[str, str], extras: Iterable[str] = ()) -> Iterator[Requirement]:
        """What it requires with these extras where markers have these values."""
        values = [{**environment, "extra": extra} for extra in ["", *extras]]
        for requirement in map(Requirement, self._fields.get_all("Requires-Dist", [])):
            is_wanted = requirement.marker is None or any(map(requirement.marker.evaluate, values))
            if is_wanted and canonicalize_name(requirement.name) not in FRONT_END_ONLY:
                yield requirement

    def modules(self) -> list[str]:
        """The names of modules and packages at its top level."""
        tops = {path.split("/")[0] for path, *_ in self.files() if ".dist-info/" not in path}
        return sorted({top.split(".")[0] for top in tops})

    def files(self) -> Iterator[tuple[str, int, int, int, int]]:
        """The files that it puts into site-packages.

        For each its path, where its bytes begin in the wheel, how many there are, its size, and its zip method.
        """
        with ZipFile(self.path) as archive, self.path.open("rb") as raw:
            for entry in archive.infolist():
                if entry.is_dir() or ".data/" in entry.filename:
                    continue
                raw.seek(entry.header_offset + _LOCAL_LENGTHS)
                begin = entry.header_offset + _LOCAL_HEADER + sum(struct.unpack("<2H", raw.read(4)))
                yield entry.filename, begin, entry.compress_size, entry.file_size, entry.compress_type

    def entry(self, requires: Iterable[str], pyodide: Iterable[str] = ()) -> dict[str, Any]:
        """It in the manifest.

        Args:
            requires: normalised names of packages in the site.
            pyodide: those that it requires, also by way of others, from Pyodide's own index.
        """
        needs = {"imports": self.modules(), "packages": sorted(pyodide)}
        return {
            "file": self.path.name,
            "version": self.version,
            "sha256": sha256(self.path),
            "size": self.path.stat().st_size,
            "requires": sorted(requires),
            **({"pyodide": needs} if needs["packages"] else {}),
        }


def write_manifest(
    out: Path,
    core: list[str],
    wheels: Iterable[Wheel],
    entries: Mapping[str, dict[str, Any]],
    satisfied: Mapping[str, str],
) -> None:
    """Write the manifest and the index of wheels beside them.

    Args:
        out: the directory of the wheels.
        core: packages without which the kernel does not start.
        wheels: those of the index.
        entries: by normalised name.
        satisfied: requirements that were checked, each with the normalised name of its package.
    """
    index = {wheel.path.name: list(wheel.files()) for wheel in wheels}
    (out / "files.json").write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")
    manifest = {"core": core, "files": "files.json", "satisfied": satisfied, "wheels": dict(sorted(entries.items()))}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
