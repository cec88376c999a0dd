"""Interrupts, by message and by signal: what runs stops, the loop stays usable, the queue is aborted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from desktop.kernels import Flavour, Kernel, start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from collections.abc import Generator

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
    "bash": "%%bash\nsleep 3600",
    "magic of a busy loop": "%time while True: pass",
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
        "gather": "import asyncio; await asyncio.gather(*(asyncio.sleep(3600) for _ in range(3)))",
        "gather that blocks": (
            "import asyncio, time\nasync def f(): time.sleep(3600)\nawait asyncio.gather(*(f() for _ in range(3)))"
        ),
        "gather of threads": "import asyncio; await asyncio.gather(*(asyncio.to_thread(E.wait) for _ in range(3)))",
        "subprocess": "import asyncio\np = await asyncio.create_subprocess_exec('sleep', '3600')\nawait p.wait()",
        "future": "import asyncio; await asyncio.get_running_loop().create_future()",
        "run_until_complete": "import asyncio; asyncio.get_running_loop().run_until_complete(asyncio.sleep(3600))",
    },
    "trio": {
        "nursery": "import trio\nasync with trio.open_nursery() as n: n.start_soon(trio.sleep_forever)",
        "thread": "import trio; await trio.to_thread.run_sync(E.wait, abandon_on_cancel=True)",
        "subprocess": "import trio; await trio.run_process(['sleep', '3600'])",
    },
}
CASES = [
    *((backend, code) for backend in OF_BACKEND for code in SHARED.values()),
    *((backend, code) for backend, cases in OF_BACKEND.items() for code in cases.values()),
]
IDS = [
    *(f"{backend}-{name}" for backend in OF_BACKEND for name in SHARED),
    *(f"{backend}-{name}" for backend, cases in OF_BACKEND.items() for name in cases),
]


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
    first = code.partition("\n")[0]
    magic = first.startswith("%%")
    request = client.start(code if magic else f"print('begins')\n{code}", **content)
    if magic:
        client.wait("iopub", lambda m: m["header"]["msg_type"] == "execute_input" and m["content"]["code"] == code)
    else:
        client.wait_text(request, "begins")
    return request


def stopped(kernel: Kernel, request: Message) -> None:
    """The cell is one that was interrupted, and the kernel works."""
    done = kernel.main.finish(request)
    assert (done.content["status"], done.content.get("ename")) == ("error", "KeyboardInterrupt"), done.content
    assert outputs(done)[-1] == ("error", "KeyboardInterrupt")
    assert kernel.main.result("import anyio; await anyio.sleep(0.01); 'works'") == "'works'"


@pytest.mark.parametrize("name", [*SHARED, *OF_BACKEND["asyncio"], *OF_BACKEND["trio"]])
def test_stops(kernel: Kernel, client: Client, flavour: Flavour, name: str) -> None:
    cases = {**SHARED, **OF_BACKEND[flavour.backend]}
    if name not in cases:
        pytest.skip(f"not of {flavour.backend}")
    request = begin(client, cases[name])
    kernel.interrupt()
    stopped(kernel, request)


def test_command_of_the_c_library_ends(kernel: Kernel, client: Client) -> None:
    """system(3) makes its process deaf to interrupts: only the command ends."""
    request = client.start("import os; os.system('echo begins; sleep 3600')")
    client.wait_text(request, "begins")
    kernel.interrupt()
    assert outputs(client.finish(request))[-1] == ("execute_result", "2")
