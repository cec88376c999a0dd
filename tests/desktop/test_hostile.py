"""What is not signed, was sent before or is no message, on every socket: nothing runs, and the next message works.

One line of the log tells of each, at debug level. Set ASYNC_KERNEL_FUZZ_EXAMPLES for a long run.
"""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import fuzzing
import psutil
import pytest
import zmq
from async_kernel.testing import execute_content
from async_kernel_zmq._wire import DELIMITER, Signer
from desktop.kernels import GUARD, start_kernel
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from desktop.kernels import Flavour, Kernel

Frames = list[bytes]

fuzz = fuzzing.fuzz(25)

MEGABYTE = 1 << 20
CHANNELS = ("shell", "control", "stdin")
RUNS = json.dumps({"code": "executed.append(1)", "silent": False, "allow_stdin": False}).encode()
HEADER = json.dumps(
    {"msg_id": "a", "msg_type": "execute_request", "session": "b", "username": "", "date": "", "version": "5.3"}
).encode()
EXECUTE = [HEADER, b"{}", b"{}", RUNS]
"""The parts of a message that would run, were it signed."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)
JUNK = (
    st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()) | st.sampled_from([*EXECUTE, b"\xff"])
)
UNSIGNED = st.one_of(
    st.lists(JUNK, min_size=1, max_size=10),
    st.builds(
        lambda before, signature, parts, after: [*before, DELIMITER, signature, *parts, *after],
        st.lists(JUNK, max_size=2),
        st.binary(max_size=64) | st.just(b"0" * 64),
        st.just(EXECUTE) | st.lists(JUNK, max_size=6),
        st.lists(JUNK | st.just(DELIMITER), max_size=3),
    ),
)
"""Frames that whoever has no key can send."""
BAD_TYPES = st.text(max_size=10) | st.sampled_from(["no_request", "input_request", "status", "_receive", "close"])
MALFORMED = st.one_of(
    st.lists(JUNK, min_size=4, max_size=4).filter(lambda parts: parts[0] != HEADER),
    st.lists(JSON.map(lambda value: json.dumps(value).encode()), min_size=4, max_size=4),
    BAD_TYPES.map(lambda kind: [json.dumps({"msg_id": "a", "msg_type": kind}).encode(), b"{}", b"{}", b"{}"]),
    st.tuples(st.sampled_from([b"[]", b"1", b'""', b"{", b"nul", b"\xff\xfe"])).map(
        lambda p: [HEADER, b"{}", b"{}", *p]
    ),
)
"""Parts of what is no message of the specification."""


@pytest.fixture(scope="module")
def debugged(flavour: Flavour, tmp_path_factory: pytest.TempPathFactory) -> Generator[Kernel]:
    """A kernel that logs all."""
    with start_kernel(flavour, tmp_path_factory.mktemp("kernel"), "--log-level=DEBUG") as kernel:
        yield kernel


class Attacked:
    """A kernel, and a client whose sockets send anything."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.client = kernel.client()
        self.signer = Signer(kernel.manager.session.key, kernel.manager.session.signature_scheme)
        self.client.execute("executed = []")

    def send(self, channel: str, messages: Iterable[Sequence[bytes]]) -> None:
        sock = getattr(self.client.zmq, f"{channel}_channel").socket
        for frames in messages:
            sock.send_multipart(frames)

    def signed(self, parts: Frames) -> Frames:
        """The frames of a message of one who has the key."""
        return [DELIMITER, self.signer.sign(parts), *parts]

    def socket(self, kind: int, channel: str) -> zmq.Socket[bytes]:
        """A bare socket on a channel."""
        sock = self.client.zmq.context.socket(kind)
        sock.linger = 0
        sock.sndhwm = 0  # XSUB would drop silently past the mark
        sock.rcvtimeo = GUARD * 1000
        sock.connect(self.client.zmq._make_url(channel))
        return sock

    def stream(self, channel: str) -> socket.socket:
        """A connection to a channel, without ZMQ."""
        kind, _, place = self.client.zmq._make_url(channel).partition("://")
        host, _, port = place.rpartition(":")
        if kind == "tcp":
            return socket.create_connection((host, int(port)), GUARD)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(GUARD)
        sock.connect(place)
        return sock

    def survives(self, channel: str) -> None:
        """The next good message on each channel is answered, the ones so far having run nothing."""
        self.client.messages.clear()
        if channel == "stdin":
            question = self.client.start("input()")
            self.client.wait_question()
            self.client.answer("answer")
            assert self.client.finish(question).content["status"] == "ok"
        self.client.request("kernel_info_request", {}, "control")
        assert self.client.result("executed") == "[]"

    def read_all(self) -> None:
        """Read what clients have been sent: the kernel would warn that they do not."""
        self.kernel.main.catch_up()
        self.client.catch_up()

    def told(self, since: int) -> list[str]:
        """What the log tells from a place on."""
        return re.findall(r"^\[IPApp\] (.*)", self.kernel.log[since:], re.MULTILINE)


