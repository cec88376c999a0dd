"""`PendingGroup`: what is scheduled inside ends together."""

# ruff: noqa: PT012 (a group is a block: what it raises, it raises when it is left)

from __future__ import annotations

import asyncio
import contextvars
import threading

import anyio
import pytest
from async_kernel.caller import Caller, Pending, PendingCancelled, PendingGroup, PendingTracker

pytestmark = pytest.mark.anyio


class BoomError(Exception):
    pass


async def fail():
    await anyio.lowlevel.checkpoint()
    raise BoomError


class TestMembers:
    async def test_leaving_waits_for_all(self, caller):
        ended, gate = [], Pending()

        async def run(item):
            await gate.wait(protect=True)
            ended.append(item)

        async with caller.create_pending_group() as group:
            pendings = [
                caller.call_soon(run, 1),
                caller.call_later(0.001, run, 2),
                caller.to_thread(run, 3),
                caller.get().call_soon(run, 4),
                caller.schedule_call(run, (5,)),
            ]
            assert group.members == set(pendings)
            gate.set_result(None)
        assert sorted(ended) == [1, 2, 3, 4, 5]
        assert not group.members

    async def test_what_members_schedule_joins(self, caller):
        ended = []

        async def inner():
            await anyio.lowlevel.checkpoint()
            ended.append("inner")

        async def outer():
            caller.call_soon(inner)
            caller.to_thread(lambda: caller.call_later(0, inner))

        async with PendingGroup():
            caller.call_soon(outer)
        assert ended == ["inner", "inner"]

    async def test_what_is_scheduled_outside_does_not(self, caller):
        before = caller.call_soon(anyio.sleep_forever)
        async with PendingGroup() as group:
            pass
        after = caller.call_soon(anyio.sleep_forever)
        assert not group.members
        assert not before.done()
        assert not after.done()

    async def test_joining_is_optional(self, caller):
        async with PendingGroup() as group:
            outside = caller.schedule_call(anyio.sleep_forever, trackers=())
            assert not group.members
        assert not outside.done()

    async def test_the_innermost_group_is_joined(self, caller):
        async with PendingGroup() as outer:
            async with PendingGroup() as inner:
                pending = caller.call_soon(anyio.lowlevel.checkpoint)
                assert inner.members == {pending}
                assert not outer.members
            pending = caller.call_soon(anyio.lowlevel.checkpoint)
            assert outer.members == {pending}

    async def test_a_pending_made_by_hand_can_join(self, caller):
        pending = Pending()
        async with PendingGroup() as group:
            assert group.add(pending)
            caller.call_soon(pending.set_result, 1)
        assert pending.done()

    async def test_a_group_that_was_left_takes_no_more(self, caller):
        async with PendingGroup() as group:
            context = contextvars.copy_context()
        assert not group.add(Pending())
        pending = context.run(caller.call_soon, anyio.lowlevel.checkpoint)
        assert not group.members
        await pending

    async def test_then_the_one_around_it_does(self, caller):
        async with PendingGroup() as outer:
            async with PendingGroup():
                context = contextvars.copy_context()
            pending = context.run(caller.call_soon, anyio.lowlevel.checkpoint)
            assert outer.members == {pending}

    async def test_the_rest_of_a_cell_does_not_belong_to_it(self, caller):
        """A task that a member leaves running may schedule after the end of the group."""
        gate, done = Pending(), Pending()

        async def late():
            await gate
            await caller.call_soon(anyio.lowlevel.checkpoint)
            done.set_result(None)

        async with PendingGroup():
            caller.schedule_call(late, trackers=())
        gate.set_result(None)
        await done


class TestFailure:
    async def test_cancels_the_others_and_the_body_and_is_raised(self, caller, other_backend):
        other = caller.get(backend=other_backend)
        with pytest.raises(BoomError):
            async with PendingGroup() as group:
                pendings = [caller.call_soon(anyio.sleep_forever), other.call_soon(anyio.sleep_forever)]
                caller.call_soon(fail)
                await anyio.sleep_forever()
        assert all(pending.cancelled() and pending.done() for pending in pendings)
        assert not group.members

    async def test_in_another_thread(self, caller, other_backend):
        with pytest.raises(BoomError):
            async with PendingGroup():
                caller.get(backend=other_backend).call_soon(fail)
                await anyio.sleep_forever()

    async def test_when_the_body_is_over(self, caller):
        with pytest.raises(BoomError):
            async with PendingGroup():
                pending = caller.call_soon(anyio.sleep_forever)
                caller.call_soon(fail)
        assert pending.cancelled()

    async def test_that_the_body_waits_for(self, caller):
        with pytest.raises(BoomError):
            async with PendingGroup():
                pending = caller.call_soon(anyio.sleep_forever)
                await caller.call_soon(fail)
        assert pending.cancelled()

    async def test_waits_for_the_clean_up(self, caller):
        async def clean_up():
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    for _ in range(5):
                        await anyio.lowlevel.checkpoint()
                cleaned.append(True)

        cleaned = []
        with pytest.raises(BoomError):
            async with PendingGroup():
                caller.call_soon(clean_up)
                await anyio.wait_all_tasks_blocked()
                caller.call_soon(fail)
        assert cleaned

    async def test_of_the_body(self, caller):
        with pytest.raises(BoomError):
            async with PendingGroup():
                pending = caller.call_soon(anyio.sleep_forever)
                await anyio.wait_all_tasks_blocked()
                raise BoomError
        assert pending.cancelled()
        assert pending.done()

    async def test_the_loop_around_goes_on_uncancelled(self, caller, anyio_backend):
        with pytest.raises(BoomError):
            async with PendingGroup():
                caller.call_soon(fail)
                await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        if anyio_backend == "asyncio":
            assert asyncio.current_task().cancelling() == 0

    async def test_one_that_joins_after_it_is_cancelled(self, caller):
        late = []

        async def schedule_late():
            try:
                await anyio.sleep_forever()
            finally:
                late.append(caller.call_soon(anyio.sleep_forever))

        with pytest.raises(BoomError):
            async with PendingGroup():
                caller.call_soon(schedule_late)
                await anyio.wait_all_tasks_blocked()
                caller.call_soon(fail)
        assert late[0].cancelled()


