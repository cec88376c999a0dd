"""dask.distributed with `asynchronous=True`, from cells with top-level await."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from desktop.kernels import Flavour, Kernel, start_kernel
from protocol.client import outputs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from async_kernel._wire import Message
    from async_kernel.testing import Exchange

IN_THE_KERNEL = "processes=False"
IN_PROCESSES = "host='127.0.0.1', n_workers=1, threads_per_worker=1"


@pytest.fixture
def kernel(tmp_path: Path) -> Generator[Kernel]:
    """A kernel that must end by itself with whatever a cluster has left in it."""
    with start_kernel(Flavour("asyncio", "tcp"), tmp_path, cwd=tmp_path) as kernel:
        yield kernel


def run(kernel: Kernel, code: str) -> Exchange:
    done = kernel.main.execute(code)
    assert done.content["status"] == "ok", done.content
    return done


def connect(kernel: Kernel, where: str) -> Exchange:
    return run(
        kernel,
        "import logging, os\n"
        "from distributed import Client, progress\n"
        f"client = await Client(asynchronous=True, dashboard_address=None, {where})",
    )


def close(kernel: Kernel) -> None:
    assert outputs(run(kernel, "await client.close()\nclient.status"))[-1] == ("execute_result", "'closed'")


def test_results_and_logs_of_a_cluster_in_the_kernel(kernel: Kernel) -> None:
    cluster = connect(kernel, IN_THE_KERNEL)
    submitted = run(kernel, "squares = client.map(lambda x: x * x, range(100))\nprint('submitted')")
    gathered = run(kernel, "sum(await client.gather(squares))")
    assert outputs(gathered) == [("execute_result", str(sum(x * x for x in range(100))))]
    logged = run(kernel, "logging.getLogger('distributed').warning('by the cell')")
    assert "by the cell" in logged.text("stderr")
    # a worker belongs to the cell that started the cluster, and so does what it says
    run(kernel, "await client.submit(lambda: logging.getLogger('distributed.worker').warning('by a worker'))")
    kernel.main.wait_text(cluster.request, "by a worker")
    failed = kernel.main.execute("await client.submit(lambda: 1 / 0)")
    assert failed.content["ename"] == "ZeroDivisionError"
    close(kernel)
    assert outputs(kernel.main.exchange(submitted.request)) == [("stdout", "submitted\n")]
    assert "WARNING - by" not in "".join(kernel.main.exchange(r.request).text("stderr") for r in (submitted, gathered))


def test_progress_goes_on_in_its_cell(kernel: Kernel) -> None:
    connect(kernel, IN_THE_KERNEL)
    shown = run(
        kernel,
        "from distributed import Event\n"
        "futures = client.map(lambda x: Event('go on').wait() and x, range(10))\n"
        "progress(futures)",
    )
    (display,) = shown.of_type("display_data", "execute_result")
    assert "application/vnd.jupyter.widget-view+json" in display["content"]["data"]

    def counts(text: str) -> bool:
        updates = kernel.main.exchange(shown.request).of_type("comm_msg")
        return any(re.search(text, str(m["content"]["data"])) for m in updates)

    kernel.main.wait("iopub", lambda _: counts("0 / 10"))
    other = run(kernel, "await Event('go on').set()\nprint(sum(await client.gather(futures)))")

    def is_finished(_: Message) -> bool:
        return counts("10 / 10") and counts("Finished")

    kernel.main.wait("iopub", is_finished)
    assert outputs(other) == [("stdout", "45\n")]
    assert not kernel.main.exchange(other.request).of_type("comm_msg")
    close(kernel)


def test_a_cluster_in_processes(kernel: Kernel) -> None:
    connect(kernel, IN_PROCESSES)
    run(kernel, "def of_the_notebook(x):\n    return x + offset, os.getpid()\noffset = 10")
    done = run(kernel, "result, worker = await client.submit(of_the_notebook, 5)\nresult, worker != os.getpid()")
    assert outputs(done) == [("execute_result", "(15, True)")]
    # while the client waits, the kernel does not
    waiting = kernel.main.start(
        "from distributed import Event\nprint('begins')\nawait client.submit(lambda: Event('go on').wait())"
    )
    kernel.main.wait_text(waiting, "begins")
    kernel.main.request("complete_request", {"code": "client.subm", "cursor_pos": 11})
    kernel.interrupt()
    assert kernel.main.finish(waiting).content["ename"] == "KeyboardInterrupt"
    resumed = run(kernel, "await Event('go on').set()\nclient.status").of_type("execute_result")
    assert [r["content"]["data"]["text/plain"] for r in resumed] == ["'running'"]
    close(kernel)
