"""Whose code runs: for callbacks of GUIs, which toolkits call in no context."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from async_kernel._context import current_request, request_context
from async_kernel.caller._host import current_host

if TYPE_CHECKING:
    from types import CodeType, FrameType, TracebackType

    from async_kernel._context import Request


class CellCode:
    """The requests by the file names that the code of their cells has, kept where a GUI is the host."""

    def __init__(self) -> None:
        self._requests: dict[str, Request] = {}

    def note(self, code: CodeType) -> None:
        """The code is of the current request."""
        if current_host() and (request := current_request()):
            self._requests[code.co_filename] = request

    def of_frame(self, frame: FrameType | None) -> Request | None:
        """The request whose code has led to this frame."""
        found = None
        while self._requests and frame is not None:
            found = self._requests.get(frame.f_code.co_filename, found)
            frame = frame.f_back
        return found

    def owning(self, traceback: TracebackType | None) -> AbstractContextManager[None]:
        """A block that runs for the request whose code the exception went through, if that is known and none is yet."""
        while traceback is not None and current_request() is None:
            if request := self._requests.get(traceback.tb_frame.f_code.co_filename):
                return request_context(request)
            traceback = traceback.tb_next
        return nullcontext()
