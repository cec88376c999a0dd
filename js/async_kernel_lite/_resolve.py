"""Finding wheels for Pyodide that fit together, with pip's resolver."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from zipfile import ZipFile

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from async_kernel_lite._errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from async_kernel_lite._target import Target


_LATEST = 10
"""How many versions an error names."""


@dataclass(frozen=True)
class Pin:
    """A wheel that was chosen.

    Args:
        name: normalised.
        version: of the package.
        file: its name.
        sha256: its digest.
        source: its address or path, where it was asked for by that. Else it is in the index.
    """

    name: str
    version: str
    file: str
    sha256: str
    source: str | None = None

    @property
    def requirement(self) -> str:
        """It as pip takes it."""
        what = f"{self.name}=={self.version}" if self.source is None else f"{self.name} @ {_address(self.source)}"
        return f"{what} --hash=sha256:{self.sha256}"


def is_wheel(requirement: str) -> bool:
    """Whether a requirement is the address or path of a wheel."""
    return urlsplit(requirement).path.endswith(".whl")


def file_name(wheel: str) -> str:
    """Of an address or path of a wheel."""
    return unquote(urlsplit(wheel).path.rsplit("/", 1)[-1])


def resolve(requirements: Sequence[str], target: Target, shipped: Mapping[str, str], shipped_in: Path) -> list[Pin]:
    """Choose wheels for requirements and for all that they require.

    What the site ships anyway is there in its version, and what Pyodide's own index has is used where nothing better
    can be shipped. Neither is in the result.

    Args:
        requirements: names with versions and extras, addresses or absolute paths of wheels.
        target: the Pyodide that they are for.
        shipped: versions of packages that the site ships anyway, by normalised name.
        shipped_in: the directory with their wheels.

    Raises:
        PackageError: there are none that fit together.
    """
    sources = {file_name(text): text for text in requirements if is_wheel(text)}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        stubs = _write_stubs(work / "pyodide", target, shipped)
        attempt = _Attempt(work, target, shipped, [shipped_in, stubs])
        if not attempt.succeeds(requirements):
            raise _explained(attempt, requirements, target, shipped)
        pins = []
        for item in attempt.found():
            info = item["download_info"]
            file = file_name(info["url"])
            name = canonicalize_name(item["metadata"]["name"])
            if name not in shipped and Path(file).suffix == ".whl" and not (stubs / file).exists():
                hashes = info["archive_info"]["hashes"]
                pins.append(Pin(name, item["metadata"]["version"], file, hashes["sha256"], sources.get(file)))
        return sorted(pins, key=lambda pin: pin.name)


def fetch(pins: Iterable[Pin], target: Target, folder: Path) -> list[Path]:
    """Download wheels that are not in the folder yet, each checked against its digest.

    Raises:
        PackageError: one cannot be had, or is another.
    """
    from async_kernel_lite._wheels import sha256

    pins = list(pins)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins if not ((folder / pin.file).is_file() and sha256(folder / pin.file) == pin.sha256)]
    for pin in missing:
        (folder / pin.file).unlink(missing_ok=True)
    if missing:
        with tempfile.TemporaryDirectory() as work:
            lines = Path(work) / "requirements.txt"
            lines.write_text("\n".join(pin.requirement for pin in missing), encoding="utf-8")
            output = _run_pip(target, "download", "--no-deps", "--require-hashes", "-r", lines, "--dest", folder)
        absent = [pin for pin in missing if not (folder / pin.file).is_file()]
        if output is not None or absent:
            what = ", ".join(f"{pin.name} {pin.version}" for pin in absent or missing)
            msg = f"Cannot fetch the wheels that the lock names ({what}): {_errors(output or '')}"
            raise PackageError(msg)
    return [folder / pin.file for pin in pins]


class _Attempt:
    """Runs of pip's resolver, of which the last is remembered."""

    def __init__(self, work: Path, target: Target, shipped: Mapping[str, str], links: Iterable[Path]) -> None:
        self._work = work
        self._target = target
        self._constraints = work / "constraints.txt"
        self._constraints.write_text("\n".join(f"{name}=={version}" for name, version in shipped.items()))
        self._links = [f"--find-links={path}" for path in links]
        self.output = ""

    def succeeds(self, requirements: Iterable[str]) -> bool:
        """Resolve them."""
        self._log.unlink(missing_ok=True)
        output = _run_pip(
            self._target,
            "install",
            "--dry-run",
            "--ignore-installed",
            f"--report={self._report}",
            f"--log={self._log}",
            f"--target={self._work / 'nowhere'}",
            f"--constraint={self._constraints}",
            *self._links,
            *(_address(text) if is_wheel(text) else text for text in requirements),
        )
        self.output = output or ""
        return output is None

    def found(self) -> list[Any]:
        """What pip would install."""
        return list(json.loads(self._report.read_text(encoding="utf-8"))["install"])

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def _report(self) -> Path:
        return self._work / "report.json"

    @property
    def _log(self) -> Path:
        return self._work / "log.txt"


