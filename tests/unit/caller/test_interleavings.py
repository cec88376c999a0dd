"""Callers, pendings and groups under whatever several threads do to them at once."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from async_kernel.caller import Caller, CallerStopped, Pending, PendingCancelled, PendingDone
from fuzzing import at_once, fuzz
from hypothesis import given
from hypothesis import strategies as st

GUARD = 30
"""Seconds after which a pending that does not end is a failure."""

KINDS = ["plain", "plain fails", "async", "async fails", "forever", "cleans up", "schedules"]
CALLS = st.tuples(st.sampled_from(["call_soon", "call_later", "to_thread", "guest"]), st.sampled_from(KINDS))
OPERATIONS = CALLS | st.just(("queue", "")) | st.tuples(st.just("cancel"), st.integers(0, 9))
SCRIPTS = st.lists(st.lists(OPERATIONS, max_size=12), min_size=2, max_size=4)


class FailedError(Exception):
    """What a call raises. Its text is the call's name."""


@dataclass
class World:
    """A caller, what threads do with it, and what came of that."""

    caller: Caller
    over: bool = False
    """The caller says that it has ended."""
    pendings: dict[str, Pending[Any]] = field(default_factory=dict)
    begun: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """How often each pending called its done callback."""
    late: list[str] = field(default_factory=list)
    """What ran when all was over."""
    queued: list[tuple[int, int]] = field(default_factory=list)
    in_queue: int = 0

    def call(self, name: str, way: str, kind: str) -> None:
        """Schedule a call, if the caller takes it."""
        with suppress(CallerStopped):
            match way:
                case "call_later":
                    pending = self.caller.call_later(0.001, self.body(kind), name)
                case "guest":
                    other = "trio" if self.caller.backend == "asyncio" else "asyncio"
                    pending = self.caller.call_using_backend(other, self.body(kind), name)
                case _:
                    pending = getattr(self.caller, way)(self.body(kind), name)
            self.pendings[name] = pending
            pending.metadata["kind"] = kind
            pending.add_done_callback(lambda _: self.told.update([name]))

    def body(self, kind: str) -> Any:
        def plain(name: str) -> str:
            with self.running(name):
                if kind == "plain fails":
                    raise FailedError(name)
                return name

        async def awaiting(name: str) -> str:
            with self.running(name):
                try:
                    await anyio.sleep(3600 if kind in ("forever", "cleans up") else 0)
                finally:
                    self.note(name)
                    if kind == "cleans up":
                        with anyio.CancelScope(shield=True):
                            await anyio.lowlevel.checkpoint()
                        self.note(name)
                if kind == "schedules":
                    self.call(f"{name}+", "call_soon", "async")
                if kind == "async fails":
                    raise FailedError(name)
                return name

        return plain if kind.startswith("plain") else awaiting

    def note(self, name: str) -> None:
        if self.over:
            self.late.append(name)

    def running(self, name: str) -> Any:
        world = self

        class Running:
            def __enter__(self) -> None:
                world.note(name)
                world.begun[name] += 1

            def __exit__(self, *_: object) -> None:
                world.ended[name] += 1

        return Running()

    async def enqueued(self, thread: int, number: int) -> None:
        self.in_queue += 1
        assert self.in_queue == 1, "two calls of a queue at once"
        await anyio.lowlevel.checkpoint()
        self.note(f"queue {thread} {number}")
        self.queued.append((thread, number))
        self.in_queue -= 1

    def play(self, thread: int, script: list[tuple[str, Any]]) -> None:
        for number, (what, how) in enumerate(script):
            if what == "queue":
                with suppress(CallerStopped):
                    self.caller.queue_call(self.enqueued, thread, number)
            elif what == "cancel":
                for pending in list(self.pendings.values())[how : how + 1]:
                    pending.cancel()
            else:
                self.call(f"{thread}.{number}", what, how)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@fuzz(25)
@given(scripts=SCRIPTS, stops_early=st.booleans())
def test_each_call_ends_once_and_nothing_runs_after_the_stop(backend, scripts, stops_early):
    world = World(Caller("NewThread", backend=backend))
    players = [lambda i=i, script=script: world.play(i, script) for i, script in enumerate(scripts)]
    stopper = [world.caller.stop] if stops_early else []
    at_once(*players, *stopper)
    if not stops_early:
        for name, pending in list(world.pendings.items()):
            if pending.metadata["kind"] not in ("forever", "cleans up"):
                with suppress(FailedError, PendingCancelled):
                    assert pending.wait_sync(timeout=GUARD) == name
    world.caller.stop().wait_sync(timeout=GUARD, result=False)
    world.over = True

    for name, pending in world.pendings.items():
        assert pending.done(), (name, pending)
        assert world.begun[name] == world.ended[name] <= 1, name
        if pending.cancelled():
            continue
        assert world.begun[name] == 1, name
        error = pending.exception()
        if pending.metadata["kind"].endswith("fails"):
            assert isinstance(error, FailedError)
            assert str(error) == name
        else:
            assert error is None
            assert pending.result() == name
    # Done callbacks of a pending that ends in another thread may still be running when it is done.
    assert all(count == 1 for count in world.told.values())
    for i, script in enumerate(scripts):
        sent = [number for number, (what, _) in enumerate(script) if what == "queue"]
        came = [number for thread, number in world.queued if thread == i]
        assert came == sent[: len(came)], "a thread's calls in order, from the first on"
    with pytest.raises(CallerStopped):
        world.caller.call_soon(print)
    assert world.late == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@fuzz(25)
