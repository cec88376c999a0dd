"""A stack that is stopped: it waits in place, and does meanwhile what it is asked to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from async_kernel.debugger._engine import DebugError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import FrameType

    from async_kernel.debugger._variables import Variables
    from async_kernel.shell._run import CellRun

T = TypeVar("T")


@dataclass(eq=False)
class Stop:
    """One stop of a thread. What is asked of its frames runs in its own stack and context, as the code there does."""

    thread: int
    frames: Sequence[tuple[FrameType, int]]
    """Innermost first, with their lines."""
    first_frame: int
    """The number of the innermost frame; the others follow."""
    variables: Variables
    cell_run: CellRun | None = None
    """The cell's run that it belongs to."""
    error: BaseException | None = None
    """The exception for which it stopped."""
    _asked: asyncio.Queue[_Call | None] = field(default_factory=asyncio.Queue)

    def frame(self, number: int) -> FrameType:
        """A frame by its number."""
        return self.frames[number - self.first_frame][0]

    def go_on(self) -> None:
        """Let the code go on."""
        self._asked.put_nowait(None)

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in the stopped stack, and return its result or raise its exception.

        Raises:
            DebugError: the code has gone on, or was interrupted.
        """
        call = _Call(function, asyncio.get_running_loop().create_future())
        self._asked.put_nowait(call)
        return cast("T", await call.done)

    def wait(self, wait: Callable[[Awaitable[Any]], Any]) -> None:
        """Wait until the code is to go on. Raises KeyboardInterrupt where it is interrupted.

        Args:
            wait: waits in place for an awaitable, the event loop going on.
        """
        try:
            while call := wait(self._asked.get()):
                call()
        finally:
            while not self._asked.empty():
                if call := self._asked.get_nowait():
                    call.fail(DebugError("the code has gone on"))


@dataclass(eq=False, slots=True)
class _Call:
    """What is to be done in the stopped stack."""

    function: Callable[[], object]
    done: asyncio.Future[object]

    def __call__(self) -> None:
        try:
            result = self.function()
        except Exception as e:  # noqa: BLE001  # whatever it is, it is raised to who asks
            self.fail(e)
        except BaseException:
            self.fail(DebugError("interrupted"))
            raise
        else:
            if not self.done.done():
                self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        """Raise an exception to who asks."""
        if not self.done.done():
            self.done.set_exception(error)
