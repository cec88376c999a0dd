"""Cells that leave the queue: as tasks, and in threads where there are threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from async_kernel.testing import execute_content
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient
    from protocol.transports import Transport

pytestmark = pytest.mark.anyio

GATE = "import anyio\ngate = anyio.Event()"
WAIT = "print('waits')\nawait gate.wait()\nprint('through')\n'result'"
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("# task\n", {}),
    ("  #task, as a comment says\n", {}),
    ("", {"tags": ["other", "task"]}),
    ("", {"tags": ["# task"]}),
    ("", {"run_mode": "task"}),
]


@pytest.mark.parametrize(("line", "metadata"), WAYS)
async def test_a_task_runs_beside_the_queue(client: ProtocolClient, line: str, metadata: dict[str, Any]) -> None:
    await client.execute(GATE)
    task = client.message("execute_request", execute_content(line + WAIT), metadata=metadata)
    client.send(task)
    await client.wait_text(task, "waits\n")
    assert outputs(await client.execute("gate.set()\n'queue'")) == [("execute_result", "'queue'")]
    done = await client.wait_idle(task)
    assert outputs(done) == [("stdout", "waits\nthrough\n"), ("execute_result", "'result'")]
    assert done.content["status"] == "ok"


async def test_the_words_elsewhere_are_a_comment(client: ProtocolClient) -> None:
    first = client.start("import anyio\nawait anyio.sleep(0)\n# task\norder = ['first']")
    second = client.start("# tasks are for later\norder.append('second')\norder")
    await client.wait_idle(first)
    assert outputs(await client.wait_idle(second)) == [("execute_result", "['first', 'second']")]


async def test_tasks_count_and_show_each_in_its_own_cell(client: ProtocolClient) -> None:
    await client.execute(GATE)
    tasks = [client.start(f"# task\nprint('a{i}')\nawait gate.wait()\nprint('b{i}')\n{i}") for i in range(4)]
    for i, task in enumerate(tasks):
        await client.wait_text(task, f"a{i}\n")
    await client.execute("gate.set()")
    done = [await client.wait_idle(task) for task in tasks]
    assert [outputs(d) for d in done] == [[("stdout", f"a{i}\nb{i}\n"), ("execute_result", str(i))] for i in range(4)]
    counts = [d.content["execution_count"] for d in done]
    assert len(set(counts)) == 4
    assert [d.of_type("execute_result")[0]["content"]["execution_count"] for d in done] == counts


async def test_an_error_in_a_task_aborts_nothing(client: ProtocolClient) -> None:
    await client.execute(GATE)
    task = client.start("# task\nawait gate.wait()\n1 / 0")
    await client.execute("gate.set()")
    queued = client.start("'on'")
    assert (await client.wait_idle(task)).content["ename"] == "ZeroDivisionError"
    assert outputs(await client.wait_idle(queued)) == [("execute_result", "'on'")]


async def test_an_interrupt_stops_a_task(client: ProtocolClient) -> None:
    task = client.start("# task\nimport anyio\nprint('on')\nawait anyio.Event().wait()")
    await client.wait_text(task, "on\n")
    await client.request("interrupt_request", channel="control")
    assert (await client.wait_idle(task)).content["ename"] == "KeyboardInterrupt"


async def thread_name(client: ProtocolClient, line: str) -> Exchange:
    return await client.execute(
        f"{line}\nimport anyio, threading\nawait anyio.sleep(0)\nthreading.current_thread().name"
    )


async def test_a_thread_has_a_loop_of_its_own(client: ProtocolClient, transport: Transport) -> None:
    done = await thread_name(client, '# thread name="worker one"')
    name = "'worker one'" if transport.has_threads else "'MainThread'"
    assert ("execute_result", name) in outputs(done)


THREAD = 'thread name="on trio" backend=trio'


@pytest.mark.parametrize(
    ("line", "metadata"),
    [
        (f"# {THREAD}\n", {}),
        (f"  #{THREAD} as a comment says\n", {}),
        ("", {"tags": ["other", THREAD]}),
        ("", {"tags": [f"# {THREAD}"]}),
        ("", {"run_mode": THREAD}),
    ],
)
async def test_options_of_a_thread(
    client: ProtocolClient, transport: Transport, line: str, metadata: dict[str, Any]
) -> None:
    code = f"{line}import threading\nfrom async_kernel.caller import Caller\n"
    code += "threading.current_thread().name, Caller().backend"
    cell = client.message("execute_request", execute_content(code), metadata=metadata)
    client.send(cell)
    where = ("on trio", "trio") if transport.has_threads else ("MainThread", "asyncio")
    assert outputs(await client.wait_idle(cell))[-1] == ("execute_result", str(where))


async def test_a_thread_without_a_name_is_another(client: ProtocolClient, transport: Transport) -> None:
    main, other = await thread_name(client, ""), await thread_name(client, "# thread")
    assert (outputs(main)[-1] != outputs(other)[-1]) == transport.has_threads


async def test_where_there_are_no_threads_a_cell_says_so_once(client: ProtocolClient, transport: Transport) -> None:
    texts = [(await thread_name(client, "# thread")).text("stderr") for _ in range(3)]
    assert sum("no threads here" in text for text in texts) <= (0 if transport.has_threads else 1)


@pytest.mark.parametrize(
    ("line", "word"),
    [("# thread colour=red", "colour"), ("# thread backend=curio", "curio"), ('# thread name="', "quotation")],
)
async def test_a_wrong_option_is_an_error_reply(client: ProtocolClient, line: str, word: str) -> None:
    done = await client.execute(f"{line}\n1")
    assert done.content["status"] == "error"
    assert word in done.content["evalue"]
