"""The other backend as a guest in the thread of a caller."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import anyio
import pytest
import sniffio
import trio
import trio.testing
from async_kernel.caller import Caller, CallerStopped, Pending, PendingCancelled

pytestmark = pytest.mark.anyio

variable = contextvars.ContextVar("variable", default="unset")
SLEEP = {"asyncio": asyncio.sleep, "trio": trio.sleep}


@pytest.fixture
def guest(anyio_backend):
    """The backend that is not the running one."""
    return "trio" if anyio_backend == "asyncio" else "asyncio"


async def where():
    await anyio.sleep(0.001)
    return sniffio.current_async_library(), threading.get_ident(), Caller().backend


async def test_runs_the_other_backend_in_the_same_thread(caller, guest):
    assert await caller.call_using_backend(guest, where) == (guest, threading.get_ident(), guest)
    assert sniffio.current_async_library() == caller.backend


async def test_own_backend_needs_no_guest(caller):
    assert await caller.call_using_backend(caller.backend, where) == (
        caller.backend,
        threading.get_ident(),
        caller.backend,
    )
    assert not caller.children


async def test_schedule_call(caller, guest):
    context = contextvars.copy_context()
    pending = caller.schedule_call(where, backend=guest, context=context, kind="test")
    assert pending.metadata == {"kind": "test"}
    assert (await pending)[0] == guest


@pytest.mark.parametrize("other_thread", [False, True])
async def test_there_is_one_guest(caller, guest, other_thread):
    def schedule():
        return [caller.call_using_backend(guest, where) for _ in range(50)]

    pendings = await caller.to_thread(schedule) if other_thread else schedule()
    assert {await pending for pending in pendings} == {(guest, threading.get_ident(), guest)}
    assert len([child for child in caller.children if child.backend == guest]) == 1


async def test_plain_function_context_and_error(caller, guest):
    variable.set("outer")
    assert await caller.call_using_backend(guest, variable.get) == "outer"
    with pytest.raises(ZeroDivisionError):
        await caller.call_using_backend(guest, lambda: 1 / 0)


async def test_both_go_on(caller, guest):
    """Each waits for what only the other can do."""
    mine, yours = Pending(), Pending()

    async def in_guest():
        yours.set_result(await mine)

    pending = caller.call_using_backend(guest, in_guest)
    caller.call_later(0.01, mine.set_result, "done")
    assert await yours == "done"
    await pending


async def test_calls_back_into_the_host(caller, guest):
    async def there_and_back():
        return sniffio.current_async_library(), await caller.call_soon(where)

    expected = (guest, (caller.backend, threading.get_ident(), caller.backend))
    assert await caller.call_using_backend(guest, there_and_back) == expected


async def test_guest_of_a_thread(caller, guest):
    child = caller.get("child")
    assert await child.call_using_backend(guest, where) == (guest, child.id, guest)


async def test_to_thread_from_a_guest(caller, guest):
    async def work():
        return await Caller().to_thread(threading.get_ident)

    assert await caller.call_using_backend(guest, work) != threading.get_ident()


async def test_subprocess_and_thread_of_the_guest_itself(caller, guest):
    async def work():
        done = await anyio.run_process(["echo", "hello"])
        return done.stdout, await anyio.to_thread.run_sync(lambda: "from a thread")

    assert await caller.call_using_backend(guest, work) == (b"hello\n", "from a thread")


async def test_cancel_reaches_the_task(caller, guest, until):
    began, ended = [], []

    async def work():
        began.append(True)
        try:
            await SLEEP[guest](3600)
        finally:
            ended.append(True)

    pending = caller.call_using_backend(guest, work)
    await until(lambda: began)
    pending.cancel()
    with pytest.raises(PendingCancelled):
        await pending
    await until(lambda: ended)


async def test_stop_ends_the_guest(anyio_backend, guest, until):
    async with Caller("manual") as caller:
        began = []

        async def work():
            began.append(True)
            await SLEEP[guest](3600)

        pending = caller.call_using_backend(guest, work)
        await until(lambda: began)
    assert pending.cancelled()
    with pytest.raises(CallerStopped):
        caller.call_using_backend(guest, where)


async def test_guest_can_be_stopped_and_comes_back(caller, guest):
    await caller.call_using_backend(guest, where)
    (child,) = caller.children
    await child.stop()
    assert (await caller.call_using_backend(guest, where))[0] == guest


async def test_objects_of_the_guest_are_touched_from_the_host(caller, until):
    """A future of asyncio that code on trio's side sets wakes the asyncio loop."""
    if caller.backend == "asyncio":
        caller = caller.get("trio", backend="trio")

    async def host():
        futures, began = [], trio.Event()

        async def wait():
            futures.append(asyncio.get_running_loop().create_future())
            began.set()
            return await futures[0]

        pending = Caller().call_using_backend("asyncio", wait)
        await began.wait()
        await trio.testing.wait_all_tasks_blocked()
        futures[0].set_result("set")
        return await pending

    assert await caller.call_soon(host) == "set"


async def test_no_such_backend(caller):
    with pytest.raises(ValueError, match="curio"):
        caller.call_using_backend("curio", where)
    with pytest.raises(ValueError, match="curio"):
        caller.schedule_call(where, backend="curio")


async def test_no_loop_yet(guest):
    caller = Caller("manual")
    with pytest.raises(RuntimeError, match="no event loop yet"):
        caller.call_using_backend(guest, where)
    await caller.stop()
