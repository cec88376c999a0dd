"""What a release publishes: its files, versions, licences and descriptions."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from docs.blocks import ROOT

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

VERSION: str = json.loads((ROOT / "package.json").read_text())["version"]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (sdist,) = folder.iterdir()
    return sdist


@pytest.fixture(scope="module")
def artifacts(wheels: Path, sdist: Path) -> list[Path]:
    return [sdist, *sorted(wheels.glob("*.whl"))]


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(files.read(name))


def test_the_index_takes_them(artifacts: list[Path]) -> None:
    assert len(artifacts) == 3
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, artifacts)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_versions_agree(artifacts: list[Path]) -> None:
    assert sdist_version(artifacts[0]) == VERSION
    assert [metadata(wheel)["Version"] for wheel in artifacts[1:]] == [VERSION] * 2


def sdist_version(sdist: Path) -> str:
    return sdist.name.removeprefix("jupyter_async_kernel-").removesuffix(".tar.gz")


def test_a_wheel_of_the_sdist_is_the_wheel(sdist: Path, wheels: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as files:
        files.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (built,), (expected,) = tmp_path.glob("*.whl"), wheels.glob("jupyter_async_kernel-*.whl")
    with zipfile.ZipFile(built) as ours, zipfile.ZipFile(expected) as theirs:
        assert ours.namelist() == theirs.namelist()


def test_licences_are_inside(wheels: Path) -> None:
    for wheel in wheels.glob("*.whl"):
        said = metadata(wheel)
        assert said["License-Expression"]
        with zipfile.ZipFile(wheel) as files:
            names = files.namelist()
        for licence in said.get_all("License-File", []):
            assert any(name.endswith(f".dist-info/licenses/{licence}") for name in names), licence


def test_the_site_s_wheel_holds_the_licence_of_each_part(wheels: Path) -> None:
    (wheel,) = wheels.glob("async_kernel_lite-*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        texts = {name.rpartition("/")[2]: files.read(name).decode() for name in names if "/licenses/" in name}
    parts = [name.rpartition("/")[2] for name in names if "/wheels/" in name and name.endswith(".whl")]
    assert len(parts) > 10
    assert [part for part in parts if len(texts[f"{part.partition('-')[0]}.txt"]) < 500] == []
    assert "Mozilla Public License" in texts["pyodide.txt"]
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in texts["pyodide.txt"]
    assert "async-kernel contributors" in texts["async_kernel_lite.txt"]
