"""The connection: the seam between the kernel and whatever carries its messages.

A transport is one subclass of `Connection`. It delivers messages with `Kernel.receive` and is sent the kernel's own.
Several may be open on one kernel: a reply goes to the one that asked, iopub messages go to all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from async_kernel._wire import Message


class Connection(ABC):
    """What a transport provides."""

    @property
    def is_behind(self) -> bool:
        """Whether clients are so far behind with reading that no more should be written for now."""
        return False

    @abstractmethod
    def send(self, msg: Message, route: object = None) -> None:
        """Take a message on its way to the client.

        Called from any thread; it must not wait for the client.

        Args:
            msg: a message on any channel but stdin.
            route: what the transport gave to `Kernel.receive` with the request, on a reply.
        """

    def send_with_next(self, msg: Message, route: object = None) -> None:
        """Take a message as `send` does, which may go out with the next one, if that comes soon."""
        self.send(msg, route)

    @abstractmethod
    def request_input(self, msg: Message, route: object = None) -> Message:
        """Send an `input_request` and block until its `input_reply` is here.

        Raises:
            StdinNotImplementedError: no reply can be had on this connection; the error says why.
        """

    async def drain(self) -> None:  # noqa: B027  # most transports deliver at once
        """Wait until everything that the client had sent before has been delivered.

        Cells queued behind one that failed are aborted even while they are on their way. A transport that
        delivers at once has nothing to do.
        """