def _run_pip(target: Target, command: str, *arguments: str | Path) -> str | None:
    """Run pip for Pyodide. Returns what it says if it fails."""
    platform = [f"--platform={tag}" for tag in target.platforms]
    options = ["--only-binary=:all:", *platform, f"--python-version={target.python}", "--implementation=cp"]
    quiet = ["--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar=off"]
    pip = [sys.executable, "-m", "async_kernel_lite._pip", json.dumps(target.environment)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "1000"}
    done = subprocess.run(  # noqa: S603  # pip, with arguments of the site's own configuration
        [*pip, command, *quiet, *options, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout + done.stderr


def _address(wheel: str) -> str:
    return wheel if "://" in wheel else Path(wheel).as_uri()


def _write_stubs(folder: Path, target: Target, shipped: Mapping[str, str]) -> Path:
    """Wheels without content for what Pyodide's own index has, so that pip counts on it."""
    folder.mkdir()
    for name, package in target.packages.items():
        try:
            version = str(Version(package.version))
        except InvalidVersion:
            continue
        if name in shipped:
            continue
        stem = f"{name.replace('-', '_')}-{version}"
        required = [f"Requires-Dist: {other}" for other in package.depends if other in target.packages]
        metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *required, ""]
        # the tag is the least that pip takes: of two wheels of one version it takes the other
        tag = f"py{target.python.split('.')[0]}0-none-any"
        with ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
            wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(metadata))
            wheel.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return folder


_UNSATISFIED = re.compile(
    r"Could not find a version that satisfies the requirement (?P<requirement>.+?)"
    r"(?: \(from (?P<parent>[^()]*(?:\([^()]*\))?[^()]*)\))? \(from versions: (?P<versions>[^)]*)\)"
)
_UNSUPPORTED = re.compile(r"ERROR: (?P<file>\S+\.whl) is not a supported wheel on this platform")
_UNREACHABLE = re.compile(r"Could not fetch URL (?P<url>\S+): (?!404 )(?P<why>.*) - skipping")


def _explained(attempt: _Attempt, requirements: Sequence[str], target: Target, shipped: Mapping[str, str]) -> Exception:
    """Why the last attempt failed, with the requirement that is to blame if there is one."""
    together = attempt.output
    if len(requirements) > 1:
        blamed = next((one for one in requirements if not attempt.succeeds([one])), None)
    else:
        blamed = requirements[0]
    if blamed is None:
        return PackageError(f"The packages {', '.join(requirements)} cannot be shipped together: {_errors(together)}")
    reason = _reason(attempt, target)
    held = [f"{name} {shipped[name]}" for name in sorted(shipped) if re.search(rf"\b{name}==", attempt.output)]
    has = f" The site has {', '.join(held)}, which cannot be changed." if held else ""
    return PackageError(f"Cannot ship the package {blamed}: {reason}.{has}")


def _reason(attempt: _Attempt, target: Target) -> str:
    if unsupported := _UNSUPPORTED.search(attempt.output):
        return _of_tags([unsupported["file"]], target)
    unsatisfied = _UNSATISFIED.search(attempt.output)
    if unsatisfied is None:
        return _errors(attempt.output)
    requirement, parent, versions = unsatisfied.group("requirement", "parent", "versions")
    blocking = f"it requires {requirement} (by way of {parent}), and of that " if parent else ""
    if unreachable := _UNREACHABLE.search(attempt.log):
        return f"{blocking}nothing is known: {unreachable['url']} cannot be read ({unreachable['why']})"
    return blocking + (_of_versions(versions) if versions != "none" else _of_log(requirement, attempt.log, target))


def _of_versions(versions: str) -> str:
    latest = ", ".join(versions.split(", ")[-_LATEST:])
    return f"there is no such version for Pyodide; the latest are {latest}"


def _of_log(requirement: str, log: str, target: Target) -> str:
    """Why pip took none of the files of a package."""
    name = canonicalize_name(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
    skipped = [line for line in log.splitlines() if _is_of(line, name)]
    wheels = [file_name(_link(line)) for line in skipped if "none of the wheel's tags" in line]
    if wheels:
        return _of_tags(wheels, target)
    if any("requires a different Python" in line for line in skipped):
        return f"there is nothing for the Python of this Pyodide, {target.python}"
    return (
        "there is no wheel, only source code" if skipped else "there is nothing in the package index: it is not found"
    )


def _of_tags(wheels: Iterable[str], target: Target) -> str:
    """Why none of these wheels fits."""
    tags = {tag for wheel in wheels for tag in _tags(wheel)}
    wasm = sorted(tag for tag in tags if "wasm32" in tag)
    if wasm:
        found = ", ".join(wasm)
        return f"the wheels for WebAssembly have another ABI ({found}) than this Pyodide ({target.platforms[0]})"
    systems = sorted({re.split(r"[_\d]", tag.rsplit("-", 1)[-1], maxsplit=1)[0] for tag in tags} - {""})
    return f"there is no wheel for WebAssembly ({target.platforms[0]}), only for {', '.join(systems)}"


def _tags(wheel: str) -> set[str]:
    try:
        return {str(tag) for tag in parse_wheel_filename(wheel)[3]}
    except (InvalidWheelFilename, InvalidVersion):
        return set()


def _is_of(line: str, name: str) -> bool:
    """Whether pip's log says here that it passed over a file of the package."""
    file = file_name(_link(line))
    return ("Skipping link:" in line or "Link requires" in line) and re.sub(r"[-_.]+", "-", file.lower()).startswith(
        f"{name}-"
    )


def _link(line: str) -> str:
    found = re.search(r"(?:https?|file)://[^\s#]+", line)
    return found[0] if found else ""


def _errors(output: str) -> str:
    """What pip says of its failure, without its advice."""
    lines = [line.strip() for line in output.splitlines()]
    conflict = next((index for index, line in enumerate(lines) if "conflict is caused by" in line), None)
    if conflict is not None:
        causes = lines[conflict + 1 :]
        return "; ".join(causes[: causes.index("")] if "" in causes else causes)
    return " ".join(line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")) or lines[-1]
