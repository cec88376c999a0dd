"""Sections "Debug request" and "Additions to the DAP": the same conversation with each engine."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any

import pytest
from protocol.client import result

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from async_kernel._wire import Message
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

CODE = """\
def double(number):
    result = number * 2
    return result

def total(numbers):
    found = 0
    for number in numbers:
        found += double(number)
    return found

values = [1, 20]
answer = total(values)
print('answer', answer)
"""


class Session:
    """A client's debug session.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: ProtocolClient) -> None:
        self.client = client
        self.thread = 0
        """The thread that stopped last."""
        self._seen = 0
        self._sequence = 0

    async def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The response to a request, whatever it says."""
        self._sequence += 1
        content = {"type": "request", "seq": self._sequence, "command": command, "arguments": arguments}
        done = await self.client.request("debug_request", content, channel="control")
        response = done.content
        assert response["type"] == "response"
        assert response["command"] == command
        assert response["request_seq"] == self._sequence
        return response

    async def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of the response to a request that succeeds."""
        response = await self.ask(command, **arguments)
        assert response["success"], response
        return response["body"]

    async def fails(self, command: str, **arguments: Any) -> str:
        """The message of the response to a request that fails."""
        response = await self.ask(command, **arguments)
        assert not response["success"], response
        return response["message"]

    async def start(self) -> None:
        await self.do("initialize", clientID="test", adapterID="test")
        await self.do("attach")
        await self.do("configurationDone")

    async def set(self, code: str, *points: dict[str, Any]) -> str:
        """Set breakpoints in a cell, and return its path."""
        path: str = (await self.do("dumpCell", code=code))["sourcePath"]
        await self.do("setBreakpoints", source={"path": path}, breakpoints=list(points), sourceModified=False)
        return path

    async def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of a name."""

        def matches(msg: Message) -> bool:
            is_event = msg["header"]["msg_type"] == "debug_event" and msg["content"]["event"] == name
            return is_event and msg["content"]["seq"] > self._seen

        msg = await self.client.wait_for(matches)
        self._seen = msg["content"]["seq"]
        return msg["content"]["body"]

    async def stopped(self) -> dict[str, Any]:
        """The next stop."""
        body = await self.event("stopped")
        self.thread = body["threadId"]
        return body

    async def stack(self) -> list[tuple[str, int]]:
        """Names and lines of the frames of the thread that is stopped."""
        return [(frame["name"], frame["line"]) for frame in await self.frames()]

    async def frames(self) -> list[dict[str, Any]]:
        return (await self.do("stackTrace", threadId=self.thread))["stackFrames"]

    async def step(self, command: str) -> list[tuple[str, int]]:
        """Step, and return where it stops."""
        await self.do(command, threadId=self.thread)
        await self.stopped()
        return await self.stack()

    async def go_on(self) -> None:
        await self.do("continue", threadId=self.thread)

    async def locals(self, frame: int = 0) -> list[dict[str, Any]]:
        """The local variables of a frame."""
        frames = await self.frames()
        scopes = (await self.do("scopes", frameId=frames[frame]["id"]))["scopes"]
        return await self.inside(scopes[0])

    async def inside(self, holder: dict[str, Any], **part: int) -> list[dict[str, Any]]:
        return (await self.do("variables", variablesReference=holder["variablesReference"], **part))["variables"]

    async def evaluate(self, code: str, frame: int = 0) -> dict[str, Any]:
        frames = await self.frames()
        return await self.do("evaluate", expression=code, frameId=frames[frame]["id"], context="repl")


@pytest.fixture
async def session(client: ProtocolClient, transport: Transport) -> AsyncGenerator[Session]:
    """A session that has begun, where there is an engine."""
    if not transport.debugs:
        pytest.skip("there is no engine here")
    session = Session(client)
    await session.start()
    yield session
    await session.do("disconnect", restart=False, terminateDebuggee=False)


async def test_kernel_info_says_whether_there_is_a_debugger(client: ProtocolClient, transport: Transport) -> None:
    content = (await client.request("kernel_info_request", {})).content
    assert content["debugger"] is transport.debugs
    assert ("debugger" in content["supported_features"]) is transport.debugs
    if not transport.debugs:
        request = {"type": "request", "seq": 1, "command": "debugInfo"}
        refused = await client.request("debug_request", request, channel="control")
        assert "no debugger" in refused.content["evalue"]


async def test_a_breakpoint_steps_variables(session: Session) -> None:
    path = await session.set(CODE, {"line": 2})
    running = session.client.start(CODE)
    body = await session.stopped()
    assert (body["reason"], body["threadId"], body["preserveFocusHint"]) == ("breakpoint", 1, False)
    assert len(body["hitBreakpointIds"]) == 1
    info = await session.do("debugInfo")
    assert info["isStarted"] is True
    assert info["stoppedThreads"] == [1]
    assert info["breakpoints"] == [{"source": path, "breakpoints": [{"line": 2}]}]
    assert {"id": 1, "name": "MainThread"} in (await session.do("threads"))["threads"]
    frames = await session.frames()
    assert [frame.keys() >= {"id", "name", "line", "column", "source"} for frame in frames] == [True] * 3
    assert [(f["name"], f["line"], f["source"]["path"]) for f in frames] == [
        ("double", 2, path),
        ("total", 8, path),
        ("<module>", 12, path),
    ]
    assert await session.locals() == [variable("number", "1", "int")]
    assert await session.step("next") == [("double", 3), ("total", 8), ("<module>", 12)]
    assert await session.locals() == [variable("number", "1", "int"), variable("result", "2", "int")]
    assert await session.step("stepOut") == [("total", 8), ("<module>", 12)]
    assert await session.step("next") == [("total", 7), ("<module>", 12)]
    assert await session.step("next") == [("total", 8), ("<module>", 12)]
    await session.go_on()
    await session.stopped()
    assert await session.stack() == [("double", 2), ("total", 8), ("<module>", 12)]
    scopes = (await session.do("scopes", frameId=(await session.frames())[0]["id"]))["scopes"]
    assert [scope["name"] for scope in scopes] == ["Locals", "Globals"]
    reference = scopes[0]["variablesReference"]
    changed = await session.do("setVariable", variablesReference=reference, name="number", value="10 * 10")
    assert changed == {"value": "100", "type": "int", "variablesReference": 0}
    assert (await session.evaluate("number + 1"))["result"] == "101"
    assert (await session.evaluate("number = 50"))["result"] == ""
    await session.go_on()
    done = await session.client.wait_idle(running)
    assert done.text() == "answer 102\n"
    assert (await session.do("debugInfo"))["stoppedThreads"] == []


def variable(name: str, value: str, kind: str) -> dict[str, Any]:
    """A variable with nothing inside."""
    return {"name": name, "value": value, "type": kind, "evaluateName": name, "variablesReference": 0}
