"""Which caller there is, where it comes from, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading

import anyio
import pytest
from async_kernel.caller import Caller, CallerStopped, Pending, PendingCancelled


def run_in_thread(main, backend):
    """Run `main` in an event loop in a thread of its own, and return what it returned."""
    results = []
    thread = threading.Thread(target=lambda: results.append(anyio.run(main, backend=backend)))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.anyio
class TestOfTheThread:
    async def test_is_one(self, caller, anyio_backend):
        assert Caller() is caller
        assert Caller(name="main", backend=anyio_backend) is caller
        assert Caller("MainThread") is caller
        assert Caller.id_current() == caller.id == threading.get_ident()
        assert Caller.get_existing(caller.id) is caller
        assert caller.thread is threading.current_thread()
        assert caller.backend == anyio_backend
        assert caller.running
        assert not caller.stopped
        assert repr(caller) == f"<Caller 'main' running id={caller.id}>"

    async def test_has_one_name_and_one_backend(self, caller, anyio_backend):
        with pytest.raises(ValueError, match="'other'"):
            Caller(name="other")
        other = "trio" if anyio_backend == "asyncio" else "asyncio"
        with pytest.raises(ValueError, match=other):
            Caller(backend=other)

    async def test_no_second_one_can_be_entered(self, caller):
        with pytest.raises(RuntimeError, match="has a caller already"):
            async with Caller("manual"):
                pass

    async def test_is_seen_from_other_threads(self, caller):
        assert await caller.to_thread(lambda: Caller("MainThread")) is caller
        assert await caller.to_thread(Caller) is not caller
        assert await caller.to_thread(lambda: Caller().parent) is caller

    async def test_cannot_be_entered_twice(self, caller):
        with pytest.raises(RuntimeError, match="it is not new"):
            async with caller:
                pass

    async def test_is_gone_when_it_was_left(self, anyio_backend):
        async with Caller("manual") as caller:
            assert Caller.all_callers() == [caller]
        assert caller.stopped
        assert not caller.running
        assert Caller.get_existing(caller.id) is None
        assert Caller.all_callers() == []
        async with Caller("manual") as second:
            assert Caller() is second is not caller

    async def test_must_suit_the_loop(self, anyio_backend):
        other = "trio" if anyio_backend == "asyncio" else "asyncio"
        with pytest.raises(ValueError, match="event loop here is that of"):
            async with Caller("manual", backend=other):
                pass
        with pytest.raises(ValueError, match="event loop here is that of"):
            Caller(backend=other)


class TestMadeWhereALoopRuns:
    def test_lasts_as_long_as_the_loop(self, anyio_backend):
        async def main():
            caller = Caller()
            assert caller is Caller()
            assert caller.backend == anyio_backend
            assert caller.running
            assert await caller.call_soon(lambda: 1) == 1
            started = Pending()

            async def run():
                started.set_result(None)
                await anyio.sleep_forever()

            async def never():
                pass

            running = caller.call_soon(run)
            await started
            pending = [running, caller.get(name="child").call_soon(anyio.sleep_forever), caller.call_soon(never)]
            return caller, pending

        caller, pending = run_in_thread(main, anyio_backend)
        assert caller.stopped
        assert all(p.done() for p in pending)
        assert [p.cancelled() for p in pending[:2]] == [True, True]
        with pytest.raises(CallerStopped):
            caller.call_soon(print)

    def test_can_be_stopped_before(self, anyio_backend):
        async def main():
            first = Caller(name="first")
            await first.stop()
            assert first.stopped
            assert Caller(name="second") is not first

        run_in_thread(main, anyio_backend)

    def test_in_the_main_thread(self, anyio_backend):
        async def main():
            caller = Caller("MainThread")
            assert caller is Caller()

        anyio.run(main, backend=anyio_backend)

    def test_a_loop_closed_without_a_word_stops_it_too(self, caplog):
        async def main():
            return Caller()

        loop = asyncio.new_event_loop()
        caller = loop.run_until_complete(main())
        assert caller.running
        loop.close()
        assert caller.stopped
        assert not caller.running
        assert Caller.get_existing(caller.id) is None
        with pytest.raises(CallerStopped):
            caller.call_soon(print)
        del caller
        gc.collect()
        caplog.clear()  # asyncio says that a task was pending

    def test_needs_one(self):
        with pytest.raises(RuntimeError, match=r"Caller\('NewThread'\)"):
            Caller()
        with pytest.raises(RuntimeError, match="no event loop"):
            Caller("MainThread")

    def test_of_the_main_thread_cannot_be_made_elsewhere(self, anyio_backend):
        async def main():
            with pytest.raises(RuntimeError, match="Make one there first"):
                Caller("MainThread")

        run_in_thread(main, anyio_backend)


class TestNewThread:
    def test_has_a_loop_of_its_own(self, anyio_backend):
        async def where():
            await anyio.lowlevel.checkpoint()
            return Caller(), threading.current_thread()

        caller = Caller("NewThread", name="mine", backend=anyio_backend)
        assert caller.call_soon(where).wait_sync() == (caller, caller.thread)
        assert caller.thread.name == caller.name == "mine"
        assert caller.id == caller.thread.ident
        assert caller.backend == anyio_backend
        assert caller.parent is None
        assert caller in Caller.all_callers()
        caller.stop().wait_sync()
        assert caller.stopped
        assert Caller.get_existing(caller.id) is None

    def test_stop_in_its_own_thread(self, anyio_backend):
        async def stop():
            pending = Caller().stop()
            with pytest.raises(RuntimeError, match="Await it"):
                pending.wait_sync()
            await anyio.sleep_forever()

        caller = Caller("NewThread", backend=anyio_backend)
        pending = caller.call_soon(stop)
        pending.wait_sync(result=False)
        assert pending.cancelled()
        caller.thread.join()
        assert caller.stopped

    def test_stop_at_once(self, anyio_backend):
        caller = Caller("NewThread", backend=anyio_backend)
        pending = caller.call_soon(anyio.sleep_forever)
        caller.stop().wait_sync()
        assert pending.cancelled()
        assert caller.stop().done()

    def test_takes_backend_options(self):
        caller = Caller("NewThread", backend_options={"debug": True})

        async def debug():
            return asyncio.get_running_loop().get_debug()

        assert caller.call_soon(debug).wait_sync()
        caller.stop().wait_sync()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"backend": "curio"}, "There is no backend 'curio'. Available are: asyncio, trio"),
            ({"backend_options": {"colour": 1}}, "colour. Allowed are: debug, loop_factory, use_uvloop"),
            ({"backend": "trio", "backend_options": {"debug": 1}}, "debug. Allowed are: clock, instruments"),
        ],
    )
    def test_refuses_what_it_does_not_know(self, options, message):
        with pytest.raises(ValueError, match=message):
            Caller("NewThread", **options)

    def test_refuses_other_words(self):
        with pytest.raises(ValueError, match="not 'OldThread'"):
            Caller("OldThread")

    def test_is_known_before_its_loop_runs(self):
        gate = threading.Event()

        def slow():
            gate.wait()
            return asyncio.new_event_loop()

        caller = Caller("NewThread", backend_options={"loop_factory": slow})
        assert Caller.get_existing(caller.id) is caller
        assert Caller.all_callers(running_only=False) == [caller]
        assert Caller.all_callers() == []
        gate.set()
        assert caller.call_soon(Caller.all_callers).wait_sync() == [caller]
        caller.stop().wait_sync()

    def test_a_loop_that_does_not_start_cancels_the_calls(self, caplog):
        def broken():
            raise OSError("no loop today")

        caller = Caller("NewThread", backend_options={"loop_factory": broken})
        caller.thread.join()
        assert caller.stopped
        assert "no loop today" in caplog.text
        with pytest.raises(CallerStopped):
            caller.call_soon(print)

    def test_trio_may_be_missing(self):
        code = """
