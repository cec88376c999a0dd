"""asyncio as a guest of trio: an asyncio event loop in the thread of a trio run, turned when it has something to do.

The loop never blocks: its selector notes how long it could wait, and trio waits in its place.
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

import sniffio
import trio

from async_kernel.caller._backend import innermost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from contextvars import Context

Ts = TypeVarTuple("Ts")


async def serve_guest(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` in an asyncio event loop that the calling trio task turns. What it leaves is cancelled."""

    async def run_main() -> None:
        await main()

    with trio.CancelScope(shield=True), asyncio.Runner(loop_factory=_GuestLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, _GuestLoop)
        await loop.run_guest(run_main())


class _Selector(selectors.DefaultSelector):
    """Within a turn: looks what is ready, without waiting for it, and lets the turn be the last."""

    def __init__(self) -> None:
        super().__init__()
        self.turning: asyncio.AbstractEventLoop | None = None
        self.patience: float | None = 0
        """Seconds that the loop could have waited; None for as long as it takes."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.turning is None:
            return super().select(timeout)
        self.turning.stop()
        ready = super().select(0)
        self.patience = 0 if ready else timeout
        return ready


class _GuestLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._eyes = _Selector()
        super().__init__(self._eyes)

    async def run_guest(self, main: Any) -> None:
        task = self.create_task(main)
        while not task.done():
            self._turn()
            if self._eyes.patience == 0:
                await trio.lowlevel.checkpoint()
            else:
                with trio.move_on_after(float("inf") if self._eyes.patience is None else self._eyes.patience):
                    await trio.lowlevel.wait_readable(self._eyes.fileno())
        task.result()

    def _turn(self) -> None:
        self._eyes.turning = self
        try:
            with _inside_asyncio():
                self.run_forever()
        finally:
            self._eyes.turning = None

    # Code of the trio side, in the same thread, may use what belongs to the loop: the loop must be woken then.

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_running():
            return super().call_soon(callback, *args, context=context)
        return self.call_soon_threadsafe(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        if not self.is_running():
            self.call_soon_threadsafe(lambda: None)
        return timer


@contextmanager
def _inside_asyncio() -> Generator[None]:
    """Say that asyncio runs, although a trio task does."""
    before, sniffio.thread_local.name = sniffio.thread_local.name, "asyncio"
    innermost.backend = "asyncio"
    try:
        yield
    finally:
        sniffio.thread_local.name = before
        innermost.backend = None
