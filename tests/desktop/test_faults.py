"""What goes wrong around a kernel: it is killed, the disk is full, no file can be opened, the clock is set back."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import BACKENDS, Flavour, start_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from async_kernel._wire import Message

FLOOD = "import os\nprint('begins')\nfor i in range(10**9): print('line', i)"
FULL = """
import os, resource, signal
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize({database!r}), limit[1]))
"""
"""No file grows from now on: what writing meets on a full disk."""
OPEN_ALL = """
import os
opened = []
try:
    while True:
        opened.append(os.open(os.devnull, os.O_RDONLY))
except OSError as e:
    print(e.strerror)
"""
SET_BACK = """
import time
real, real_ns = time.time, time.time_ns
time.time = lambda: real() - 3600
time.time_ns = lambda: real_ns() - 3600 * 10**9
"""


def test_kernel_that_is_killed_in_the_midst_of_its_answer(flavour: Flavour, tmp_path: Path, load: int) -> None:
    with start_kernel(flavour, tmp_path, exit_code=-signal.SIGKILL) as kernel:
        for _ in range(min(load, 10)):
            kernel.main.wait_text(kernel.main.start(FLOOD), "line 0")
            os.kill(kernel.pid, signal.SIGKILL)
            assert kernel.wait_end() == -signal.SIGKILL
            kernel.manager.restart_kernel()
            kernel.main.messages.clear()
            kernel.main.wait("iopub", lambda m: m["header"]["msg_type"] == "iopub_welcome")
            assert kernel.main.result("6 * 7") == "42"
            kernel.main.execute("print('whole')")
            kernel.main.messages.clear()


def test_disk_that_is_full_while_the_history_is_saved(flavour: Flavour, tmp_path: Path) -> None:
    database = tmp_path / "profile_default" / "history.sqlite"
    with start_kernel(flavour, tmp_path, env={**os.environ, "IPYTHONDIR": str(tmp_path)}) as kernel:
        client = kernel.main
        client.execute("'before'")
        assert client.request("history_request", TAIL).content["history"][0][2] == "'before'"
        client.execute(FULL.format(database=str(database)))
        large = "x" * 100_000
        for number in range(5):
            assert client.result(f"{number} + 1  # {large}") == f"{number + 1}"
        refused = client.request("history_request", TAIL).content  # it writes first
        assert refused["status"] in {"ok", "error"}
        assert client.result("'still here'") == "'still here'"
        assert kernel.log.count("The history is not saved yet") == 1
        client.execute("resource.setrlimit(resource.RLIMIT_FSIZE, limit)")
        assert client.request("history_request", TAIL).content["status"] == "ok"
    with closing(sqlite3.connect(database)) as saved:
        typed = [source for (source,) in saved.execute("select source_raw from history order by line")]
    assert [source.partition("  #")[0] for source in typed if large in source] == [f"{n} + 1" for n in range(5)]
    assert {"'before'", "'still here'"} <= {*typed}


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_file_can_be_opened(backend: str, tmp_path: Path) -> None:
    """By tcp: with ipc libzmq itself ends the process that has no file left."""
    with start_kernel(Flavour(backend, "tcp"), tmp_path) as kernel:
        client = kernel.main
        client.request("kernel_info_request", channel="control")  # it is connected: later nobody can be
        client.execute("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))\nimport base64")
        assert client.execute(OPEN_ALL).text() == f"{os.strerror(24)}\n"
        assert client.result("6 * 7") == "42"
        assert client.execute("open('/dev/null')").content["ename"] == "OSError"
        assert client.request("complete_request", COMPLETE).content["status"] == "ok"  # it may need files of jedi's
        assert client.request("kernel_info_request", channel="control").content["status"] == "ok"
        subshell = client.request("create_subshell_request", channel="control").content
        assert subshell["status"] == "ok"
        assert client.execute("print('printed')").text() == "printed\n"
        client.execute("for descriptor in opened: os.close(descriptor)")
        assert client.request("complete_request", COMPLETE).content["matches"] == ["b64encode"]
        assert kernel.client().result("'for one more client'") == "'for one more client'"


def test_clock_that_is_set_back(flavour: Flavour, tmp_path: Path) -> None:
    with start_kernel(flavour, tmp_path) as kernel:
        client = kernel.main
        client.execute(SET_BACK)
        done = client.execute(
            f"import {flavour.backend}\nawait {flavour.backend}.sleep(0.01)\nfor i in range(1000): print(i)"
        )
        assert done.text() == "".join(f"{i}\n" for i in range(1000))
        behind: list[Message] = [client.start(code) for code in ("1 / 0", "'aborted'")]
        assert [client.finish(each).content["status"] for each in behind] == ["error", "aborted"]
        assert client.result("'run'") == "'run'"
        waiting = client.start(flavour.sleep)
        client.wait_text(waiting, "waiting")
        kernel.interrupt()
        assert client.finish(waiting).content["ename"] == "KeyboardInterrupt"


COMPLETE = {"code": "base64.b64enc", "cursor_pos": 13}
TAIL = {"hist_access_type": "tail", "output": False, "raw": True, "n": 1}
