"""Interrupts, by message and by signal: what runs stops, the loop stays usable, the queue is aborted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from desktop.conftest import FLAVOURS, UVLOOP
from desktop.kernels import Flavour, Kernel, start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from async_kernel._wire import Message
    from desktop.kernels import Client

SHARED = {
    "busy loop": "while True: pass",
    "busy function": "def busy():\n    while True: sum(range(1000))\nbusy()",
    "time.sleep": "import time; time.sleep(3600)",
    "lock": "import threading\nlock = threading.Lock()\nwith lock: lock.acquire()",
    "queue": "import queue; queue.Queue().get()",
    "thread": "import threading; t = threading.Thread(target=E.wait, daemon=True); t.start(); t.join()",
    "socket": "import socket; a, b = socket.socketpair(); a.recv(1)",
    "subprocess.run": "import subprocess; subprocess.run(['sleep', '3600'])",
    "shell command": "!sleep 3600",
    "captured shell command": "x = !sleep 3600",
    "bash": "%%bash\necho begins\nsleep 3600",
    "magic of a busy loop": "%time while True: pass",
    "finaliser": (
        "class C:\n    def __del__(self):\n        print('begins')\n        while True: pass\nC()\nwhile True: pass"
    ),
    "weak reference": (
        "import weakref\ndef end(_):\n    print('begins')\n    while True: pass\nclass C: pass\n"
        "c = C()\nreference = weakref.ref(c, end)\ndel c\nwhile True: pass"
    ),
    "await": "import anyio; await anyio.sleep(3600)",
    "await of a busy loop": "async def f():\n    while True: pass\nawait f()",
    "await of a loop that yields": "import anyio\nwhile True: await anyio.sleep(0)",
    "task group": "import anyio\nasync with anyio.create_task_group() as tg:\n    tg.start_soon(anyio.sleep, 3600)",
    "task group that blocks": (
        "import anyio, time\nasync def f(): time.sleep(3600)\n"
        "async with anyio.create_task_group() as tg:\n    for _ in range(3): tg.start_soon(f)"
    ),
    "asyncio.run": "import asyncio; asyncio.run(asyncio.sleep(3600))",
    "asyncio.run of a busy loop": "import asyncio\nasync def f():\n    while True: pass\nasyncio.run(f())",
}
OF_BACKEND = {
    "asyncio": {
        "tasks": "import asyncio; await asyncio.gather(*(asyncio.sleep(3600) for _ in range(3)))",
        "tasks that block": (
            "import asyncio, time\nasync def f(): time.sleep(3600)\nawait asyncio.gather(*(f() for _ in range(3)))"
        ),
        "threads of tasks": "import asyncio; await asyncio.gather(*(asyncio.to_thread(E.wait) for _ in range(3)))",
        "subprocess": (
            "import asyncio\n"
            "p = await asyncio.create_subprocess_shell('echo begins; sleep 3600', start_new_session=True)\n"
            "try: await p.wait()\nfinally: p.kill()"
        ),
        "event": "import asyncio; await asyncio.get_running_loop().create_future()",
        "nested loop": "import asyncio; asyncio.get_running_loop().run_until_complete(asyncio.sleep(3600))",
    },
    "trio": {
        "tasks": "import trio\nasync with trio.open_nursery() as n: n.start_soon(trio.sleep_forever)",
        "tasks that block": (
            "import trio, time\nasync def f(): time.sleep(3600)\n"
            "async with trio.open_nursery() as n:\n    for _ in range(3): n.start_soon(f)"
        ),
        "threads of tasks": "import trio; await trio.to_thread.run_sync(E.wait, abandon_on_cancel=True)",
        "subprocess": (
            "import trio\nawait trio.run_process(['sh', '-c', 'echo begins; sleep 3600'], start_new_session=True)"
        ),
        "event": "import trio; await trio.Event().wait()",
        "nested loop": "import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.sleep(3600))",
    },
}
BEGINS_AWAITING = "from async_kernel.caller import Caller\nsaid = Caller().call_soon(print, 'begins')\n"
"""Prints once the cell awaits."""


@pytest.fixture(scope="module", params=[*FLAVOURS, UVLOOP], ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param


@pytest.fixture(scope="module", params=["message", "signal"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def kernel(mode: str, flavour: Flavour, tmp_path_factory: pytest.TempPathFactory) -> Generator[Kernel]:
    """The shared kernel, of a kernelspec that says how to interrupt it."""
    name = flavour.kernel_name + ("-message" if mode == "message" else "")
    with start_kernel(flavour, tmp_path_factory.mktemp("kernel"), name=name) as kernel:
        kernel.main.execute("import threading; E = threading.Event()  # threads that wait for it end with it")
        yield kernel
        kernel.main.execute("E.set()")


def begin(client: Client, code: str, **content: object) -> Message:
    """Start a cell, and return once its code runs."""
    request = client.start(code if "begins" in code else f"print('begins')\n{code}", **content)
    client.wait_text(request, "begins")
    return request


def stopped(kernel: Kernel, request: Message, *names: str) -> None:
    """The cell is one that was interrupted, and the kernel works."""
    names = names or ("KeyboardInterrupt",)
    done = kernel.main.finish(request)
    assert done.content.get("ename") in names, done.content
    assert outputs(done)[-1] == ("error", done.content["ename"]), outputs(done)
    assert "_on_signal" not in "".join(done.content["traceback"])
    assert kernel.main.result("import anyio; await anyio.sleep(0.01); 'works'") == "'works'"


@pytest.mark.parametrize("name", [*SHARED, *OF_BACKEND["asyncio"]])
def test_stops(kernel: Kernel, client: Client, flavour: Flavour, name: str) -> None:
    cases = {**SHARED, **OF_BACKEND[flavour.backend]}
    request = begin(client, cases[name])
    kernel.interrupt()
    # Programs of a shell are interrupted too, and may be the first to end.
    stopped(kernel, request, "KeyboardInterrupt", *(["CalledProcessError"] if name == "bash" else []))


def test_command_of_the_c_library_ends(kernel: Kernel, client: Client, tmp_path: Path) -> None:
    """system(3) makes its process deaf to interrupts: only the command ends.

    One program: of two, dash loses an interrupt that comes just when it starts the second.
    """
    (tmp_path / "text").write_text("begins\n")
    request = client.start(f"import os; os.system('exec tail -f {tmp_path / 'text'}')")
    client.wait_text(request, "begins")
    kernel.interrupt()
    assert outputs(client.finish(request))[-1] == ("execute_result", "2")


def test_queue_behind_it_is_aborted(kernel: Kernel, client: Client) -> None:
    request = begin(client, "while True: pass")
    queued = [client.start("'queued'") for _ in range(3)]
    client.request("kernel_info_request")  # behind them: they are there
    kernel.interrupt()
    assert client.finish(request).content["ename"] == "KeyboardInterrupt"
    assert [client.finish(r).content["status"] for r in queued] == ["aborted"] * 3
    assert client.result("'next'") == "'next'"


def test_queue_goes_on_where_errors_do_not_stop_it(kernel: Kernel, client: Client) -> None:
    request = begin(client, "while True: pass", stop_on_error=False)
    queued = client.start("'queued'")
    client.request("kernel_info_request")
    kernel.interrupt()
    assert client.finish(request).content["ename"] == "KeyboardInterrupt"
    assert outputs(client.finish(queued)) == [("execute_result", "'queued'")]


@pytest.mark.parametrize(
    "code",
    [
        (
            "import time\ntry:\n    print('begins')\n    time.sleep(3600)\n"
            "except KeyboardInterrupt:\n    print('caught')\ntime.sleep(3600)"
        ),
        (
            f"{BEGINS_AWAITING}import anyio\ntry:\n    await anyio.sleep(3600)\n"
            "except anyio.get_cancelled_exc_class():\n    print('caught')\n    while True: pass"
        ),
    ],
    ids=["interrupt", "cancellation"],
)
def test_second_interrupt_of_a_cell_that_catches_the_first(kernel: Kernel, client: Client, code: str) -> None:
    request = begin(client, code)
    kernel.interrupt()
    client.wait_text(request, "caught")
    kernel.interrupt()
    stopped(kernel, request)


def test_each_interrupt_is_raised_once(kernel: Kernel, client: Client) -> None:
    request = client.start(
        "import anyio, time\ngate, n = anyio.Event(), 0\nwhile n < 20:\n    try:\n        print('ready', n)\n"
        "        while True:\n            if n % 2: time.sleep(3600)\n    except KeyboardInterrupt:\n        n += 1\n"
        "print('all caught')\nawait gate.wait()"
    )
    for n in range(20):
        client.wait_text(request, f"ready {n}\n")
        assert "all caught" not in client.exchange(request).text()  # without the last
        kernel.interrupt()
    client.wait_text(request, "all caught")
    client.execute("# task\ngate.set()")
    done = client.finish(request)
    assert done.content["status"] == "ok", done.content
    assert done.text() == "".join(f"ready {n}\n" for n in range(20)) + "all caught\n"


def test_cleaning_up_is_not_cut_short_by_one_interrupt(kernel: Kernel, client: Client) -> None:
    request = begin(
        client,
        f"{BEGINS_AWAITING}import anyio, time\ntry:\n    await anyio.sleep(3600)\nfinally:\n"
        "    for _ in range(100): time.sleep(0.01)\n    print('cleaned up')",
    )
    kernel.interrupt()
    stopped(kernel, request)
    assert "cleaned up" in client.exchange(request).text()


def test_cleaning_up_of_a_task_is_not_cut_short(kernel: Kernel, client: Client) -> None:
    request = begin(
        client,
        f"{BEGINS_AWAITING}import anyio, time\nasync def f():\n    try: await anyio.sleep(3600)\n"
        "    finally:\n        for _ in range(100): time.sleep(0.01)\n        print('cleaned up')\n"
        "async with anyio.create_task_group() as tg:\n    tg.start_soon(f)",
    )
    kernel.interrupt()
    stopped(kernel, request)
    assert "cleaned up" in client.exchange(request).text()


def test_interrupt_while_the_process_forks(tmp_path: Path) -> None:
    """Python throws away what is raised in hooks for forks, such as IPython's for its history."""
    hook = "import os, time\nos.register_at_fork(before=lambda: [print('forks'), time.sleep(0.5)])"
    (tmp_path / "sitecustomize.py").write_text(hook)
    with start_kernel(FLAVOURS[0], tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}) as kernel:
        code = "import subprocess\nsubprocess.Popen(['sleep', '3600'], preexec_fn=lambda: None).wait()"
        request = kernel.main.start(code)
        kernel.main.wait_text(request, "forks")
        kernel.interrupt()
        stopped(kernel, request)


