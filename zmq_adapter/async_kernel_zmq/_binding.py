"""The sockets of a kernel, bound where its clients look for them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import zmq

from async_kernel_zmq._backlog import MARK
from async_kernel_zmq._connection_file import OPTIONS, ConnectionFileError, ConnectionInfo

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_KINDS: Final = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER, "iopub": zmq.XPUB, "hb": zmq.ROUTER}
_TOPIC_LIMIT: Final = 1 << 10
"""Bytes of the longest subscription. ZMQ takes many times the memory for each, and cuts off who sends a longer one."""

LINGER: Final = 1.0
"""Seconds that unsent messages get at the end."""


class Binding:
    """The sockets of all channels.

    Args:
        info: addresses and keys; the ports that are chosen are written into it.

    Raises:
        ConnectionFileError: an address is taken, or not this machine's.
    """

    def __init__(self, info: ConnectionInfo) -> None:
        self.info = info
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        """By channel."""
        for channel, kind in _KINDS.items():
            try:
                self._bind(channel, self._made(channel, kind))
            except zmq.ZMQError as e:
                self.close()
                msg = f"cannot bind the {channel} channel: {e}"
                raise ConnectionFileError(msg) from e

    def _made(self, channel: str, kind: int) -> zmq.Socket[bytes]:
        sock = self.sockets[channel] = self.context.socket(kind)
        sock.linger = int(LINGER * 1000)
        sock.sndhwm = 0  # a client that asks gets its answer, whenever it reads it
        if kind == zmq.ROUTER:
            sock.router_handover = 1  # a client that comes back with its old identity is served
        if channel == "stdin":
            sock.router_mandatory = 1  # a question to a client that still connects would be lost silently
        if channel == "iopub":
            sock.setsockopt(zmq.XPUB_MANUAL, 1)  # or a client could get something before it is welcomed
            sock.maxmsgsize = _TOPIC_LIMIT
            sock.sndhwm = MARK
            sock.setsockopt(zmq.XPUB_NODROP, 1)
        if self.info.curve_secretkey and self.info.curve_publickey:
            sock.curve_server = 1
            sock.curve_secretkey = self.info.curve_secretkey.encode()
            sock.curve_publickey = self.info.curve_publickey.encode()
        return sock

    def _bind(self, channel: str, sock: zmq.Socket[bytes]) -> None:
        port = self.info.port(channel)
        if self.info.transport == "tcp":
            sock.bind(self.info.address(port) if port else f"tcp://{self.info.ip}:*")
            if not port:
                port = int(sock.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        else:
            while not port or (not self.info.port(channel) and Path(f"{self.info.ip}-{port}").exists()):
                port += 1
            sock.bind(self.info.address(port))
        setattr(self.info, f"{channel}_port", port)

    def close(self) -> None:
        """Close what is open, with what is unsent."""
        for sock in self.sockets.values():
            sock.close()
        self.context.term()
        self.info.remove_sockets()


_ahead: list[Binding] = []  # one, or none


@contextmanager
def bound_ahead(args: Sequence[str]) -> Generator[None]:
    """Bind, for a kernel that still loads, the sockets of the connection file that the arguments name.

    Clients look for them every 100 to 200 ms from before the kernel's process runs, and so do not wait once it is
    ready. What is wrong here is found, and said, when the kernel starts.
    """
    paths = [Path(path) for option, path in pairwise(args) if option in OPTIONS]
    if paths and paths[-1].is_absolute():
        with suppress(Exception):
            _ahead.append(Binding(ConnectionInfo.read(paths[-1])))
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().close()


def bind(info: ConnectionInfo) -> Binding:
    """The sockets, which may be bound already.

    Raises:
        ConnectionFileError: an address is taken, or not this machine's.
    """
    binding = _ahead.pop() if _ahead else None
    if binding and binding.info != info:
        binding.close()
        binding = None
    return binding or Binding(info)
