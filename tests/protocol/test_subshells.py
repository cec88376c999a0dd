"""Section "Kernel subshells" (JEP 91): queues of their own, names of their own over those of the main shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import execute_content
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

NAMES = "kept = 'main'\nimport anyio\ngate = anyio.Event()"


async def create(client: ProtocolClient) -> str:
    content = (await client.request("create_subshell_request", channel="control")).content
    assert content["status"] == "ok"
    return content["subshell_id"]


def start(client: ProtocolClient, subshell_id: str, code: str) -> Message:
    header = {"subshell_id": subshell_id}
    msg = client.message("execute_request", execute_content(code), header=header)
    client.send(msg)
    return msg


async def run(client: ProtocolClient, subshell_id: str, code: str) -> Exchange:
    return await client.wait_idle(start(client, subshell_id, code))


async def test_the_kernel_says_that_it_has_them(client: ProtocolClient) -> None:
    content = (await client.request("kernel_info_request")).content
    assert "kernel subshells" in content["supported_features"]


async def test_create_list_delete(client: ProtocolClient) -> None:
    first, second = await create(client), await create(client)
    listed = (await client.request("list_subshell_request", channel="control")).content["subshell_id"]
    assert [i for i in listed if i in {first, second}] == [first, second]
    for subshell_id in (first, second):
        content = {"subshell_id": subshell_id}
        done = await client.request("delete_subshell_request", content, channel="control")
        assert done.content == {"status": "ok"}
    listed = (await client.request("list_subshell_request", channel="control")).content["subshell_id"]
    assert first not in listed
    assert second not in listed


async def test_it_reads_the_main_names_and_writes_its_own(client: ProtocolClient) -> None:
    await client.execute(NAMES)
    subshell_id = await create(client)
    assert outputs(await run(client, subshell_id, "kept")) == [("execute_result", "'main'")]
    code = "kept = 'sub'\nown = 1\ndef read():\n    return kept, own, len('ab')\nread()"
    assert outputs(await run(client, subshell_id, code)) == [("execute_result", "('sub', 1, 2)")]
    assert outputs(await client.execute("kept, 'own' in globals()")) == [("execute_result", "('main', False)")]
    await client.execute("later = 'seen'")
    assert outputs(await run(client, subshell_id, "[later for _ in 'a']")) == [("execute_result", "['seen']")]


async def test_it_runs_while_the_main_shell_awaits(client: ProtocolClient) -> None:
    await client.execute(NAMES)
    subshell_id = await create(client)
    waiting = client.start("await gate.wait()\nprint('through')")
    assert (await run(client, subshell_id, "print('sub')\ngate.set()")).text() == "sub\n"
    assert (await client.wait_idle(waiting)).text() == "through\n"


async def test_it_counts_by_itself_and_knows_itself(client: ProtocolClient) -> None:
    subshell_id = await create(client)
    first = await run(client, subshell_id, "get_ipython().subshell_id")
    assert first.content["execution_count"] == 1
    assert outputs(first) == [("execute_result", repr(subshell_id))]
    assert (await run(client, subshell_id, "_")).content["execution_count"] == 2


async def test_completion_and_inspection_know_its_names(client: ProtocolClient) -> None:
    subshell_id = await create(client)
    await run(client, subshell_id, "only_here = 'a value of its own'")
    header = {"subshell_id": subshell_id}
    done = await client.request("complete_request", {"code": "only_h", "cursor_pos": 6}, header=header)
    assert "only_here" in done.content["matches"]
    done = await client.request("inspect_request", {"code": "only_here", "cursor_pos": 3}, header=header)
    assert "a value of its own" in done.content["data"]["text/plain"]
    done = await client.request("inspect_request", {"code": "only_here", "cursor_pos": 3})
    assert done.content["found"] is False


async def test_an_error_aborts_its_own_queue_alone(client: ProtocolClient) -> None:
    await client.execute(NAMES)
    subshell_id = await create(client)
    failing = start(client, subshell_id, "await gate.wait()\n1 / 0")
    behind = start(client, subshell_id, "'behind'")
    assert outputs(await client.execute("gate.set()\n'main'")) == [("execute_result", "'main'")]
    assert (await client.wait_idle(failing)).content["ename"] == "ZeroDivisionError"
    assert (await client.wait_idle(behind)).content["status"] == "aborted"
    assert outputs(await client.execute("'on'")) == [("execute_result", "'on'")]


async def test_deleting_stops_what_runs_and_aborts_what_waits(client: ProtocolClient) -> None:
    subshell_id = await create(client)
    running = start(client, subshell_id, "import anyio\nprint('on')\nawait anyio.Event().wait()")
    waiting = start(client, subshell_id, "'waiting'")
    await client.wait_text(running, "on\n")
    content = {"subshell_id": subshell_id}
    await client.request("delete_subshell_request", content, channel="control")
    assert (await client.wait_idle(running)).content["ename"] == "KeyboardInterrupt"
    assert (await client.wait_idle(waiting)).content["status"] == "aborted"


@pytest.mark.parametrize("msg_type", ["execute_request", "complete_request", "kernel_info_request"])
async def test_an_unknown_one_is_an_error_reply(client: ProtocolClient, msg_type: str) -> None:
    content = {"code": "1", "cursor_pos": 1}
    done = await client.request(msg_type, content, header={"subshell_id": "nobody"})
    assert done.content["status"] == "error"
    assert "nobody" in done.content["evalue"]


async def test_deleting_an_unknown_one_is_an_error_reply(client: ProtocolClient) -> None:
    done = await client.request("delete_subshell_request", {"subshell_id": "nobody"}, channel="control")
    assert done.content["status"] == "error"
    assert "nobody" in done.content["evalue"]


async def test_from_python(client: ProtocolClient) -> None:
    await client.execute("made = get_ipython().kernel.create_subshell(protected=True)")
    subshell_id = (await client.values(id="made.subshell_id"))["id"]
    assert outputs(await run(client, subshell_id, "40 + 2")) == [("execute_result", "42")]
    content = {"subshell_id": subshell_id}
    done = await client.request("delete_subshell_request", content, channel="control")
    assert "protected" in done.content["evalue"]
    await client.execute("get_ipython().kernel.delete_subshell(made.subshell_id, force=True)")
    assert (await client.values(ids="list(get_ipython().kernel.subshells)"))["ids"].count(subshell_id) == 0


async def test_comms_run_though_they_name_a_subshell(client: ProtocolClient) -> None:
    subshell_id = await create(client)
    await client.execute(
        "def opened(comm, msg): comm.send({'thread': __import__('threading').current_thread().name})\n"
        "get_ipython().kernel.comm_manager.register_target('threads', opened)\n"
        "name = __import__('threading').current_thread().name",
    )
    content = {"comm_id": "of-a-subshell", "target_name": "threads", "data": {}}
    done = await client.request("comm_open", content, header={"subshell_id": subshell_id})
    (answer,) = done.of_type("comm_msg")
    assert answer["content"]["data"] == {"thread": (await client.values(n="name"))["n"]}
