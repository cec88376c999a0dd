"""Kernelspecs to start kernels by, in folders of the tests' own, and the kernel that the tests of a module share."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import GUARD, START, Flavour, Kernel, jupyter_folders, start_kernel
from desktop.windows import virtual_display

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from desktop.kernels import Client

    Launch = Callable[..., subprocess.Popen[bytes]]
    RunToEnd = Callable[..., subprocess.CompletedProcess[str]]

HOSTED = [Flavour(backend, "tcp", host=host) for host in ("tk", "qt") for backend in ("asyncio", "trio")]
FLAVOURS = [Flavour("asyncio", "tcp"), Flavour("trio", "ipc")]
"""Each backend and each transport once: the cross product is for what depends on both."""
UVLOOP = Flavour("asyncio", "tcp", "uvloop")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--starts", type=int, default=10, help="how many kernels to start in a row")


@pytest.fixture(scope="session", autouse=True)
def jupyter_dirs(tmp_path_factory: pytest.TempPathFactory, ipython_dir: None) -> Generator[dict[str, Path]]:
    """Jupyter's folders for these tests alone."""
    with jupyter_folders(tmp_path_factory.mktemp("jupyter")) as folders:
        yield folders


@pytest.fixture(scope="session")
def display() -> Generator[None]:
    """An X server of these tests' own."""
    with virtual_display():
        yield


@pytest.fixture(scope="module", params=FLAVOURS, ids=str)
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


@pytest.fixture(scope="session")
def load() -> int:
    """How many times more than in `npm test` the tests ask."""
    return int(os.environ.get("ASYNC_KERNEL_LOAD", "1"))


@pytest.fixture
def launch() -> Generator[Launch]:
    """Starts kernel processes as a shell does, without jupyter_client; each is ready once it is returned."""
    processes = []

    def start(*args: str) -> subprocess.Popen[bytes]:
        ready, tell = os.pipe()
        code = f"--IPApp.exec_lines=import os; os.write({tell}, b'!')"
        process = subprocess.Popen([*START, "start", *args, code], pass_fds=[tell])
        processes.append(process)
        os.close(tell)
        with open(ready, "rb") as pipe:
            assert pipe.read(1) == b"!", f"the kernel ended with {process.wait()}"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def run_to_end() -> RunToEnd:
    """Runs a kernel process that ends by itself."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [*START, "start", *args]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=GUARD)

    return run
