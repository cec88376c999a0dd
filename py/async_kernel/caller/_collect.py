"""Waiting for several pendings."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from async_kernel.caller._pending import Pending

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

T = TypeVar("T")

ReturnWhen: TypeAlias = Literal["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]


async def wait(
    items: Iterable[Pending[T]], *, timeout: float | None = None, return_when: ReturnWhen = "ALL_COMPLETED"
) -> tuple[set[Pending[T]], set[Pending[T]]]:
    """Wait for pendings as `asyncio.wait` does for futures. See `Caller.wait`."""
    if return_when not in {"FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"}:
        msg = f"return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED, not {return_when!r}."
        raise ValueError(msg)
    pendings = set(items)
    unfinished = set(pendings)
    enough: Pending[None] = Pending()

    def finished(pending: Pending[Any]) -> None:
        unfinished.discard(pending)
        failed = not pending.cancelled() and pending._exception is not None
        if not unfinished or return_when == "FIRST_COMPLETED" or (return_when == "FIRST_EXCEPTION" and failed):
            enough._resolve(None, None)

    try:
        for pending in pendings:
            pending._add_callback(finished)
        if pendings:
            with suppress(TimeoutError):
                await enough.wait(timeout=timeout)
    finally:
        for pending in pendings:
            pending._drop_callback(finished)
    done = {pending for pending in pendings if pending.done()}
    return done, pendings - done


async def as_completed(
    items: Iterable[Pending[T]], *, max_concurrent: int | None = None, cancel_unfinished: bool = True
) -> AsyncGenerator[Pending[T]]:
    """Yield pendings as they get done. See `Caller.as_completed`."""
    source = iter(items)
    exhausted = False
    unfinished: set[Pending[T]] = set()
    finished: deque[Pending[T]] = deque()
    news: Pending[None] = Pending()

    def done(pending: Pending[Any]) -> None:
        finished.append(pending)
        news._resolve(None, None)

    try:
        while True:
            while not exhausted and (not max_concurrent or len(unfinished) < max_concurrent):
                try:
                    pending = next(source)
                except StopIteration:
                    exhausted = True
                else:
                    unfinished.add(pending)
                    pending._add_callback(done)
            if not unfinished:
                return
            while not finished:
                news = Pending()
                if not finished:
                    await news
            pending = finished.popleft()
            unfinished.discard(pending)
            yield pending
    finally:
        for pending in unfinished:
            pending._drop_callback(done)
            if cancel_unfinished:
                pending.cancel("No one waits for it any more.")
