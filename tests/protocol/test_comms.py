"""Section "Custom Messages": comms opened, used and closed from both sides."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow

pytestmark = pytest.mark.anyio

REGISTER = """
import comm
manager = comm.get_comm_manager()
received = []
def echo(c, msg):
    received.append(('open', msg['content']['data']))
    print('opened')
    @c.on_msg
    def on_msg(msg):
        received.append(('msg', msg['content']['data']))
        c.send({'echo': msg['content']['data']}, metadata={'m': 1}, buffers=msg['buffers'])
    @c.on_close
    def on_close(msg):
        received.append(('close', msg['content']['data']))
manager.register_target('echo', echo)
"""


@pytest.fixture
async def echo(client: ProtocolClient) -> str:
    """A comm that the client has opened and that sends back what it gets."""
    await client.execute(REGISTER)
    comm_id = uuid4().hex
    done = await comm_open(client, comm_id, "echo", data={"hello": 1})
    assert done.text() == "opened\n"
    return comm_id


async def comm_open(client: ProtocolClient, comm_id: str, target: str, **content: Any) -> Exchange:
    return await client.request("comm_open", {"comm_id": comm_id, "target_name": target, "data": {}, **content})


async def comm_msg(client: ProtocolClient, comm_id: str, data: object, **message: Any) -> Exchange:
    return await client.request("comm_msg", {"comm_id": comm_id, "data": data}, **message)


async def comms(client: ProtocolClient, **content: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await client.request("comm_info_request", content)).content["comms"]
    return found


def answers(client: ProtocolClient) -> list[Message]:
    """What the kernel sent on comms. Its parent is the request that opened the comm, or the cell that did."""
    return [m for m in client.messages if m["header"]["msg_type"] == "comm_msg"]


async def test_opened_by_the_client(client: ProtocolClient, echo: str) -> None:
    await comm_msg(client, echo, {"number": 1})
    (answer,) = answers(client)
    assert answer["content"] == {"comm_id": echo, "data": {"echo": {"number": 1}}}
    assert answer["metadata"] == {"m": 1}
    assert await client.values(received="received") == {"received": [("open", {"hello": 1}), ("msg", {"number": 1})]}


async def test_opened_by_the_kernel(client: ProtocolClient) -> None:
    done = await client.execute(
        "import comm\n"
        "c = comm.create_comm(target_name='view', target_module='mod',\n"
        "    data={'a': 1}, metadata={'v': 2}, buffers=[b'x'])\n"
        "c.send({'b': 2})\nc.close({'c': 3})\nc.comm_id"
    )
    opened, sent, closed = done.of_type("comm_open", "comm_msg", "comm_close")
    comm_id = opened["content"]["comm_id"]
    assert opened["content"]["target_name"] == "view"
    assert opened["content"]["target_module"] == "mod"
    assert opened["content"]["data"] == {"a": 1}
    assert opened["metadata"] == {"v": 2}
    assert [bytes(b) for b in opened["buffers"]] == [b"x"]
    assert sent["content"] == {"comm_id": comm_id, "data": {"b": 2}}
    assert closed["content"] == {"comm_id": comm_id, "data": {"c": 3}}
    assert outputs(done) == [("execute_result", repr(comm_id))]


async def test_5_megabytes_byte_for_byte(client: ProtocolClient, echo: str) -> None:
    data = bytes(range(256)) * 20_480
    await comm_msg(client, echo, {}, buffers=[data, b"", b"\x00"])
    (answer,) = answers(client)
    sizes = [len(bytes(b)) for b in answer["buffers"]]
    assert sizes == [5_242_880, 0, 1]
    assert hashlib.sha256(answer["buffers"][0]).digest() == hashlib.sha256(data).digest()
    assert bytes(answer["buffers"][2]) == b"\x00"


async def test_buffers_of_every_kind_from_the_kernel(client: ProtocolClient) -> None:
    done = await client.execute(
        "import array, comm\nc = comm.create_comm(target_name='bytes')\n"
        "c.send({}, buffers=[b'ab', bytearray(b'cd'), memoryview(b'ef'), memoryview(array.array('I', [1, 2]))])\n"
        "c.close()"
    )
    (sent,) = done.of_type("comm_msg")
    assert [bytes(memoryview(b).cast("B")) for b in sent["buffers"]] == [b"ab", b"cd", b"ef", b"\1\0\0\0\2\0\0\0"]


async def test_buffers_the_kernel_gets_are_of_bytes(client: ProtocolClient) -> None:
    await client.execute(
        "import comm\nkept = []\n"
        "def keep(c, msg): kept.extend(memoryview(b) for b in msg['buffers'])\n"
        "comm.get_comm_manager().register_target('keep', keep)"
    )
    content = {"comm_id": uuid4().hex, "target_name": "keep", "data": {}}
    await client.request("comm_open", content, buffers=[b"\x01\x02"])
    values = await client.values(kept="[bytes(b) for b in kept]", kinds="{b.format for b in kept}")
    assert values == {"kept": [b"\x01\x02"], "kinds": {"B"}}


async def test_comm_info(client: ProtocolClient, echo: str) -> None:
    assert (await comms(client))[echo] == {"target_name": "echo"}
    assert (await comms(client, target_name="echo"))[echo] == {"target_name": "echo"}
    assert await comms(client, target_name="another") == {}
    assert (await comms(client, target_name=None))[echo] == {"target_name": "echo"}


async def test_closed_by_the_client(client: ProtocolClient, echo: str) -> None:
    done = await client.request("comm_close", {"comm_id": echo, "data": {"bye": 1}})
    assert not done.of_type("comm_close"), "what the client closes is not closed again"
    assert echo not in await comms(client)
    values = await client.values(received="received")
    assert values["received"][-1] == ("close", {"bye": 1})


async def test_closed_by_the_kernel(client: ProtocolClient, echo: str) -> None:
    done = await client.execute("comm.get_comm_manager().get_comm(list(manager.comms)[-1]).close()")
    assert [m["content"]["comm_id"] for m in done.of_type("comm_close")] == [echo]
    assert echo not in await comms(client)


async def test_an_unknown_target_is_closed(client: ProtocolClient) -> None:
    comm_id = uuid4().hex
    done = await comm_open(client, comm_id, "no such target")
    assert [m["content"]["comm_id"] for m in done.of_type("comm_close")] == [comm_id]
    assert not done.of_type("error")
    assert comm_id not in await comms(client)


@pytest.mark.parametrize("msg_type", ["comm_msg", "comm_close"])
async def test_an_unknown_comm_is_no_error(client: ProtocolClient, msg_type: str) -> None:
    done = await client.request(msg_type, {"comm_id": "unknown", "data": {}})
    assert not done.of_type("error")
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


async def test_an_error_in_a_message_callback_is_shown(client: ProtocolClient) -> None:
    await client.execute(
        "import comm\ndef failing(c, msg): c.on_msg(lambda msg: 1 / 0)\n"
        "comm.get_comm_manager().register_target('failing', failing)"
    )
    comm_id = uuid4().hex
    await comm_open(client, comm_id, "failing")
    await comm_msg(client, comm_id, {})
    errors = [m for m in client.messages if m["header"]["msg_type"] == "error"]
    assert [m["content"]["ename"] for m in errors] == ["ZeroDivisionError"]
    assert comm_id in await comms(client), "the comm stays open"


async def test_an_error_in_an_open_callback_is_shown_and_the_comm_closed(client: ProtocolClient) -> None:
    await client.execute(
        "import comm\ndef failing(c, msg): raise LookupError('at open')\n"
        "comm.get_comm_manager().register_target('failing to open', failing)"
    )
    comm_id = uuid4().hex
    done = await comm_open(client, comm_id, "failing to open")
    assert [m["content"]["evalue"] for m in done.of_type("error")] == ["at open"]
    assert [m["content"]["comm_id"] for m in done.of_type("comm_close")] == [comm_id]
    assert comm_id not in await comms(client)


async def test_an_error_in_a_close_callback_is_shown(client: ProtocolClient) -> None:
    await client.execute(
        "import comm\ndef closing(c, msg): c.on_close(lambda msg: 1 / 0)\n"
        "comm.get_comm_manager().register_target('closing', closing)"
    )
    comm_id = uuid4().hex
    await comm_open(client, comm_id, "closing")
    await client.request("comm_close", {"comm_id": comm_id, "data": {}})
    assert [m["content"]["ename"] for m in client.messages if m["header"]["msg_type"] == "error"] == [
        "ZeroDivisionError"
    ]
    assert comm_id not in await comms(client)


async def test_output_of_a_callback_goes_to_the_cell_that_opened_the_comm(client: ProtocolClient) -> None:
    cell = await client.execute(
        "import comm\nc = comm.create_comm(target_name='printing')\n"
        "@c.on_msg\ndef printing(msg):\n    print('callback', msg['content']['data'])\n    display('shown')\n"
        "None"
    )
    (opened,) = cell.of_type("comm_open")
    comm_id = opened["content"]["comm_id"]
    await client.execute("'another cell'")
    sent = await comm_msg(client, comm_id, {"x": 1})
    assert outputs(sent) == []
    after = client.exchange(cell.request)
    assert outputs(after) == [("stdout", "callback {'x': 1}\n"), ("display_data", "'shown'")]
    await client.execute("c.close()")


async def test_messages_come_in_order_and_while_a_cell_awaits(
    client: ProtocolClient, echo: str, run_now: RunNow
) -> None:
    await client.execute("import anyio\ngo_on = anyio.Event()")
    cell = client.start("print('waits')\nawait go_on.wait()")
    await client.wait_text(cell, "waits")
    requests = [client.message("comm_msg", {"comm_id": echo, "data": {"i": i}}) for i in range(20)]
    for request in requests:
        client.send(request)
    for request in requests:
        await client.wait_idle(request)
    assert [m["content"]["data"]["echo"]["i"] for m in answers(client)] == list(range(20))
    assert not client.exchange(cell).of_type("execute_reply")
    await run_now("go_on.set()")
    await client.wait_idle(cell)


async def test_the_manager_is_the_kernels(client: ProtocolClient) -> None:
    done = await client.execute("import comm\nget_ipython().kernel.comm_manager is comm.get_comm_manager()")
    assert outputs(done) == [("execute_result", "True")]
