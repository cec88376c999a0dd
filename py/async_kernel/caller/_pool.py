"""Worker threads for `to_thread`, kept for a while when they are idle."""

from __future__ import annotations

import contextvars
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from async_kernel._errors import CallerStopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel.caller._caller import Caller
    from async_kernel.caller._pending import Pending


class _Worker:
    """A caller of the pool, and the notice that it gets while it is idle."""

    __slots__ = ("caller", "notice")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.notice: Pending[None] | None = None


class WorkerPool:
    """Callers in threads of their own, each running one call at a time.

    Args:
        new_worker: starts one.
        most_idle: how many idle ones are kept.
        idle_seconds: how long an idle one is kept.
    """

    def __init__(self, new_worker: Callable[[], Caller], *, most_idle: int = 10, idle_seconds: float = 60.0) -> None:
        self._new_worker = new_worker
        self._idle_seconds = idle_seconds
        self._idle: deque[_Worker] = deque()
        self._places = deque([None] * most_idle)  # for one more idle worker each

    @property
    def idle(self) -> tuple[Caller, ...]:
        """The workers that are idle."""
        return tuple(worker.caller for worker in list(self._idle))

    def run(self, schedule: Callable[[Caller], Pending[Any]]) -> Pending[Any]:
        """Have an idle worker, or a new one, run what `schedule` schedules on it.

        Raises:
            CallerStopped: the caller that the workers belong to has been stopped.
        """
        while True:
            worker = self._take()
            try:
                pending = schedule(worker.caller)
            except CallerStopped:  # it was stopped while it was idle
                continue
            pending._add_callback(partial(self._give_back, worker))
            return pending

    def _take(self) -> _Worker:
        try:
            worker = self._idle.pop()
        except IndexError:
            return _Worker(self._new_worker())
        self._places.append(None)
        if worker.notice is not None:
            worker.notice.cancel()
        return worker

    def _give_back(self, worker: _Worker, _: Pending[Any]) -> None:
        try:
            self._places.pop()
        except IndexError:
            worker.caller.stop(force=True)
            return
        try:
            worker.notice = worker.caller._schedule(
                self._retire, (worker,), {}, contextvars.Context(), (), {}, delay=self._idle_seconds
            )
        except CallerStopped:
            self._places.append(None)
            return
        self._idle.append(worker)

    def _retire(self, worker: _Worker) -> None:
        try:
            self._idle.remove(worker)
        except ValueError:  # taken in the meantime
            return
        self._places.append(None)
        worker.caller.stop(force=True)
