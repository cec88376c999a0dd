"""How fast the kernel is on the desktop, beside ipykernel and async-kernel from PyPI, in one run.

    .venv/bin/python tests/bench/desktop.py [--rounds N] [--write]

Each kernel has an environment of its own, kept below tests/_artifacts (ours is installed from this checkout each time),
and the same jupyter_client drives it. All are measured in turns, so that other work on the machine meets all of them.
`floor` is a kernel that only answers. The figures are medians; the ratio is ours to the better of the two. They are
also written, with every value, to tests/_artifacts/bench-desktop.json, and with `--write` into the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import report
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from jupyter_client.blocking.client import BlockingKernelClient

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests" / "_artifacts"
RESULT = ARTIFACTS / "bench-desktop.json"
TIMEOUT = 15
LOST = float("inf")
"""In place of a time: messages were lost."""
PEERS = {"ipykernel": ("ipykernel", "python3"), "async-kernel": ("async-kernel debugpy", "async")}
"""What is installed, and the kernelspec that it brings."""
OURS, FLOOR = "ours", "floor"

COMM = """\
import comm
def _opened(comm, msg):
    @comm.on_msg
    def _echo(msg):
        comm.send({}, buffers=msg["buffers"])
comm.get_comm_manager().register_target("echo", _opened)
"""
LINES, DISPLAYS, PIPELINED = 20_000, 2_000, 1_000
AWAITING = "import asyncio\nawait asyncio.sleep(0.5)"
COMPUTING = "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass"


@dataclass
class Contender:
    """A kernel.

    Args:
        name: as the table has it.
        argv: starts it.
        interrupt_mode: as its kernelspec has it.
    """

    name: str
    argv: list[str]
    interrupt_mode: str = "signal"
    times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, figure: str, value: float) -> None:
        self.times.setdefault(figure, []).append(value)


class Driver:
    """A kernel that runs, and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    @property
    def megabytes(self) -> float:
        """Resident memory of the kernel's processes."""
        process = psutil.Process(self.manager.provisioner.pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 1e6

    def execute(self, code: str, **options: Any) -> str:
        return str(self.client.execute(code, **options))

    def reply(self, msg_id: str) -> dict[str, Any]:
        """The reply on the shell channel."""
        while True:
            message: dict[str, Any] = self.client.get_shell_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") == msg_id:
                return message

    def published(self, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message on iopub that matches."""
        while True:
            message: dict[str, Any] = self.client.get_iopub_msg(timeout=TIMEOUT)
            if matches(message):
                return message

    def until_idle(self, msg_id: str) -> list[dict[str, Any]]:
        """What comes on iopub for a request, until its idle."""
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["content"].get("execution_state") != "idle":
            messages.append(self.published(lambda message: message["parent_header"].get("msg_id") == msg_id))
        return messages

    def done(self, msg_id: str) -> list[dict[str, Any]]:
        """Wait for both."""
        self.reply(msg_id)
        return self.until_idle(msg_id)

    def request(self, kind: str, content: dict[str, Any], buffers: list[bytes] | None = None) -> str:
        """Send any message on the shell channel."""
        message = self.client.session.msg(kind, content)
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)
        return str(message["header"]["msg_id"])


@contextmanager
def running(contender: Contender) -> Generator[Driver]:
    """The kernel from its start, of which the time to the first result is noted."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=contender.argv, display_name=contender.name, interrupt_mode=contender.interrupt_mode, language="python"
    )
    begin = time.perf_counter()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        driver = Driver(manager, client)
        driver.done(driver.execute("40 + 2"))
        contender.note("start", 1000 * (time.perf_counter() - begin))
        yield driver
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def milliseconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begin)


# --- the figures: each takes a driver, and returns its value


def execute(driver: Driver) -> float:
    return milliseconds(lambda: driver.done(driver.execute("pass")))


def ask_info(driver: Driver) -> str:
    return str(driver.client.kernel_info())


def ask_completion(driver: Driver) -> str:
    return str(driver.client.complete("import os; os.pa", 16))


def kernel_info(driver: Driver) -> float:
    return milliseconds(lambda: driver.done(ask_info(driver)))


def complete(driver: Driver) -> float:
    return milliseconds(lambda: driver.done(ask_completion(driver)))


