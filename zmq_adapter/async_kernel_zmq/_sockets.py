"""The sockets of a kernel: one thread reads them, and any thread sends on them while that one has nothing to do."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import chain, repeat, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import zmq
from async_kernel._parent import Parent
from zmq.backend import Socket as BareSocket

from async_kernel_zmq._backlog import Backlog
from async_kernel_zmq._connection_file import ConnectionFileError
from async_kernel_zmq._wire import DELIMITER

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from async_kernel._wire import Buffer

    from async_kernel_zmq._connection_file import ConnectionInfo

_KINDS: Final = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER, "iopub": zmq.XPUB, "hb": zmq.ROUTER}
_EVENTS, _POLLIN, _NOBLOCK, _SNDMORE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK), int(zmq.SNDMORE)
_LARGE: Final = 1 << 16  # bytes from which on a frame is not worth a copy
_LINGER: Final = 1.0
"""Seconds that unsent messages get at the end."""
_CONNECT_TIME: Final = 5.0
"""Seconds that a client has to connect its stdin socket once it is asked something."""
_RETRY: Final = 20
"""Milliseconds between two attempts to reach it."""
_TOPIC_LIMIT: Final = 1 << 10
"""Bytes of the longest subscription. ZMQ takes many times the memory for each, and cuts off who sends a longer one."""


class Sockets:
    """Binds the sockets, reads them in a thread of its own, and sends what any thread gives it.

    A socket of ZMQ is for one thread at a time. While that thread waits, who has a message sends it, which spares the
    switch between threads; else that thread sends it, for which nobody waits.

    Args:
        info: addresses and keys; the ports that are chosen are written into it.
        receive: called in the thread with a channel (`shell`, `control`, `stdin`) and the frames of a message.
        welcome: called in the thread with the topic of each new iopub subscription; gives the first message for it.
        unreachable: called in the thread with the frames for a stdin socket that never connected.
        orphaned: called in the thread when the parent process has ended.
        may_send: whether the calling thread may use a socket: where an exception cannot cut a message in two.
        log: told of what is dropped.
    """

    def __init__(
        self,
        info: ConnectionInfo,
        *,
        receive: Callable[[str, list[Buffer]], None],
        welcome: Callable[[bytes], Sequence[Buffer]],
        unreachable: Callable[[Sequence[Buffer]], None],
        orphaned: Callable[[], None],
        may_send: Callable[[], bool],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._info = info
        self._receive = receive
        self._welcome = welcome
        self._unreachable = unreachable
        self._orphaned = orphaned
        self._may_send = may_send
        self._log = log
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        self._outbox: deque[tuple[str, Sequence[Buffer]]] = deque()
        self._backlog: Backlog
        self._turn = threading.RLock()
        """Held by who may change whose turn it is to use the sockets."""
        self._waits = False
        """Whether the thread waits, so that others may use them."""
        self._sends = False
        """Whether a message is being sent: a signal handler may have another."""
        self._confused = False  # whether libzmq takes one subscriber for another
        self._unsent: list[tuple[float, Sequence[Buffer]]] = []
        """What is for stdin sockets that have not connected yet, with the time when to give up."""
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0)
        self._wake_write.settimeout(0)
        self._is_awake = False
        self._watched: dict[int, Callable[[], None]] = {}
        self._output: Mapping[int, Callable[[], None]] = {}
        self._ended = False
        self.threads: list[threading.Thread] = []
        """Those that serve them."""
        self._parent: Parent | None = Parent()

    def bind(self) -> None:
        """Bind every socket.

        Raises:
            ConnectionFileError: an address is taken, or not this machine's.
        """
        for channel, kind in _KINDS.items():
            sock = self._context.socket(kind)
            sock.linger = int(_LINGER * 1000)
            sock.sndhwm = 0  # a client that asks gets its answer, whenever it reads it
            self._sockets[channel] = sock
            if kind == zmq.ROUTER:
                sock.router_handover = 1  # a client that comes back with its old identity is served
            if channel == "stdin":
                sock.router_mandatory = 1  # a question to a client that still connects would be lost silently
            if channel == "iopub":
                sock.setsockopt(zmq.XPUB_MANUAL, 1)  # or a client could get something before it is welcomed
                sock.maxmsgsize = _TOPIC_LIMIT
                self._backlog = Backlog(sock, _send, self._log)
            if self._info.curve_secretkey and self._info.curve_publickey:
                sock.curve_server = 1
                sock.curve_secretkey = self._info.curve_secretkey.encode()
                sock.curve_publickey = self._info.curve_publickey.encode()
            try:
                self._bind(channel, sock)
            except zmq.ZMQError as e:
                msg = f"cannot bind the {channel} channel: {e}"
                raise ConnectionFileError(msg) from e

    def _bind(self, channel: str, sock: zmq.Socket[bytes]) -> None:
        port = self._info.port(channel)
        if self._info.transport == "tcp":
            sock.bind(self._info.address(port) if port else f"tcp://{self._info.ip}:*")
            if not port:
                port = int(sock.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        else:
            while not port or (not self._info.port(channel) and Path(f"{self._info.ip}-{port}").exists()):
                port += 1
            sock.bind(self._info.address(port))
        setattr(self._info, f"{channel}_port", port)

    @property
    def are_behind(self) -> bool:
        """Whether clients are so far behind that no more should be written. Asked from any thread."""
        return self._backlog.is_full and threading.current_thread() not in self.threads

    def start(self, watched: Mapping[int, Callable[[], None]], output: Mapping[int, Callable[[], None]]) -> None:
        """Begin to read.

        Args:
            watched: file descriptors, with what to call in the thread when they are readable.
            output: others, which wait while clients are behind.
        """
        self._watched = {**watched, **output}
        self._output = output
        for name, target in (("IO", self._serve), ("Heartbeat", self._beat)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self.threads.append(thread)

    def send(self, channel: str, frames: Sequence[Buffer]) -> None:
        """Send a message. Called from any thread; returns at once."""
        with self._turn:
            self._outbox.append((channel, frames))
            if not self._waits or self._sends:
                return
            # A subscription is welcomed first.
            unread = bool(self._backlog) or not self._may_send() or _has_message(self._sockets["iopub"])
            if not unread:
                self._sends = True
                try:
                    used = self._send_all()
                finally:
                    self._sends = False
                # ZMQ says once that a message has come, and may have said it to this thread, of these sockets.
                unread = bool(self._unsent or self._backlog) or any(_has_message(self._sockets[each]) for each in used)
        if unread:
            self._wake()

    def close(self) -> None:
        """Send what is left, and close the sockets."""
        self._ended = True
        self._wake(force=True)
        if self.threads:
            self.threads[0].join()
        else:
            self._close_sockets()
        self._context.term()
        for thread in self.threads:
            thread.join()
        self._wake_read.close()
        self._wake_write.close()
        self._info.remove_sockets()

    def _wake(self, *, force: bool = False) -> None:
        if force or not self._is_awake:
            self._is_awake = True
            with suppress(BlockingIOError):  # it is awake
                self._wake_write.send(b"\0")

    def _serve(self) -> None:
        incoming = [(channel, self._sockets[channel]) for channel in ("control", "stdin", "shell", "iopub")]
        descriptors = {self._wake_read.fileno(), *(int(sock.fd) for _, sock in incoming), *self._watched}
        all_of_them, while_behind = _poller(descriptors), _poller(descriptors - self._output.keys())
        took = False
        while not self._ended:
            with self._turn:
                self._waits = not took and not self._outbox
            # The second is for noticing that the parent has gone.
            poller = while_behind if self._backlog.is_full else all_of_them
            for ready, _ in poller.poll(0 if not self._waits else _RETRY if self._unsent else 1000):
                if action := self._watched.get(ready):
                    action()
                elif ready == self._wake_read.fileno():
                    self._wake_read.recv(4096)
            self._is_awake = False
            with self._turn:
                self._waits = False
            # First this, since ZMQ may say meanwhile that a message has come, and says it once.
            self._send_all()
            took = False
            for channel, sock in incoming:
                if _has_message(sock):
                    took = True
                    self._take(channel, sock)
            self._backlog.send()  # ZMQ may have been told meanwhile that there is room
            if self._parent and self._parent.has_ended:
                self._parent = None
                self._orphaned()
        self._send_all()
        self._backlog.finish(_LINGER)
        self._close_sockets()

    def _take(self, channel: str, sock: zmq.Socket[bytes]) -> None:
        if channel != "iopub":
            self._receive(channel, _received(sock))
            return
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

    def _send_all(self) -> set[str]:
        """Returns the channels whose sockets it has used."""
        used = {"iopub", "stdin"} if self._unsent else {"iopub"}
        unsent, self._unsent = self._unsent, []
        for until, frames in unsent:
            self._ask(frames, until)
        self._backlog.send()
        while self._outbox:
            channel, frames = self._outbox[0]
            used.add(channel)
            if channel == "stdin":
                self._outbox.popleft()
                self._ask(frames, time.monotonic() + _CONNECT_TIME)
                continue
            # A new subscriber is welcomed first; not by a thread whose interrupt might cut that in two.
            while channel == "iopub" and not self._sends and _has_message(self._sockets[channel]):
                self._take(channel, self._sockets[channel])
            if channel == "iopub" and self._backlog:
                self._backlog.add(self._outbox.popleft()[1])
                continue
            try:
                _send(self._sockets[channel], frames, self._outbox.popleft)
            except zmq.Again:
                self._backlog.add(self._outbox.popleft()[1])
            except zmq.ZMQError as e:
                self._outbox.popleft()
                self._log.warning("A message on %s could not be sent: %s", channel, e)
        return used

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

    def _close_sockets(self) -> None:
        for channel, sock in self._sockets.items():
            if channel != "hb" or not self.threads:
                sock.close()


def _poller(descriptors: Iterable[int]) -> zmq.Poller:
    poller = zmq.Poller()
    for descriptor in descriptors:
        poller.register(descriptor, zmq.POLLIN)
    return poller


def _has_message(sock: zmq.Socket[bytes]) -> bool:
    return bool(int(sock.get(_EVENTS)) & _POLLIN)


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
    sending = map(partial(BareSocket.send, sock, copy=False), frames, flags)
    deque(chain(sending, *(starmap(function, [()]) for function in then)), 0)
