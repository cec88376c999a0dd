"""Hosts: main loops of GUIs, seen as what a guest needs of them."""

from __future__ import annotations

import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from traitlets.utils.importstring import import_item

from async_kernel._errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import FrameType

_PACKAGE: Final = "async_kernel_zmq.hosts"
_DESKTOP: Final = {"tk": f"{_PACKAGE}.TkHost", "qt": f"{_PACKAGE}.QtHost"}
HOSTS: Final = (*_DESKTOP, "custom")
_TURN: Final = 0.005
"""Seconds for which a guest may go on before windows have their turn: a third of a frame at 60 a second."""


class Host(ABC):
    """A GUI's main loop, with an event loop as its guest. Made in the thread that it will run in.

    Functions that are given to it are called in that thread, in order, and do not raise.
    """

    name: str = "custom"
    guis: tuple[str, ...] = ()
    """What `%gui` and `%matplotlib` call the toolkit."""

    @abstractmethod
    def run_soon(self, function: Callable[[], object], /) -> None:
        """Call the function in the main loop, soon. From its own thread."""

    @abstractmethod
    def run_soon_threadsafe(self, function: Callable[[], object], /) -> None:
        """Call the function in the main loop, soon, waking it. From any thread."""

    @abstractmethod
    def done(self) -> None:
        """The guest has ended: let `mainloop` return. Called in its thread."""

    @abstractmethod
    def mainloop(self) -> None:
        """Run until `done` is called, whatever else the user's code ends."""

    def close_windows(self) -> None:  # noqa: B027  # a toolkit may have none
        """Called in its thread at the kernel's end, before the names that callbacks use are gone."""

    def leave_nested(self) -> None:  # noqa: B027  # as above
        """End the loops that code within the main loop runs, such as a modal dialog's. Called in its thread."""

    def nested_left(self) -> None:  # noqa: B027  # as above
        """Called in its thread once the code that ran such a loop goes on."""


class QueuedHost(Host):
    """A host that keeps what it is given in a queue, and calls it a few milliseconds at a time.

    A toolkit's host says how its main loop is made to call `run_some`.
    """

    def __init__(self) -> None:
        self._functions: deque[Callable[[], object]] = deque()
        self._is_running = False
        self._is_due = False
        """Whether the main loop has been woken from another thread, and has not come yet."""

    @abstractmethod
    def wake(self) -> None:
        """Have the main loop call `run_some`. From its own thread."""

    @abstractmethod
    def wake_threadsafe(self) -> None:
        """Have the main loop call `run_some`. From any thread."""

    def run_soon(self, function: Callable[[], object], /) -> None:
        self._functions.append(function)
        if not self._is_running:
            self.wake()

    def run_soon_threadsafe(self, function: Callable[[], object], /) -> None:
        self._functions.append(function)
        if not self._is_due:
            self._is_due = True
            self.wake_threadsafe()

    def run_some(self) -> None:
        """Call what is there, and what that adds, for a few milliseconds. Also from within such a call."""
        self._is_due = False  # before looking: what is put from now on is seen here, or wakes
        was_running, self._is_running = self._is_running, True
        end = time.monotonic() + _TURN
        while self._functions and time.monotonic() < end:
            self._functions.popleft()()
        self._is_running = was_running
        if self._functions and not was_running:
            self.wake()


def check_host(name: str, options: Mapping[str, Any] | None = None) -> None:
    """Refuse a host that there is not.

    Raises:
        ValueError: naming what is allowed.
    """
    if name not in HOSTS:
        msg = f"There is no host {name!r}. Available are: {', '.join(HOSTS)}."
        raise ValueError(msg)
    if (name == "custom") != ("host_class" in (options or {})):
        msg = "The host 'custom', and no other, takes host_class in its host_options: the dotted path of a Host."
        raise ValueError(msg)


def make_host(name: str, options: Mapping[str, Any] | None = None) -> Host:
    """A new host of the current thread.

    Args:
        name: `"tk"`, `"qt"` or `"custom"`.
        options: what its class takes. For `custom`, `host_class` is that class, or its dotted path.

    Raises:
        HostError: it cannot be had here, or there is none such; the text says what to install or set.
    """
    try:
        check_host(name, options)
    except ValueError as error:
        raise HostError(str(error)) from None
    options = dict(options or {})
    cls = options.pop("host_class", _DESKTOP.get(name))
    if isinstance(cls, str):
        try:
            cls = import_item(cls)
        except ImportError as error:
            msg = f"The host class {cls} cannot be imported: {error}."
            raise HostError(msg) from error
    if not (isinstance(cls, type) and issubclass(cls, Host)):
        msg = f"The host_class must be a subclass of async_kernel.caller.Host, not {cls!r}."
        raise HostError(msg)
    try:
        inspect.signature(cls).bind(**options)
    except TypeError as error:
        msg = f"The host {name!r} does not take these host_options: {error}."
        raise HostError(msg) from error
    host: Host = cls(**options)
    host.name = name
    return host


def is_host_frame(frame: FrameType, host: Host) -> bool:
    """Whether a frame is one of the host's own."""
    module = str(frame.f_globals.get("__name__"))
    own = {cls.__module__ for cls in type(host).__mro__ if issubclass(cls, Host)}
    return module in {__name__, *own} or module.startswith(f"{_PACKAGE}.")


class _Hosting(threading.local):
    host: Host | None = None


_hosting = _Hosting()


def current_host() -> Host | None:
    """The host whose main loop runs in this thread."""
    return _hosting.host


@contextmanager
def hosting(host: Host) -> Generator[None]:
    """Say that the main loop of `host` runs in this thread."""
    _hosting.host = host
    try:
        yield
    finally:
        _hosting.host = None
