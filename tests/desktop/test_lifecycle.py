"""How kernels start and end: when asked to, with their parent, and many in a row. They leave nothing behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from desktop.conftest import FLAVOURS
from desktop.kernels import GUARD, Flavour, start_kernel

if TYPE_CHECKING:
    from pathlib import Path


RUNNING = {
    "idle": "print('here')",
    "computing": "print('here')\nwhile True: pass",
    "sleeping": "import time\nprint('here')\ntime.sleep(3600)",
    "awaiting": "import anyio\nprint('here')\nawait anyio.sleep(3600)",
    "asking": "print('here')\ninput()",
    "in a subprocess": "import subprocess\nprint('here')\nsubprocess.run(['sleep', '3600'])",
    "deaf": "print('here')\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
}
"""What a kernel may be doing when it ends."""

pytestmark = pytest.mark.parametrize("flavour", FLAVOURS, ids=str)


@pytest.fixture(autouse=True)
def nothing_is_left(jupyter_dirs: dict[str, Path]) -> object:
    """No process, connection file or socket stays."""
    before = psutil.Process().children(recursive=True)
    yield
    assert psutil.Process().children(recursive=True) == before
    assert not list(jupyter_dirs["RUNTIME"].iterdir())


@pytest.mark.parametrize("channel", ["control", "shell"])
def test_shutdown_is_answered_told_to_all_and_done(flavour: Flavour, tmp_path: Path, channel: str) -> None:
    with start_kernel(flavour, tmp_path) as kernel:
        other = kernel.client()
        done = kernel.main.request("shutdown_request", {"restart": False}, channel)
        assert done.content == {"status": "ok", "restart": False}
        (told,) = other.exchange(done.request).of_type("shutdown_reply") or [
            other.wait("iopub", lambda m: m["header"]["msg_type"] == "shutdown_reply")
        ]
        assert told["content"]["restart"] is False
        assert kernel.wait_end() == 0


@pytest.mark.parametrize("doing", [name for name in RUNNING if name != "deaf"])
def test_shutdown_stops_what_runs(flavour: Flavour, tmp_path: Path, doing: str) -> None:
    with start_kernel(flavour, tmp_path) as kernel:
        request = kernel.main.start(RUNNING[doing])
        kernel.main.wait_text(request, "here")
        kernel.main.wait_reply(kernel.main.send("shutdown_request", {"restart": False}, "control"))
        assert kernel.wait_end() == 0


def test_restart_begins_anew_with_the_same_file_and_clients(flavour: Flavour, tmp_path: Path) -> None:
    with start_kernel(flavour, tmp_path) as kernel:
        kernel.main.execute("x = 1")
        pid, file = kernel.pid, kernel.manager.connection_file
        kernel.manager.restart_kernel()
        assert kernel.pid != pid
        assert kernel.manager.connection_file == file
        kernel.main.messages.clear()
        kernel.main.wait("iopub", lambda m: m["header"]["msg_type"] == "iopub_welcome")
        done = kernel.main.execute("x")
        assert (done.content["ename"], done.content["execution_count"]) == ("NameError", 1)


PARENT = """
import sys
from jupyter_client.manager import KernelManager
name, transport, file, log, code = sys.argv[1:]
manager = KernelManager(kernel_name=name, transport=transport, connection_file=file)
manager.start_kernel(stderr=open(log, "w"))
print(manager.provisioner.process.pid, flush=True)
client = manager.client()
client.start_channels(hb=False)
client.wait_for_ready(timeout=60)
client.execute(code)
while client.get_iopub_msg(timeout=60)["msg_type"] != "stream": pass
print("runs", flush=True)
sys.stdin.read()
"""
"""A client, as a program of its own: it starts a kernel, runs a cell, and waits."""


class Parent:
    """Such a program, and the kernel that it started."""

    def __init__(self, flavour: Flavour, folder: Path, code: str) -> None:
        self.log = folder / "log"
        file = os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], "kernel-of-parent.json")
        args = [flavour.kernel_name, flavour.transport, file, str(self.log), code]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.kernel = os.pidfd_open(int(self.line()))

    def line(self) -> bytes:
        """The next line that it prints."""
        return self.process.stdout.readline()

    def kill(self) -> None:
        """End it, in a way that it cannot notice, and wait until its kernel has ended."""
        with self.process:
            self.process.kill()
        ended, _, _ = select.select([self.kernel], [], [], GUARD)
        os.close(self.kernel)
        assert ended, "the kernel still runs"


@pytest.mark.parametrize("doing", RUNNING)
def test_kernel_ends_with_its_parent(flavour: Flavour, tmp_path: Path, doing: str) -> None:
    parent = Parent(flavour, tmp_path, RUNNING[doing])
    assert parent.line() == b"runs\n", parent.log.read_text()
    parent.kill()
    assert "has ended" in parent.log.read_text()


def test_kernel_whose_parent_is_gone_before_it_serves(flavour: Flavour, tmp_path: Path) -> None:
    Parent(flavour, tmp_path, "").kill()


def test_starts_in_a_row(flavour: Flavour, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for i in range(request.config.getoption("starts") // len(FLAVOURS)):
        with start_kernel(flavour, tmp_path) as kernel:
            assert kernel.main.result(f"{i} + 1") == f"{i + 1}"
