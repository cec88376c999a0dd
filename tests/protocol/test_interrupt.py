"""Section "Kernel interrupt": what runs stops, in its own frame, and nothing else is hit.

`ASYNC_KERNEL_INTERRUPTS=500` interrupts so many cells at random moments.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import anyio
import pytest
from protocol.client import outputs, plain

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient
    from protocol.conftest import RunNow
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio

BLOCKS = {
    "loop": "while True: pass",
    "slow steps": "while True: sum(range(300_000))",
    "recursion": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(60)",
    "sleep": "import time; time.sleep(3600)",
    "input": "input('?')",
    "task": "# task\nprint('begins')\nwhile True: pass",
    "regular expression": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "json": "import json\nwhile True: json.dumps([{'a': i} for i in range(100)], indent=1)",
    "C iterator": "import itertools\nfor _ in itertools.count(): pass",
    "generator in C": "sum(1 for _ in iter(int, 1))",
    "completer": "import jedi\nwhile True: jedi.Script('import json; json.').complete(1, 18)",
    "magic": "%time while True: pass",
    "finaliser": (
        "class C:\n    def __del__(self):\n        print('begins')\n        while True: pass\nC()\nwhile True: pass"
    ),
    "weak reference": (
        "import weakref\ndef end(_):\n    print('begins')\n    while True: pass\nclass C: pass\n"
        "c = C()\nreference = weakref.ref(c, end)\ndel c\nwhile True: pass"
    ),
    "prints": "n = 0\nwhile True:\n    print(n)\n    n += 1",
    "prints within a line": "while True: print('.', end='')",
    "blocking tasks": "import asyncio, time\nasync def f(): time.sleep(3600)\nawait asyncio.gather(f(), f(), f())",
    "computing tasks": "import asyncio\nasync def f():\n    while True: pass\nawait asyncio.gather(f(), f(), f())",
}
AWAITS = {
    "await": "import anyio; await anyio.sleep(3600)",
    "tasks": "import anyio\nasync with anyio.create_task_group() as group:\n"
    "    for _ in range(3): group.start_soon(anyio.sleep, 3600)",
}
LOOPS = {
    "asyncio.run": "import asyncio; asyncio.run(asyncio.sleep(3600))",
    "asyncio.run of a loop": "import asyncio\nasync def f():\n    while True: pass\nasyncio.run(f())",
    "run_until_complete": "import asyncio; asyncio.get_event_loop().run_until_complete(asyncio.sleep(3600))",
    "new loop": "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.sleep(3600))",
    "Runner": "import asyncio\nwith asyncio.Runner() as runner: runner.run(asyncio.sleep(3600))",
    "run_sync": "import asyncio\nfrom pyodide.ffi import run_sync\nrun_sync(asyncio.sleep(3600))",
}


async def begin(client: ProtocolClient, code: str) -> Message:
    """Start a cell, and return once its code runs."""
    request = client.start(code if "begins" in code else f"print('begins')\n{code}")
    await client.wait_text(request, "begins")
    return request


async def interrupt(client: ProtocolClient) -> Exchange:
    return await client.request("interrupt_request", {}, channel="control")


async def stopped(client: ProtocolClient, request: Message) -> None:
    """The cell is one that was interrupted, and the kernel works."""
    done = await client.wait_idle(request)
    assert done.content.get("ename") == "KeyboardInterrupt", done.content
    assert outputs(done)[-1] == ("error", "KeyboardInterrupt")
    assert "async_kernel" not in plain("".join(done.content["traceback"]))
    assert outputs(await client.execute("import anyio; await anyio.sleep(0.01); 'works'"))[-1][1] == "'works'"


@pytest.mark.parametrize("name", AWAITS)
async def test_awaiting_cell_stops(client: ProtocolClient, name: str) -> None:
    request = await begin(client, AWAITS[name])
    await interrupt(client)
    await stopped(client, request)


@pytest.mark.parametrize("blocks", ["import time; time.sleep(3600)", "while True: pass"])
async def test_what_was_printed_is_shown_while_a_cell_blocks(
    client: ProtocolClient, transport: Transport, blocks: str
) -> None:
    """Behind a flood, of which not each line is sent at once."""
    if transport.stops_computing:
        request = await begin(client, f"for n in range(1000): print(n)\nprint('begins')\n{blocks}")
        await interrupt(client)
        await stopped(client, request)


@pytest.mark.parametrize("name", [*BLOCKS, *LOOPS])
async def test_blocking_cell_stops(client: ProtocolClient, transport: Transport, name: str) -> None:
    if transport.listens_always or (transport.stops_computing and name in BLOCKS):
        request = await begin(client, (BLOCKS | LOOPS)[name])
        await interrupt(client)
        await stopped(client, request)
    elif transport.stops_computing:
        done = await client.execute(LOOPS[name])
        assert done.content["ename"] == "RuntimeError"
        if name != "run_sync":
            assert "await it instead" in done.content["evalue"]


async def test_queue_behind_it_is_aborted(client: ProtocolClient) -> None:
    request = await begin(client, AWAITS["await"])
    queued = [client.start("'queued'") for _ in range(3)]
    await interrupt(client)
    await stopped(client, request)
    assert [(await client.wait_idle(r)).content["status"] for r in queued] == ["aborted"] * 3


async def test_idle_kernel_has_nothing_to_stop(client: ProtocolClient) -> None:
    for _ in range(5):
        assert (await interrupt(client)).content["status"] == "ok"
        assert outputs(await client.execute("6 * 7")) == [("execute_result", "42")]


async def test_second_interrupt_of_a_cell_that_catches_the_first(client: ProtocolClient, transport: Transport) -> None:
    if not transport.stops_computing:
        return
    request = await begin(
        client,
        "import time\ntry:\n    print('begins')\n    time.sleep(3600)\n"
        "except KeyboardInterrupt:\n    print('caught')\nwhile True: pass",
    )
    client.send(client.message("interrupt_request", {}, channel="control"))
    await client.wait_text(request, "caught")
    await interrupt(client)
    await stopped(client, request)


async def test_what_came_of_an_interrupt_shows_the_users_code(client: ProtocolClient, transport: Transport) -> None:
    if not transport.stops_computing:
        return
    request = await begin(
        client, "try:\n    print('begins')\n    while True: pass\nexcept KeyboardInterrupt:\n    1 / 0"
    )
    await interrupt(client)
    done = await client.wait_idle(request)
    text = plain("".join(done.content["traceback"]))
    assert "while True" in text
    assert done.content["ename"] == "ZeroDivisionError"
    assert "async_kernel" not in text


async def test_late_answer_is_not_the_next_ones(client: ProtocolClient, transport: Transport) -> None:
    if not transport.stops_computing:
        return
    request = client.start("input('first?')")
    question = await client.wait_for(lambda m: m["content"].get("prompt") == "first?")
    await interrupt(client)
    await stopped(client, request)
    reply = client.message("input_reply", {"value": "too late"}, channel="stdin", parent=question)
    client.send(reply)
    client.answer_input = lambda _: "in time"
    assert outputs(await client.execute("input('second?')")) == [("execute_result", "'in time'")]


async def test_what_goes_on_while_a_cell_computes(
    client: ProtocolClient, transport: Transport, run_now: RunNow
) -> None:
    if not transport.listens_always:
        return
    background = await client.execute(
        "import asyncio\nasync def tick():\n    for n in range(3):\n        await asyncio.sleep(0.01)\n"
        "        print('tick', n)\ntask = None\ndef start():\n    global task\n    task = asyncio.create_task(tick())"
    )
    request = await begin(client, "start()\nprint('begins')\ngo_on = False\nwhile not go_on: pass\n'computed'")
    assert (await client.request("kernel_info_request", {})).content["status"] == "ok"
    done = await client.request("complete_request", {"code": "import anyi", "cursor_pos": 11})
    assert "anyio" in done.content["matches"]
    assert (await client.request("inspect_request", {"code": "print", "cursor_pos": 5})).content["found"]
    await client.wait_text(request, "tick 2")
    await run_now("go_on = True")
    assert outputs(await client.wait_idle(request))[-1] == ("execute_result", "'computed'")
    assert background.text() == ""


@pytest.mark.parametrize("first", ["sleeps", "asks"])
async def test_two_stacks_go_on_in_either_order(
    client: ProtocolClient, transport: Transport, run_now: RunNow, first: str
) -> None:
    if not transport.listens_always:
        return
    sleeps = await begin(
        client,
        "# task\nimport contextvars, time\nname = contextvars.ContextVar('name')\nname.set('sleeper')\nawake = False\n"
        "print('begins')\nwhile not awake: time.sleep(0.01)\nprint('slept as', name.get())",
    )
    asks = client.start("name.set('asker')\nprint('Hello', input('who?'), 'from', name.get())")
    question = await client.wait_for(
        lambda m: m["content"].get("prompt") == "who?" and m["parent_header"] == asks["header"]
    )

    async def wake() -> None:
        await run_now("awake = True")
        await client.wait_idle(sleeps)

    async def answer() -> None:
        client.send(client.message("input_reply", {"value": "Ada"}, channel="stdin", parent=question))
        await client.wait_idle(asks)

    for go_on in (wake, answer) if first == "sleeps" else (answer, wake):
        await go_on()
    assert client.exchange(sleeps).text() == "begins\nslept as sleeper\n"
    assert client.exchange(asks).text() == "Hello Ada from asker\n"


async def test_interrupts_at_random_moments(client: ProtocolClient, transport: Transport) -> None:
    """Each request gets one reply, the cell behind runs, and no interrupt strikes anything else."""
    number = int(os.environ.get("ASYNC_KERNEL_INTERRUPTS", "0"))
    chance = random.Random(number or 1)  # no secrets
    cells = [*AWAITS.values(), "6 * 7", "1 / 0"]
    cells += BLOCKS.values() if transport.stops_computing else ()
    cells += LOOPS.values() if transport.listens_always else ()
    for _ in range(number or 25):
        request = client.start(chance.choice(cells))
        completion = client.message("complete_request", {"code": "import o", "cursor_pos": 8})
        client.send(completion)
        await anyio.sleep(chance.choice([0, 0.005, 0.1]) * chance.random())
        done = client.exchange(request)
        while not any(m["header"]["msg_type"] == "execute_reply" for m in done.messages):
            await interrupt(client)
            await anyio.sleep(0.05 * chance.random())  # the moment is what is tried
            done = client.exchange(request)
        await client.wait_idle(request)
        await client.wait_idle(completion)
        assert outputs(await client.execute("40 + 2")) == [("execute_result", "42")], request["content"]["code"]
    replies = [m["parent_header"]["msg_id"] for m in client.messages if m["header"]["msg_type"].endswith("_reply")]
    assert len(replies) == len(set(replies))