import sys
sys.modules["trio"] = None  # as if it were not installed
from async_kernel.caller import Caller
assert "trio" not in [name for name, module in sys.modules.items() if module]
try:
    Caller("NewThread", backend="trio")
except ImportError as error:
    assert "pip install trio" in str(error)
else:
    raise AssertionError
caller = Caller("NewThread")
assert caller.call_soon(lambda: 1).wait_sync() == 1
"""
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    def test_trio_is_not_imported_for_asyncio(self):
        code = """
import sys
from async_kernel.caller import Caller
assert Caller("NewThread").to_thread(lambda: 1).wait_sync() == 1
assert not {"trio", "aiologic", "uvloop"} & set(sys.modules)
"""
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.anyio
class TestChildren:
    async def test_one_for_a_name(self, caller, other_backend):
        child = caller.get(name="child", backend=other_backend)
        assert caller.get(name="child") is child
        assert caller.get("child", backend=other_backend) is child
        assert child.parent is caller
        assert caller.children == {child}
        assert child.name == child.thread.name == "child"
        assert child.backend == other_backend
        with pytest.raises(ValueError, match="has the backend"):
            caller.get(name="child", backend="trio" if other_backend == "asyncio" else "asyncio")

    async def test_without_a_name_it_is_a_new_one(self, caller, anyio_backend):
        first, second = caller.get(), caller.get()
        assert first is not second
        assert first.name == first.thread.name == "main-1"
        assert first.backend == anyio_backend

    async def test_its_name_is_free_when_it_has_stopped(self, caller):
        child = caller.get(name="child")
        await child.stop()
        assert caller.children == set()
        assert caller.get(name="child") is not child

    async def test_of_many_threads_asking_all_get_the_same(self, caller):
        barrier = threading.Barrier(4)

        def ask():
            barrier.wait()
            return caller.get(name="child")

        children = [await pending for pending in [caller.to_thread(ask) for _ in range(4)]]
        assert len(set(children)) == 1
        assert await children[0].call_soon(threading.get_ident) == children[0].id

    async def test_stop_with_their_parent(self, anyio_backend, other_backend):
        async with Caller("manual") as caller:
            child = caller.get(backend=other_backend)
            grandchild = child.get(backend=anyio_backend)
            started = Pending()

            async def run():
                started.set_result(None)
                await anyio.sleep_forever()

            pending = grandchild.call_soon(run)
            await started
        assert child.stopped
        assert grandchild.stopped
        assert pending.cancelled()

    async def test_are_refused_by_a_backend_they_do_not_know(self, caller):
        with pytest.raises(ValueError, match="no backend 'curio'"):
            caller.get(backend="curio")


@pytest.mark.anyio
class TestStop:
    async def test_of_the_own_caller(self, caller):
        async def run():
            await anyio.sleep_forever()

        pending, worker = caller.call_soon(run), caller.to_thread(run)
        await anyio.wait_all_tasks_blocked()
        ended = caller.stop()
        assert not caller.running
        with pytest.raises(CallerStopped):
            caller.call_soon(run)
        await ended
        assert caller.stopped
        assert pending.cancelled()
        assert worker.cancelled()
        await caller.stop()

    async def test_a_cancelled_wait_for_it_changes_nothing(self, caller):
        pending = caller.call_soon(anyio.sleep_forever)
        await anyio.wait_all_tasks_blocked()
        caller.stop().cancel()
        await caller.stop()
        assert pending.cancelled()

    async def test_a_protected_one_needs_force(self):
        async with Caller("manual", protected=True) as caller:
            with pytest.raises(PendingCancelled, match="protected"):
                await caller.stop()
            assert caller.running
            await caller.stop(force=True)
            assert caller.stopped

    async def test_before_the_start(self):
        caller = Caller("manual")
        pending = caller.call_soon(print)
        await caller.stop()
        assert pending.cancelled()
        with pytest.raises(RuntimeError, match="it is not new"):
            async with caller:
                pass

    async def test_all_callers_shows_those_that_are_stopping(self, caller):
        gate, started = threading.Event(), Pending()

        def block():
            started.set_result(None)
            gate.wait()

        child = caller.get(name="child")
        child.call_soon(block)
        await started
        ended = child.stop()
        assert child not in Caller.all_callers()
        assert child in Caller.all_callers(running_only=False)
        gate.set()
        await ended
        assert child not in Caller.all_callers(running_only=False)


@pytest.fixture
async def fixture_caller(anyio_backend):
    async with Caller("manual", name="fixture") as caller:
        yield caller


@pytest.mark.anyio
async def test_in_somebody_elses_loop(fixture_caller):
    """The test runner owns the loop, and the fixture's task is another one than the test's."""
    assert Caller() is fixture_caller
    assert await Caller().call_soon(lambda: 1) == 1
