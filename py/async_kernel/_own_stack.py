"""Code that may wait in the midst of a call, on an event loop that cannot be turned from within: uvloop's.

It runs on a stack of its own, a greenlet's. Where it waits, that stack is left and its task awaits in its place.
"""

from __future__ import annotations

import asyncio
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

T = TypeVar("T")


class _Waits(NamedTuple):
    """What a stack is left with that is to be entered again once the future is done."""

    future: asyncio.Future[Any]


class _Stack(greenlet):  # type: ignore[misc]  # greenlet is not typed
    """The stack of a task."""

    def __init__(self) -> None:
        super().__init__(self._take_steps)
        self.task = asyncio.current_task()
        self.gr_context = getcurrent().gr_context  # the same context variables, no copy of them

    def _take_steps(self, step: Callable[[], Any]) -> Any:
        """Leave with what each step yields, and end with what the last returns."""
        try:
            while True:
                step = self.parent.switch(step())
        except StopIteration as e:
            return e.value


@coroutine
def run_on_own_stack(code: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await code, which can use `wait` wherever it is. In an asyncio task."""
    steps = code.__await__()
    stack = _Stack()
    got = stack.switch(partial(steps.send, None))
    while not stack.dead:
        if isinstance(got, _Waits):
            try:
                result = yield from got.future.__await__()
            except BaseException as e:  # noqa: BLE001  # belongs to the code that waits
                got = stack.throw(e)
            else:
                got = stack.switch(result)
            continue
        try:
            step = partial(steps.send, (yield got))
        except BaseException as e:  # noqa: BLE001  # as above
            step = partial(steps.throw, e)
        got = stack.switch(step)
    value: T = got
    return value


def can_wait() -> bool:
    """Whether the calling code runs on such a stack, and in the task that it belongs to."""
    stack = getcurrent()
    return isinstance(stack, _Stack) and stack.task is asyncio.current_task()


def wait(future: asyncio.Future[Any]) -> Any:
    """Leave the stack until the future is done, and return its result."""
    return getcurrent().parent.switch(_Waits(future))
