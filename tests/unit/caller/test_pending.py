"""`Pending` by itself: a thread-safe future, on either backend and on none."""

from __future__ import annotations

import contextvars
import gc
import logging
import threading
import weakref
from contextlib import suppress

import anyio
import pytest
from async_kernel.caller import Pending, PendingCancelled, PendingDone, PendingNotDone


def in_thread(function, *args):
    """Run a function in another thread, to its end."""
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


class TestOutcome:
    def test_of_a_new_one(self):
        pending = Pending(kind="test")
        assert not pending.done()
        assert not pending.cancelled()
        assert pending.metadata == {"kind": "test"}
        assert repr(pending).startswith("<Pending pending kind='test' at ")
        for ask in (pending.result, pending.exception):
            with pytest.raises(PendingNotDone, match=r"wait_sync from another thread"):
                ask()

    def test_result(self):
        pending = Pending()
        pending.set_result(3)
        assert pending.done()
        assert pending.result() == 3
        assert pending.exception() is None
        assert "done" in repr(pending)

    def test_exception(self):
        pending, error = Pending(), ValueError("no")
        pending.set_exception(error)
        assert pending.exception() is error
        with pytest.raises(ValueError, match="no"):
            pending.result()
        assert "failed" in repr(pending)

    def test_raising_it_often_does_not_grow_the_traceback(self):
        pending = Pending()
        pending.set_exception(ValueError())

        def depth():
            with pytest.raises(ValueError) as info:  # noqa: PT011
                pending.result()
            return len(info.traceback)

        assert depth() == depth()

    @pytest.mark.parametrize("second", [lambda p: p.set_result(1), lambda p: p.set_exception(ValueError())])
    @pytest.mark.parametrize("first", [lambda p: p.set_result(1), lambda p: p.set_exception(KeyError())])
    def test_a_second_one_is_refused(self, first, second):
        pending = Pending()
        first(pending)
        with pytest.raises(PendingDone):
            second(pending)
        pending.exception()

    def test_one_that_came_too_late_is_dropped(self):
        pending = Pending()
        pending.cancel("enough")
        pending.set_result(1)
        pending.set_exception(ValueError())
        with pytest.raises(PendingCancelled, match="enough"):
            pending.result()

    def test_the_exception_for_cancelled_cancels(self):
        pending = Pending()
        pending.set_exception(PendingCancelled("by hand"))
        assert pending.cancelled()
        with pytest.raises(PendingCancelled, match="by hand"):
            pending.exception()

    def test_an_exception_nobody_looked_at_is_logged(self, caplog):
        pending = Pending()
        pending.set_exception(ValueError("unseen"))
        del pending
        gc.collect()
        assert "unseen" in caplog.text

    def test_one_that_was_looked_at_is_not(self, caplog):
        pending = Pending()
        pending.set_exception(ValueError("seen"))
        assert pending.exception()
        del pending
        gc.collect()
        assert caplog.text == ""

    def test_raising_leaves_no_cycle(self):
        pending = Pending()
        pending.set_exception(ValueError())
        with suppress(ValueError):
            pending.result()
        gone = weakref.ref(pending)
        gc.disable()
        try:
            del pending
            assert gone() is None
        finally:
            gc.enable()


class TestCancel:
    def test_cancel(self):
        pending = Pending()
        assert pending.cancel("reason")
        assert pending.done()
        assert pending.cancelled()
        assert pending.cancel("again")
        for ask in (pending.result, pending.exception):
            with pytest.raises(PendingCancelled, match="reason"):
                ask()

    def test_cancel_after_the_end(self):
        pending = Pending()
        pending.set_result(1)
        assert not pending.cancel()
        assert not pending.cancelled()
        assert pending.result() == 1


class TestCallbacks:
    def test_are_called_once_each_in_order(self):
        pending, calls = Pending(), []
        pending.add_done_callback(lambda p: calls.append(("first", p)))
        pending.add_done_callback(lambda p: calls.append(("second", p)))
        pending.set_result(None)
        pending.add_done_callback(lambda p: calls.append(("late", p)))
        assert calls == [("first", pending), ("second", pending), ("late", pending)]

    def test_removed_ones_are_not(self):
        pending, calls = Pending(), []
        pending.add_done_callback(calls.append)
        pending.add_done_callback(calls.append)
        assert pending.remove_done_callback(calls.append) == 2
        assert pending.remove_done_callback(calls.append) == 0
        pending.set_result(None)
        assert calls == []

    def test_run_in_the_context_they_were_added_in(self):
        variable = contextvars.ContextVar("variable", default="outside")
        pending, seen = Pending(), []

        def add():
            variable.set("inside")
            pending.add_done_callback(lambda _: seen.append(variable.get()))

        contextvars.copy_context().run(add)
        pending.set_result(None)
        assert seen == ["inside"]

    def test_one_that_fails_is_logged_and_the_next_is_called(self, caplog):
        pending, calls = Pending(), []
        pending.add_done_callback(lambda _: 1 / 0)
        pending.add_done_callback(calls.append)
        pending.set_result(None)
        assert calls == [pending]
        assert "ZeroDivisionError" in caplog.text


