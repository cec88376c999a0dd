"""Section "Execute", and the queue in which cells run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from async_kernel._errors import NoExceptionRaised
from async_kernel._requests.tags import cell_tags

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context

    from async_kernel._context import Request
    from async_kernel._wire import Content
    from async_kernel.caller import Caller
    from async_kernel.shell import AsyncInteractiveShell


async def execute(
    shell: AsyncInteractiveShell,
    code: str,
    *,
    silent: bool,
    store_history: bool,
    user_expressions: dict[str, str],
    cell_id: str | None,
    cell_meta: dict[str, Any] | None,
) -> Content:
    """Run a cell and make the content of its reply.

    Raises:
        BadMessageError: its tags ask for what cannot be.
    """
    tags = cell_tags(cell_meta or {})
    run, result = await shell.run(
        code,
        store_history=store_history,
        silent=silent,
        timeout=tags.timeout,
        cell_id=cell_id,
        cell_meta=cell_meta,
    )
    content: Content = {"status": "ok", "execution_count": run.execution_count}
    if result.success and tags.raises_exception:
        missing = NoExceptionRaised("the cell has the tag raises-exception, and raised none")
        content |= {"status": "error", **shell.show_error(missing), "payload": []}
    elif result.success:
        content["user_expressions"] = shell.user_expressions(user_expressions)
        content["payload"] = run.payload
    else:
        content |= {"status": "error", **(run.error or _unshown(result.error_before_exec or result.error_in_exec))}
        content["payload"] = []
    return content


def _unshown(error: BaseException | None) -> Content:
    """An error that IPython told in words of its own, such as a wrong magic."""
    return {"ename": type(error).__name__, "evalue": str(error), "traceback": []}


class ExecuteQueue:
    """Runs the execute requests of one shell one after another, and aborts those behind a failed one.

    Args:
        caller: where the cells run.
        context: the context variables that the cells share.
        answer: handles a request with a handler, status messages and reply included.
        handler: the kernel's `execute_request`.
    """

    def __init__(
        self,
        caller: Caller,
        context: Context,
        answer: Callable[
            [Request, Callable[[Request], Awaitable[Content | None]], Callable[[], bool]], Awaitable[Content | None]
        ],
        handler: Callable[[Request], Awaitable[Content | None]],
    ) -> None:
        self._caller = caller
        self._context = context
        self._answer = answer
        self._handler = handler
        self._count = 0
        self._abort_upto: float = 0

    def put(self, request: Request) -> None:
        """Queue a request. Called from any thread."""
        self._count += 1
        self._caller._queue_call(self._next, (request, self._count), {}, self._context)

    def abort_all(self) -> None:
        """Abort all that is queued, and all that comes."""
        self._abort_upto = math.inf

    async def _next(self, request: Request, number: int) -> None:
        handler = _abort if number <= self._abort_upto else self._run
        await self._answer(request, handler, lambda: number == self._count)

    async def _run(self, request: Request) -> Content | None:
        content = await self._handler(request)
        if content and content["status"] == "error" and _stops(request, content):
            # Ahead of the reply: what the client sends once it has it is not aborted.
            await request.connection.drain()
            self._abort_upto = max(self._abort_upto, self._count)
        return content


def _stops(request: Request, error: Content) -> bool:
    """Whether an error of this cell aborts the cells behind it."""
    tags = cell_tags(request.msg["metadata"])
    if tags.raises_exception:
        asked = error["ename"] == NoExceptionRaised.__name__
    else:
        asked = bool(request.content.get("stop_on_error", True))
    stops = asked if tags.stop_on_error is None else tags.stop_on_error
    return stops and not request.content.get("silent", False)


async def _abort(_: Request) -> Content:
    return {"status": "aborted"}