class TestCancelled:
    @pytest.mark.parametrize("outside", ["scope", "pending"])
    async def test_body_cancels_all(self, caller, outside):
        pendings = []

        async def run():
            async with PendingGroup():
                pendings.extend([caller.call_soon(anyio.sleep_forever), caller.get().call_soon(anyio.sleep_forever)])
                await anyio.sleep_forever()

        if outside == "scope":
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        else:
            pending = caller.call_soon(run)
            await anyio.wait_all_tasks_blocked()
            await pending.cancel_wait()
        assert all(pending.cancelled() and pending.done() for pending in pendings)

    async def test_while_it_waits(self, caller):
        async def run():
            async with PendingGroup():
                pendings.append(caller.call_soon(anyio.sleep_forever))

        pendings = []
        pending = caller.call_soon(run)
        await anyio.wait_all_tasks_blocked()
        await pending.cancel_wait()
        assert pendings[0].cancelled()

    async def test_group_is_left_quietly(self, caller):
        async with PendingGroup(mode=1) as group:
            pending = caller.call_soon(anyio.sleep_forever)
            caller.call_soon(group.cancel, "enough")
            await anyio.sleep_forever()
        with pytest.raises(PendingCancelled, match="enough"):
            pending.result()


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
@pytest.mark.parametrize("from_thread", [True, False])
async def test_modes(caller, mode, from_thread):
    body_ended, other_ended = [], []
    gate = Pending()

    async def run():
        await gate.wait(protect=True)
        other_ended.append(True)

    async def use():
        async with caller.create_pending_group(mode=mode):
            lost, other = caller.call_soon(anyio.sleep_forever), caller.call_soon(run)
            await anyio.wait_all_tasks_blocked()
            if from_thread:
                thread = threading.Thread(target=lost.cancel)
                thread.start()
                thread.join()
            else:
                lost.cancel()
            await lost.wait(result=False)
            await anyio.lowlevel.checkpoint()
            gate.set_result(None)
            await other
            body_ended.append(True)

    if mode in {1, 3}:
        with pytest.raises(PendingCancelled, match="was cancelled"):
            await use()
    else:
        await use()
    ignores = mode in {0, 3}
    assert bool(body_ended) is ignores
    assert bool(other_ended) is ignores


async def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="not 4"):
        PendingGroup(mode=4)


async def test_a_group_is_entered_once():
    async with PendingGroup() as group:
        pass
    with pytest.raises(RuntimeError, match="Make a new one"):
        async with group:
            pass


async def test_trackers_of_other_kinds(caller):
    """A call joins one tracker of each kind it is told to."""

    class Recorder(PendingTracker):
        def __init__(self):
            self.pendings = []

        def add(self, pending):
            self.pendings.append(pending)
            return True

    from async_kernel.caller._trackers import active

    recorder = Recorder()
    async with PendingGroup() as group:
        outer = active.get()
        active.set((*outer, recorder))
        first = caller.schedule_call(anyio.lowlevel.checkpoint, trackers=Recorder)
        second = caller.schedule_call(anyio.lowlevel.checkpoint, trackers=PendingGroup)
        third = caller.schedule_call(anyio.lowlevel.checkpoint, trackers=(Recorder, PendingGroup))
        assert recorder.pendings == [first, third]
        assert group.members == {second, third}
        active.set(outer)


async def test_many_members_from_many_threads(caller):
    ended = []
    async with PendingGroup():
        for _ in range(4):
            caller.to_thread(lambda: [caller.call_soon(ended.append, i) for i in range(100)])
    assert len(ended) == 400


async def test_nothing_is_kept_of_it(caller):
    async with PendingGroup() as group:
        await caller.call_soon(anyio.lowlevel.checkpoint)
    assert await caller.call_soon(Caller.current_pending) is not None
    assert not group.members
