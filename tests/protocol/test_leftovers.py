"""What a kernel installs in its process is gone when it has ended, and another can start."""

from __future__ import annotations

import asyncio
import builtins
import gc
import getpass
import os
import signal
import sys
import threading
import weakref
from typing import Any

import comm
import pytest
from async_kernel.caller import Caller
from async_kernel.interface import BaseInterface, CallableInterface
from async_kernel.testing import in_process_client
from IPython.core.interactiveshell import InteractiveShell
from protocol.client import outputs
from protocol.line import READER

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_threads_of_others() -> None:
    """Kernels of other tests have ended, their threads are about to."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not _is_of_others(thread):
            thread.join(10)


def _is_of_others(thread: threading.Thread) -> bool:
    """Whether it is that of a transport or of jupyter_client, or one that trio keeps for a while."""
    return thread.name == READER or thread.name.endswith(" - runner") or thread.name.startswith("Trio thread")


def _exception_handler() -> object:
    try:
        return asyncio.get_running_loop().get_exception_handler()
    except RuntimeError:  # trio runs
        return None


def installed() -> dict[str, Any]:
    """Everything global that a kernel replaces while it runs."""
    return {
        "sys": {
            name: getattr(sys, name)
            for name in ("stdin", "stdout", "stderr", "displayhook", "excepthook", "unraisablehook", "breakpointhook")
        },
        "main": sys.modules["__main__"],
        "path": list(sys.path),
        "input": builtins.input,
        "exit": getattr(builtins, "exit", None),
        "print": builtins.print,
        "get_ipython": getattr(builtins, "get_ipython", None),
        "getpass": getpass.getpass,
        "comm": (comm.create_comm, comm.get_comm_manager),
        "interrupt": signal.getsignal(signal.SIGINT),
        "system": os.system,
        "thread": (threading.Thread.start, threading.Thread.run, threading.excepthook),
        "loop": asyncio.run,
        "exceptions": _exception_handler(),
        "threads": {thread for thread in threading.enumerate() if not _is_of_others(thread)},
        "callers": set(Caller.all_callers()),
        "shell": InteractiveShell.initialized(),
        "interface": BaseInterface.initialized(),
    }


def check_left(before: dict[str, Any]) -> None:
    for thread in set(threading.enumerate()) - before["threads"]:
        if not _is_of_others(thread):
            thread.join(10)  # those that are about to end
    after = installed()
    assert {k: (before[k], after[k]) for k in before if before[k] != after[k]} == {}


async def test_nothing_is_left() -> None:
    before = installed()
    async with in_process_client() as client:
        during = installed()
        for name in ("sys", "input", "getpass", "comm", "interface"):
            assert during[name] != before[name], f"{name} is not replaced: this test tests nothing"
        await client.execute("import anyio\nprint(1)\ndisplay(2)\n3")
        await client.execute("from async_kernel.caller import Caller\ntask = Caller().call_soon(anyio.sleep, 0)")
        await client.execute("1 / 0")
        await client.request("complete_request", {"code": "pri", "cursor_pos": 3})
        await client.request("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True})
    check_left(before)


async def test_nothing_is_left_when_cells_are_running() -> None:
    before = installed()
    async with in_process_client() as client:
        client.send(client.message("execute_request", {"code": "print('x')\nimport anyio\nawait anyio.Event().wait()"}))
        await client.wait_for(lambda msg: msg["header"]["msg_type"] == "stream")
    check_left(before)


async def test_nothing_is_left_of_a_failed_start() -> None:
    before = installed()
    with pytest.raises(OSError, match="no such kernel today"):
        async with in_process_client({"kernel_class": "protocol.custom.UnbuildableKernel"}):
            raise AssertionError
    check_left(before)
    async with in_process_client() as client:
        assert outputs(await client.execute("'works'")) == [("execute_result", "'works'")]


async def test_two_kernels_one_after_another_share_nothing() -> None:
    sessions = set()
    for i in range(2):
        async with in_process_client() as client:
            done = await client.execute("'name' in globals(), 'target' in get_ipython().kernel.comm_manager.targets")
            assert outputs(done) == [("execute_result", "(False, False)")]
            assert done.content["execution_count"] == 1
            await client.execute(f"name = {i}\ndef opened(comm, msg): ...")
            await client.execute("get_ipython().kernel.comm_manager.register_target('target', opened)")
            sessions.add(done.reply["header"]["session"])
    assert len(sessions) == 2


async def test_a_second_interface_is_refused_and_the_first_goes_on() -> None:
    async with in_process_client() as client:
        with pytest.raises(RuntimeError, match="runs in this process"):
            CallableInterface()
        with pytest.raises(RuntimeError, match="CallableInterface 'async'"):
            async with in_process_client():
                raise AssertionError
        assert outputs(await client.execute("'first'")) == [("execute_result", "'first'")]


async def test_an_ended_kernel_is_garbage() -> None:
    refs: list[weakref.ref[object]] = []
    async with in_process_client() as client:
        await client.execute("print(1)\n1")
        interface = BaseInterface.instance()
        refs += [weakref.ref(interface), weakref.ref(interface.kernel), weakref.ref(interface.kernel.main_shell)]
        del interface
    del client
    gc.collect()
    assert [ref() for ref in refs] == [None, None, None]
