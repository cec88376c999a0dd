"""Where an interrupt may find the thread that runs cells."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from async_kernel._interrupt import module_of, place
from async_kernel.caller import Caller
from async_kernel.caller._backend_asyncio import AsyncioLoop
from async_kernel.caller._call import Call

if TYPE_CHECKING:
    from types import FrameType


class Pair(NamedTuple):
    first: int
    second: int


@pytest.mark.parametrize("is_coroutine", [True, False])
def test_no_step_from_the_event_loop_to_a_function_is_users_code(is_coroutine: bool) -> None:
    """An exception raised there would end the call before it has begun: an interrupt_request, say."""
    function, begin = (_coroutine, AsyncioLoop._drive) if is_coroutine else (_plain, Call.start)
    kinds: list[tuple[str, str]] = []

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code is function.__code__:
            sys.settrace(None)
            return None
        at: FrameType | None = frame
        while at and at.f_code is not begin.__code__:
            at = at.f_back
        if at:
            kinds.append((frame.f_code.co_qualname, place(frame).kind))
        return trace

    async def main() -> None:
        async with Caller("manual") as caller:
            sys.settrace(trace)
            await caller.call_soon(function)

    try:
        asyncio.run(main())
    finally:
        sys.settrace(None)
    assert kinds
    assert [(name, kind) for name, kind in kinds if kind != "kernel"] == []


def test_code_that_namedtuple_generates_is_the_standard_librarys() -> None:
    frames: list[FrameType] = []

    def trace(frame: FrameType, event: str, arg: object) -> None:
        frames.append(frame)

    sys.settrace(trace)
    try:
        Pair(1, 2)
    finally:
        sys.settrace(None)
    assert module_of(frames[0]) == "collections"


def _plain() -> int:
    return 1


async def _coroutine() -> int:
    return 1
