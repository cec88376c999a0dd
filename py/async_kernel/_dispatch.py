"""From a message to its handler, and from the handler's content to the reply.

Sections "Messages on the shell channel" and "Kernel status" of the messaging specification. A message never waits
behind one that it does not depend on: each lane has a queue of its own.
"""

from __future__ import annotations

import inspect
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import anyio

from async_kernel._cell_threads import call_in_thread
from async_kernel._context import request_context
from async_kernel._errors import BadMessageError, HistoryLockedError
from async_kernel._nested_run import let_nest
from async_kernel._platform import HAS_THREADS
from async_kernel._requests.execute import ExecuteQueue
from async_kernel._run_mode import RunMode, run_mode
from async_kernel._wire import reply_type

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable, Mapping

    from async_kernel._context import Request
    from async_kernel._iopub import IOPub
    from async_kernel._message import MessageFactory
    from async_kernel._wire import Content, Message
    from async_kernel.caller import Caller

Lane = Literal["execute", "comm", "introspection", "debug", "control"]

_LANES: Final[dict[str, Lane]] = {
    "execute_request": "execute",
    "comm_open": "comm",
    "comm_msg": "comm",
    "comm_close": "comm",
    "complete_request": "introspection",
    "inspect_request": "introspection",
    "is_complete_request": "introspection",
    "history_request": "introspection",
    "debug_request": "debug",
}