STOPPED_BEFORE_TASKS_BEGIN = """
import gc, threading, time, trio
from async_kernel._signal_interrupts import Interrupts
interrupts = next(each for each in gc.get_objects() if type(each) is Interrupts)
scheduler = trio._core._run._r
posted = trio._core._run.GLOBAL_RUN_CONTEXT.runner.entry_queue.queue
async def block(): time.sleep(3600)
try:
    async with trio.open_nursery() as nursery:
        interrupts._meant = get_ipython().runs[:]
        interrupts._stop_soon()  # as an interrupt does that finds the event loop between two tasks
        while len(posted) < 2: time.sleep(0)
        reverse = iter([0])
        scheduler.random = lambda: next(reverse, 1)  # the stop, this, the first turn, and then the tasks
        await trio.lowlevel.cancel_shielded_checkpoint()
        for _ in range(3): nursery.start_soon(block)
finally:
    del scheduler.random
"""


def test_tasks_that_begin_when_the_cell_has_been_stopped(tmp_path: Path) -> None:
    with start_kernel(Flavour("trio", "tcp"), tmp_path) as kernel:
        stopped(kernel, kernel.main.start(STOPPED_BEFORE_TASKS_BEGIN))


INTERRUPT_IN_HOOKS = """
import os, signal, sys
places = []
def interrupt_once(frame, event, _):
    place = frame.f_code.co_name, frame.f_lineno
    if place not in places:
        places.append(place)
        signal.raise_signal(signal.SIGINT)
    return interrupt_once
def trace(frame, event, _):
    if frame.f_globals.get("__name__") == "async_kernel._forks":
        return interrupt_once(frame, event, _)
count = -1
while count < len(places):
    count = len(places)
    try:
        sys.settrace(trace)
        if os.fork() == 0:
            os._exit(0)
        sys.settrace(None)
        while len(places) > count: pass
    except KeyboardInterrupt:
        sys.settrace(None)
    os.wait()
print(sorted({name for name, line in places}))
"""
"""Forks, with an interrupt at each line of the kernel's own hooks, and one more time without."""


