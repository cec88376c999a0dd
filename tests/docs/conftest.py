"""The browser, for pages that tests serve themselves, and a shell that installs what was built."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution, distributions
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from browser.chromium import *  # noqa: F403  # the fixtures
from browser.servers import ROOT, SiteServer
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Callable

    Shell = Callable[[str], str]

OURS = ("async_kernel", "jupyter_async_kernel", "_jupyter_async_kernel")
"""How the names begin of what is in this test's site-packages and is to be installed from the wheels."""

LAB = "labextensions"
EXTENSIONS = Path(sys.prefix) / "share/jupyter" / LAB


@pytest.fixture(scope="package")
def server() -> SimpleNamespace:
    """There is none that all share."""
    return SimpleNamespace(url="", home=SiteServer.home)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels that a release publishes."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    for wheel in (ROOT / "js/dist/release").glob("*.whl"):
        (folder / wheel.name).symlink_to(wheel)
    return folder


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs commands as a user does in a folder and a virtual environment that are new, and returns what they print.

    pip finds the wheels, and nothing else; what they require is there already, as this test's environment has it: all
    that it has, or with the mark `beside`, what a wheel requires and nothing else.
    """
    environment = tmp_path / "venv"
    venv.create(environment, symlinks=True)
    programs = environment / "bin"
    library = tmp_path / "required"
    library.mkdir()
    beside = request.node.get_closest_marker("beside")
    needed = _needed_by(*wheels.glob(beside.args[0])) if beside else None
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(OURS) and (needed is None or path.name in needed):
            (library / path.name).symlink_to(path)
    for path in EXTENSIONS.iterdir():
        if needed and path.name in needed:
            extension = environment / "share/jupyter" / LAB / path.name
            extension.parent.mkdir(parents=True, exist_ok=True)
            extension.symlink_to(path)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))
    (site / "required.pth").write_text(str(library))
    for program in Path(sys.executable).parent.glob("jupyter*"):
        _, _, code = program.read_text().partition("\n")
        _write_program(programs / program.name, f"#!{programs / 'python'}\n{code}")
    pip = f'#!/bin/sh\nexec "{sys.executable}" -m pip --python "{programs / "python"}" "$@"\n'
    _write_program(programs / "pip", pip)
    for variable in ("JUPYTER_PATH", "JUPYTER_PREFER_ENV_PATH", "PYTHONPATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(wheels), "DISABLE_PIP_VERSION_CHECK": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(commands: str) -> str:
        done = subprocess.run(["sh", "-euc", commands], check=False, input="", capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def _needed_by(wheel: Path) -> set[str]:
    """The names in `site-packages` and `labextensions` of what a wheel requires, and what that requires."""
    (own,) = distributions(path=[str(wheel)])
    todo = [(own, "")]
    seen = set()
    names = set()
    while todo:
        dist, extra = todo.pop()
        for requirement in map(Requirement, dist.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found = {(requirement.name, each) for each in ("", *requirement.extras)} - seen
                seen |= found
                todo += [(distribution(name), each) for name, each in found]
        if dist is not own:
            for file in dist.files or ():
                names.add(file.parts[file.parts.index(LAB) + 1 if LAB in file.parts else 0])
    return names


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