def pipelined(driver: Driver) -> float:
    """Cells a second, asked for before the first has an answer."""
    begin = time.perf_counter()
    ids = [driver.execute("pass", store_history=False) for _ in range(PIPELINED)]
    for msg_id in ids:
        driver.reply(msg_id)
    seconds = time.perf_counter() - begin
    driver.until_idle(ids[-1])
    return PIPELINED / seconds


def flood(driver: Driver, code: str, count: Callable[[dict[str, Any]], int], whole: int) -> float:
    """Run a cell that sends much. What loses some of it has no time."""
    messages: list[dict[str, Any]] = []
    try:
        taken = milliseconds(lambda: messages.extend(driver.done(driver.execute(code))))
    except queue.Empty:  # the idle status is lost, too
        return LOST
    return taken if sum(map(count, messages)) == whole else LOST


def lines(driver: Driver) -> float:
    code = f"for i in range({LINES}): print('line', i)"
    return flood(driver, code, lambda message: message["content"].get("text", "").count("\n"), LINES)


def displays(driver: Driver) -> float:
    code = f"from IPython.display import display\nfor i in range({DISPLAYS}): display(i)"
    return flood(driver, code, lambda message: message["msg_type"] == "display_data", DISPLAYS)


def comm(driver: Driver, size: int = 0) -> float:
    comm_id = f"echo-{time.perf_counter_ns()}"
    driver.until_idle(driver.request("comm_open", {"comm_id": comm_id, "target_name": "echo", "data": {}}))
    buffers = [bytes(size)] if size else None

    def exchange() -> None:
        driver.request("comm_msg", {"comm_id": comm_id, "data": {}}, buffers)
        answer = driver.published(lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == comm_id)
        assert not size or len(answer["buffers"][0]) == size

    return milliseconds(exchange)


def large_comm(driver: Driver) -> float:
    return comm(driver, 10_000_000)


def beside(cell: str, ask: Callable[[Driver], str]) -> Callable[[Driver], float]:
    """Of a request, while a cell runs."""

    def measure(driver: Driver) -> float:
        running = driver.execute(cell)
        driver.published(lambda message: message["parent_header"].get("msg_id") == running)
        taken = milliseconds(lambda: driver.reply(ask(driver)))
        driver.until_idle(running)
        return taken

    return measure


def interrupt(driver: Driver) -> float:
    cell = driver.execute("print('begins')\nwhile True: pass")
    driver.published(lambda message: message["msg_type"] == "stream")

    def stop() -> None:
        driver.manager.interrupt_kernel()
        driver.reply(cell)

    taken = milliseconds(stop)
    driver.until_idle(cell)
    return taken


@dataclass(frozen=True)
class Figure:
    """A figure of the table.

    Args:
        title: with its unit.
        measure: measures it once.
        repeats: how often in a round.
        on_floor: whether the kernel that only answers has it.
        is_rate: whether more is better.
    """

    title: str
    measure: Callable[[Driver], float] | None
    repeats: int = 1
    on_floor: bool = False
    is_rate: bool = False


FIGURES = {
    "start": Figure("start to first result, ms", None, on_floor=True),
    "memory": Figure("memory after start, MB", lambda driver: driver.megabytes),
    "execute": Figure("execute, ms", execute, 100, on_floor=True),
    "kernel_info": Figure("kernel_info, ms", kernel_info, 100, on_floor=True),
    "complete": Figure("completion, ms", complete, 20),
    "pipelined": Figure(f"{PIPELINED:,} executes at once, a second", pipelined, 2, on_floor=True, is_rate=True),
    "lines": Figure(f"{LINES:,} printed lines, ms", lines, 3),
    "displays": Figure(f"{DISPLAYS:,} displays, ms", displays, 3),
    "comm": Figure("comm round trip, ms", comm, 50),
    "large_comm": Figure("comm round trip with 10 MB, ms", large_comm, 3),
    "awaits_info": Figure("kernel_info while a cell awaits, ms", beside(AWAITING, ask_info), 2),
    "awaits_complete": Figure("completion while a cell awaits, ms", beside(AWAITING, ask_completion), 2),
    "computes_info": Figure("kernel_info while a cell computes, ms", beside(COMPUTING, ask_info), 2),
    "computes_complete": Figure("completion while a cell computes, ms", beside(COMPUTING, ask_completion), 2),
    "interrupt": Figure("interrupt of a loop, ms", interrupt, 3),
    "memory_after": Figure("memory after all of it, MB", lambda driver: driver.megabytes),
}


