"""What the debugger needs of whatever stops code and looks into it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from async_kernel._errors import AsyncKernelError

if TYPE_CHECKING:
    from collections.abc import Callable

Body = dict[str, Any]
"""Arguments of a request, and the body of a response or an event, of the Debug Adapter Protocol."""


class DebugError(AsyncKernelError):
    """A debug request could not be fulfilled; the client shows the text."""


class Engine(ABC):
    """Stops code at breakpoints, steps, and reads and writes what code has in its frames."""

    @abstractmethod
    async def start(self, on_event: Callable[[str, Body], None]) -> None:
        """Get ready for requests; does nothing where it is ready.

        Args:
            on_event: called with the name and body of each event, from any thread.

        Raises:
            DebugError: it cannot; the error says why.
        """

    @abstractmethod
    async def request(self, command: str, arguments: Body) -> Body:
        """Answer a request of the Debug Adapter Protocol with the body of its response.

        Raises:
            DebugError: it cannot be fulfilled.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Forget all breakpoints, and let go on what is stopped. Code runs at full speed after that."""

    @abstractmethod
    async def end_step(self, thread: int) -> None:
        """Forget a step of a thread that has not come to its end: the code that it began in has."""

    def before_cell(self) -> None:  # noqa: B027  # for those that need it
        """A cell begins in the calling thread."""
