"""Much at once, and much for long. `npm test -- load` is the long form."""

from __future__ import annotations

import gc
import hashlib
import random
from collections import Counter
from typing import TYPE_CHECKING

from desktop.kernels import start_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from async_kernel._wire import Message
    from desktop.kernels import Client, Flavour, Kernel

PRINTING = """
import anyio, threading
async def main():
    def talk(name):
        for i in range({lines}):
            print(name, i)
    threads = [threading.Thread(target=talk, args=(f"{cell}-{{n}}",)) for n in range({threads})]
    for t in threads:
        t.start()
    print("{cell}", "started")
    while any(t.is_alive() for t in threads):
        await anyio.sleep(0.01)
await main()
"""
FORGET = """
get_ipython().history_manager.outputs.clear()
get_ipython().reset()
import gc, linecache
linecache.clearcache()
gc.collect();
"""
"""Lets go of all that IPython keeps of cells, as the user may ask for it."""
COMM = """
def on_open(comm, msg):
    comm.on_msg(lambda msg: comm.send(msg["content"]["data"]))
get_ipython().kernel.comm_manager.register_target("echo", on_open)
"""


def test_threads_print_while_cells_run_as_tasks(client: Client, load: int) -> None:
    lines = 500 * min(load, 20)
    cells = {"queue": "", "a": "# task\n", "b": "# task\n", "c": "# task\n"}
    started = {
        cell: client.start(first + PRINTING.format(lines=lines, threads=2, cell=cell)) for cell, first in cells.items()
    }
    for cell, request in started.items():
        done = client.finish(request)
        assert done.content["status"] == "ok", done.content
        printed = [line.split() for line in done.text().splitlines() if "started" not in line]
        for n in range(2):
            mine = [int(number) for name, number in printed if name == f"{cell}-{n}"]
            assert mine == list(range(lines))
        assert len(printed) == 2 * lines  # and nothing of another cell


def test_clients_ask_at_once(kernel: Kernel, load: int) -> None:
    """Eight of them, for ten minutes or so in the long form."""
    kernel.main.execute(COMM)
    asking = [Asking(kernel.client(), random.Random(number)) for number in range(8)]
    for _ in range(1 + 4 * (load - 1)):
        for _ in range(15):
            for client in asking:
                client.ask()
        for client in asking:
            client.check()
        kernel.main.catch_up()  # who reads nothing loses what comes
        kernel.main.messages.clear()
    assert kernel.main.result("'alive'") == "'alive'"


