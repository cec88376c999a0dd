"""Trackers collect the pendings that are scheduled while they are active in the context."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from async_kernel.caller._pending import Pending


class PendingTracker:
    """Something that pendings join when they are scheduled while it is active in the context."""

    def add(self, pending: Pending[Any]) -> bool:
        """Take the pending in, from any thread. `False` if this tracker takes no more."""
        raise NotImplementedError


Trackers: TypeAlias = type[PendingTracker] | tuple[type[PendingTracker], ...]

active: contextvars.ContextVar[tuple[PendingTracker, ...]] = contextvars.ContextVar("async_kernel_trackers", default=())


def join(pending: Pending[Any], kinds: Trackers) -> None:
    """Have the pending join the innermost active tracker of each of `kinds` that takes it."""
    if not (trackers := active.get()):
        return
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        for tracker in reversed(trackers):
            if isinstance(tracker, kind) and tracker.add(pending):
                break