class TestWaitSync:
    def test_for_another_thread(self):
        pending, waiting = Pending(), threading.Event()

        def produce():
            waiting.wait()
            pending.set_result("made")

        thread = threading.Thread(target=produce)
        thread.start()
        waiting.set()
        assert pending.wait_sync() == "made"
        thread.join()

    def test_without_a_result(self):
        pending = Pending()
        in_thread(pending.set_exception, ValueError())
        assert pending.wait_sync(result=False) is None
        with pytest.raises(ValueError):  # noqa: PT011
            pending.wait_sync()

    @pytest.mark.parametrize("protect", [True, False])
    def test_too_long(self, protect):
        pending = Pending()
        with pytest.raises(TimeoutError, match=r"not done within 0\.001 s"):
            pending.wait_sync(timeout=0.001, protect=protect)
        assert pending.cancelled() is not protect


@pytest.mark.anyio
class TestWait:
    async def test_await(self):
        pending = Pending()
        pending.set_result(1)
        assert await pending == 1

    async def test_is_woken_from_another_thread(self):
        pending, results = Pending(), []

        async def wait():
            results.append(await pending)

        thread = threading.Thread(target=pending.set_result, args=(2,))
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            thread.start()
        thread.join()
        assert results == [2]

    async def test_is_woken_in_the_same_thread(self):
        pending, results = Pending(), []

        async def wait():
            results.append(await pending)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            pending.set_result(3)
        assert results == [3, 3]

    async def test_result_is_optional(self):
        pending = Pending()
        pending.set_exception(ValueError())
        assert await pending.wait(result=False) is None
        assert isinstance(pending.exception(), ValueError)

    @pytest.mark.parametrize("protect", [True, False])
    async def test_too_long(self, protect):
        pending = Pending()
        with pytest.raises(TimeoutError, match="not done within 0 s"):
            await pending.wait(timeout=0, protect=protect)
        assert pending.cancelled() is not protect
        assert not pending._callbacks

    async def test_in_time(self):
        pending = Pending()
        in_thread(pending.set_result, 4)
        assert await pending.wait(timeout=100) == 4

    @pytest.mark.parametrize("protect", [True, False])
    async def test_a_cancelled_waiter_cancels_unless_it_protects(self, protect):
        pending = Pending()
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: pending.wait(protect=protect))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        assert pending.cancelled() is not protect
        assert not pending._callbacks

    async def test_the_others_hear_of_it(self):
        pending, heard = Pending(), []

        async def wait():
            with pytest.raises(PendingCancelled):
                await pending
            heard.append(True)

        async with anyio.create_task_group() as others:
            others.start_soon(wait)
            async with anyio.create_task_group() as group:
                group.start_soon(pending.wait)
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
        assert heard

    async def test_cancel_wait(self):
        pending = Pending()
        await pending.cancel_wait("stop")
        with pytest.raises(PendingCancelled, match="stop"):
            await pending


def test_waiting_needs_an_event_loop():
    pending = Pending()
    with pytest.raises(RuntimeError, match="No event loop runs in this thread"):
        pending.wait().send(None)


def test_a_waiter_whose_loop_is_gone_does_no_harm(anyio_backend):
    pending = Pending()
    kept = []

    async def main():
        wait = pending.wait(protect=True)
        wait.send(None)  # parked, and never resumed
        kept.append(wait)

    if anyio_backend == "trio":
        from async_kernel.caller._backend import new_waiter

        async def main():
            pending._add_callback(new_waiter().wake)

    anyio.run(main, backend=anyio_backend)
    pending.set_result(None)
    for wait in kept:
        wait.close()


@pytest.mark.parametrize("ends", [("result", "result"), ("result", "cancel"), ("cancel", "cancel")])
def test_one_of_many_threads_settles_it(ends, caplog):
    caplog.set_level(logging.ERROR)
    for _ in range(200):
        pending, calls, start = Pending(), [], threading.Barrier(len(ends) + 1)

        def settle(end, start=start, pending=pending):
            start.wait()
            with suppress(PendingDone):
                pending.set_result(1) if end == "result" else pending.cancel()

        threads = [threading.Thread(target=settle, args=(end,)) for end in ends]
        for thread in threads:
            thread.start()
        start.wait()
        pending.add_done_callback(calls.append)
        for thread in threads:
            thread.join()
        assert pending.done()
        assert calls == [pending]
    assert caplog.text == ""
