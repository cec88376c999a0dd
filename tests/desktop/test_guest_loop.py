"""Event loops as guests of main loops: all that asyncio promises, and trio's first things, under each host."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.lowlevel import checkpoint
from async_kernel._nested_run import NestedRun
from async_kernel.caller import Caller
from async_kernel.caller._backend import run_hosted
from async_kernel.caller._host import current_host, make_host
from desktop.windows import need_toolkit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    RunGuest = Callable[..., object]


@pytest.fixture(scope="module", params=["queue", "tk", "qt"])
def host_name(request: pytest.FixtureRequest) -> str:
    if request.param != "queue":
        need_toolkit(request.param)
        request.getfixturevalue("display")
    return request.param


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def run(host_name: str) -> RunGuest:
    """Runs a coroutine function as a guest, to its end, and returns its result."""

    def run(main: Callable[[], Awaitable[object]], backend: str = "asyncio", **options: object) -> object:
        results: list[object] = []

        async def keep_result() -> None:
            results.append(await main())

        name, host_options = (
            ("custom", {"host_class": "async_kernel.testing.QueueHost"}) if host_name == "queue" else (host_name, {})
        )
        run_hosted(keep_result, backend, options, make_host(name, host_options))
        return results[0]

    return run


@pytest.fixture(autouse=True)
def nothing_is_left() -> Generator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "asyncio guest I/O":
            thread.join(5)
            assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def in_host(function: Callable[[], object]) -> None:
    """Call a function as a GUI calls a callback: in the main loop, and not in a turn of its guest."""
    host = current_host()
    assert host is not None
    host.run_soon_threadsafe(function)


# --- either backend


def test_result_and_error(run: RunGuest, backend: str) -> None:
    async def work() -> int:
        await anyio.sleep(0.001)
        return 7

    async def fail() -> None:
        await checkpoint()
        raise LookupError("mine")

    assert run(work, backend) == 7
    with pytest.raises(LookupError, match="mine"):
        run(fail, backend)
    assert run(work, backend) == 7
    assert current_host() is None


def test_many_turns_and_timers(run: RunGuest, backend: str) -> None:
    async def work() -> list[int]:
        order: list[int] = []

        async def later(i: int) -> None:
            await anyio.sleep(i / 100)
            order.append(i)

        async with anyio.create_task_group() as group:
            for i in (3, 1, 2, 0):
                group.start_soon(later, i)
        for _ in range(2000):
            await checkpoint()
        return sorted(order)

    assert run(work, backend) == [0, 1, 2, 3]


def test_the_main_loop_goes_on_while_the_guest_is_never_idle(run: RunGuest, backend: str) -> None:
    async def work() -> None:
        calls: list[None] = []

        def callback() -> None:
            calls.append(None)
            if len(calls) < 50:
                in_host(callback)

        in_host(callback)
        while len(calls) < 50:  # the guest is to be busy
            await checkpoint()

    run(work, backend)


def test_wakes_for_other_threads(run: RunGuest, backend: str) -> None:
    async def work() -> int:
        caller = Caller()
        assert caller.host in {"custom", "tk", "qt"}
        seen = 0
        for _ in range(20):
            seen += await caller.to_thread(lambda: caller.call_soon(lambda: 1).wait_sync())
        return seen

    assert run(work, backend) == 20


def test_subprocess(run: RunGuest, backend: str) -> None:
    async def work() -> tuple[bytes, int]:
        code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(3)"
        async with await anyio.open_process([sys.executable, "-c", code]) as process:
            await process.stdin.send(b"shout")
            await process.stdin.aclose()
            text = await process.stdout.receive()
            return text, await process.wait()

    assert run(work, backend) == (b"SHOUT", 3)


def test_cancellation(run: RunGuest, backend: str) -> None:
    async def work() -> list[str]:
        steps: list[str] = []

        async def endless() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                steps.append("ended")

        with anyio.move_on_after(0.01) as scope:
            await endless()
        assert scope.cancelled_caught
        async with anyio.create_task_group() as group:
            group.start_soon(endless)
            await checkpoint()
            group.cancel_scope.cancel()
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await endless()
        return steps

    assert run(work, backend) == ["ended"] * 3


def test_callbacks_of_the_main_loop_start_work(run: RunGuest, backend: str) -> None:
    """While the guest waits, and has no reason of its own to look."""

    async def work() -> str:
        caller = Caller()
        done: list[str] = []
        event = anyio.Event()

        async def answer() -> None:
            await anyio.sleep(0.001)
            done.append("answered")
            event.set()

        in_host(lambda: caller.call_soon(answer))
        await event.wait()
        return done[0]

    assert run(work, backend) == "answered"


def test_a_host_in_a_thread_of_its_own(host_name: str, backend: str) -> None:
    if host_name == "qt":
        with pytest.raises(Exception, match="Qt runs in the main thread only"):
            Caller("NewThread", host="qt", backend=backend)
        return
    name, options = ("tk", None) if host_name == "tk" else ("custom", {"host_class": "async_kernel.testing.QueueHost"})

    async def where() -> tuple[str | None, int]:
        await anyio.sleep(0.001)
        return Caller().host, threading.get_ident()

    caller = Caller("NewThread", host=name, host_options=options, backend=backend)
    assert caller.call_soon(where).wait_sync() == (name, caller.id)
    caller.stop().wait_sync()
    assert not caller.thread.is_alive() or caller.thread.join(10) is None
    assert caller.stopped


def test_hosts_that_there_are_not() -> None:
    with pytest.raises(ValueError, match=r"There is no host 'gtk'\. Available are: tk, qt, custom"):
        Caller("NewThread", host="gtk")
    with pytest.raises(ValueError, match="needs a thread that is new"):
        Caller("manual", host="tk")
    with pytest.raises(ValueError, match="takes host_class"):
        Caller("NewThread", host="custom")
    with pytest.raises(Exception, match="cannot be imported"):
        Caller("NewThread", host="custom", host_options={"host_class": "nowhere.Host"})
    with pytest.raises(Exception, match="must be a subclass of"):
        Caller("NewThread", host="custom", host_options={"host_class": "collections.OrderedDict"})
    with pytest.raises(Exception, match="does not take these host_options"):
        Caller("NewThread", host="tk", host_options={"colour": "red"})
    with pytest.raises(ValueError, match="Unknown backend_options for asyncio under a host: use_uvloop"):
        Caller("NewThread", host="tk", backend_options={"use_uvloop": True})


def test_a_main_loop_that_returns_too_early() -> None:
    code = (
        "import anyio\nfrom async_kernel.caller._backend import run_hosted\n"
        "from async_kernel.testing import QueueHost\n"
        "class Hasty(QueueHost):\n    def mainloop(self): pass\n"
        "run_hosted(anyio.sleep_forever, 'asyncio', None, Hasty())"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True)
    assert "The main loop of the host 'custom' returned before its guest had ended." in done.stderr


# --- asyncio: sockets and streams


def test_streams(run: RunGuest) -> None:
    async def work() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            served.set()

        served = asyncio.Event()
        limit = 1 << 22
        async with await asyncio.start_server(serve, "127.0.0.1", 0, limit=limit) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=limit)
            for i in range(100):
                writer.write(b"line %d\n" % i)
            assert [await reader.readline() for _ in range(100)] == [b"LINE %d\n" % i for i in range(100)]
            big = b"x" * 3_000_000 + b"\n"
            writer.write(big)
            assert await reader.readuntil(b"\n") == big.upper()
            writer.close()
            await writer.wait_closed()
            await served.wait()

    run(work)


def test_sockets(run: RunGuest) -> None:
    async def work() -> bytes:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            there.setblocking(False)
            data = os.urandom(1_000_000)
            sending = asyncio.create_task(loop.sock_sendall(here, data))
            received = b""
            while len(received) < len(data):
                received += await loop.sock_recv(there, 65536)
            await sending
            return received == data

    assert run(work)


def test_datagrams(run: RunGuest) -> None:
    class Echo(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.got = asyncio.get_running_loop().create_future()

        def datagram_received(self, data, addr):
            self.got.set_result(data)

    async def work() -> bytes:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        transport.sendto(b"hello", transport.get_extra_info("sockname"))
        data = await protocol.got
        transport.close()
        return data

    assert run(work) == b"hello"


def test_readers_and_writers_also_from_callbacks_of_the_main_loop(run: RunGuest) -> None:
    async def work() -> list[str]:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        seen: list[str] = []
        readable, writable = loop.create_future(), loop.create_future()

        def read() -> None:
            seen.append(there.recv(10).decode())
            loop.remove_reader(there)
            readable.set_result(None)

        def write() -> None:
            loop.remove_writer(here)
            here.send(b"text")
            writable.set_result(None)

        with here, there:
            in_host(lambda: loop.add_reader(there, read))
            in_host(lambda: loop.add_writer(here, write))
            await readable
            await writable
        return seen

    assert run(work) == ["text"]


# --- asyncio: processes, threads, signals


def test_process_is_waited_for_and_killed(run: RunGuest) -> None:
    async def work() -> tuple[int, int]:
        async with asyncio.timeout(20):
            first = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            second = await asyncio.create_subprocess_exec("sleep", "1000", stdout=subprocess.PIPE)
            code = await first.wait()
            second.kill()
            return code, await second.wait()

    assert run(work) == (0, -signal.SIGKILL)


def test_call_soon_threadsafe(run: RunGuest) -> None:
    async def work() -> int:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        calls: list[int] = []

        def called(i: int) -> None:
            calls.append(i)
            if len(calls) == 400:
                done.set_result(None)

        def call() -> None:
            for i in range(100):
                loop.call_soon_threadsafe(called, i)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        await done
        for thread in threads:
            thread.join()
        return len(calls)

    assert run(work) == 400


def test_executors(run: RunGuest) -> None:
    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        here = threading.get_ident()
        assert await asyncio.to_thread(threading.get_ident) != here
        return await asyncio.gather(*(loop.run_in_executor(None, pow, i, 2) for i in range(10)))

    assert run(work) == [i * i for i in range(10)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio_")]


def test_signal_handler(run: RunGuest) -> None:
    async def work() -> str:
        loop = asyncio.get_running_loop()
        got = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, got.set_result, "signal")
        try:
            loop.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)
            return await got
        finally:
            loop.remove_signal_handler(signal.SIGUSR1)

    assert run(work) == "signal"


# --- asyncio: the loop itself


def test_timers(run: RunGuest) -> None:
    async def work() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        loop.call_later(0.03, seen.append, "third")
        loop.call_at(loop.time() + 0.01, seen.append, "first")
        loop.call_later(0.02, seen.append, "never").cancel()
        in_host(lambda: loop.call_later(0.005, seen.append, "second"))
        end = loop.create_future()
        loop.call_later(0.05, end.set_result, None)
        await end
        return seen

    assert sorted(run(work)) == ["first", "second", "third"]


def test_callbacks_of_the_main_loop_use_the_loop(run: RunGuest) -> None:
    async def work() -> list[object]:
        loop = asyncio.get_running_loop()
        future, event, results = loop.create_future(), asyncio.Event(), []

        async def started() -> str:
            await asyncio.sleep(0.001)
            event.set()
            return "task"

        def callback() -> None:
            assert asyncio.get_running_loop() is loop
            results.append(asyncio.create_task(started()))
            future.set_result("future")

        in_host(callback)
        await event.wait()
        return [await future, await results[0]]

    assert run(work) == ["future", "task"]


def test_context_variables(run: RunGuest) -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def work() -> list[str]:
        seen: list[str] = []
        variable.set("main")
        own = contextvars.copy_context()
        own.run(variable.set, "own")

        async def child() -> None:
            seen.append(variable.get())
            variable.set("child")

        await asyncio.create_task(child())
        await asyncio.create_task(child(), context=own)
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: future.set_result(variable.get()), context=own)
        return [*seen, await future, variable.get()]

    assert run(work) == ["main", "own", "child", "main"]
    assert variable.get() == "unset"


def test_debug_mode(run: RunGuest, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> str:
        loop = asyncio.get_running_loop()
        assert loop.get_debug()
        loop.slow_callback_duration = 0.01
        loop.call_soon(time.sleep, 0.02)
        await asyncio.sleep(0.03)

        def from_thread() -> str:
            try:
                loop.call_soon(print)
            except RuntimeError as error:
                return str(error)
            return "nothing"

        return await asyncio.to_thread(from_thread)

    assert "Non-thread-safe operation" in run(work, debug=True, use_uvloop=False)
    assert any("Executing <Handle sleep" in record.getMessage() for record in caplog.records)


def test_asynchronous_generators_are_finalised(run: RunGuest) -> None:
    ends: list[str] = []
    dropped = asyncio.Event()

    async def numbers(name: str):
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0.001)
            ends.append(name)
            dropped.set()

    async def work() -> None:
        async for _ in numbers("dropped"):
            break
        gc.collect()
        await dropped.wait()
        work.kept = numbers("kept")
        await anext(work.kept)

    run(work)
    assert ends == ["dropped", "kept"]


def test_tasks_that_are_left_are_cancelled(run: RunGuest) -> None:
    steps: list[str] = []

    async def left() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # the end takes turns too
            steps.append("cleaned up")
            raise

    async def work() -> None:
        work.task = asyncio.create_task(left())
        await asyncio.sleep(0)

    run(work)
    assert steps == ["cleaned up"]
    assert work.task.cancelled()


def test_task_groups_and_synchronisation(run: RunGuest) -> None:
    async def work() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

        async def produce() -> None:
            for i in range(50):
                await queue.put(i)

        async def fail() -> None:
            await asyncio.sleep(0)
            raise LookupError

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            got = [await asyncio.wait_for(queue.get(), 10) for _ in range(50)]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(3600))
                group.create_task(fail())
        except* LookupError:
            got.append(50)
        return got

    assert run(work) == list(range(51))


def test_errors_of_callbacks_go_to_the_exception_handler(run: RunGuest) -> None:
    async def work() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: seen.append(type(context["exception"]).__name__))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)
        return seen

    assert run(work) == ["ZeroDivisionError"]


def test_system_exit_in_a_task_ends_the_loop(run: RunGuest) -> None:
    steps: list[str] = []

    async def leave() -> None:
        raise SystemExit(3)

    async def work() -> None:
        task = asyncio.create_task(leave())
        try:
            await asyncio.sleep(3600)
        finally:
            steps.append("cleaned up")
            assert task.done()

    with pytest.raises(SystemExit) as caught:
        run(work)
    assert caught.value.code == 3
    assert steps == ["cleaned up"]


@pytest.mark.parametrize("where", ["task", "callback of the main loop"])
def test_nested_runs(run: RunGuest, where: str) -> None:
    async def inner(i: int) -> int:
        await asyncio.sleep(0.005)
        return await asyncio.to_thread(lambda: i)

    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        other = asyncio.create_task(inner(3))

        def nested() -> list[int]:
            return [asyncio.run(inner(1)), loop.run_until_complete(inner(2)), loop.run_until_complete(other)]

        if where == "task":
            return nested()
        future = loop.create_future()
        in_host(lambda: future.set_result(nested()))
        return await future

    nestable = NestedRun()
    nestable.install()
    try:
        assert run(work) == [1, 2, 3]
    finally:
        nestable.uninstall()
