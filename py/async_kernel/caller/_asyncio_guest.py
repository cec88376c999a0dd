"""asyncio as a guest: an event loop in a thread that belongs to another loop, turned when it has something to do.

It never blocks its thread: its selector notes how long the loop could wait, and someone waits in its place. Under trio
that is trio, under a GUI's main loop a helper thread.
"""

from __future__ import annotations

import asyncio
import queue
import selectors
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVarTuple, Unpack

from async_kernel.caller._backend import innermost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from contextvars import Context

    from async_kernel.caller._host import Host

Ts = TypeVarTuple("Ts")


async def serve_guest(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` in an asyncio event loop that the calling trio task turns. What it leaves is cancelled."""
    import trio

    with trio.CancelScope(shield=True):
        guest = _Guest(main)
        while True:
            with _inside_asyncio():
                guest.turn()
            if guest.ended:
                break
            if guest.patience == 0:
                await trio.lowlevel.checkpoint()
            else:
                with trio.move_on_after(float("inf") if guest.patience is None else guest.patience):
                    await trio.lowlevel.wait_readable(guest.loop.eyes.fileno())
    guest.result()


def start_guest_run(
    main: Callable[[], Awaitable[None]],
    host: Host,
    done: Callable[[BaseException | None], object],
    *,
    debug: bool | None = None,
) -> None:
    """Run `main` in an asyncio event loop as a guest of a GUI's main loop. In its thread, before or while it runs.

    The loop counts as the running one of its thread as long as it is there, so that callbacks of the GUI can start
    tasks.

    Args:
        main: what it leaves is cancelled.
        host: the main loop.
        done: called in its thread when all is over, with what went wrong.
        debug: asyncio's debug mode, by default as the environment says.
    """
    guest = _Guest(main, debug=debug)
    waits: queue.SimpleQueue[float | BaseException | None] = queue.SimpleQueue()
    over = EOFError()

    def wait() -> None:
        while not isinstance(patience := waits.get(), BaseException):
            guest.loop.eyes.select(patience)
            host.run_soon_threadsafe(turn)

    def turn() -> None:
        asyncio._set_running_loop(None)
        guest.turn()
        if guest.ended:
            waits.put(over)
            error = None
            try:
                guest.result()
            except BaseException as e:  # noqa: BLE001 (outer edge of a loop: told to who started it)
                error = e
            done(error)
            return
        asyncio._set_running_loop(guest.loop)
        if guest.patience == 0:
            host.run_soon(turn)
        else:
            waits.put(guest.patience)

    threading.Thread(target=wait, name="asyncio guest I/O", daemon=True).start()
    host.run_soon(turn)


class _Guest:
    """An event loop and its main task."""

    def __init__(self, main: Callable[[], Awaitable[None]], *, debug: bool | None = None) -> None:
        self.loop = _GuestLoop()
        if debug is not None:
            self.loop.set_debug(debug)
        self.ended = False
        self._is_over = False
        self._error: BaseException | None = None
        self._cancelled: weakref.WeakSet[asyncio.Task[object]] = weakref.WeakSet()
        self._task = self.loop.create_task(self._run(main))
        self._task.add_done_callback(self._end)  # behind it, others' callbacks have run too

    @property
    def patience(self) -> float | None:
        """Seconds until the next turn, unless there is input before; None for no limit."""
        return self.loop.eyes.patience

    def turn(self) -> None:
        """Run what is ready."""
        try:
            self.loop.turn()
        except BaseException as error:  # noqa: BLE001 (SystemExit or KeyboardInterrupt ends a loop, as elsewhere)
            self._error = self._error or error
            self._task.cancel()
        # A call from another thread may have come last of all.
        if self._is_over and not self._cancel_left():
            self.ended = True
            self.loop.close()

    def _end(self, _: object) -> None:
        self._is_over = True

    def result(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error
        self._task.result()

    async def _run(self, main: Callable[[], Awaitable[None]]) -> None:
        try:
            await main()
        finally:
            await self._wind_up()

    async def _wind_up(self) -> None:
        while left := self._cancel_left():
            await asyncio.wait(left)
            for task in left:
                if not task.cancelled() and (error := task.exception()) is not None:
                    message = "a task failed while the event loop was ending"
                    self.loop.call_exception_handler({"message": message, "exception": error, "task": task})
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()

    def _cancel_left(self) -> set[asyncio.Task[object]]:
        """The tasks that are left, each cancelled once."""
        left = asyncio.all_tasks(self.loop) - {self._task}
        for task in left.difference(self._cancelled):
            task.cancel()
            self._cancelled.add(task)
        return left


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.turning: asyncio.AbstractEventLoop | None = None
        """Set for the first look of a turn, which is not to wait. Whoever turns the loop within that turn may wait."""
        self.patience: float | None = 0
        """Seconds that the loop could have waited; None for as long as it takes."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.turning is None:
            return super().select(timeout)
        self.turning.stop()
        self.turning = None
        ready = super().select(0)
        self.patience = 0 if ready else timeout
        return ready


class _GuestLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.eyes = _Selector()
        self._is_in_turn = False
        super().__init__(self.eyes)

    def turn(self) -> None:
        self.eyes.turning = self
        self._is_in_turn = True
        try:
            self.run_forever()
        finally:
            self._is_in_turn = False

    # The host's code, in the same thread, may use what belongs to the loop: the loop must be woken then.

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]  # a nested run takes it too, see _nested_run.py
        if not self._is_in_turn:
            self._wake()

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        if not self._is_in_turn:
            self._wake()
        return handle

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        if not self._is_in_turn:
            self._wake()
        return timer

    def _wake(self) -> None:
        self.call_soon_threadsafe(_nothing)


def _nothing() -> None:
    """Called for its turn."""


@contextmanager
def _inside_asyncio() -> Generator[None]:
    """Say that asyncio runs, although a trio task does."""
    import sniffio

    before, sniffio.thread_local.name = sniffio.thread_local.name, "asyncio"
    innermost.backend = "asyncio"
    try:
        yield
    finally:
        sniffio.thread_local.name = before
        innermost.backend = None
