"""Clients of one kernel: who hears what, who is asked, and what is answered while a cell computes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from desktop.kernels import GUARD
from jupyter_client.session import Session
from protocol.client import outputs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from async_kernel._wire import Content, Message
    from desktop.kernels import Client, Kernel

COMPLETE = {"code": "import base64; base64.b64enc", "cursor_pos": 28}


@pytest.fixture
def other(kernel: Kernel) -> Generator[Client]:
    """A second client."""
    client = kernel.client()
    yield client
    client.check()
    client.close()


@contextmanager
def computing(client: Client, folder: Path, how: str = "pass") -> Generator[Message]:
    """A cell that keeps the shell's thread for the block."""
    flag = folder / "go on"
    loop = f"while not os.path.exists({str(flag)!r}): {how}"
    request = client.start(f"import os, time\n{how}\nprint('computing')\n{loop}")
    client.wait_text(request, "computing")
    try:
        yield request
    finally:
        flag.touch()
    assert client.finish(request).content["status"] == "ok"


def no_reply_but(client: Client, request: Message) -> None:
    """What came on the client's shell channel belongs to one request."""
    replies = [m for m in client.messages if m["channel"] == "shell"]
    assert [m["parent_header"]["msg_id"] for m in replies] == [request["header"]["msg_id"]]


# --- iopub


class Subscriber:
    """A bare SUB socket."""

    def __init__(self, client: Client) -> None:
        self._session = Session(key=client.zmq.session.key)  # each has its own memory of signatures
        self.socket = client.zmq.context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvtimeo = GUARD * 1000
        self.socket.connect(client.zmq._make_url("iopub"))

    def next(self) -> tuple[list[bytes], dict[str, Any]]:
        """The topic and the message that come next."""
        return self._session.recv(self.socket, mode=0)

    def subscribe(self, topic: str) -> None:
        """Returns with its welcome, which may come behind what has been subscribed to before."""
        self.socket.subscribe(topic)
        while self.next()[1]["content"] != {"subscription": topic}:
            pass


@pytest.fixture
def subscriber(client: Client) -> Generator[Subscriber]:
    subscriber = Subscriber(client)
    with subscriber.socket:
        yield subscriber


@pytest.mark.parametrize("topic", ["", "kernel", "\u00e9"])
def test_a_subscriber_is_welcomed_with_its_topic(subscriber: Subscriber, topic: str) -> None:
    subscriber.socket.subscribe(topic)
    topics, msg = subscriber.next()
    assert topics == [topic.encode()]
    assert msg["msg_type"] == "iopub_welcome"
    assert (msg["content"], msg["parent_header"]) == ({"subscription": topic}, {})


def test_a_subscriber_is_welcomed_before_what_is_on_its_way(client: Client, tmp_path: Path) -> None:
    with computing(client, tmp_path, "print('.', flush=True); time.sleep(0.0001)"):
        for _ in range(200):
            subscriber = Subscriber(client)
            with subscriber.socket:
                subscriber.socket.subscribe("")
                assert subscriber.next()[1]["msg_type"] == "iopub_welcome"


def test_topics_divide_what_is_heard(subscriber: Subscriber, client: Client) -> None:
    for topic in ("kernel.", "nothing of the kind"):
        subscriber.subscribe(topic)
    subscriber.socket.unsubscribe("kernel.")
    subscriber.subscribe("the kernel knows of it once it knows of this")
    client.execute("'unheard'")
    subscriber.socket.subscribe("kernel.")
    assert subscriber.next()[1]["content"] == {"subscription": "kernel."}
    done = client.execute("1")
    topics, msg = subscriber.next()
    assert topics == [f"kernel.{done.reply['header']['session']}.status".encode()]
    assert msg["content"] == {"execution_state": "busy"}


def test_reply_goes_to_the_asker_and_output_to_all(client: Client, other: Client) -> None:
    mine = client.execute("print('to all'); 1")
    heard = other.wait("iopub", lambda m: m["header"]["msg_type"] == "execute_result")
    assert heard["parent_header"]["msg_id"] == mine.request["header"]["msg_id"]
    assert outputs(other.exchange(mine.request)) == [("stdout", "to all\n"), ("execute_result", "1")]
    yours = other.execute("2")
    no_reply_but(client, mine.request)
    no_reply_but(other, yours.request)