def test_interrupt_while_the_kernel_gets_ready_for_a_fork(kernel: Kernel, client: Client) -> None:
    done = client.execute(INTERRUPT_IN_HOOKS)
    assert done.text() == "['_before', '_release']\n", done.content
    assert client.result("print('works')\n'works'") == "'works'"
    assert kernel.main.result("'works'") == "'works'"


def test_caught_interrupt_is_no_error(kernel: Kernel, client: Client) -> None:
    request = begin(client, "try:\n    print('begins')\n    while True: pass\nexcept KeyboardInterrupt:\n    'caught'")
    kernel.interrupt()
    assert client.finish(request).content["status"] == "ok"


def test_input(kernel: Kernel, client: Client) -> None:
    request = client.start("input('?')")
    question = client.wait_question()
    kernel.interrupt()
    stopped(kernel, request)
    client.answer("too late", question)
    request = client.start("input('again?')")
    assert client.wait_question()["content"]["prompt"] == "again?"
    client.answer("in time")
    assert outputs(client.finish(request)) == [("execute_result", "'in time'")]


def test_idle_kernel_has_nothing_to_stop(kernel: Kernel, client: Client) -> None:
    for _ in range(5):
        kernel.interrupt()
        client.request("kernel_info_request", channel="control")
        assert client.result("6 * 7") == "42"


