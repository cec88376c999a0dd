"""The wheel in environments of its own: what it installs, which interpreter the kernel `async` runs, what stays."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from desktop.kernels import Flavour, start_kernel
from jupyter_client.kernelspec import KernelSpecManager

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).parents[2]
SITE = sysconfig.get_path("purelib")
WHERE = "import sys, async_kernel_zmq; [sys.executable, sys.prefix, async_kernel_zmq.__path__[0]]"


class Environment(NamedTuple):
    """Where the wheel was installed."""

    python: Path
    prefix: Path
    """sys.prefix of the interpreter."""
    data: Path
    """The folder that holds `bin` and `share`."""
    site: Path

    @property
    def resource_dir(self) -> Path:
        return self.data / "share/jupyter/kernels/async"

    def pip(self, *args: str) -> None:
        """Run this test's pip on the environment, which has none."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "-qq", *args]
        subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def virtual(folder: Path, wheel: Path) -> Environment:
    """A fresh virtual environment. What the wheel requires it takes from this test's environment."""
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    environment = Environment(python, folder, folder, site)
    environment.pip("install", "--no-deps", "--no-index", str(wheel))
    (site / "requirements.pth").write_text(SITE)
    return environment


def for_user(folder: Path, wheel: Path, patch: pytest.MonkeyPatch) -> Environment:
    """A user's own installation beside the interpreter's."""
    patch.setenv("PYTHONUSERBASE", str(folder))
    python = Path(os.path.realpath(sys.executable))
    code = "import site, sys; print(sys.prefix, site.getusersitepackages(), sep='\\n')"
    shown = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    environment = Environment(python, Path(shown[0]), folder, Path(shown[1]))
    environment.pip("install", "--user", "--break-system-packages", "--no-deps", "--no-index", str(wheel))
    (environment.site / "requirements.pth").write_text(SITE)
    return environment


@pytest.fixture(scope="module", params=["venv", "a venv with a [space]", "user"])
def environment(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Environment]:
    """An environment with the wheel, whose kernelspecs Jupyter in this test's environment sees."""
    folder = tmp_path_factory.mktemp("environment") / request.param
    with pytest.MonkeyPatch.context() as patch:
        found = for_user(folder, wheel, patch) if request.param == "user" else virtual(folder, wheel)
        patch.setenv("JUPYTER_PATH", str(found.data / "share/jupyter"))
        yield found


def test_jupyter_of_another_environment_starts_the_interpreter_of_this_one(
    environment: Environment, tmp_path: Path
) -> None:
    assert environment.prefix != Path(sys.prefix)
    assert KernelSpecManager().get_kernel_spec("async").resource_dir == str(environment.resource_dir)
    with start_kernel(Flavour("asyncio", "tcp"), tmp_path, name="async", cwd=str(tmp_path)) as kernel:
        executable, prefix, package = eval(kernel.main.result(WHERE))
        assert os.path.realpath(executable) == os.path.realpath(environment.python)
        assert Path(prefix) == environment.prefix
        assert Path(package) == environment.site / "async_kernel_zmq"


def test_a_link_to_the_spec_starts_it_too(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "jupyter/kernels/linked"
    link.parent.mkdir(parents=True)
    link.symlink_to(environment.resource_dir)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    with start_kernel(Flavour("asyncio", "tcp"), tmp_path, name="linked") as kernel:
        assert Path(eval(kernel.main.result(WHERE))[1]) == environment.prefix


def test_its_own_command_lists_it_and_uninstalling_removes_it(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTER_PATH")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    environment = virtual(tmp_path / "venv", wheel)
    command = environment.python.with_name("async-kernel")
    shown = subprocess.run([str(command), "list"], capture_output=True, text=True, check=True)
    assert "Python (async)" in shown.stdout
    assert f"  {environment.resource_dir}\n" in shown.stdout
    assert shown.stderr == ""
    subprocess.run([str(command), "install", "--name=async-trio", "--backend=trio"], check=True, capture_output=True)
    environment.pip("uninstall", "-y", "jupyter-async-kernel")
    assert not command.exists()
    assert [path.name for path in environment.resource_dir.parent.iterdir()] == ["async-trio"]
