"""What the debugger costs a program without a breakpoint.

    .venv/bin/python tests/bench/debugger.py {pyodide,zmq} [--rounds N]

Prints the shortest times of a loop that calls functions, in seconds, with and without a session, and their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from protocol.debug_session import DebugSession  # found by the line above
from protocol.transports import ZMQ, Node

PROGRAM = """
import time

def helper(i):
    return i // 2

def work():
    total = 0
    for i in range(300_000):
        total += abs(i)
        if i % 3 == 0:
            total -= helper(i)
    return total

def shortest():
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    print(min(times))
"""


async def measure(name: str, rounds: int) -> None:
    transport = Node() if name == "pyodide" else ZMQ()
    times: dict[str, list[float]] = {"without": [], "with": []}
    async with transport.fresh_client() as client:
        session = DebugSession(client)
        await client.execute(PROGRAM)
        for _ in range(rounds):
            times["without"].append(float((await client.execute("shortest()")).text()))
            await session.start()
            times["with"].append(float((await client.execute("shortest()")).text()))
            await session.do("disconnect")
    shortest = {kind: min(found) for kind, found in times.items()}
    print(f"{name}: {shortest}, ratio {shortest['with'] / shortest['without']:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["pyodide", "zmq"])
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    asyncio.run(measure(options.transport, options.rounds))
