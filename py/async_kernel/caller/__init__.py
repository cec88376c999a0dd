"""Callers run functions in the event loop of a thread. Pendings are their results."""

from async_kernel._errors import CallerStopped, HostError, PendingCancelled, PendingDone, PendingNotDone
from async_kernel.caller._caller import Caller
from async_kernel.caller._group import PendingGroup
from async_kernel.caller._host import Host, QueuedHost
from async_kernel.caller._pending import Pending
from async_kernel.caller._trackers import PendingTracker

__all__ = [
    "Caller",
    "CallerStopped",
    "Host",
    "HostError",
    "Pending",
    "PendingCancelled",
    "PendingDone",
    "PendingGroup",
    "PendingNotDone",
    "PendingTracker",
    "QueuedHost",
]
