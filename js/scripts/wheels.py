"""Collect the wheels that the site ships and write their manifest.

Usage: wheels.py PYODIDE_LOCK OUT_DIR, with js/ on the path

The wheels of wheels.txt are downloaded, each checked against its hash, and the core's own wheel is built from this
repository. The manifest (see WheelManifest in js/src/protocol.ts) says what each requires in Pyodide, and the index
(see WheelIndex there) where in each wheel its files are.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from async_kernel_lite._target import Target
from async_kernel_lite._wheels import Wheel, sha256, write_manifest
from packaging.utils import canonicalize_name

JS = Path(__file__).parents[1]
ROOT = JS.parent
CORE = "jupyter-async-kernel"
LEFT_OUT = re.compile(
    # type stubs of packages that bring their own sources, or that no browser has (pywin32, tensorflow, django)
    r"jedi/third_party/(django-stubs|typeshed/stubs)/"
    # what only its developers run
    r"|.+/tests?/|IPython/sphinxext/"
)
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


def manifest(wheels: list[Wheel], environment: dict[str, str]) -> dict[str, Any]:
    """The wheels as the worker needs to know them."""
    needs = {wheel.name: {canonicalize_name(one.name) for one in wheel.requirements(environment)} for wheel in wheels}
    for name, required in needs.items():
        if missing := required - needs.keys():
            sys.exit(f"{name} requires {', '.join(sorted(missing))}: pin it in js/wheels.txt")
    return {wheel.name: wheel.entry(needs[wheel.name]) for wheel in wheels}


def main(pyodide_lock: Path, out: Path) -> None:
    """Fill the directory `out` anew."""
    target = Target.read(pyodide_lock)
    cache = out.parent / "downloads"
    download(cache, target.python)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as built:
        wheels = [Path(shutil.copy(wheel, out)) for wheel in [*cache.glob("*.whl"), build_core(Path(built))]]
    slimmed = [Wheel(slim(wheel)) for wheel in wheels]
    slimmed.sort(key=lambda wheel: wheel.path)
    write_manifest(out, [CORE], slimmed, manifest(slimmed, target.environment), {})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