@pytest.fixture(scope="module")
def attacked(debugged: Kernel) -> Attacked:
    return Attacked(debugged)


@pytest.fixture
def quiet(kernel: Kernel) -> Generator[Attacked]:
    """A kernel that logs only what it warns of."""
    attacked = Attacked(kernel)
    yield attacked
    attacked.client.close()


@pytest.mark.parametrize("channel", CHANNELS)
@fuzz
@given(messages=st.lists(UNSIGNED, max_size=6))
def test_unsigned(attacked: Attacked, channel: str, messages: list[Frames]) -> None:
    before = len(attacked.kernel.log)
    attacked.send(channel, messages)
    attacked.survives(channel)
    lines = attacked.told(before)
    assert len(lines) == len(messages), lines
    assert all(line.startswith("Dropped ") for line in lines)


@pytest.mark.parametrize("channel", CHANNELS)
@fuzz
@given(messages=st.lists(MALFORMED, max_size=6))
def test_signed_and_malformed(attacked: Attacked, channel: str, messages: list[Frames]) -> None:
    before = len(attacked.kernel.log)
    attacked.send(channel, map(attacked.signed, messages))
    attacked.survives(channel)
    lines = attacked.told(before)
    assert len(lines) == len(messages), lines


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_replay(attacked: Attacked, channel: str) -> None:
    before = len(attacked.kernel.log)
    session = Session(key=attacked.kernel.manager.session.key)
    attacked.client.execute("runs = 0")
    frames = session.serialize(session.msg("execute_request", execute_content("runs += 1")))
    attacked.send(channel, [frames] * 3)
    attacked.client.request("kernel_info_request", {}, channel)
    assert attacked.client.result("runs") == "1"
    assert attacked.told(before) == ["Dropped a message that was sent before (replay)"] * 2


@fuzz
@given(messages=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=6), beat=st.binary())
def test_heart_that_gets_junk(attacked: Attacked, messages: list[Frames], beat: bytes) -> None:
    with attacked.socket(zmq.DEALER, "hb") as sock:
        for frames in messages:
            sock.send_multipart(frames)
        for frames in messages:
            assert sock.recv_multipart() == frames
    attacked.client.beat(beat)


SUBSCRIBES = {b"\0", b"\1"}


@fuzz
@given(
    messages=st.lists(
        st.lists(st.binary(max_size=40).filter(lambda part: part[:1] not in SUBSCRIBES), min_size=1, max_size=5)
        | st.tuples(st.sampled_from(sorted(SUBSCRIBES)), st.binary(max_size=20)).map(lambda pair: [b"".join(pair)]),
        max_size=6,
    )
)
def test_iopub_that_gets_junk(attacked: Attacked, messages: list[Frames]) -> None:
    before = len(attacked.kernel.log)
    with attacked.socket(zmq.XSUB, "iopub") as sock:
        for frames in [*messages, [b"\1the end"]]:
            sock.send_multipart(frames)
        while sock.recv_multipart()[0] != b"the end":
            pass
    attacked.survives("shell")
    junk = [frames for frames in messages if frames[0][:1] not in SUBSCRIBES or DELIMITER in frames[0]]
    lines = attacked.told(before)
    assert len(lines) == len(junk), lines


