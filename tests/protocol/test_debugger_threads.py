"""What the debugger shows of subshells, tasks, threads and libraries, and what several clients see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from async_kernel.testing import execute_content
from protocol.debug_session import DebugSession

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

CELL = "def stay(number):\n    return number\nprint('left', stay(5))"


def in_queue(client: ProtocolClient, code: str, subshell_id: str) -> Message:
    """Send a cell to a subshell."""
    msg = client.message("execute_request", execute_content(code))
    msg["header"]["subshell_id"] = subshell_id
    client.send(msg)
    return msg


async def thread_name(session: DebugSession) -> str:
    """The name of the thread that has stopped."""
    threads = (await session.do("threads"))["threads"]
    return next(thread["name"] for thread in threads if thread["id"] == session.thread)


async def test_a_cell_of_a_subshell(session: DebugSession, transport: Transport) -> None:
    client = session.client
    subshell = (await client.request("create_subshell_request", channel="control")).content["subshell_id"]
    await session.set(CELL, {"line": 2})
    running = in_queue(client, CELL, subshell)
    await session.stopped()
    assert await session.stack() == [("stay", 2), ("<module>", 3)]
    assert "subshell" in (await thread_name(session)).lower()
    assert (await session.evaluate("number * 2"))["result"] == "10"
    if not transport.has_threads:  # where the stop keeps no thread
        assert (await client.execute("'the main shell goes on'")).content["status"] == "ok"
    await session.go_on()
    assert (await client.wait_idle(running)).text() == "left 5\n"
    await client.request("delete_subshell_request", {"subshell_id": subshell}, channel="control")


@pytest.mark.parametrize("line", ["# task\n", "# thread name=worker\n"])
async def test_a_cell_beside_the_queue(session: DebugSession, transport: Transport, line: str) -> None:
    code = line + CELL
    await session.set(code, {"line": 3})
    running = session.client.start(code)
    await session.stopped()
    assert await session.stack() == [("stay", 3), ("<module>", 4)]
    name = await thread_name(session)
    assert name == ("worker" if "thread" in line and transport.has_threads else "MainThread")
    await session.go_on()
    assert (await session.client.wait_idle(running)).text().endswith("left 5\n")


async def test_a_callback_of_a_task(session: DebugSession) -> None:
    code = (
        "import anyio\nasync def later(number):\n    await anyio.sleep(0)\n    return number + 1\n"
        "async with anyio.create_task_group() as group:\n    group.start_soon(later, 1)\nprint('joined')"
    )
    await session.set(code, {"line": 4})
    running = session.client.start(code)
    await session.stopped()
    assert (await session.stack())[0] == ("later", 4)
    assert (await session.evaluate("number"))["result"] == "1"
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "joined\n"


GARBAGE = """\
import gc, threading, time
class Finalised:
    def __init__(self): self.itself = self
    def __del__(self): time.sleep(0)
def start_threads():
    while going:
        thread = threading.Thread(target=len, args=([],))
        thread.start()
        thread.join()
going = True
threading.Thread(target=start_threads).start()
usual = gc.get_threshold()
gc.set_threshold(7)
for step in range(20):
    Finalised()
going = False
gc.set_threshold(*usual)
print('left')
"""


async def test_stops_beside_starting_threads_and_finalisers(session: DebugSession, transport: Transport) -> None:
    if not transport.has_threads:
        return
    await session.set(GARBAGE, {"line": 15})
    running = session.client.start(GARBAGE)
    for step in range(20):
        await session.stopped()
        assert (await session.evaluate("step"))["result"] == str(step)
        await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "left\n"


LIBRARY = "import textwrap\nshort = textwrap.dedent('  text')\nprint(short)"


async def test_libraries_are_stepped_over(session: DebugSession) -> None:
    await session.set(LIBRARY, {"line": 2})
    running = session.client.start(LIBRARY)
    await session.stopped()
    assert await session.step("stepIn") == [("<module>", 3)]
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "text\n"


async def test_libraries_are_stepped_into_if_asked_for(session: DebugSession) -> None:
    await session.do("disconnect")
    await session.do("initialize", clientID="test", adapterID="test")
    await session.do("attach", justMyCode=False)
    await session.set(LIBRARY, {"line": 2})
    running = session.client.start(LIBRARY)
    await session.stopped()
    stack = await session.step("stepIn")
    assert [name for name, _ in stack] == ["dedent", "<module>"]
    path = (await session.frames())[0]["source"]["path"]
    assert path.endswith("textwrap.py")
    assert "def dedent" in (await session.do("source", source={"path": path}))["content"]
    assert [variable["name"] for variable in await session.locals()] == ["text"]
    assert await session.step("stepOut") in ([("<module>", 2)], [("<module>", 3)])
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "text\n"


async def test_a_breakpoint_in_a_library_if_asked_for(session: DebugSession) -> None:
    await session.do("disconnect")
    await session.do("initialize", clientID="test", adapterID="test")
    await session.do("attach", justMyCode=False)
    await session.client.execute("import traitlets.utils.text as library\ncode = library.indent.__code__")
    line = "max(line for *_, line in code.co_lines() if line)"
    found = await session.client.values(path="library.__file__", line=line)
    source = {"path": found["path"]}
    body = await session.do("setBreakpoints", source=source, breakpoints=[{"line": found["line"]}])
    assert body["breakpoints"][0]["verified"] is True, body
    running = session.client.start("print(library.indent('text'))")
    await session.stopped()
    assert [name for name, _ in await session.stack()] == ["indent", "<module>"]
    await session.go_on()
    assert (await session.client.wait_idle(running)).text() == "    text\n"


async def test_a_second_client_finds_the_stop(session: DebugSession) -> None:
    await session.set(CELL, {"line": 2})
    running = session.client.start(CELL)
    await session.stopped()
    second = DebugSession(session.client)
    info = await second.do("debugInfo")
    assert (info["isStarted"], info["stoppedThreads"]) == (True, [session.thread])
    await second.start()
    second.thread = session.thread
    assert await second.stack() == [("stay", 2), ("<module>", 3)]
    assert (await second.evaluate("number"))["result"] == "5"
    await second.go_on()
    assert (await session.client.wait_idle(running)).text() == "left 5\n"
    assert (await session.do("debugInfo"))["stoppedThreads"] == []


async def test_large_containers_come_in_parts(session: DebugSession) -> None:
    await session.client.execute("large = list(range(100_000))")
    (large,) = [v for v in (await session.do("inspectVariables"))["variables"] if v["name"] == "large"]
    part = await session.inside(large, start=5000, count=3)
    assert [v["value"] for v in part] == ["5000", "5001", "5002"]
    code = "def look():\n    inner = list(range(100_000))\n    return inner\nlook()[0]"
    await session.set(code, {"line": 3})
    running = session.client.start(code)
    await session.stopped()
    (inner,) = await session.locals()
    found = await session.inside(inner)
    assert 100 <= len(found) <= 5000
    await session.go_on()
    await session.client.wait_idle(running)
