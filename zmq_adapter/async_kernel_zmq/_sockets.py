"""The sockets of a kernel, on which any thread sends."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from functools import partial
from itertools import chain, repeat, starmap
from typing import TYPE_CHECKING, Final

import zmq
from zmq.backend import Socket as BareSocket
from zmq.backend import zmq_poll

from async_kernel_zmq._backlog import Backlog
from async_kernel_zmq._binding import LINGER
from async_kernel_zmq._readers import Readers
from async_kernel_zmq._wire import DELIMITER

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from async_kernel._wire import Buffer

    from async_kernel_zmq._binding import Binding

_EVENTS, _POLLIN, _NOBLOCK, _SNDMORE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK), int(zmq.SNDMORE)
_LARGE: Final = 1 << 16  # bytes from which on a frame is not worth a copy
_MANY: Final = 64
"""Messages that are read in one go."""
_CONNECT_TIME: Final = 5.0
"""Seconds that a client has to connect its stdin socket once it is asked something."""


class Sockets:
    """Sends on the sockets what any thread gives it.

    A socket of ZMQ is for one thread at a time. Who has a message sends it, unless another thread uses the sockets:
    then who sends next, or a reader, sends that one too.

    Args:
        binding: the sockets.
        receive: called by who reads with a channel (`shell`, `control`, `stdin`) and the frames of a message.
        welcome: called by who reads with the topic of each new iopub subscription; gives the first message for it.
        unreachable: called with the frames for a stdin socket that never connected.
        orphaned: called in the I/O thread when the parent process has ended.
        may_use: whether the calling thread may use a socket: where an exception cannot cut a message in two.
        log: told of what is dropped.
    """

    def __init__(
        self,
        binding: Binding,
        *,
        receive: Callable[[str, list[Buffer]], None],
        welcome: Callable[[bytes], Sequence[Buffer]],
        unreachable: Callable[[Sequence[Buffer]], None],
        orphaned: Callable[[], None],
        may_use: Callable[[], bool],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._binding = binding
        self._receive = receive
        self._welcome = welcome
        self._unreachable = unreachable
        self._orphaned = orphaned
        self.may_use = may_use
        """Whether the calling thread may use a socket."""
        self._log = log
        self._sockets = binding.sockets
        self.outbox: deque[tuple[str, Sequence[Buffer]]] = deque()
        """What is to be sent, with its channel."""
        self.sends = 0
        """How often somebody has sent what he had."""
        self._backlog = Backlog(self._sockets["iopub"], _send, log)
        self._use = threading.Lock()
        """Held by who uses the sockets: before the start and after the end by nobody else."""
        self._use.acquire()
        self._reading = threading.Lock()
        """Held by who reads, until what was read is received: so that messages keep their order."""
        self._polled: list[tuple[zmq.Socket[bytes], int]] = []
        self._channels: dict[object, tuple[str, zmq.Socket[bytes]]] = {}
        self._confused = False  # whether libzmq takes one subscriber for another
        self._unsent: list[tuple[float, Sequence[Buffer]]] = []
        """What is for stdin sockets that have not connected yet, with the time when to give up."""
        self.threads: list[threading.Thread] = []
        """Those that serve them."""
        self.readers: Readers

    @property
    def are_behind(self) -> bool:
        """Whether clients are so far behind that no more should be written. Asked from any thread."""
        return self._backlog.is_full

    def start(self, watched: Mapping[int, Callable[[], None]], output: Mapping[int, Callable[[], None]]) -> None:
        """Begin to read.

        Args:
            watched: file descriptors, with what to call in the thread when they are readable.
            output: others, which wait while clients are behind.
        """
        self._polled = [(self._sockets[each], _POLLIN) for each in ("iopub", "control", "stdin", "shell")]
        self._channels = {sock: (channel, sock) for channel, sock in self._sockets.items()}
        self.readers = Readers(self, self._orphaned, watched, output)
        self._use.release()
        for name, target in (("IO", self._serve), ("Heartbeat", self._beat)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self.threads.append(thread)

    @property
    def descriptors(self) -> list[int]:
        """They are readable when ZMQ has news of what is read: messages, or room for them. It tells that once."""
        return [int(sock.fd) for sock, _ in self._polled]

    @property
    def are_retrying(self) -> bool:
        """Whether clients could not be reached yet."""
        return bool(self._backlog or self._unsent)

    def send(self, channel: str, frames: Sequence[Buffer], *, can_wait: bool = False) -> None:
        """Send a message. Called from any thread; returns at once.

        Args:
            channel: where it goes.
            frames: the message.
            can_wait: whether it may go out with the next; without one, a reader sends it.
        """
        self.outbox.append((channel, frames))
        if self.threads and not (can_wait and self.readers.is_attended):
            self.send_if_free()

    def send_if_free(self) -> None:
        """Send what is to be sent, unless another thread uses the sockets."""
        if self.outbox and not self.may_use():
            self.readers.wake()
            return
        while self.outbox and self._use.acquire(blocking=False):
            try:
                self.sends += 1
                used = self._send_all()
                # ZMQ says once that a message has come, and may have said it to this thread, of these sockets.
                is_left = self.are_retrying or any(map(_has_message, used))
            finally:
                self._use.release()
            if is_left:
                self.readers.hand_over()
                return

    def take_in(self) -> None:
        """Receive all that has come, in the calling thread if it may."""
        while self.may_use():
            if not self.read():
                return
        self.readers.wake()

    def read(self, most: int = _MANY, to_send: int = _MANY) -> bool:
        """Take in what has come, and send what waits: at most so many messages. Returns whether more has come."""
        with self._reading:
            with self._use:
                received = self._take_all(most)
                used = self._send_all(to_send)  # now, since ZMQ may have been told meanwhile that there is room
                is_left = len(received) >= most or any(map(_has_message, used))
            for channel, frames in received:
                self._receive(channel, frames)
        return is_left

    def close(self) -> None:
        """Send what is left, and close the sockets, if it has begun to read."""
        if self.threads:
            self.readers.end()
            self.threads[0].join()
            self._binding.context.term()
            self.threads[1].join()
            self.readers.close()

    def _serve(self) -> None:
        self.readers.serve()
        self._use.acquire()  # for ever
        self._send_all()
        self._backlog.finish(LINGER)
        for channel, sock in self._sockets.items():
            if channel != "hb":
                sock.close()

    def _take_all(self, most: int) -> list[tuple[str, list[Buffer]]]:
        received: list[tuple[str, list[Buffer]]] = []
        for ready_sock, _ in zmq_poll(self._polled, 0):
            channel, sock = self._channels[ready_sock]
            is_left = True
            while is_left and (channel == "iopub" or len(received) < most):
                if channel == "iopub":
                    self._take_subscription(sock)
                else:
                    received.append((channel, _received(sock)))
                is_left = _has_message(sock)
        return received

    def _take_subscription(self, sock: zmq.Socket[bytes]) -> None:
        frame = sock.recv()
        kind, topic = frame[:1], frame[1:]
        is_none = kind not in {b"\0", b"\1"} or (kind == b"\1" and DELIMITER in topic)  # it misleads other clients
        if is_none or self._confused:  # libzmq may be a subscriber ahead: so that none hears too little
            sock.subscribe(b"")
            self._confused = _has_message(sock)
        else:
            (sock.subscribe if kind == b"\1" else sock.unsubscribe)(topic)
        self._backlog.subscriptions += not is_none and (1 if kind == b"\1" else -1)
        if kind == b"\1" and not is_none:
            try:
                _send(sock, welcome := self._welcome(topic))
            except zmq.Again:
                self._backlog.add(welcome, first=True)
        elif is_none and not sock.rcvmore:
            self._log.debug("Dropped a message on iopub that is no subscription")

    def _send_all(self, most: float = math.inf) -> list[zmq.Socket[bytes]]:
        """Send what waits, at most so many messages of it. Returns the sockets that it has used."""
        used = {"iopub", "stdin"} if self._unsent else {"iopub"} if self._backlog else set()
        unsent, self._unsent = self._unsent, []
        for until, frames in unsent:
            self._ask(frames, until)
        self._backlog.send()
        while self.outbox and most > 0:
            most -= 1
            channel, frames = self.outbox[0]
            used.add(channel)
            if channel == "stdin":
                self.outbox.popleft()
                self._ask(frames, time.monotonic() + _CONNECT_TIME)
                continue
            if channel == "iopub" and self._backlog:
                self._backlog.add(self.outbox.popleft()[1])
                continue
            try:
                _send(self._sockets[channel], frames, self.outbox.popleft)
            except zmq.Again:
                self._backlog.add(self.outbox.popleft()[1])
            except zmq.ZMQError as e:
                self.outbox.popleft()
                self._log.warning("A message on %s could not be sent: %s", channel, e)
        return [self._sockets[each] for each in used]

    def _ask(self, frames: Sequence[Buffer], until: float) -> None:
        try:
            _send(self._sockets["stdin"], frames)
        except zmq.ZMQError as e:
            if time.monotonic() < until:
                self._unsent.append((until, frames))
            else:
                self._log.warning("A client could not be asked: %s", e)
                self._unreachable(frames)

    def _beat(self) -> None:
        """Echo heartbeats. ZMQ does it by itself, whatever Python is doing."""
        try:
            zmq.proxy(self._sockets["hb"], self._sockets["hb"])
        except zmq.ContextTerminated:
            self._sockets["hb"].close()


def _has_message(sock: zmq.Socket[bytes]) -> bool:
    return bool(int(BareSocket.get(sock, _EVENTS)) & _POLLIN)


def _received(sock: zmq.Socket[bytes]) -> list[Buffer]:
    """The frames of a message, large ones as ZMQ has them in memory."""
    frames = [sock.recv(copy=False)]
    while frames[-1].more:
        frames.append(sock.recv(copy=False))
    return [frame.bytes if len(frame) < _LARGE else frame.buffer for frame in frames]


def _send(sock: zmq.Socket[bytes], frames: Sequence[Buffer], *then: Callable[[], object]) -> None:
    """Send a message, and call the functions of C that are given.

    All in one call of C, so that what another thread has raised in this one cannot cut the message in two.

    Raises:
        ZMQError: it is not sent, and nothing is called.
    """
    flags = [*repeat(_NOBLOCK | _SNDMORE, len(frames) - 1), _NOBLOCK]
    copy = max(map(len, frames)) < _LARGE
    sending = map(partial(BareSocket.send, sock), frames, flags, repeat(copy))
    deque(chain(sending, *(starmap(function, [()]) for function in then)), 0)
