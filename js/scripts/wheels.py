"""Collect the wheels that the site ships and write their manifest.

Usage: wheels.py PYODIDE_LOCK OUT_DIR

The wheels of wheels.txt are downloaded, each checked against its hash, and the core's own wheel is built from this
repository. The manifest (see WheelManifest in js/src/protocol.ts) says what each requires in Pyodide.
"""

from __future__ import annotations

import hashlib
import json
import shutil
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
# type stubs of packages that bring their own sources, or that no browser has (pywin32, tensorflow, django): three
# quarters of the files to unpack at each start
LEFT_OUT = {"jedi": ("jedi/third_party/django-stubs/", "jedi/third_party/typeshed/stubs/")}
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


def slimmed(wheel: Path, unwanted: tuple[str, ...]) -> Path:
    """The wheel without the files below `unwanted`, under a name with a build tag."""
    name, version, tags = wheel.name.split("-", 2)
    slim = wheel.with_name(f"{name}-{version}-1slim-{tags}")
    with ZipFile(wheel) as source, ZipFile(slim, "w", ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith(".dist-info/RECORD"):
                lines = content.decode().splitlines(keepends=True)
                content = "".join(line for line in lines if not line.startswith(unwanted)).encode()
            if not entry.filename.startswith(unwanted):
                target.writestr(entry, content, ZIP_DEFLATED)
    wheel.unlink()
    return slim


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
    return {"core": [CORE], "wheels": dict(sorted(entries.items()))}


def main(pyodide_lock: Path, out: Path) -> None:
    """Fill the directory `out` anew."""
    python = json.loads(pyodide_lock.read_text())["info"]["python"]
    cache = out.parent / "downloads"
    download(cache, ".".join(python.split(".")[:2]))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as built:
        wheels = [Path(shutil.copy(wheel, out)) for wheel in [*cache.glob("*.whl"), build_core(Path(built))]]
    for name, unwanted in LEFT_OUT.items():
        wheels = [slimmed(wheel, unwanted) if wheel.name.startswith(f"{name}-") else wheel for wheel in wheels]
    content = manifest(sorted(wheels), python)
    (out / "manifest.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
