"""What a GUI host costs: execute latency beside the same kernel without one, idle processor time, redraws.

    .venv/bin/python tests/bench/hosts.py [ROUNDS]

It needs Xvfb, xdotool, Tk and PySide6. Kernels are asked in turns, so that other work on the machine meets all of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from desktop.kernels import BACKENDS, Flavour, jupyter_folders, start_kernel
from desktop.test_hosts import FRAMES
from desktop.windows import virtual_display

if TYPE_CHECKING:
    from desktop.kernels import Client, Kernel

HOSTS = (None, "tk", "qt")
IDLE = 5.0
"""Seconds for which processor time is measured."""
DRAWING = 10.0
"""Seconds for which redraws are counted."""


def latency(client: Client) -> float:
    """Milliseconds from a request to its reply."""
    begin = time.perf_counter()
    client.wait_reply(client.start("pass", store_history=False))
    return 1000 * (time.perf_counter() - begin)


def idle_percent(kernel: Kernel) -> float:
    """Processor time of the kernel while nothing is asked of it, in percent of one processor."""
    process = psutil.Process(kernel.pid)
    before = process.cpu_times()
    time.sleep(IDLE)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / IDLE


def redraws(kernel: Kernel, flavour: Flavour) -> float:
    """Redraws a second, of a window that asks for 62, during a loop of `await sleep(0.001)`."""
    frames = FRAMES[flavour.host or ""].replace("120", "10**9")
    kernel.main.execute(f"drawn, ended = [], []\n{frames}")
    loop = (
        f"import time, {flavour.backend}\nbegin, before = time.monotonic(), len(drawn)\n"
        f"while time.monotonic() < begin + {DRAWING}: await {flavour.backend}.sleep(0.001)\n"
        "(len(drawn) - before) / (time.monotonic() - begin)"
    )
    return float(kernel.main.result(loop))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{'':14}{'ms an execute':>16}{'ratio':>8}{'% idle':>10}{'redraws/s':>12}")
    for backend in BACKENDS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            os.environ["IPYTHONDIR"] = str(folder / "ipython")
            stack.enter_context(virtual_display())
            stack.enter_context(jupyter_folders(folder))
            flavours = [Flavour(backend, "tcp", host=host) for host in HOSTS]
            kernels = [stack.enter_context(start_kernel(flavour, folder)) for flavour in flavours]
            times: list[list[float]] = [[] for _ in kernels]
            for _ in range(rounds):
                for kernel, taken in zip(kernels, times, strict=True):
                    taken.append(latency(kernel.main))
                    kernel.main.messages.clear()
            for flavour, kernel, taken in zip(flavours, kernels, times, strict=True):
                ratio = median(taken) / median(times[0])
                idle = idle_percent(kernel)
                drawn = f"{redraws(kernel, flavour):12.1f}" if flavour.host else ""
                print(f"{flavour!s:14}{median(taken):16.2f}{ratio:8.2f}{idle:10.2f}{drawn}", flush=True)


if __name__ == "__main__":
    main()
