"""Who reads the sockets: an event loop, without a switch between threads, and the I/O thread while that computes."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import zmq
from async_kernel._parent import Parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from async_kernel_zmq._sockets import Sockets

_TICK: Final = 10
"""Milliseconds between two looks of the thread whether the loop reads what has come."""
_ATTENTION: Final = 1.0
"""Seconds without a message after which it looks no more, and waits for the next message too."""
_RETRY: Final = 20
"""Milliseconds between two attempts to reach a client."""
_SHORT: Final = 1
"""Milliseconds that it leaves to others to send what waits. To a thread that computes it loses Python for longer."""
_LONG: Final = 1000
"""Milliseconds after which it looks whether the parent process has gone."""


class Readers:
    """Reads in the I/O thread, which also serves other file descriptors, and in an event loop that attends.

    Args:
        sockets: what is read.
        orphaned: called in the thread when the parent process has ended.
        watched: file descriptors, with what to call in the thread when they are readable.
        output: others, which wait while clients are behind.
    """

    def __init__(
        self,
        sockets: Sockets,
        orphaned: Callable[[], None],
        watched: Mapping[int, Callable[[], None]],
        output: Mapping[int, Callable[[], None]],
    ) -> None:
        self._sockets = sockets
        self._orphaned = orphaned
        self._watched = {**watched, **output}
        self._output = output
        self._parent: Parent | None = Parent()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0)
        self._wake_write.settimeout(0)
        self._is_awake = False
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_busy: Callable[[], bool] = lambda: False
        self.is_attended = False
        """Whether the loop reads what comes, as far as is known: within two ticks it does, or the thread."""
        self._is_called = False  # whether the loop is to read
        self._reads = 0  # of the loop

    def attend(self, loop: asyncio.AbstractEventLoop, is_busy: Callable[[], bool] = lambda: False) -> None:
        """Have the running loop read too, until `leave`.

        Args:
            loop: the running loop.
            is_busy: whether it may be computing, so that the thread had better be there at once.

        Raises:
            NotImplementedError: it cannot.
        """
        for descriptor in self._sockets.descriptors:
            loop.add_reader(descriptor, self._on_readable)
        self._loop, self.is_attended, self._is_busy = loop, True, is_busy

    def leave(self) -> None:
        """End that. Called in the loop."""
        if loop := self._loop:
            self._loop, self.is_attended = None, False
            for descriptor in self._sockets.descriptors:
                loop.remove_reader(descriptor)
            self.wake()

    def hand_over(self) -> None:
        """Have one of them go on with what the calling thread has found."""
        loop = self._loop
        if not (loop and self.is_attended and loop is asyncio._get_running_loop()):
            self.wake()
        elif not self._is_called:
            self._is_called = True
            loop.call_soon(self._on_readable)

    def wake(self, *, force: bool = False) -> None:
        """Have the thread go on."""
        if force or not self._is_awake:
            self._is_awake = True
            with suppress(OSError):  # it is awake, or has ended
                self._wake_write.send(b"\0")

    def end(self) -> None:
        """Have the thread end."""
        self._ended = True
        self.wake(force=True)

    def close(self) -> None:
        """Let go of what it used."""
        self._wake_read.close()
        self._wake_write.close()

    def _on_readable(self) -> None:
        self._is_called = False
        self._reads += 1
        if not self._sockets.may_use():
            self.leave()
        elif self._loop:
            if not self.is_attended:
                self.is_attended = True
                self.wake()  # to look at each tick
            if self._sockets.read():
                self.hand_over()
            self._sockets.send_if_free()

    def serve(self) -> None:
        """Read until the end. In the thread."""
        sockets = self._sockets
        others = {self._wake_read.fileno(), *self._watched}
        all_of_them = others.union(sockets.descriptors)
        attended, usual = _poller(others), _poller(all_of_them)
        while_behind = _poller(all_of_them - self._output.keys())
        only_sockets = _poller(sockets.descriptors)
        is_left, has_read, reads, sends, since = False, False, 0, 0, 0.0
        while not self._ended:
            is_attended = self.is_attended and not sockets.are_retrying
            is_quick = is_attended and (has_read or not self._is_busy())
            poller = attended if is_quick else while_behind if sockets.are_behind else usual
            timeout = _SHORT if sockets.outbox else self._timeout(is_attended)
            is_woken = self._wait(poller, 0 if is_left and not is_attended else timeout)
            if self._parent and self._parent.has_ended:
                self._parent = None
                self._orphaned()
            has_read, has_sent = reads != self._reads, sends != sockets.sends
            reads, sends = self._reads, sockets.sends
            if is_attended and not is_woken:
                since = time.monotonic() if has_read or has_sent else since
                is_unread = not has_read and bool(self._is_called or only_sockets.poll(0))
                is_unsent = not has_sent and bool(sockets.outbox)
                if not is_unread and not is_unsent and time.monotonic() - since < _ATTENTION:
                    continue
                self.is_attended = False
            # Nobody can use the sockets meanwhile, which takes long while a thread computes.
            is_left = sockets.read(1, to_send=1) if has_sent else sockets.read(1)
            if (loop := self._loop) and not self._is_called:  # it is to go on once it turns
                self._is_called = True
                with suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(self._on_readable)

    def _timeout(self, is_attended: bool) -> int:
        if self._sockets.are_retrying:
            return _RETRY
        return _TICK if is_attended or self._is_called else _LONG

    def _wait(self, poller: zmq.Poller, timeout: int) -> bool:
        """Wait, and serve the other descriptors. Returns whether the thread was woken, or by a socket."""
        is_woken = False
        for ready, _ in poller.poll(timeout):
            if action := self._watched.get(ready):
                action()
            else:
                is_woken = True
                if ready == self._wake_read.fileno():
                    self._wake_read.recv(4096)
        self._is_awake = False
        return is_woken


def _poller(descriptors: Iterable[int]) -> zmq.Poller:
    poller = zmq.Poller()
    for descriptor in descriptors:
        poller.register(descriptor, zmq.POLLIN)
    return poller
