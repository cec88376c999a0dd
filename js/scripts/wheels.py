"""Collect the wheels that the site ships and write their manifest.

Usage: wheels.py PYODIDE_LOCK OUT_DIR

The wheels of wheels.txt are downloaded, each checked against its hash, and the core's own wheel is built from this
repository. The manifest (see WheelManifest in js/src/protocol.ts) says what each requires in Pyodide, and the index
(see WheelIndex there) where in each wheel its files are.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

JS = Path(__file__).parents[1]
ROOT = JS.parent
CORE = "jupyter-async-kernel"
# they hold JavaScript for the page, which the site has as extensions: Python never imports them
FRONT_END_ONLY = {"jupyterlab-widgets", "widgetsnbextension"}
LEFT_OUT = re.compile(
    # type stubs of packages that bring their own sources, or that no browser has (pywin32, tensorflow, django)
    r"jedi/third_party/(django-stubs|typeshed/stubs)/"
    # what only its developers run
    r"|.+/tests?/|IPython/sphinxext/"
)
# the size of a local file header, and where in it the lengths of the name and of the extra field are
LOCAL_HEADER, LOCAL_LENGTHS = 30, 26
PURE = ["--platform=any", "--implementation=py", "--abi=none", "--only-binary=:all:"]


def pip(*arguments: str | Path) -> None:
    """Run this environment's pip."""
    subprocess.run([sys.executable, "-m", "pip", "-qq", *map(str, arguments)], check=True)


def download(target: Path, python_version: str) -> None:
    """Fetch what wheels.txt pins, unless it is all there already."""
    locked = JS / "wheels.txt"
    hashes = {line.split("sha256:")[1].strip() for line in locked.read_text().splitlines() if "sha256:" in line}
    target.mkdir(parents=True, exist_ok=True)
    present = {sha256(wheel): wheel for wheel in target.glob("*.whl")}
    for unwanted in present.keys() - hashes:
        present[unwanted].unlink()
    if hashes - present.keys():
        pip("download", "--no-deps", "--require-hashes", *PURE, "--python-version", python_version, "-r", locked,
            "--dest", target)  # fmt: skip


def build_core(target: Path) -> Path:
    """Build the core's own wheel from this repository."""
    pip("wheel", "--no-deps", "--wheel-dir", target, ROOT)
    return next(target.glob("*.whl"))


def slim(wheel: Path) -> Path:
    """The wheel without the files that are left out, under a name with a build tag if there are any."""
    with ZipFile(wheel) as source:
        if not any(LEFT_OUT.match(name) for name in source.namelist()):
            return wheel
        name, version, tags = wheel.name.split("-", 2)
        smaller = wheel.with_name(f"{name}-{version}-1slim-{tags}")
        with ZipFile(smaller, "w", ZIP_DEFLATED) as target:
            for entry in source.infolist():
                content = source.read(entry)
                if entry.filename.endswith(".dist-info/RECORD"):
                    lines = content.decode().splitlines(keepends=True)
                    content = "".join(line for line in lines if not LEFT_OUT.match(line)).encode()
                if not LEFT_OUT.match(entry.filename):
                    target.writestr(entry, content, ZIP_DEFLATED)
    wheel.unlink()
    return smaller


def files(wheel: Path) -> Iterator[tuple[str, int, int, int, int]]:
    """The files that a wheel puts into site-packages.

    For each its path, where its bytes begin in the wheel, how many there are, its size, and its zip method.
    """
    with ZipFile(wheel) as archive, wheel.open("rb") as raw:
        for entry in archive.infolist():
            if entry.is_dir() or ".data/" in entry.filename:
                continue
            raw.seek(entry.header_offset + LOCAL_LENGTHS)
            begin = entry.header_offset + LOCAL_HEADER + sum(struct.unpack("<2H", raw.read(4)))
            yield entry.filename, begin, entry.compress_size, entry.file_size, entry.compress_type


def sha256(file: Path) -> str:
    """The file's digest, as pip writes it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def metadata(wheel: Path) -> Any:
    """The fields of a wheel's METADATA."""
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def required(fields: Any, environment: dict[str, str]) -> Iterator[str]:
    """The normalised names of what a package requires in Pyodide."""
    for text in fields.get_all("Requires-Dist", []):
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name not in FRONT_END_ONLY and (requirement.marker is None or requirement.marker.evaluate(environment)):
            yield name


def manifest(wheels: list[Path], python: str) -> dict[str, Any]:
    """What the worker needs to know of the wheels."""
    environment = {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_system": "Emscripten",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "emscripten",
    }
    entries: dict[str, Any] = {}
    for wheel in wheels:
        fields = metadata(wheel)
        entries[canonicalize_name(fields["Name"])] = {
            "file": wheel.name,
            "version": fields["Version"],
            "sha256": sha256(wheel),
            "size": wheel.stat().st_size,
            "requires": sorted(required(fields, environment)),
        }
    for name, entry in entries.items():
        if missing := set(entry["requires"]) - entries.keys():
            sys.exit(f"{name} requires {', '.join(sorted(missing))}: pin it in js/wheels.txt")
    return {"core": [CORE], "files": "files.json", "wheels": dict(sorted(entries.items()))}


def main(pyodide_lock: Path, out: Path) -> None:
    """Fill the directory `out` anew."""
    python = json.loads(pyodide_lock.read_text())["info"]["python"]
    cache = out.parent / "downloads"
    download(cache, ".".join(python.split(".")[:2]))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as built:
        wheels = [Path(shutil.copy(wheel, out)) for wheel in [*cache.glob("*.whl"), build_core(Path(built))]]
    wheels = sorted(slim(wheel) for wheel in wheels)
    index = {wheel.name: list(files(wheel)) for wheel in wheels}
    (out / "files.json").write_text(json.dumps(index, separators=(",", ":")))
    (out / "manifest.json").write_text(json.dumps(manifest(wheels, python), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
