"""The client of the conformance tests: it keeps all that was sent, and never waits forever."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import anyio
from async_kernel.caller import Pending
from async_kernel.testing import Exchange, KernelClient, execute_content
from protocol.spec import check_conversation, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from async_kernel._wire import Buffer, Message

GUARD = 60
"""Seconds after which a message that does not come is a failure: no test relies on it."""


class ProtocolClient(KernelClient):
    """A client that holds what it receives against the specification.

    Args:
        deliver: carries a message's JSON text and buffers to the kernel.
    """

    def __init__(self, deliver: Callable[[str, list[Buffer] | None], None]) -> None:
        super().__init__(deliver)
        self.problems: list[str] = []
        """Texts that were no JSON, and a kernel that died."""
        self.stopped = 0
        """How often the kernel said that it has ended."""
        self.ended: Pending[None] = Pending()
        self.missed = 0
        """How often it has waited in vain."""

    def receive(
        self, msg_json: str, buffers: Sequence[Buffer] | None = None, requires_reply: bool = False
    ) -> str | None:
        try:
            strict_json(msg_json)
        except ValueError as e:
            self.problems.append(f"{e}: {msg_json[:200]}")
        return super().receive(msg_json, buffers, requires_reply)

    def fail(self, problem: str) -> None:
        """Let whoever waits for a message fail. Called from any thread."""
        self.problems.append(problem)
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, pending in waiting:
            pending.set_exception(AssertionError(problem))

    def on_stopped(self) -> None:
        """The kernel says that it has ended."""
        self.stopped += 1
        if self.stopped == 1:
            self.ended.set_result(None)

    async def wait_for(self, matches: Callable[[Message], bool]) -> Message:
        assert not self.problems, self.problems
        try:
            with anyio.fail_after(GUARD):
                return await super().wait_for(matches)
        except TimeoutError:
            self.missed += 1
            kinds = [(m["header"]["msg_type"], m["content"].get("execution_state")) for m in self.messages[-20:]]
            msg = f"the kernel did not send what the test waits for; the last it sent: {kinds}"
            raise AssertionError(msg) from None

    def start(self, code: str, **content: Any) -> Message:
        """Send a cell and wait for nothing."""
        msg = self.cell(code, **content)
        self.send(msg)
        return msg

    def cell(self, code: str, **content: Any) -> Message:
        """The request to run a cell."""
        return self.message("execute_request", execute_content(code, **content))

    async def wait_text(self, request: Message, text: str) -> None:
        """Wait until a text was printed for a request."""

        def has_text(_: Message) -> bool:
            done = self.exchange(request)
            return text in done.text() + done.text("stderr")

        await self.wait_for(has_text)

    async def values(self, **expressions: str) -> dict[str, Any]:
        """The values of expressions in the kernel's namespace that are Python literals."""
        done = await self.execute("", silent=True, user_expressions=expressions)
        found = done.content["user_expressions"]
        assert all(v["status"] == "ok" for v in found.values()), found
        return {name: ast.literal_eval(value["data"]["text/plain"]) for name, value in found.items()}

    def check(self) -> None:
        """Hold all that was received against the specification."""
        assert not self.problems, self.problems
        check_conversation(self.messages)


def outputs(done: Exchange) -> list[tuple[str, Any]]:
    """A cell's outputs in order, as a notebook shows them: neighbouring texts of a stream as one."""
    found: list[tuple[str, Any]] = []
    for msg in done.iopub:
        content = msg["content"]
        match msg["header"]["msg_type"]:
            case "stream":
                name, text = content["name"], content["text"]
                if found and found[-1][0] == name:
                    text = found.pop()[1] + text
                found.append((name, text))
            case "display_data" | "update_display_data" | "execute_result" as kind:
                found.append((kind, content["data"].get("text/plain")))
            case "error":
                found.append(("error", content["ename"]))
            case "clear_output":
                found.append(("clear_output", content["wait"]))
    return found


def result(done: Exchange) -> str:
    """The text of the value that a cell, which did not fail, has shown."""
    assert done.content["status"] == "ok", done.content
    text: str = done.of_type("execute_result")[0]["content"]["data"]["text/plain"]
    return text


def plain(text: str) -> str:
    """Text without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
