"""The browser, for pages that tests serve themselves, and a shell that installs what was built."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from browser.chromium import *  # noqa: F403  # the fixtures
from browser.servers import ROOT, SiteServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Shell = Callable[[str], str]

OURS = ("async_kernel", "jupyter_async_kernel", "_jupyter_async_kernel")
"""How the names begin of what is in this test's site-packages and is to be installed from the wheels."""


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
def shell(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs commands as a user does in a folder and a virtual environment that are new, and returns what they print.

    pip finds the wheels, and nothing else; what they require is there already, as this test's environment has it.
    """
    environment = tmp_path / "venv"
    venv.create(environment, symlinks=True)
    programs = environment / "bin"
    library = tmp_path / "required"
    library.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(OURS):
            (library / path.name).symlink_to(path)
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


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
