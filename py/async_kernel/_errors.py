"""All exceptions of the core.

```
AsyncKernelError
├── PendingError
│   ├── PendingNotDone      the result was asked for before there was one
│   ├── PendingDone         a second result was given
│   └── PendingCancelled    it was cancelled, so there is no result
├── CallerError
│   └── CallerStopped       a call was scheduled on a caller that has been stopped
├── HostError               the main loop of a GUI cannot be had
├── BadMessageError         a client sent what is no message of the specification
├── SettingsError           a setting is unknown or of the wrong kind
├── UnknownCommError        a message is for a comm or a target that there is not
└── HistoryLockedError      another process keeps the history's database to itself
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from async_kernel._wire import Header

__all__ = [
    "AsyncKernelError",
    "BadMessageError",
    "CallerError",
    "CallerStopped",
    "HistoryLockedError",
    "HostError",
    "PendingCancelled",
    "PendingDone",
    "PendingError",
    "PendingNotDone",
    "SettingsError",
    "UnknownCommError",
]


class AsyncKernelError(Exception):
    """Base of every exception that the kernel defines."""


class PendingError(AsyncKernelError):
    """A `Pending` cannot do what it was asked to do."""


class PendingNotDone(PendingError):  # noqa: N818 (published name)
    """The outcome was asked for before there was one: await the pending, or call `wait_sync`."""


class PendingDone(PendingError):  # noqa: N818
    """A result or exception was given to a pending that has one already."""


class PendingCancelled(PendingError):  # noqa: N818 (published name)
    """The pending was cancelled. An error raised while its call cleaned up is the `__cause__`."""


class CallerError(AsyncKernelError):
    """A `Caller` cannot do what it was asked to do."""


class CallerStopped(CallerError):  # noqa: N818
    """The caller has been stopped, or its event loop has ended: it takes no more calls."""


class HostError(AsyncKernelError):
    """The main loop of a GUI cannot be had here; the text says what to install or set."""


class BadMessageError(AsyncKernelError):
    """A client sent what is no message of the specification; the text says what is wrong with it.

    Args:
        text: what is wrong.
        header: the message's header where that is whole, so that it can be answered.
    """

    def __init__(self, text: str, header: Header | None = None) -> None:
        super().__init__(text)
        self.header = header


class NoExceptionRaised(AsyncKernelError):  # noqa: N818
    """A cell with the tag `raises-exception` ran to its end."""


class SettingsError(AsyncKernelError):
    """A setting is unknown or of the wrong kind; the text lists what there is."""


class UnknownCommError(AsyncKernelError):
    """A message is for a comm that is not open, or opens one of a target that nobody has registered."""


class HistoryLockedError(AsyncKernelError):
    """The history cannot be read: another process keeps its database to itself. Later it can."""


def causes(error: object) -> Iterator[BaseException]:
    """An error and what it came of, in the order in which tracebacks follow them."""
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:  # a user's exception may have anything as cause
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