def test_printing_cell_tears_no_message(kernel: Kernel, client: Client) -> None:
    for _ in range(10):
        request = begin(client, "n = 0\nprint('begins')\nwhile True:\n    print(n)\n    n += 1")
        kernel.interrupt()
        stopped(kernel, request)
        lines = client.exchange(request).text().splitlines()[1:]
        assert lines == [str(i) for i in range(len(lines))]
        assert int(client.result("n")) - len(lines) in (0, -1)


def test_tasks_of_other_cells_go_on(kernel: Kernel, client: Client, flavour: Flavour) -> None:
    background = {
        "asyncio": "import asyncio\nstop, task = asyncio.Event(), None\ntask = asyncio.create_task(stop.wait())",
        "trio": (
            "import trio\nstop, ended = trio.Event(), trio.Event()\nasync def wait():\n    await stop.wait()\n"
            "    ended.set()\ntrio.lowlevel.spawn_system_task(wait)"
        ),
    }
    end = {"asyncio": "stop.set(); await task", "trio": "stop.set(); await ended.wait(); True"}
    client.execute(background[flavour.backend])
    request = begin(client, "import anyio; await anyio.sleep(3600)")
    kernel.interrupt()
    stopped(kernel, request)
    assert client.result(end[flavour.backend]) == "True"


def test_comm_callback_that_blocks(kernel: Kernel, client: Client) -> None:
    client.execute(
        "import time\ndef block(comm, msg):\n    print('begins')\n    time.sleep(3600)\n"
        "get_ipython().kernel.comm_manager.register_target('block', block)"
    )
    opened = client.send("comm_open", {"comm_id": uuid4().hex, "target_name": "block", "data": {}})
    client.wait_text(opened, "begins")
    kernel.interrupt()
    client.wait("iopub", lambda m: m["parent_header"] == opened["header"] and "idle" in m["content"].values())
    assert outputs(client.exchange(opened))[-1] == ("error", "KeyboardInterrupt")
    assert client.result("6 * 7") == "42"


def test_subshells_go_on(kernel: Kernel, client: Client) -> None:
    subshell_id = client.request("create_subshell_request", channel="control").content["subshell_id"]
    code = "import anyio\ngo_on = anyio.Event()\nprint('begins')\nawait go_on.wait()\n'went on'"
    beside = client.start(code, subshell_id=subshell_id)
    client.wait_text(beside, "begins")
    stops = begin(client, "import anyio; await anyio.sleep(3600)")
    kernel.interrupt()
    stopped(kernel, stops)
    client.finish(client.start("# task\ngo_on.set()", subshell_id=subshell_id))
    assert outputs(client.finish(beside))[-1] == ("execute_result", "'went on'")
    client.request("delete_subshell_request", {"subshell_id": subshell_id}, channel="control")
