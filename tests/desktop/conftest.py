"""Kernelspecs to start kernels by, in folders of the tests' own, and the kernel that the tests of a module share."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import Flavour, Kernel, start_kernel

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from desktop.kernels import Client

_START = "from async_kernel.interface import launch_interface; launch_interface()"
BACKENDS = ("asyncio", "trio")
FLAVOURS = [Flavour("asyncio", "tcp"), Flavour("trio", "ipc")]
"""Each backend and each transport once: the cross product is for what depends on both."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--starts", type=int, default=10, help="how many kernels to start in a row")


@pytest.fixture(scope="session", autouse=True)
def jupyter_dirs(tmp_path_factory: pytest.TempPathFactory, ipython_dir: None) -> Generator[dict[str, Path]]:
    """Jupyter's folders for these tests alone, with a kernelspec for each backend and way to interrupt."""
    folder = tmp_path_factory.mktemp("jupyter")
    dirs = {name: folder / name.lower() for name in ("RUNTIME", "DATA", "CONFIG")}
    for backend in BACKENDS:
        for mode, suffix in (("signal", ""), ("message", "-message")):
            spec = {
                "argv": [sys.executable, "-c", _START, "-f", "{connection_file}", f"--backend={backend}"],
                "display_name": f"Test {backend} {mode}",
                "language": "python",
                "interrupt_mode": mode,
                "metadata": {"supported_encryption": "curve"},
            }
            path = dirs["DATA"] / "kernels" / f"test-{backend}{suffix}" / "kernel.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        for name, path in dirs.items():
            patch.setenv(f"JUPYTER_{name}_DIR", str(path))
        patch.setenv("JUPYTER_PATH", str(dirs["DATA"]))
        for name in ("MPLBACKEND", "UV_PROJECT_ENVIRONMENT"):  # the interface sets them where they are unset
            patch.delenv(name, raising=False)
        yield dirs


@pytest.fixture(scope="module", params=FLAVOURS, ids="-".join)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param


@pytest.fixture(scope="module")
def kernel(flavour: Flavour, tmp_path_factory: pytest.TempPathFactory) -> Generator[Kernel]:
    """A kernel that the tests of a module share."""
    with start_kernel(flavour, tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture
def client(kernel: Kernel) -> Generator[Client]:
    """The first client of the shared kernel. What it was sent is held against the specification at the end."""
    kernel.main.messages.clear()
    yield kernel.main
    kernel.main.check()
