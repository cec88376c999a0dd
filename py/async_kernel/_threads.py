"""Threads of a cell belong to it: what they print goes there.

A new thread starts with an empty context. The request is carried over, and nothing else: a thread that is to have all
of its starter's context says so, as before.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import TYPE_CHECKING, Any

from async_kernel._context import current_request, request_context

if TYPE_CHECKING:
    from collections.abc import Callable


def _for_current_request(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, run for the request that the calling code runs for."""
    request = current_request()
    if request is None:
        return function

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with request_context(request):
            return function(*args, **kwargs)

    return run


class ThreadRequests:
    """Lets threads, and calls in thread pools, run for the request that starts them."""

    def __init__(self) -> None:
        self._start = threading.Thread.start
        self._submit = ThreadPoolExecutor.submit

    def install(self) -> None:
        start = self._start
        submit: Callable[..., Any] = self._submit

        @wraps(start)
        def start_for_request(thread: threading.Thread) -> None:
            thread.run = _for_current_request(thread.run)  # type: ignore[method-assign]  # of this one thread
            start(thread)

        @wraps(submit)
        def submit_for_request(pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            return submit(pool, _for_current_request(fn), *args, **kwargs)

        threading.Thread.start = start_for_request  # type: ignore[method-assign, assignment]  # the same call
        ThreadPoolExecutor.submit = submit_for_request  # type: ignore[method-assign, assignment]  # the same call

    def uninstall(self) -> None:
        threading.Thread.start = self._start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = self._submit  # type: ignore[method-assign]
