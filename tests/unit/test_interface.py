"""The interface as an object: one a process, used as a context manager, found by its class."""

from __future__ import annotations

import os
import sys

import pytest
from async_kernel._errors import SettingsError
from async_kernel._running import release
from async_kernel.interface import BaseInterface, CallableInterface, start_kernel_callable_interface
from async_kernel.testing import in_process_client

pytestmark = pytest.mark.anyio


class Recorder:
    """The two functions that a host program gives."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.stopped = 0

    def send(self, msg_json: str, buffers: object, requires_reply: bool) -> None:
        self.sent.append(msg_json)

    def on_stopped(self) -> None:
        self.stopped += 1


async def test_context_manager() -> None:
    async with BaseInterface() as interface:
        assert interface.started.done()
        assert not interface.stopping.done()
        assert interface.kernel.main_shell is interface.kernel.shell
        assert set(interface.callers) >= {"shell", "control"}
        assert interface.backend == "asyncio"
        assert "asyncio" in interface.summary
    assert interface.stopping.done()
    assert not BaseInterface.initialized()


async def test_instance() -> None:
    with pytest.raises(RuntimeError, match="no CallableInterface runs in this process"):
        CallableInterface.instance()
    async with BaseInterface() as interface:
        assert BaseInterface.initialized()
        assert not CallableInterface.initialized()
        assert BaseInterface.instance() is interface
        with pytest.raises(TypeError, match="is a BaseInterface, not a CallableInterface"):
            CallableInterface.instance()


async def test_initialize_once() -> None:
    interface = BaseInterface()
    try:
        interface.initialize([])
        with pytest.raises(RuntimeError, match="initialized already"):
            interface.initialize([])
    finally:
        release(interface)


async def test_arguments() -> None:
    interface = BaseInterface()
    try:
        interface.initialize(["--name=mine", "--no-quiet", "--AsyncInteractiveShell.timeout=3"])
        assert interface.name == "mine"
        assert interface.quiet is False
        assert interface.config.AsyncInteractiveShell.timeout == 3
    finally:
        release(interface)


async def test_messages_sent_before_the_start_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()

    class Early(CallableInterface):
        def initialize(self, argv: list[str] | None = None) -> None:
            super().initialize(argv)
            self.iopub_send("stream", content={"name": "stdout", "text": "early"}, parent={})
            assert recorder.sent == []

    handlers = await start_kernel_callable_interface(
        send=recorder.send, stopped=recorder.on_stopped, settings={"interface_class": Early}
    )
    assert '"early"' in recorder.sent[0]
    assert '"starting"' in recorder.sent[1]
    handlers["stop"]()
    await CallableInterface.instance().stopping


async def test_the_environment_is_set_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "of the user")
    async with in_process_client():
        assert os.environ["MPLBACKEND"] == "module://matplotlib_inline.backend_inline"
        assert os.environ["UV_PROJECT_ENVIRONMENT"] == "of the user"
        monkeypatch.delenv("MPLBACKEND")
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT")
    async with in_process_client():
        assert os.environ["UV_PROJECT_ENVIRONMENT"] == sys.prefix
        monkeypatch.setenv("MPLBACKEND", "")


async def test_a_wrong_setting_starts_nothing_and_calls_nothing() -> None:
    recorder = Recorder()
    with pytest.raises(SettingsError, match="unknown setting 'nonsense'"):
        await start_kernel_callable_interface(send=recorder.send, stopped=recorder.on_stopped, settings={"nonsense": 1})
    assert recorder.sent == []
    assert recorder.stopped == 0
    assert not BaseInterface.initialized()


async def test_a_host_with_its_own_message() -> None:
    async with in_process_client() as client:
        interface = CallableInterface.instance()
        interface.iopub_send("display_data", content={"data": {"text/plain": "x"}, "metadata": {}}, parent={})
        interface.iopub_send(interface.msg("clear_output", content={"wait": True}, channel="iopub", parent={}))
    assert [m["header"]["msg_type"] for m in client.messages] == ["status", "display_data", "clear_output"]
    assert all(m["parent_header"] == {} for m in client.messages)


async def test_a_host_needs_the_thread_to_itself() -> None:
    recorder = Recorder()
    settings = {"BaseInterface.host": "tk"}
    with pytest.raises(RuntimeError, match="'tk' takes the thread for its main loop"):
        await start_kernel_callable_interface(send=recorder.send, stopped=recorder.on_stopped, settings=settings)
    assert recorder.stopped == 1
    assert not BaseInterface.initialized()
