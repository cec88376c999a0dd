"""Waiting for several pendings: `wait` and `as_completed`."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest
from async_kernel.caller import Pending, PendingCancelled

pytestmark = pytest.mark.anyio


def failed():
    pending = Pending()
    pending.set_exception(ValueError())
    pending.exception()  # seen
    return pending


class TestWait:
    async def test_for_all(self, caller):
        pendings = {caller.call_soon(anyio.lowlevel.checkpoint), caller.to_thread(lambda: 1), failed()}
        assert await caller.wait(pendings) == (pendings, set())

    async def test_for_none(self, caller):
        assert await caller.wait([]) == (set(), set())

    async def test_for_the_first(self, caller):
        quick, slow = caller.call_soon(anyio.lowlevel.checkpoint), caller.call_soon(anyio.sleep_forever)
        assert await caller.wait([quick, slow], return_when="FIRST_COMPLETED") == ({quick}, {slow})
        assert not slow.cancelled()

    async def test_for_the_first_exception(self, caller):
        async def fail():
            await anyio.lowlevel.checkpoint()
            raise ValueError

        fine, cancelled = caller.call_soon(lambda: 1), Pending()
        cancelled.cancel()
        bad, slow = caller.call_soon(fail), caller.call_soon(anyio.sleep_forever)
        pendings = [fine, cancelled, bad, slow]
        assert await caller.wait(pendings, return_when="FIRST_EXCEPTION") == ({fine, cancelled, bad}, {slow})
        assert isinstance(bad.exception(), ValueError)

    async def test_too_long(self, caller):
        slow = caller.call_soon(anyio.sleep_forever)
        assert await caller.wait([slow], timeout=0) == (set(), {slow})
        assert not slow.cancelled()
        assert len(slow._callbacks) == 1  # the caller's own

    async def test_cancelling_it_cancels_nothing_else(self, caller):
        pending = Pending()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caller.wait, [pending])
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert not pending.cancelled()
        assert not pending._callbacks

    async def test_for_something_else_is_refused(self, caller):
        with pytest.raises(ValueError, match="'SOME'"):
            await caller.wait([Pending()], return_when="SOME")


class TestAsCompleted:
    async def test_in_the_order_they_get_done(self, caller):
        pendings = [Pending(number=i) for i in range(3)]
        order = []
        pendings[1].set_result(None)
        async for pending in caller.as_completed(pendings):
            order.append(pending.metadata["number"])
            for other in (pendings[2], pendings[0]):
                if not other.done():
                    caller.call_soon(other.set_result, None)
                    break
        assert order == [1, 2, 0]

    async def test_of_none(self, caller):
        assert [pending async for pending in caller.as_completed([])] == []

    async def test_failed_and_cancelled_ones_too(self, caller):
        cancelled = Pending()
        cancelled.cancel()
        pendings = {failed(), cancelled, caller.call_soon(lambda: 1)}
        assert {pending async for pending in caller.as_completed(pendings)} == pendings

    @pytest.mark.parametrize("limit", [1, 3])
    async def test_no_more_at_once_than_asked_for(self, caller, limit):
        running, most = set(), []

        async def run(item):
            running.add(item)
            most.append(len(running))
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            running.discard(item)
            return item

        calls = (caller.call_soon(run, item) for item in range(20))
        results = [await pending async for pending in caller.as_completed(calls, max_concurrent=limit)]
        assert sorted(results) == list(range(20))
        assert max(most) == limit

    @pytest.mark.parametrize("cancel", [True, False])
    async def test_leaving_it_early(self, caller, cancel):
        quick, slow = caller.call_soon(lambda: 1), caller.call_soon(anyio.sleep_forever)
        async with aclosing(caller.as_completed([quick, slow], cancel_unfinished=cancel)) as pendings:
            async for pending in pendings:
                assert pending is quick
                break
        assert slow.cancelled() is cancel
        assert len(slow._callbacks) <= 1

    async def test_cancelling_it(self, caller):
        async def collect():
            return [pending async for pending in caller.as_completed([slow])]

        slow = caller.call_soon(anyio.sleep_forever)
        pending = caller.call_soon(collect)
        await anyio.wait_all_tasks_blocked()
        await pending.cancel_wait()
        with pytest.raises(PendingCancelled):
            await slow

    async def test_from_threads(self, caller):
        calls = (caller.to_thread(lambda i=i: i) for i in range(50))
        results = [await pending async for pending in caller.as_completed(calls, max_concurrent=4)]
        assert sorted(results) == list(range(50))
