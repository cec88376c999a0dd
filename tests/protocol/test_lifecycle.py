"""Section "Kernel shutdown", and how a kernel starts, is configured and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import in_process_client
from protocol.client import outputs
from protocol.custom import EchoKernel
from protocol.transports import InProcess

if TYPE_CHECKING:
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio


async def shut_down(client: ProtocolClient, *, restart: bool) -> None:
    request = client.message("shutdown_request", {"restart": restart}, channel="control")
    client.send(request)
    done = await client.wait_idle(request)
    assert done.reply["channel"] == "control"
    assert done.content == {"status": "ok", "restart": restart}
    assert [m["content"]["restart"] for m in done.iopub if m["header"]["msg_type"] == "shutdown_reply"] == [restart]
    await client.ended
    assert client.stopped == 1


async def test_shutdown(transport: Transport) -> None:
    async with transport.fresh_client({"name": "mine", "timeout": 30}) as client:
        values = await client.values(timeout="get_ipython().timeout", name="get_ipython().parent.name")
        assert values == {"timeout": 30.0, "name": "mine"}
        await shut_down(client, restart=True)
    client.check()
    assert client.stopped == 1


async def test_shutdown_while_a_cell_awaits(transport: Transport) -> None:
    async with transport.fresh_client() as client:
        cell = client.start(
            "import anyio\nprint('waits')\ntry:\n    await anyio.Event().wait()\nfinally:\n    ended = 1"
        )
        queued = client.start("'never'")
        await client.wait_text(cell, "waits")
        await shut_down(client, restart=False)
    client.check()
    assert not [m for m in client.exchange(queued).messages if m["header"]["msg_type"] == "execute_result"]


async def test_on_the_shell_channel() -> None:
    async with InProcess().fresh_client() as client:
        done = await client.request("shutdown_request", {"restart": False})
        assert done.reply["channel"] == "shell"
        await client.ended


async def test_messages_after_the_end_are_harmless() -> None:
    async with InProcess().kernel() as kernel:
        with kernel.line.client(kernel.deliver) as client:
            await shut_down(client, restart=False)
            sent = len(client.messages)
            for msg_type in ("execute_request", "kernel_info_request", "comm_open", "complete_request"):
                client.send(client.message(msg_type, {"code": "1", "comm_id": "x", "target_name": "y"}))
            client.send_raw("not JSON")
    assert len(client.messages) == sent
    assert client.stopped == 1


async def test_stop_twice() -> None:
    async with InProcess().fresh_client() as client:
        await client.execute("get_ipython().parent.stop()\nget_ipython().parent.stop()")
        await client.ended
    assert client.stopped == 1


async def test_stop_from_a_cell_that_goes_on() -> None:
    async with InProcess().fresh_client() as client:
        cell = client.start("import anyio\nget_ipython().parent.stop()\nawait anyio.Event().wait()")
        await client.ended
    kinds = [m["content"].get("execution_state") for m in client.exchange(cell).of_type("status")]
    assert kinds == ["busy", "idle"], "the cell was ended, and said so"


async def test_the_first_message_is_starting_and_has_no_parent() -> None:
    async with in_process_client() as client:
        await client.request("kernel_info_request", {})
    first = client.messages[0]
    assert first["header"]["msg_type"] == "status"
    assert first["content"] == {"execution_state": "starting"}
    assert first["parent_header"] == {}


@pytest.mark.parametrize("by_path", [True, False])
async def test_a_subclass_that_overrides_a_handler(by_path: bool) -> None:
    async with InProcess().fresh_client(
        {"kernel_class": "protocol.custom.EchoKernel" if by_path else EchoKernel}
    ) as client:
        done = await client.execute("not Python at all")
        assert outputs(done) == [("execute_result", "not Python at all")]
        assert done.content["execution_count"] == 7
    client.check()


async def test_a_handler_that_fails_is_an_error_reply() -> None:
    async with InProcess().fresh_client({"kernel_class": "protocol.custom.FailingKernel"}) as client:
        done = await client.request("kernel_info_request", {})
        assert done.content["status"] == "error"
        assert done.content["ename"] == "LookupError"
        assert done.content["evalue"] == "a handler of a subclass failed"
        assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]
    client.check()


async def test_shell_and_interface_of_a_site() -> None:
    settings = {"shell_class": "protocol.custom.NamedShell", "interface_class": "protocol.custom.NamedInterface"}
    async with InProcess().fresh_client(settings) as client:
        values = await client.values(
            shell="type(get_ipython()).__name__", interface="type(get_ipython().parent).__name__"
        )
    assert values == {"shell": "NamedShell", "interface": "NamedInterface"}


async def test_a_cell_that_takes_longer_than_the_timeout() -> None:
    async with InProcess().fresh_client({"timeout": 0.05}) as client:
        done = await client.execute("import anyio\nawait anyio.Event().wait()")
        assert done.content["ename"] == "TimeoutError"
        assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]
    client.check()


async def test_help_links_and_features_by_settings() -> None:
    links = [{"text": "Ours", "url": "https://example.org"}]
    settings = {"Kernel": {"help_links": links}, "supported_features": ["kernel subshells"]}
    async with InProcess().fresh_client(settings) as client:
        content = (await client.request("kernel_info_request", {})).content
    assert content["help_links"] == links
    assert content["supported_features"] == ["kernel subshells"]
    assert content["debugger"] is False


async def test_output_is_echoed_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with InProcess().fresh_client({"flags": ["no-quiet"]}) as client:
        await client.execute("print('echoed')")
    assert "echoed" in capsys.readouterr().out
    async with InProcess().fresh_client({"flags": ["quiet"]}) as client:
        await client.execute("print('not echoed')")
    assert "not echoed" not in capsys.readouterr().out