def environment(name: str, packages: str) -> Path:
    """The folder of an environment, made where it is not there."""
    folder = ARTIFACTS / "environments" / name
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install(folder, *packages.split())
        (folder / "ready").touch()
    return folder


def install(folder: Path, *what: str) -> None:
    subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *what], check=True)


def our_environment() -> Path:
    """An environment with what is in this checkout now."""
    folder = environment(OURS, str(ROOT))
    install(folder, "--force-reinstall", "--no-deps", str(ROOT))
    return folder


def installed(name: str, folder: Path, spec: str) -> Contender:
    """The kernel of a kernelspec of an environment."""
    resources = folder / "share" / "jupyter" / "kernels" / spec
    said = json.loads((resources / "kernel.json").read_text())
    argv: list[str] = said["argv"]
    argv[0] = str(folder / "bin" / "python") if Path(argv[0]).name.startswith("python") else argv[0]
    argv = [part.replace("{resource_dir}", str(resources)) for part in argv]
    return Contender(name, argv, said.get("interrupt_mode", "signal"))


def contenders() -> list[Contender]:
    peers = [installed(name, environment(name, package), spec) for name, (package, spec) in PEERS.items()]
    floor = [sys.executable, str(Path(__file__).with_name("floor.py")), "{connection_file}"]
    return [installed(OURS, our_environment(), "async"), *peers, Contender(FLOOR, floor)]


def run_round(found: list[Contender]) -> None:
    """Start all, and measure each figure of one after the other."""
    with ExitStack() as stack:
        drivers = [(contender, stack.enter_context(running(contender))) for contender in found]
        for contender, driver in drivers:
            if contender.name != FLOOR:
                driver.done(driver.execute(COMM))
        for name, figure in FIGURES.items():
            if figure.measure is None:
                continue
            for _ in range(figure.repeats):
                for contender, driver in drivers:
                    if contender.name != FLOOR or figure.on_floor:
                        has_lost = LOST in contender.times.get(name, [])  # which takes long to find out
                        contender.note(name, LOST if has_lost else figure.measure(driver))


def medians(found: list[Contender], name: str) -> dict[str, float]:
    """Of a figure, by contender."""
    return {c.name: statistics.median(c.times[name]) for c in found if name in c.times}


def ratio(figure: Figure, values: dict[str, float]) -> float:
    """How many times the better peer's value ours is."""
    better = (max if figure.is_rate else min)(values[peer] for peer in PEERS)
    return values[OURS] / better


def gains(found: list[Contender]) -> dict[str, float]:
    """By figure, how many times better ours is than the better peer."""
    ratios = {figure: ratio(figure, medians(found, name)) for name, figure in FIGURES.items()}
    return {figure.title: value if figure.is_rate else 1 / value for figure, value in ratios.items()}


def table(found: list[Contender]) -> str:
    """The medians, and the ratios to the better peer."""
    names = [contender.name for contender in found]
    rows = [f"| median | {' | '.join(names)} | ratio |", f"|---|{'--:|' * (len(names) + 1)}"]
    for name, figure in FIGURES.items():
        values = medians(found, name)
        cells = [shown(values[each]) if each in values else "" for each in names]
        rows.append(f"| {figure.title} | {' | '.join(cells)} | {ratio(figure, values):.2f} |")
    return "\n".join(rows)


def shown(value: float) -> str:
    return "lost" if value == LOST else f"{value:,.{1 if value >= 20 else 2}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each kernel is started and measured")
    parser.add_argument("--write", action="store_true", help="put the figures into the documentation")
    options = parser.parse_args()
    rounds = options.rounds
    found = contenders()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            os.environ["IPYTHONDIR"] = str(Path(folder) / str(number))
            run_round(found)
            print(f"round {number + 1} of {rounds}", flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({contender.name: contender.times for contender in found}, indent=2))
    print(f"\n{table(found)}")
    if options.write:
        report.write("desktop", table(found), gains(found))


if __name__ == "__main__":
    main()
