"""The workers of `to_thread`."""

from __future__ import annotations

import logging
import threading

import anyio
import pytest
from async_kernel.caller import Caller, CallerStopped, Pending
from async_kernel.caller._pool import WorkerPool

pytestmark = pytest.mark.anyio


def schedule(function, *args):
    """What a pool is given to run."""
    return lambda worker: worker.call_soon(function, *args)


async def at_once(caller, number):
    """Run this many calls in threads at the same time. Returns the threads."""
    barrier = threading.Barrier(number)

    def meet():
        barrier.wait()
        return threading.get_ident()

    return [await pending for pending in [caller.to_thread(meet) for _ in range(number)]]


async def test_a_worker_is_used_again(caller, until):
    threads = set()
    for _ in range(5):
        threads.add(await caller.to_thread(threading.get_ident))
        await until(lambda: caller._pool.idle)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_workers_are_children_with_the_parents_backend(caller, anyio_backend):
    worker = await caller.to_thread(Caller)
    assert caller.children == {worker}
    assert worker.parent is caller
    assert worker.backend == anyio_backend
    assert worker.name == "main-1"


async def test_calls_at_once_have_a_thread_each(caller):
    assert len(set(await at_once(caller, 5))) == 5


async def test_at_most_ten_stay_idle(caller, until):
    await at_once(caller, 14)
    # A worker that keeps its place is idle only a moment later.
    await until(lambda: len(caller.children) == 10 and caller.children == set(caller._pool.idle))


async def test_a_worker_can_use_threads_too_and_shares_the_pool(caller):
    async def outer():
        inner = Caller().to_thread(threading.get_ident)
        return threading.get_ident(), await inner

    outer_thread, inner_thread = await caller.to_thread(outer)
    assert outer_thread != inner_thread
    assert {child.id for child in caller.children} == {outer_thread, inner_thread}


async def test_an_idle_one_ends_after_a_while(caller):
    pool = WorkerPool(caller.get, idle_seconds=0.001)
    worker = await pool.run(schedule(Caller))
    worker.thread.join()
    assert pool.idle == ()
    await worker.stop()
    assert caller.children == set()


async def test_one_that_is_taken_does_not(caller, until):
    pool = WorkerPool(caller.get, idle_seconds=1000)
    first = await pool.run(schedule(Caller))
    await until(lambda: pool.idle)
    notice = pool._idle[0].notice
    pending = pool.run(schedule(Caller))
    assert notice.cancelled()
    assert await pending is first


async def test_one_that_was_stopped_is_not_used_again(caller, until):
    pool = WorkerPool(caller.get)
    first = await pool.run(schedule(Caller))
    await until(lambda: pool.idle)
    await first.stop()
    second = await pool.run(schedule(Caller))
    assert second is not first
    await until(lambda: pool.idle == (second,))


async def test_one_that_stops_itself_is_given_up(caller, until):
    pending = caller.to_thread(lambda: Caller().stop())
    await pending.wait(result=False)
    assert await caller.to_thread(lambda: 1) == 1
    await until(lambda: len(caller._pool.idle) == 1)


async def test_an_idle_one_keeps_nothing_of_its_call(caller, anyio_backend):
    """The notice to an idle worker neither joins a group nor runs in the context of the last call."""
    with anyio.fail_after(10):
        async with caller.create_pending_group():
            await caller.to_thread(lambda: 1)


async def test_all_end_with_the_caller():
    async with Caller("manual") as caller:
        await at_once(caller, 3)
        threads = [child.thread for child in caller.children]
    for thread in threads:
        thread.join()
    with pytest.raises(CallerStopped):
        caller.to_thread(lambda: 1)


async def test_in_a_context_of_their_own_loop(caller, anyio_backend):
    async def sleep():
        await anyio.lowlevel.checkpoint()
        return Caller().backend

    assert await caller.to_thread(sleep) == anyio_backend


class TestWithoutThreads:
    """As in Pyodide: everything shares the one event loop."""

    @pytest.fixture
    async def caller(self, anyio_backend):
        async with Caller("manual", threads=False) as caller:
            yield caller

    async def test_to_thread_runs_in_the_loop_and_says_so_once(self, caller, caplog):
        async def sleep():
            await anyio.lowlevel.checkpoint()
            return threading.get_ident()

        caplog.set_level(logging.WARNING)
        assert await caller.to_thread(threading.get_ident) == threading.get_ident()
        assert await caller.to_thread(sleep) == threading.get_ident()
        assert caplog.text.count("There are no threads here") == 1

    async def test_children_share_the_loop(self, caller, anyio_backend):
        async def who():
            await anyio.lowlevel.checkpoint()
            return Caller()

        child = caller.get(name="child")
        assert caller.get(name="child") is child
        assert child.thread is caller.thread
        assert child.backend == anyio_backend
        assert child.id != caller.id
        assert Caller.get_existing(child.id) is child
        for function in (who, Caller):
            assert await child.call_soon(function) is child
            assert await caller.call_soon(function) is caller
        assert await child.call_soon(Caller.id_current) == child.id
        assert await child.call_soon(lambda: caller.call_soon(Caller)).wait() is not child

    async def test_a_child_stops_alone(self, caller):
        child = caller.get(name="child")
        pending, mine = child.call_soon(anyio.sleep_forever), caller.call_soon(anyio.sleep_forever)
        await anyio.wait_all_tasks_blocked()
        await child.stop()
        assert pending.cancelled()
        assert not mine.cancelled()
        assert caller.children == set()

    async def test_children_stop_with_the_parent(self, anyio_backend):
        async with Caller("manual", threads=False) as caller:
            child = caller.get().get()
            pending = child.call_soon(anyio.sleep_forever)
            await anyio.wait_all_tasks_blocked()
        assert child.stopped
        assert pending.cancelled()

    async def test_a_child_made_before_the_start(self, anyio_backend):
        parent = Caller("manual", threads=False)
        child = parent.get(name="child")
        pending = child.call_soon(lambda: 1)
        async with parent:
            assert await pending == 1
            assert child.running

    async def test_one_for_another_backend_made_before_the_start(self, anyio_backend):
        parent = Caller("manual", threads=False)
        child = parent.get(backend="trio" if anyio_backend == "asyncio" else "asyncio")
        pending = child.call_soon(lambda: 1)
        with pytest.raises(ValueError, match="event loop here is that of"):
            async with parent:
                pass
        assert pending.cancelled()
        assert parent.stopped

    async def test_the_other_backend_is_refused(self, caller, anyio_backend):
        with pytest.raises(ValueError, match="event loop here is that of"):
            caller.get(backend="trio" if anyio_backend == "asyncio" else "asyncio")
        assert caller.children == set()

    async def test_a_new_thread_shares_the_loop_too(self, caller, caplog):
        other = Caller("NewThread", threads=False)
        assert await other.call_soon(Caller) is other
        assert other.thread is caller.thread
        assert "There are no threads here" in caplog.text
        await other.stop()

    async def test_blocking_for_a_child_is_refused(self, caller):
        pending: Pending = caller.get().call_soon(anyio.sleep_forever)
        with pytest.raises(RuntimeError, match="Await it"):
            pending.wait_sync()