def test_topic_that_would_mislead_other_clients(attacked: Attacked) -> None:
    before = len(attacked.kernel.log)
    with attacked.socket(zmq.XSUB, "iopub") as sock:
        sock.send(b"\1kernel" + DELIMITER)
        sock.send(b"\1the end")
        while sock.recv_multipart()[0] != b"the end":
            pass
    attacked.survives("shell")
    assert len(attacked.told(before)) == 1


GREETING = b"\xff" + bytes(8) + b"\x7f\3\0" + b"NULL".ljust(52, b"\0")
READY = b"\4\x1a\5READY\x0bSocket-Type\0\0\0\3SUB"
"""How a subscriber introduces itself in ZMQ's protocol."""


def test_subscriber_is_cut_off_where_its_topic_is_long(attacked: Attacked) -> None:
    with attacked.stream("iopub") as sock:
        sock.sendall(GREETING + READY + b"\2" + MEGABYTE.to_bytes(8, "big"))
        while sock.recv(MEGABYTE):
            pass
    attacked.survives("shell")


@pytest.mark.parametrize("channel", [*CHANNELS, "iopub", "hb"])
@fuzz
@given(data=st.binary(max_size=200) | st.sampled_from([b"GET / HTTP/1.1\r\n\r\n", GREETING, GREETING + READY * 2]))
def test_what_speaks_no_zmq(attacked: Attacked, channel: str, data: bytes) -> None:
    with attacked.stream(channel) as sock:
        sock.sendall(data)
    attacked.survives("shell")
    attacked.client.beat(data)


FLOODS: dict[str, Callable[[int], Frames]] = {
    "no delimiter": lambda i: [bytes(MEGABYTE)],
    "no signature": lambda i: [DELIMITER, b"", *EXECUTE[:3], bytes(MEGABYTE)],
    "buffers": lambda i: [DELIMITER, b"0" * 64, *EXECUTE, *[bytes(1024)] * 1024],
    "frames": lambda i: [b"%d" % i] * 10_000,
    "identities": lambda i: [*[b"%d" % i] * 10_000, DELIMITER, b"0" * 64, *EXECUTE],
}


@pytest.mark.parametrize("how", FLOODS)
def test_memory_is_bounded(quiet: Attacked, how: str) -> None:
    process = psutil.Process(quiet.kernel.pid)
    sizes = []
    for i in range(40):
        quiet.send(CHANNELS[i % 3], [FLOODS[how](i)])
        quiet.survives("stdin" if i % 3 == 2 else "shell")
        sizes.append(process.memory_info().rss)
    assert max(sizes[8:]) - sizes[8] < 20 * MEGABYTE
    assert quiet.kernel.log == ""


def test_subscriptions_are_taken_beside_what_is_none_and_a_subscriber_that_leaves(quiet: Attacked) -> None:
    def flood(sock: zmq.Socket[bytes]) -> None:
        for n in range(50):
            sock.send(b"\1%d" % n)
            sock.send_multipart([b"no subscription"] * 20)

    for _ in range(20):
        with quiet.socket(zmq.XSUB, "iopub") as stays:
            with quiet.socket(zmq.XSUB, "iopub") as leaves:
                flood(leaves)
                flood(stays)
            flood(stays)
            stays.send(b"\1the end")
            while stays.recv_multipart()[0] != b"the end":
                pass
        quiet.read_all()
    assert quiet.kernel.log == ""


def test_memory_that_subscribers_take_is_bounded(quiet: Attacked) -> None:
    process = psutil.Process(quiet.kernel.pid)
    sizes = []
    for i in range(20):
        with quiet.socket(zmq.XSUB, "iopub") as sock:
            for n in range(100):
                sock.send(b"\1%d %d" % (i, n) + bytes(500))
                sock.send_multipart([b"no subscription"] * 20)
            sock.send(b"\1the end")
            while sock.recv_multipart()[0] != b"the end":
                pass
        quiet.read_all()
        quiet.survives("shell")
        sizes.append(process.memory_info().rss)
    assert max(sizes[4:]) - sizes[4] < 20 * MEGABYTE
    assert quiet.kernel.log == ""
