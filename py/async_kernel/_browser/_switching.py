"""JSPI: a Python stack waits in place, and the event loop goes on."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from IPython.core.error import StdinNotImplementedError
from pyodide.ffi import can_run_sync, run_sync

from async_kernel._browser._listening import Listening
from async_kernel._browser._untraced import untraced
from async_kernel._interrupt import Kind, place
from async_kernel.shell._run import CellRun, current_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import FrameType

    from async_kernel.interface import BaseInterface

T = TypeVar("T")

_SLICE: Final = 0.01
"""Seconds that a cell computes, at least, before the event loop gets a turn."""
_PATIENT: Final = 0.1
"""As `_SLICE`, at the most: a cell computes `_SHARE` times as long as a turn takes, which is long on a busy machine."""
_SHARE: Final = 100
_SKIPS: Final = 20
"""Turns that are left out, one after the other, because a line is being written."""
_TURN: Final = 0.05
"""Seconds after which a turn ends although the event loop has more to do."""


@dataclass(eq=False, slots=True)
class Stack:
    """A stack that waits in place."""

    run: CellRun | None
    """The cell's run that it belongs to."""
    kind: Kind
    """See `Place`."""
    computes: bool = False
    """Whether it only gives the event loop a turn."""
    wake: Callable[[], object] = lambda: None
    error: BaseException | None = None
    """What is to be raised when it goes on."""

    def interrupt(self) -> None:
        """Let it go on with an exception: what reaches the cell, or ends the task."""
        self.error = KeyboardInterrupt() if self.kind == "cell" else asyncio.CancelledError()
        self.wake()


