"""Scheduling calls on a caller that serves the running loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from functools import partial

import anyio
import pytest
from async_kernel.caller import Caller, CallerStopped, Pending, PendingCancelled

pytestmark = pytest.mark.anyio

variable = contextvars.ContextVar("variable", default="unset")


def add(a, b=0):
    return a + b


async def add_soon(a, b=0):
    await anyio.lowlevel.checkpoint()
    return a + b


class AddSoon:
    async def __call__(self, a, b=0):
        return await add_soon(a, b)


functions = pytest.mark.parametrize(
    "function",
    [add, add_soon, partial(add_soon), lambda a, b: add_soon(a, b=b), AddSoon()],
    ids=["plain", "coroutine", "partial", "returns a coroutine", "object"],
)


class TestResult:
    @functions
    async def test_call_soon(self, caller, function):
        pending = caller.call_soon(function, 1, b=2)
        assert isinstance(pending, Pending)
        assert not pending.done()
        assert await pending == 3

    @functions
    async def test_call_later(self, caller, function):
        pending = caller.call_later(0.001, function, 1, b=2)
        assert not pending.done()
        assert await pending == 3

    @functions
    async def test_schedule_call(self, caller, function):
        pending = caller.schedule_call(function, (1,), {"b": 2}, kind="test")
        assert pending.metadata == {"kind": "test"}
        assert await pending == 3

    @functions
    async def test_from_another_thread(self, caller, function):
        def ask():
            return caller.call_soon(function, 1, b=2).wait_sync()

        assert await caller.to_thread(ask) == 3

    async def test_a_plain_function_runs_in_the_loop_thread(self, caller):
        assert await caller.call_soon(threading.get_ident) == threading.get_ident()

    async def test_plain_functions_run_in_order(self, caller):
        order = []
        await caller.wait([caller.call_soon(order.append, i) for i in range(20)])
        assert order == list(range(20))

    async def test_later_calls_run_by_their_time(self, caller):
        late = caller.call_later(1000, add, 1)
        assert await caller.call_later(0.001, add, 2) == 2
        assert not late.done()

    async def test_a_delay_in_the_past_is_none(self, caller):
        assert await caller.call_later(-1, add, 1) == 1

    async def test_calls_before_the_start_are_kept(self):
        order = []
        caller = Caller("manual")
        pendings = [caller.call_soon(order.append, 0), caller.call_soon(add_soon, 1), caller.call_later(0, add, 2)]
        caller.call_direct(order.append, 1)
        caller.queue_call(order.append, 2)
        assert not caller.running
        async with caller:
            assert [await pending for pending in pendings] == [None, 1, 2]
        assert order == [0, 1, 2]


class TestFailure:
    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.TimeoutError])
    async def test_is_the_exception_of_the_pending(self, caller, error):
        def fail():
            raise error

        async def fail_soon():
            await anyio.lowlevel.checkpoint()
            raise error

        for function in (fail, fail_soon):
            if function is fail_soon and error is GeneratorExit:
                continue  # this is how a coroutine is closed
            pending = caller.call_soon(function)
            await pending.wait(result=False)
            assert isinstance(pending.exception(), error)
        assert await caller.call_soon(add, 1) == 1  # the loop goes on

    @pytest.mark.parametrize("function", [add, add_soon])
    async def test_wrong_arguments(self, caller, function):
        with pytest.raises(TypeError, match="argument"):
            await caller.call_soon(function)

    async def test_the_traceback_begins_in_the_function(self, caller):
        def fail():
            raise ValueError

        async def fail_soon():
            fail()

        for function, expected in ((fail, ["fail"]), (fail_soon, ["fail_soon", "fail"])):
            pending = caller.call_soon(function)
            await pending.wait(result=False)
            traceback, names = pending.exception().__traceback__, []
            while traceback:
                names.append(traceback.tb_frame.f_code.co_name)
                traceback = traceback.tb_next
            assert names == expected

    async def test_a_cancelled_result_cancels_those_that_need_it(self, caller):
        async def need(pending):
            return await pending

        first = Pending()
        second = caller.call_soon(need, first)
        await anyio.wait_all_tasks_blocked()
        first.cancel("no more")
        with pytest.raises(PendingCancelled, match="no more"):
            await second
        assert second.cancelled()

    async def test_the_result_is_not_for_others_to_set(self, caller):
        pending = caller.call_soon(anyio.sleep_forever)
        for give in (pending.set_result, pending.set_exception):
            with pytest.raises(Exception, match="the result of a call"):
                give(ValueError())
        await pending.cancel_wait()


class TestContext:
    @functions
    async def test_is_a_copy_of_the_scheduling_one(self, caller, function):
        seen = []

        def look():
            seen.append(variable.get())
            variable.set("changed")

        async def look_soon():
            await anyio.lowlevel.checkpoint()
            look()

        variable.set("mine")
        pendings = [caller.call_soon(look), caller.call_soon(look_soon), caller.call_later(0, look)]
        pendings += [caller.to_thread(look), caller.to_thread(look_soon)]
        caller.call_direct(look)
        caller.queue_call(look)
        variable.set("changed since")
        await caller.wait(pendings)
        assert seen == ["mine"] * 7
        assert variable.get() == "changed since"

    @pytest.mark.parametrize("plain", [True, False])
    async def test_a_given_one_is_used_as_it_is(self, caller, plain):
        async def change_soon():
            await anyio.lowlevel.checkpoint()
            variable.set("changed")

        context = contextvars.copy_context()
        function, args = (variable.set, ("changed",)) if plain else (change_soon, ())
        await caller.schedule_call(function, args, context=context)
        assert context[variable] == "changed"
        assert variable.get() == "unset"

    async def test_current_pending(self, caller):
        async def current_soon():
            await anyio.lowlevel.checkpoint()
            return Caller.current_pending()

        assert Caller.current_pending() is None
        for function in (Caller.current_pending, current_soon):
            for schedule in (caller.call_soon, caller.to_thread, partial(caller.call_later, 0)):
                pending = schedule(function)
                assert await pending is pending

    async def test_what_a_call_leaves_running_has_no_current_pending(self, caller):
        seen = []

        async def schedule():
            return contextvars.copy_context()

        context = await caller.call_soon(schedule)
        context.run(lambda: seen.append(Caller.current_pending()))
        assert seen == [None]

    async def test_anyio_works_in_a_context_from_the_other_backend(self, caller, other_backend):
        async def sleep():
            await anyio.lowlevel.checkpoint()
            return True

        child = caller.get(backend=other_backend)
        assert await child.call_soon(sleep)
        assert await child.call_soon(lambda: caller.call_soon(sleep).wait_sync())


class TestCancel:
    async def test_reaches_the_running_task(self, caller):
        async def run():
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                cancelled.append(True)
                raise

        cancelled = []
        pending = caller.call_soon(run)
        await anyio.wait_all_tasks_blocked()
        assert pending.cancel("enough")
        assert pending.cancelled()
        assert not pending.done()
        with pytest.raises(PendingCancelled, match="enough"):
            await pending
        assert cancelled

    async def test_reaches_the_running_task_from_another_thread(self, caller, other_backend):
        started = Pending()

        async def run():
            started.set_result(None)
            await anyio.sleep_forever()

        pending = caller.get(backend=other_backend).call_soon(run)
        await started
        await pending.cancel_wait()
        assert pending.done()

    @pytest.mark.parametrize("schedule", ["call_soon", "call_later", "to_thread"])
    @pytest.mark.parametrize("plain", [True, False])
    async def test_before_the_start_nothing_is_called(self, caller, schedule, plain):
        async def call_soon():
            called.append(True)

        called = []
        function = (lambda: called.append(True)) if plain else call_soon
        if schedule == "to_thread":
            gate = threading.Event()
            worker = caller.get()
            blocked = worker.call_soon(gate.wait)
            pending = worker.call_soon(function)
        elif schedule == "call_later":
            pending = caller.call_later(0.001, function)
        else:
            pending = caller.call_soon(function)
        pending.cancel()
        assert pending.done()
        if schedule == "to_thread":
            gate.set()
            await blocked
            await worker.call_soon(add, 1)
        await caller.call_later(0.002, add, 1)
        assert not called

    async def test_cannot_be_undone(self, caller):
        async def resist():
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                if Caller.current_pending() is not None and caller.backend == "trio":
                    raise
            return "never mind"

        pending = caller.call_soon(resist)
        await anyio.wait_all_tasks_blocked()
        await pending.cancel_wait()
        with pytest.raises(PendingCancelled):
            pending.result()

    async def test_an_error_while_cleaning_up_is_its_cause(self, caller):
        async def clean_up():
            try:
                await anyio.sleep_forever()
            finally:
                raise ValueError("broken")

        pending = caller.call_soon(clean_up)
        await anyio.wait_all_tasks_blocked()
        await pending.cancel_wait("stop")
        with pytest.raises(PendingCancelled, match="stop") as info:
            pending.result()
        assert isinstance(info.value.__cause__, ValueError)

    async def test_a_plain_function_goes_on_to_its_end(self, caller):
        started, gate, ended = Pending(), threading.Event(), []

        def block():
            started.set_result(None)
            gate.wait()
            ended.append(True)

        pending = caller.to_thread(block)
        await started
        pending.cancel()
        assert pending.cancelled()
        assert not pending.done()
        gate.set()
        await pending.wait(result=False)
        assert ended

    async def test_between_a_function_and_the_coroutine_that_it_returns(self, caller):
        ran = []

        async def run():
            ran.append(True)
            await anyio.sleep_forever()

        def function():
            Caller.current_pending().cancel()
            return run()

        pending = caller.call_soon(function)
        await pending.wait(result=False)
        assert pending.cancelled()

    async def test_a_call_can_cancel_itself(self, caller):
        async def run():
            Caller.current_pending().cancel("myself")
            await anyio.sleep_forever()

        with pytest.raises(PendingCancelled, match="myself"):
            await caller.call_soon(run)

    async def test_a_cancelled_waiter_cancels_the_call(self, caller):
        async def wait():
            await inner

        inner = caller.call_soon(anyio.sleep_forever)
        outer = caller.call_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await outer.cancel_wait()
        await inner.wait(result=False)
        assert inner.cancelled()


class TestWaitSync:
    async def test_in_the_thread_of_the_call_is_refused(self, caller):
        pending = caller.call_soon(add, 1)
        with pytest.raises(RuntimeError, match="Await it"):
            pending.wait_sync()
        assert await pending == 1
        assert pending.wait_sync() == 1

    async def test_for_another_thread(self, caller):
        assert caller.to_thread(add, 1).wait_sync() == 1
        with pytest.raises(ZeroDivisionError):
            caller.to_thread(lambda: 1 / 0).wait_sync()


class TestDirect:
    async def test_runs_in_the_loop_without_a_pending(self, caller):
        seen = []
        assert caller.call_direct(lambda: seen.append((threading.get_ident(), Caller.current_pending()))) is None
        assert not seen
        await caller.call_soon(add, 1)
        assert seen == [(threading.get_ident(), None)]

    async def test_an_error_is_logged(self, caller, caplog):
        caller.call_direct(lambda: 1 / 0)
        await caller.call_soon(add, 1)
        assert "ZeroDivisionError" in caplog.text


class TestEnd:
    async def test_cancels_what_is_pending(self, anyio_backend):
        async def run():
            try:
                await anyio.sleep_forever()
            finally:
                cleaned.append(True)

        cleaned = []
        async with Caller("manual") as caller:
            pendings = [
                caller.call_soon(run),
                caller.call_later(1000, run),
                caller.get().call_soon(anyio.sleep_forever),
            ]
            await anyio.wait_all_tasks_blocked()
            pendings.append(caller.call_soon(run))  # not started yet
        assert all(pending.cancelled() and pending.done() for pending in pendings)
        assert cleaned == [True]

    async def test_waits_for_the_clean_up_of_the_calls(self):
        async def run():
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    for _ in range(5):
                        await anyio.lowlevel.checkpoint()
                cleaned.append(True)

        cleaned = []
        async with Caller("manual") as caller:
            caller.call_soon(run)
            await anyio.wait_all_tasks_blocked()
        assert cleaned

    async def test_by_an_error_or_a_cancelled_body(self):
        with pytest.raises(ValueError, match="body"):  # noqa: PT012
            async with Caller("manual") as caller:
                first = caller.call_soon(anyio.sleep_forever)
                await anyio.wait_all_tasks_blocked()
                raise ValueError("body")
        with anyio.CancelScope() as scope:
            async with Caller("manual") as caller:
                second = caller.call_soon(anyio.sleep_forever)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
                await anyio.sleep_forever()
        assert first.done()
        assert second.done()

    async def test_then_nothing_more_is_taken(self):
        async with Caller("manual") as caller:
            pass
        for schedule in (caller.call_soon, caller.call_direct, caller.queue_call, caller.to_thread):
            with pytest.raises(CallerStopped):
                schedule(add)
        with pytest.raises(CallerStopped):
            caller.get()

    async def test_it_can_leave_behind_what_does_not_end(self, caplog):
        gate, started = threading.Event(), Pending()

        def block():
            started.set_result(None)
            gate.wait()

        async with Caller("manual", stop_timeout=0.001) as caller:
            pending = caller.to_thread(block)
            await started
            (worker,) = caller.children
        assert caller.stopped
        assert "leaves behind" in caplog.text
        assert worker.name in caplog.text
        assert not pending.done()
        gate.set()
        await pending.wait(result=False)


class TestNothingLeaks:
    async def test_results_and_arguments(self, caller):
        class Thing:
            pass

        async def keep_soon(thing):
            await anyio.lowlevel.checkpoint()
            return thing

        def fail(thing):
            raise ValueError(thing)

        things = []
        for function in (keep_soon, lambda thing: thing, fail):
            for schedule in (caller.call_soon, partial(caller.call_later, 0)):
                thing = Thing()
                things.append(weakref.ref(thing))
                pending = schedule(function, thing)
                del thing
                await pending.wait(result=False)
                pending.exception()
                del pending
        await anyio.lowlevel.checkpoint()
        gc.collect()
        assert [ref() for ref in things] == [None] * 6
        assert not caller._executor._active

    async def test_timers_of_cancelled_calls(self, caller):
        class Thing:
            pass

        thing = Thing()
        gone = weakref.ref(thing)
        caller.call_later(1000, add, thing).cancel()
        del thing
        await caller.call_soon(add_soon, 1)
        await anyio.wait_all_tasks_blocked()
        gc.collect()
        assert gone() is None

    async def test_callers(self):
        async with Caller("manual") as caller:
            await caller.to_thread(add, 1)
            await caller.get(name="child").call_soon(add_soon, 1)
            caller.queue_call(add, 1)
            gone = [weakref.ref(caller), *map(weakref.ref, caller.children)]
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.name.startswith(("manual", "child", "Main")):
                thread.join()
        del caller, thread
        await anyio.lowlevel.checkpoint()
        gc.collect()
        assert [ref() for ref in gone] == [None] * 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # it counts the tasks of asyncio
async def test_a_coroutine_function_is_one_task_and_a_plain_one_none(caller):
    before = asyncio.all_tasks()
    plain, soon = caller.call_soon(add, 1), caller.call_soon(add_soon, 1)
    assert len(asyncio.all_tasks() - before) == 1
    await caller.wait([plain, soon])


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # it looks into the loop of asyncio
async def test_a_busy_loop_is_not_polled(caller):
    """An idle caller has nothing to do: no timer, no ready callback."""
    await caller.to_thread(add, 1)
    loop = asyncio.get_running_loop()
    assert not loop._ready
    assert not loop._scheduled