@given(counts=st.lists(st.integers(0, 20), min_size=2, max_size=4))
def test_a_queue_runs_all_in_the_order_of_each_thread(backend, counts):
    world = World(Caller("NewThread", backend=backend))
    scripts = [[("queue", "")] * count for count in counts]
    at_once(*(lambda i=i, script=script: world.play(i, script) for i, script in enumerate(scripts)))
    last = Pending()
    world.caller.queue_call(world.enqueued, -1, 0)
    world.caller.call_soon(wait_until, lambda: (-1, 0) in world.queued).add_done_callback(
        lambda _: last.set_result(None)
    )
    last.wait_sync(timeout=GUARD)
    world.caller.stop().wait_sync(timeout=GUARD, result=False)
    for i, count in enumerate(counts):
        assert [number for thread, number in world.queued if thread == i] == list(range(count))


async def wait_until(condition):
    while not condition():
        await anyio.lowlevel.checkpoint()


ENDS = ["set_result", "set_exception", "cancel", "callback", "wait"]


@fuzz(100)
@given(ends=st.lists(st.sampled_from(ENDS), min_size=2, max_size=6))
def test_a_pending_made_by_hand_ends_once(ends):
    pending: Pending[str] = Pending()
    told: list[int] = []
    won: list[str] = []
    seen: list[object] = []

    def end(what):
        match what:
            case "callback":
                pending.add_done_callback(lambda p: told.append(id(p)))
            case "wait":
                with suppress(FailedError, PendingCancelled):
                    seen.append(pending.wait_sync(timeout=GUARD))
            case "cancel":
                if pending.cancel():
                    won.append(what)
            case _:
                with suppress(PendingDone):
                    getattr(pending, what)("a" if what == "set_result" else FailedError())
                    won.append(what)

    pending.add_done_callback(lambda p: told.append(id(p)))
    at_once(*(lambda what=what: end(what) for what in ends), pending.cancel)
    assert pending.done()
    assert told == [id(pending)] * (1 + ends.count("callback"))
    if pending.cancelled():
        assert seen == []
        with pytest.raises(PendingCancelled):
            pending.result()
    else:
        assert won in (["set_result"], ["set_exception"]), "the others are refused"
        assert set(seen) <= {"a"}
        assert (pending.exception() is None) == (won == ["set_result"])


def test_whoever_gives_a_second_result_is_told():
    for turn in itertools.count():
        pending: Pending[None] = Pending()
        accepted = []
        steps = 0

        def give(pending=pending, accepted=accepted):
            with suppress(PendingDone):
                pending.set_result(None)
                accepted.append(pending)

        def trace(_frame, _event, _argument, turn=turn, give=give):
            nonlocal steps
            if steps == turn:  # another thread's
                sys.settrace(None)
                give()
            steps += 1
            return trace

        sys.settrace(trace)
        give()
        sys.settrace(None)
        assert len(accepted) == 1
        if steps <= turn:
            break


MEMBERS = st.lists(st.sampled_from([kind for kind in KINDS if kind != "schedules"]), max_size=6)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@fuzz(40)
@given(kinds=MEMBERS, cancels=st.lists(st.integers(0, 5), max_size=3), mode=st.sampled_from([0, 1, 2, 3]))
def test_a_group_ends_with_all_its_members(backend, kinds, cancels, mode):
    members: list[Pending[str]] = []
    world = World(Caller("NewThread", backend=backend))

    async def live() -> None:
        async with Caller().create_pending_group(mode=mode):
            members.extend(
                Caller().call_soon(world.body(kind), str(i)) if i % 2 else Caller().to_thread(world.body(kind), str(i))
                for i, kind in enumerate(kinds)
            )

    group = world.caller.call_soon(live)

    def cancel_some() -> None:
        for i in cancels:
            for member in members[i : i + 1]:
                member.cancel()

    def cancel_those_that_never_end() -> None:
        while not group.done():
            for member, kind in list(zip(members, kinds, strict=False)):
                if kind in ("forever", "cleans up"):
                    member.cancel()

    at_once(cancel_some, cancel_those_that_never_end)
    group.wait_sync(timeout=GUARD, result=False)
    world.over = True
    assert len(members) == len(kinds)
    assert all(member.done() for member in members)
    assert world.begun == world.ended
    assert max(world.begun.values(), default=0) <= 1
    failed = [m for m in members if not m.cancelled() and m.exception()]
    if group.cancelled():
        assert mode in (1, 3)
    elif failed:
        assert isinstance(group.exception(), FailedError)
    else:
        assert group.exception() is None
    world.caller.stop().wait_sync(timeout=GUARD, result=False)
    assert world.late == []