class StackSwitching(Listening):
    """Messages, tasks and timers go on while a cell computes, sleeps or waits for input.

    A computing cell gives the event loop a turn every few milliseconds, in a signal handler. So an `interrupt_request`
    is received while the cell waits there, and the handler raises it, in the cell's own frame.
    """

    can_wait = True

    def __init__(
        self,
        interface: BaseInterface,
        listening: Any,
        send: Callable[[str, Any], None],
        answer: Callable[[str], Awaitable[str]],
        give_up: Callable[[str], None],
    ) -> None:
        super().__init__(interface)
        self._listening = listening
        self._send = send
        self._answer = answer
        self._give_up = give_up
        self._stacks: list[Stack] = []
        self._scheduled = 0
        """How many callbacks the event loop was given so far, but for those that waiting itself takes."""
        self._count_scheduled()
        self._collecting = False
        """Whether the garbage collector runs: its lists are on the C stack, where other stacks could meet them."""
        self._skipped = 0
        """How many turns were left out, one after the other, because a line is being written."""
        self._attended: CellRun | None = None
        """The run that code began for last."""
        gc.callbacks.append(self._note_collection)

    def _note_collection(self, phase: str, _: object) -> None:
        self._collecting = phase == "start"

    def _count_scheduled(self) -> None:
        loop = asyncio.get_running_loop()
        call_soon = loop.call_soon

        def counted(callback: Callable[..., object], *args: Any, **kwargs: Any) -> asyncio.Handle:
            if not _is_bookkeeping(callback):
                self._scheduled += 1
            return call_soon(callback, *args, **kwargs)

        loop.call_soon = counted  # type: ignore[method-assign, assignment]  # of this one object

    def _raisers(self) -> Iterable[Callable[..., object]]:
        return self.on_signal, self.wait

    def on_signal(self, frame: FrameType | None) -> None:
        begin = time.perf_counter()
        self._listening.rest(1000 * _SLICE)  # for others that compute meanwhile
        at = self._interruptible(frame)
        if at is None or self._collecting or not can_run_sync():
            return
        if self._skipped < _SKIPS and self.interface.streams.batcher.is_writing(frame):
            self._skipped += 1
            return  # `print` looks for signals between what it writes, and others would write into its line
        self._skipped = 0
        stack = self._enter(at.kind, computes=True)
        if self._takes_missed():
            stack.interrupt()
        try:
            self._give_turns(stack, begin)
            self._listening.rest(1000 * self._pause(stack, time.perf_counter() - begin))
        finally:
            self._stacks.remove(stack)
        if stack.error:
            self.interface.last_interrupt_frame = frame
            raise stack.error

    def _pause(self, stack: Stack, took: float) -> float:
        """Seconds until the next turn, after one that took so many."""
        if any(s.computes for s in self._stacks if s is not stack):
            return _SLICE  # the turn was mostly theirs
        return max(_SLICE, min(_PATIENT, _SHARE * took))

    def attend(self) -> None:
        if (run := current_run()) is not self._attended:
            self._attended = run
            self._listening.rest(1000 * _SLICE)  # it comes from the event loop, where nothing waits
        self._listening.attend()

    def _give_turns(self, stack: Stack, begin: float) -> None:
        """One turn, and more while they bring something."""
        while stack.error is None and time.perf_counter() - begin < _TURN:
            scheduled = self._scheduled
            run_sync(self._listening.turn())
            if self._scheduled == scheduled:
                return

    def interrupt(self) -> None:
        kernel = self.interface.kernel
        runs = list(kernel.main_shell.runs)
        others = [run for subshell in kernel.subshells.values() for run in subshell.runs]
        waiting = [s for s in self._stacks if s.kind != "kernel" and s.run not in others]
        # Tasks that cells have left behind are stopped where there is nothing else to stop.
        chosen = [s for s in waiting if s.run in runs or s.kind == "cell"] or ([] if runs else waiting)
        for stack in chosen:
            stack.interrupt()
        in_place = {s.run for s in chosen if s.kind == "cell"}
        for run in runs:
            if run not in in_place:
                run.stop(KeyboardInterrupt())

    def _enter(self, kind: Kind, *, computes: bool = False) -> Stack:
        stack = Stack(current_run(), kind, computes)
        self._stacks.append(stack)
        return stack

    def wait(self, awaitable: Awaitable[T]) -> T:
        if not can_run_sync():
            result: T = run_sync(awaitable)  # it says why it cannot
            return result
        future = asyncio.ensure_future(awaitable)
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def wake(_: object = None) -> None:
            if not woken.done():
                woken.set_result(None)

        future.add_done_callback(wake)
        stack = self._enter(place(sys._getframe()).kind)
        stack.wake = wake
        try:
            with untraced():
                run_sync(woken)
        finally:
            self._stacks.remove(stack)
        if stack.error is None:
            return future.result()
        if future is not awaitable:
            future.cancel()
        raise stack.error

    def sleep(self, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        left = seconds
        while True:
            self.wait(asyncio.sleep(left))
            left = deadline - time.perf_counter()
            if left <= 0:
                return

    def run(self, main: Awaitable[T]) -> T:
        """`asyncio.run` within the running event loop: interrupted, it lets `main` end first."""
        task = asyncio.ensure_future(main)
        try:
            return self.wait(task)
        except (KeyboardInterrupt, asyncio.CancelledError):
            if task.cancel():
                with suppress(asyncio.CancelledError):
                    self.wait(task)
            raise

    def ask(self, msg_json: str, msg_id: str) -> str:
        if not can_run_sync():
            msg = "input was called in a callback of JavaScript, which cannot wait for the answer: call it in a task"
            raise StdinNotImplementedError(msg)
        reply = self._answer(msg_id)
        self._send(msg_json, None)
        try:
            return str(self.wait(reply))
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._give_up(msg_id)
            raise


def _is_bookkeeping(callback: Callable[..., object]) -> bool:
    """Whether Pyodide itself schedules a callback for each stack that waits."""
    name = getattr(callback, "__name__", "") or type(callback).__name__
    return name in ("_decrement_in_progress", "FutureDoneCallback")
