"""A client's side of the Debug Adapter Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from protocol.client import ProtocolClient


class DebugSession:
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
