"""Call queues: one a function, in order, for as long as the function lives."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref

import anyio
import pytest
from async_kernel.caller import Caller, CallerStopped, Pending, PendingCancelled

pytestmark = pytest.mark.anyio


class Recorder:
    def __init__(self):
        self.calls = []

    def record(self, item):
        self.calls.append(item)

    async def record_soon(self, item):
        self.calls.append(("begin", item))
        await anyio.lowlevel.checkpoint()
        self.calls.append(("end", item))

    def __call__(self, item):
        self.calls.append(item)

    def __eq__(self, other):
        return self is other

    __hash__ = None


async def test_calls_run_in_order(caller, until):
    recorder, done = Recorder(), Pending()
    for item in range(10):
        assert caller.queue_call(recorder.record, item) is None
    caller.queue_call(recorder.record, done)
    assert recorder.calls == []
    await until(lambda: len(recorder.calls) == 11)
    assert recorder.calls == [*range(10), done]


async def test_coroutines_run_one_after_another(caller, until):
    recorder = Recorder()
    for item in range(3):
        caller.queue_call(recorder.record_soon, item)
    await until(lambda: len(recorder.calls) == 6)
    assert recorder.calls == [(what, item) for item in range(3) for what in ("begin", "end")]


async def test_a_call_that_waits_does_not_hold_up_another_queue(caller, until):
    gate, order = Pending(), []

    async def slow(item):
        await gate.wait(protect=True)
        order.append(("slow", item))

    caller.queue_call(slow, 1)
    caller.queue_call(slow, 2)
    caller.queue_call(order.append, "fast")
    await until(lambda: order)
    assert order == ["fast"]
    gate.set_result(None)
    await until(lambda: len(order) == 3)
    assert order == ["fast", ("slow", 1), ("slow", 2)]


async def test_plain_and_coroutine_calls_of_a_partly_async_function_keep_their_order(caller, until):
    order = []

    def function(item):
        async def later():
            await anyio.lowlevel.checkpoint()
            order.append(item)

        return later() if item % 2 else order.append(item)

    for item in range(6):
        caller.queue_call(function, item)
    await until(lambda: len(order) == 6)
    assert order == list(range(6))


async def test_from_many_threads(caller):
    calls, ended = [], Pending()

    def function(thread, item):
        calls.append((thread, item))
        if len(calls) == 400:
            ended.set_result(None)

    def put(thread):
        for item in range(100):
            caller.queue_call(function, thread, item)

    await caller.wait([caller.to_thread(put, thread) for thread in range(4)])
    await ended
    for thread in range(4):
        assert [item for who, item in calls if who == thread] == list(range(100))


async def test_each_call_has_the_context_it_was_queued_in(caller, until):
    variable = contextvars.ContextVar("variable")
    seen = []

    async def look():
        await anyio.lowlevel.checkpoint()
        seen.append(variable.get())

    for value in range(3):
        variable.set(value)
        caller.queue_call(look)
    await until(lambda: len(seen) == 3)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
async def test_an_error_is_logged_and_the_next_is_called(caller, caplog, error, until):
    calls = []

    def function(item):
        if item == 1:
            raise error("this one")
        calls.append(item)

    for item in range(3):
        caller.queue_call(function, item)
    await until(lambda: len(calls) == 2)
    assert calls == [0, 2]
    assert "this one" in caplog.text


async def test_a_cancelled_call_does_not_end_the_queue(caller, caplog, until):
    calls = []

    async def function(item):
        if item == 1:
            Caller.current_pending().cancel()
        await anyio.lowlevel.checkpoint()
        calls.append(item)

    for item in range(3):
        caller.queue_call(function, item)
    await until(lambda: len(calls) == 2)
    assert calls == [0, 2]
    assert caplog.text == ""


class TestIdentity:
    async def test_a_bound_method_is_the_same_however_often_it_is_looked_up(self, caller):
        recorder = Recorder()
        caller.queue_call(recorder.record, 1)
        life = caller.queue_get(recorder.record)
        assert life is caller.queue_get(recorder.record)
        assert caller.queue_get(recorder.record_soon) is None
        assert caller.queue_get(Recorder().record) is None

    async def test_an_unhashable_object(self, caller, until):
        recorder = Recorder()
        caller.queue_call(recorder, 1)
        assert caller.queue_get(recorder) is not None
        await until(lambda: recorder.calls)
        assert recorder.calls == [1]

    async def test_builtin_functions(self, caller, capsys, until):
        caller.queue_call(print, "printed")
        assert caller.queue_get(print) is not None
        await until(lambda: capsys.readouterr().out == "printed\n")


class TestLife:
    async def test_ends_with_the_object_of_the_method(self, caller, until):
        recorder = Recorder()
        calls = recorder.calls
        caller.queue_call(recorder.record, 1)
        await until(lambda: calls)
        life = caller.queue_get(recorder.record)
        assert not life.done()
        gone = weakref.ref(recorder)
        del recorder
        gc.collect()
        assert gone() is None
        assert life.done()
        assert not caller._queues.by_key

    async def test_ends_with_the_function(self, caller, until):
        def function():
            calls.append(1)

        calls = []
        caller.queue_call(function)
        await until(lambda: calls)
        life = caller.queue_get(function)
        del function
        gc.collect()
        assert life.done()

    async def test_calls_that_wait_keep_it_alive(self, caller, until):
        recorder = Recorder()
        calls = recorder.calls
        caller.queue_call(recorder.record, 1)
        caller.queue_call(recorder.record, 2)
        del recorder
        gc.collect()
        await until(lambda: len(calls) == 2)
        gc.collect()
        assert not caller._queues.by_key

    async def test_of_what_cannot_be_watched_ends_when_it_is_empty(self, caller, until):
        calls = []
        caller.queue_call(calls.append, 1)
        caller.queue_call(calls.append, 2)
        life = caller.queue_get(calls.append)
        assert life is not None
        await until(life.done)
        assert calls == [1, 2]
        assert life.done()
        assert caller.queue_get(calls.append) is None


class TestClose:
    async def test_cancels_what_runs_and_drops_what_waits(self, caller):
        ended = []

        async def function(item):
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(item)

        caller.queue_call(function, 1)
        caller.queue_call(function, 2)
        await anyio.wait_all_tasks_blocked()
        life = caller.queue_get(function)
        caller.queue_close(function)
        assert caller.queue_get(function) is None
        with pytest.raises(PendingCancelled):
            await life
        await anyio.wait_all_tasks_blocked()
        assert ended == [1]

    async def test_of_no_queue_is_nothing(self, caller):
        caller.queue_close(print)

    async def test_by_cancelling_its_life(self, caller, until):
        recorder = Recorder()
        caller.queue_call(recorder.record, 1)
        caller.queue_get(recorder.record).cancel()
        caller.queue_call(recorder.record, 2)
        await until(lambda: recorder.calls)
        assert recorder.calls == [2]

    async def test_with_the_caller(self):
        recorder, started = Recorder(), []

        async def run():
            started.append(True)
            await anyio.sleep_forever()

        async with Caller("manual") as caller:
            caller.queue_call(run)
            caller.queue_call(run)
            caller.queue_call(recorder.record_soon, 1)
            lives = [caller.queue_get(run), caller.queue_get(recorder.record_soon)]
        assert started in ([], [True])
        assert all(life.done() for life in lives)
        with pytest.raises(CallerStopped):
            caller.queue_call(run)


async def test_a_call_queued_by_the_function_itself(caller):
    calls = []

    def function(item):
        calls.append(item)
        if item:
            caller.queue_call(function, item - 1)

    caller.queue_call(function, 5000)  # deeper than the stack
    while len(calls) < 5001:
        await anyio.lowlevel.checkpoint()
    assert calls[-1] == 0


async def test_calls_in_the_thread_of_a_child(caller, other_backend):
    child, threads, done = caller.get(backend=other_backend), [], Pending()

    async def function():
        await anyio.lowlevel.checkpoint()
        threads.append(threading.get_ident())
        if len(threads) == 3:
            done.set_result(None)

    for _ in range(3):
        child.queue_call(function)
    await done
    assert threads == [child.id] * 3