class Dispatcher:
    """Hands each request to the handler named as its type.

    Args:
        handlers: the object whose coroutine methods they are.
        callers: where the lanes run: `shell`, `introspection` and `control`.
        iopub: gets the status messages.
        factory: builds replies.
        log: told of what was dropped, and of handlers that failed.
    """

    def __init__(
        self,
        handlers: object,
        callers: Mapping[str, Caller],
        iopub: IOPub,
        factory: MessageFactory,
        log: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        self._handlers = handlers
        self._callers = callers
        self._iopub = iopub
        self._factory = factory
        self._log = log
        self._has_told = False
        self._queues: dict[str | None, ExecuteQueue] = {}
        self.open_queue(None)

    def open_queue(self, subshell_id: str | None) -> None:
        """Take execute requests for a subshell; None is the main shell."""
        # One context for all its cells: a context variable set in a cell is there in the next.
        self._queues[subshell_id] = ExecuteQueue(self._callers["shell"], copy_context(), self.answer, self._execute)

    def close_queue(self, subshell_id: str | None) -> None:
        """Abort what waits for a subshell, and take no more for it."""
        self._queues.pop(subshell_id).abort_all()

    def receive(self, request: Request) -> None:
        """Take a request from a connection. Called from any thread; returns at once."""
        queue = self._queues.get(request.subshell_id)
        if queue is None:
            self.refuse(request, BadMessageError(f"there is no subshell {request.subshell_id!r:.80}"))
            return
        match _LANES.get(request.msg_type, "control"):
            case "execute":
                self._receive_execute(request, queue)
            case "comm":
                self._callers["shell"].queue_call(self._handle_comm, request)
            case "introspection":
                self._callers["introspection"].queue_call(self._handle_introspection, request)
            case "debug":
                self._callers["control"].queue_call(self._handle_debug, request)
            case "control":
                self._callers["control"].call_soon(self._handle, request)

    def refuse(self, request: Request, error: BadMessageError) -> None:
        """Answer a message that could not be understood."""

        async def handler(_: Request) -> None:
            raise error

        self._callers["control"].call_soon(self.answer, request, handler)

    def _receive_execute(self, request: Request, queue: ExecuteQueue) -> None:
        try:
            self._run_cell(request, run_mode(request), queue)
        except BadMessageError as e:
            self.refuse(request, e)

    def _run_cell(self, request: Request, run: RunMode, queue: ExecuteQueue) -> None:
        if run.mode == "thread" and not HAS_THREADS:
            self._callers["shell"].call_soon(self.answer, request, self._execute_without_thread)
        elif run.mode == "queue":
            queue.put(request)
        elif run.mode == "task":
            self._callers["shell"].call_soon(self.answer, request, self._execute)
        else:
            try:
                call_in_thread(self._callers["shell"], run.options, self.answer, request, self._execute)
            except (ValueError, ImportError) as e:
                raise BadMessageError(str(e)) from e

    async def _execute(self, request: Request) -> Content | None:
        handler = self._handler("execute_request")
        return await (handler or _unknown)(request)

    async def _execute_without_thread(self, request: Request) -> Content | None:
        if not self._has_told:
            self._has_told = True
            print("There are no threads here: a cell with `# thread` runs as a task.", file=sys.stderr)  # noqa: T201  # for the cell
        return await self._execute(request)

    async def _handle_comm(self, request: Request) -> None:
        await self._handle(request)

    async def _handle_debug(self, request: Request) -> None:
        await self._handle(request)

    async def _handle_introspection(self, request: Request) -> None:
        await self._handle(request)

    async def _handle(self, request: Request) -> None:
        if handler := self._handler(request.msg_type):
            await self.answer(request, handler)
        elif request.msg_type.endswith("_request"):
            await self.answer(request, _unknown)
        else:
            self._log.debug("Dropped a message of unknown type %.80r", request.msg_type)

    def _handler(self, msg_type: str) -> Callable[[Request], Awaitable[Content | None]] | None:
        if msg_type.endswith("_request") or msg_type in _LANES:
            handler = getattr(self._handlers, msg_type, None)
            if inspect.iscoroutinefunction(handler):
                return cast("Callable[[Request], Awaitable[Content | None]]", handler)
        return None

    async def answer(
        self,
        request: Request,
        handler: Callable[[Request], Awaitable[Content | None]],
        is_last: Callable[[], bool] = lambda: True,
    ) -> Content | None:
        """Handle a request: busy, what the handler sends, the reply, idle. Returns the reply's content.

        Args:
            request: the request.
            handler: makes the content.
            is_last: whether no other waits for its end.
        """
        content: Content | None = None
        with request_context(request):
            # What was written before is others'. It goes out with what the handler sends, if it is to send something.
            self._iopub.send_now(self._status("busy", request), can_wait=not request.content.get("silent"))
            try:
                content = await let_nest(handler(request))
            except anyio.get_cancelled_exc_class():
                content = {"status": "aborted"}
                raise
            except (BadMessageError, HistoryLockedError) as e:
                self._log.debug("Refused a message: %s", e)
                content = _failure(e)
            except Exception as e:  # noqa: BLE001  # the edge: no handler's error may end its queue
                self._log_failure(request, e)
                content = _failure(e)
            finally:
                can_wait = not is_last()
                send = self._iopub.send
                if content is not None and request.msg_type.endswith("_request"):
                    self._reply(request, content, can_wait=can_wait)
                    send = self._iopub.send_now  # what was written is sent
                send(self._status("idle", request), can_wait=can_wait)
        return content

    def _log_failure(self, request: Request, error: Exception) -> None:
        try:
            self._log.exception("%s failed", request.msg_type)
        except Exception:  # noqa: BLE001  # an exception that cannot be formatted
            self._log.error("%s failed: %s", request.msg_type, type(error).__name__)

    def _reply(self, request: Request, content: Content, *, can_wait: bool) -> None:
        """Send a reply, behind all output of its request."""
        msg = self._factory.message(
            reply_type(request.msg_type),
            channel=request.msg["channel"],
            content={"status": "ok", **content},
            parent=request.msg,
        )
        connection = request.connection
        with self._iopub.lock:
            self._iopub.before_send(request)
            (connection.send_with_next if can_wait else connection.send)(msg, request.route)

    def _status(self, state: str, request: Request) -> Message:
        content = {"execution_state": state}
        return self._factory.message("status", channel="iopub", content=content, parent=request.msg)


async def _unknown(request: Request) -> Content:
    msg = f"unknown message type {request.msg_type!r:.80}"
    raise BadMessageError(msg)


def _failure(error: Exception) -> Content:
    return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}