def test_pipelined_requests_of_two_clients_each_get_their_reply(client: Client, other: Client) -> None:
    sent = [(c, c.start(f"{i}")) for i in range(20) for c in (client, other)]
    for i, (asker, request) in enumerate(sent):
        assert outputs(asker.finish(request)) == [("execute_result", str(i // 2))]


def test_client_that_comes_back_with_its_identity_is_served(kernel: Kernel) -> None:
    lost = kernel.client().zmq.session
    back = kernel.client(Session(session=lost.session, key=lost.key))
    assert back.result("6 * 7") == "42"


def test_heart_beats_while_a_cell_computes(client: Client, tmp_path: Path) -> None:
    with computing(client, tmp_path):
        for text in (b"ping", b"", b"x" * 100_000):
            client.beat(text)


# --- what does not wait for the cell


@pytest.mark.parametrize("how", ["pass", "time.sleep(0.01)"])
@pytest.mark.parametrize(
    ("msg_type", "content", "channel"),
    [
        ("kernel_info_request", {}, "shell"),
        ("kernel_info_request", {}, "control"),
        ("comm_info_request", {}, "shell"),
        ("complete_request", COMPLETE, "shell"),
        ("inspect_request", {"code": "zip", "cursor_pos": 3, "detail_level": 0}, "shell"),
        ("is_complete_request", {"code": "1"}, "shell"),
        ("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True}, "shell"),
    ],
)
def test_answered_while_a_cell_computes(
    client: Client, other: Client, tmp_path: Path, msg_type: str, content: Content, channel: str, how: str
) -> None:
    with computing(client, tmp_path, how) as request:
        for asker in (client, other):
            assert asker.request(msg_type, content, channel).content["status"] in ("ok", "complete")
        assert not client.exchange(request).of_type("execute_reply")


def test_completion_waits_for_no_cell_in_the_queue(client: Client, tmp_path: Path) -> None:
    with computing(client, tmp_path):
        queued = [client.start("pass") for _ in range(3)]
        assert client.request("complete_request", COMPLETE).content["matches"] == ["b64encode"]
    for request in queued:
        client.finish(request)


def test_completion_knows_what_the_running_cell_has_made(client: Client, tmp_path: Path) -> None:
    client.execute("class Made: pass\nmade = Made()")
    with computing(client, tmp_path, "made.attribute_of_the_cell = 1"):
        done = client.request("complete_request", {"code": "made.attr", "cursor_pos": 9})
        assert [m.rpartition(".")[2] for m in done.content["matches"]] == ["attribute_of_the_cell"]


# --- stdin


def test_input_and_getpass(client: Client) -> None:
    request = client.start("from getpass import getpass\nprint('before', end='')\ninput('Name? '), getpass('Word? ')")
    asked = client.wait_question()
    assert asked["content"] == {"prompt": "Name? ", "password": False}
    assert asked["parent_header"] == request["header"]
    client.answer("Ada \u00e9\U0001f40d")
    assert client.wait_question()["content"] == {"prompt": "Word? ", "password": True}
    client.answer("secret")
    done = client.finish(request)
    assert outputs(done) == [("stdout", "before"), ("execute_result", "('Ada \u00e9\U0001f40d', 'secret')")]


def test_each_client_is_asked_for_its_own_cell(client: Client, other: Client) -> None:
    mine = client.start("input('mine')")
    assert client.wait_question()["content"]["prompt"] == "mine"
    yours = other.start("input('yours')")
    client.answer("1")
    assert outputs(client.finish(mine)) == [("execute_result", "'1'")]
    assert other.wait_question()["content"]["prompt"] == "yours"
    other.answer("2")
    assert outputs(other.finish(yours)) == [("execute_result", "'2'")]


def test_client_that_connects_its_stdin_late_is_asked(kernel: Kernel) -> None:
    late = kernel.client(stdin=False)
    request = late.start("print('asks')\ninput('?')")
    late.wait_text(request, "asks")
    late.zmq.stdin_channel.start()
    late.wait_question()
    late.answer("here")
    assert outputs(late.finish(request)) == [("stdout", "asks\n"), ("execute_result", "'here'")]


def test_client_without_stdin_cannot_be_asked(kernel: Kernel) -> None:
    deaf = kernel.client(stdin=False)
    error = deaf.execute("input('?')").content
    assert error["ename"] == "StdinNotImplementedError"
    assert "connected no stdin channel" in error["evalue"]
    assert deaf.result("6 * 7") == "42"


def test_answer_of_another_client_is_none(client: Client, other: Client) -> None:
    request = client.start("input('whose?')")
    client.wait_question()
    other.answer("not asked")
    other.request("kernel_info_request")
    client.answer("asked")
    assert outputs(client.finish(request)) == [("execute_result", "'asked'")]


@pytest.mark.parametrize("content", [{}, {"value": 1}])
def test_answer_that_is_no_text_is_an_error_of_the_cell(client: Client, content: Content) -> None:
    request = client.start("input('?')")
    client.wait_question()
    client.send("input_reply", content, "stdin")
    assert client.finish(request).content["ename"] == "StdinNotImplementedError"


def test_answer_that_nobody_waits_for_is_not_the_next_one(client: Client) -> None:
    request = client.start("input('?')")
    question = client.wait_question()
    client.answer("first", question)
    client.finish(request)
    client.answer("again", question)
    request = client.start("input('?')")
    client.wait_question()
    client.answer("in time")
    assert outputs(client.finish(request)) == [("execute_result", "'in time'")]


def test_other_messages_while_a_cell_asks(client: Client, other: Client) -> None:
    request = client.start("input('?')")
    client.wait_question()
    for msg_type, content in (("kernel_info_request", {}), ("complete_request", COMPLETE)):
        other.request(msg_type, content)
    client.answer("done")
    client.finish(request)


KILLED = """
import os, signal, sys
from jupyter_client import BlockingKernelClient
clients = [BlockingKernelClient(connection_file=sys.argv[1]) for _ in range(3)]
for client in clients:
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready()
    code = "input('?')" if client is clients[0] else "import anyio; await anyio.sleep(0)"
    client.execute(code, stop_on_error=False)
clients[0].get_stdin_msg()
os.kill(os.getpid(), signal.SIGKILL)
"""
"""A program of three clients that is killed while a cell of the first asks it."""


def test_killed_clients_leave_nothing(kernel: Kernel, client: Client) -> None:
    def now() -> tuple[int, int]:
        """Descriptors and threads of the kernel."""
        return len(os.listdir(f"/proc/{kernel.pid}/fd")), len(os.listdir(f"/proc/{kernel.pid}/task"))

    def visit() -> None:
        file = kernel.manager.connection_file
        done = subprocess.run([sys.executable, "-c", KILLED, file], check=False, timeout=GUARD, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        kernel.interrupt()  # the cell asks nobody any more
        assert client.result("6 * 7") == "42"

    visit()
    before = now()
    for _ in range(3):
        visit()
    deadline = time.monotonic() + GUARD
    while now() > before and time.monotonic() < deadline:
        client.request("kernel_info_request")  # until the kernel has seen that they are gone
    assert now() <= before


# --- the queue


def test_what_came_while_a_cell_failed_is_aborted(client: Client, tmp_path: Path) -> None:
    """It may not have been read yet."""
    unread = tmp_path / "unread"
    code = f"""
    from pathlib import Path
    from async_kernel._running import running_interface
    sockets = running_interface()._connection.sockets
    with sockets._use:  # nobody reads
        Path({str(unread)!r}).touch()
        sockets._sockets["shell"].poll()
    1 / 0
    """
    for _ in range(20):
        fails, deadline = client.start(dedent(code)), time.monotonic() + GUARD
        while not unread.exists():
            assert time.monotonic() < deadline
        unread.unlink()
        next_one = client.start("'ran'")
        assert [client.finish(each).content["status"] for each in (fails, next_one)] == ["error", "aborted"]


@pytest.mark.parametrize("silent", [False, True])
def test_reply_comes_while_the_next_cell_computes(client: Client, tmp_path: Path, silent: bool) -> None:
    released = tmp_path / "released"
    first = client.start("6 * 7")
    second = client.start(f"import os\nwhile not os.path.exists({str(released)!r}): pass", silent=silent)
    assert client.finish(first).content["status"] == "ok"
    released.touch()
    client.finish(second)


# --- the process


def test_garbage_is_collected_in_what_cells_make_and_not_in_what_was_imported(client: Client) -> None:
    code = "import gc, IPython\nmine = object()\n"
    code += "gc.isenabled(), any(each is globals() for each in gc.get_referrers(mine)), "
    assert client.result(code + "any(each is vars(IPython) for each in gc.get_objects())") == "(True, True, False)"