class Asking:
    """A client that sends requests of all kinds, some before the last is answered."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._requests: list[Message] = []
        self._comm_id = str(chance.random())
        client.send("comm_open", {"comm_id": self._comm_id, "target_name": "echo", "data": {}})

    def ask(self) -> None:
        number = len(self._requests)
        client = self._client
        match self._chance.randrange(7):
            case 0 | 1:
                sent = client.start(f"import anyio\nawait anyio.sleep(0.001)\nprint({number})\n{number}")
            case 2:
                sent = client.start(f"# task\nprint({number})", stop_on_error=False)
            case 3:
                sent = client.send("complete_request", {"code": "import base64; base64.b64enc", "cursor_pos": 28})
            case 4:
                sent = client.send("kernel_info_request", {}, "control")
            case 5:
                sent = client.send("comm_msg", {"comm_id": self._comm_id, "data": {"number": number}})
            case _:
                sent = client.send("interrupt_request", {}, "control")
        self._requests.append(sent)
        if self._chance.random() < 0.5:
            self._finish(sent)

    def _finish(self, request: Message) -> None:
        if request["header"]["msg_type"].endswith("_request"):
            self._client.finish(request)
            return
        self._client.wait("iopub", lambda m: _is_idle(m, request))

    def check(self) -> None:
        """Each request so far has got what it must get, once, and no more."""
        for request in self._requests:
            self._finish(request)
            msg_type, msg_id = request["header"]["msg_type"], request["header"]["msg_id"]
            got = [m for m in self._client.messages if m["parent_header"].get("msg_id") == msg_id]
            states = [m["content"]["execution_state"] for m in got if m["header"]["msg_type"] == "status"]
            assert states == ["busy", "idle"]
            if msg_type.endswith("_request"):
                assert Counter(m["header"]["msg_type"] for m in got)[msg_type.replace("request", "reply")] == 1
        echoed = [m["content"]["data"] for m in self._client.messages if self._is_echo(m)]
        sent = [r for r in self._requests if r["header"]["msg_type"] == "comm_msg"]
        assert echoed == [data for r in sent if (data := r["content"]["data"]) in echoed or not self._was_stopped(r)]
        self._client.check()
        self._client.messages.clear()
        self._requests.clear()

    def _was_stopped(self, request: Message) -> bool:
        shown = [m["content"]["ename"] for m in self._client.exchange(request).of_type("error")]
        return shown == ["KeyboardInterrupt"]

    def _is_echo(self, msg: Message) -> bool:
        return msg["header"]["msg_type"] == "comm_msg" and msg["content"]["comm_id"] == self._comm_id


def test_subshells_leave_nothing(flavour: Flavour, tmp_path: Path, load: int) -> None:
    with start_kernel(flavour, tmp_path) as kernel:
        client = kernel.main

        def use(number: int) -> None:
            for i in range(number):
                subshell_id = client.request("create_subshell_request", channel="control").content["subshell_id"]
                done = client.finish(client.start(f"x = list(range(1000))\n{i}", subshell_id=subshell_id))
                assert done.content["status"] == "ok"
                client.request("delete_subshell_request", {"subshell_id": subshell_id}, channel="control")

        def now() -> tuple[int, int]:
            """Threads, and memory in kB, once what was deleted has ended."""
            client.result("import gc; gc.collect(); len(get_ipython().kernel.subshells)")
            fields = kernel.status
            return int(fields["Threads"]), int(fields["VmRSS"].split()[0])

        use(20)
        threads, memory = now()
        for _ in range(load):
            use(20)
            client.messages.clear()
        gc.collect()
        assert now()[0] <= threads
        assert now()[1] <= memory * 1.1


def test_all_of_a_flood_arrives(flavour: Flavour, tmp_path: Path, load: int) -> None:
    """10 MB in lines of all lengths, 100 MB in the long form, to two clients."""
    sizes = [10**n for n in range(6)] * 90 * min(load, 10)
    with start_kernel(flavour, tmp_path) as kernel:
        other = kernel.client()
        request = kernel.main.start(f"for i, n in enumerate({sizes}): print(f'{{i:06}}' * (n // 6 + 1))")
        whole = "".join(f"{i:06}" * (n // 6 + 1) + "\n" for i, n in enumerate(sizes))
        expected = hashlib.sha256(whole.encode()).hexdigest()
        for client in (kernel.main, other):
            client.wait("iopub", lambda m: _is_idle(m, request))
            assert hashlib.sha256(client.exchange(request).text().encode()).hexdigest() == expected


def test_memory_is_flat_over_many_cells(flavour: Flavour, tmp_path: Path, load: int) -> None:
    """As many cells as an hour's work, 10,000, in the long form."""
    with start_kernel(flavour, tmp_path) as kernel:
        client = kernel.main

        def run(number: int) -> None:
            for i in range(number):
                assert client.result(f"print({i})\nx = list(range(1000))\nlen(x) + {i}") == f"{1000 + i}"
                client.messages.clear()

        def memory() -> int:
            done = client.execute(FORGET)
            assert done.content["status"] == "ok", done.content
            return int(kernel.status["VmRSS"].split()[0])

        run(200 + 100 * load)
        before = memory()
        run(100 * load)
        assert memory() <= before * 1.1


def _is_idle(msg: Message, request: Message) -> bool:
    is_its = msg["parent_header"].get("msg_id") == request["header"]["msg_id"]
    return is_its and msg["content"].get("execution_state") == "idle"
