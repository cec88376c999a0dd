"""Whatever a client sends: the kernel neither raises nor dies, and the next message works.

Set ASYNC_KERNEL_FUZZ_EXAMPLES for a long run.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fuzzing
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.transports import InProcessKernel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from protocol.client import ProtocolClient
    from protocol.transports import SharedKernel

fuzz = fuzzing.fuzz(30)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=10), part, max_size=4),
    max_leaves=15,
)

TYPES = [
    "execute_request",
    "complete_request",
    "inspect_request",
    "is_complete_request",
    "history_request",
    "kernel_info_request",
    "comm_info_request",
    "comm_open",
    "comm_msg",
    "comm_close",
    "interrupt_request",
    "debug_request",
    "input_reply",
    "create_subshell_request",
    "list_subshell_request",
]
CODE = st.sampled_from(
    ["", "x", "1 / 0", "x?", "%pwd", "await f()", "'\ud800'", "def f(:", "\x00", "print('🐍')", "[", "%%"]
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "code": CODE,
    "cursor_pos": st.integers(),
    "detail_level": st.integers(),
    "silent": st.booleans(),
    "store_history": st.booleans(),
    "user_expressions": st.dictionaries(st.text(max_size=5), CODE, max_size=2),
    "allow_stdin": st.booleans(),
    "stop_on_error": st.booleans(),
    "hist_access_type": st.sampled_from(["tail", "range", "search", "other"]),
    "n": st.integers(),
    "session": st.integers(),
    "start": st.integers(),
    "stop": st.integers(),
    "pattern": st.text(max_size=8),
    "unique": st.booleans(),
    "output": st.booleans(),
    "raw": st.booleans(),
    "comm_id": st.text(max_size=5),
    "target_name": st.sampled_from(["jupyter.widget", "none"]),
    "data": JSON,
    "subshell_id": JSON,
}
CONTENT = st.fixed_dictionaries({}, optional={name: value | JSON for name, value in FIELDS.items()})
MESSAGES = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries(
            {"msg_id": st.uuids().map(str), "msg_type": st.sampled_from(TYPES), "session": st.just("fuzz")},
            optional={"username": st.text(), "date": st.text(), "version": st.text(), "subshell_id": JSON},
        ),
        "channel": st.sampled_from(["shell", "control"]),
        "content": CONTENT,
    },
    optional={"metadata": JSON, "parent_header": JSON, "buffers": JSON, "other": JSON},
)


@st.composite
def damaged(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    """A message in which something is missing or replaced."""
    msg: dict[str, Any] = draw(MESSAGES)
    for _ in range(draw(st.integers(1, 3))):
        part = draw(st.sampled_from([msg, *(v for v in msg.values() if isinstance(v, dict))]))
        if part:
            key = draw(st.sampled_from(sorted(part)))
            if draw(st.booleans()):
                del part[key]
            else:
                part[key] = draw(JSON)
    return msg


class Fuzzed:
    """A kernel in an event loop that goes on between examples."""

    def __init__(self, runner: asyncio.Runner, kernel: SharedKernel) -> None:
        self._runner = runner
        self._kernel = kernel

    def survives(self, texts: Sequence[str], buffers: Sequence[bytes] = ()) -> None:
        """After `texts` it answers, and all that it sent is right."""
        self._runner.run(self._survives(texts, buffers))

    async def _survives(self, texts: Sequence[str], buffers: Sequence[bytes]) -> None:
        with self._kernel.line.client(self._kernel.deliver) as client:
            for text in texts:
                client.send_raw(text, list(buffers) or None)
            await still_works(client)
        client.check()


@pytest.fixture
def fuzzed() -> Generator[Fuzzed]:
    with asyncio.Runner() as runner:
        kernel = InProcessKernel()
        runner.run(kernel.start({}))
        yield Fuzzed(runner, kernel)
        runner.run(kernel.stop())


async def still_works(client: ProtocolClient) -> None:
    """Every lane answers, behind all that was sent before."""
    name = f"name_{uuid4().hex}"
    for _ in range(2):  # a cell behind a failed one is aborted; the second comes after its reply
        await client.request("execute_request", {"code": f"{name} = 1", "stop_on_error": False})
    done = await client.request("execute_request", {"code": name, "silent": True, "user_expressions": {"v": name}})
    assert done.content["user_expressions"]["v"]["data"] == {"text/plain": "1"}
    assert (await client.request("kernel_info_request", {})).content["status"] == "ok"
    assert (await client.request("kernel_info_request", {}, channel="control")).content["status"] == "ok"
    assert (await client.request("is_complete_request", {"code": "1"})).content["status"] == "complete"


pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of the code that is drawn


@fuzz
@given(texts=st.lists(st.text() | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape")), max_size=10))
def test_any_text(fuzzed: Fuzzed, texts: list[str]) -> None:
    fuzzed.survives(texts)


@fuzz
@given(values=st.lists(JSON, max_size=10))
def test_any_json(fuzzed: Fuzzed, values: list[Any]) -> None:
    fuzzed.survives([json.dumps(v) for v in values])


@fuzz
@given(messages=st.lists(MESSAGES, max_size=8), buffers=st.lists(st.binary(max_size=20), max_size=3))
def test_any_content(fuzzed: Fuzzed, messages: list[Any], buffers: list[bytes]) -> None:
    fuzzed.survives([json.dumps(m) for m in messages], buffers)


@fuzz
@given(messages=st.lists(damaged(), max_size=8))
def test_damaged_messages(fuzzed: Fuzzed, messages: list[Any]) -> None:
    fuzzed.survives([json.dumps(m) for m in messages])


@fuzz
@given(data=st.data())
def test_cut_and_spliced_json(fuzzed: Fuzzed, data: st.DataObject) -> None:
    texts = []
    for msg in data.draw(st.lists(MESSAGES, max_size=5)):
        text = json.dumps(msg)
        at = data.draw(st.integers(0, len(text)))
        texts.append(text[:at] + data.draw(st.text(max_size=5)) + text[data.draw(st.integers(at, len(text))) :])
    fuzzed.survives(texts)
