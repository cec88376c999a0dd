"""The connection file: read, written, kept from others' eyes, and the signatures that its key makes."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import zmq
from async_kernel_zmq._connection_file import ConnectionInfo
from async_kernel_zmq._wire import Packer, Signer, WireError, from_frames
from desktop.kernels import GUARD, START, Client, Flavour, start_kernel
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from desktop.conftest import Launch, RunToEnd

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
SCHEMES = [
    f"hmac-{name}" for name in sorted(hashlib.algorithms_guaranteed) if not name.startswith("shake")
]  # what jupyter_client takes: the fixed-length hash functions that hashlib has by name
ASYNCIO = Flavour("asyncio", "tcp")


@contextmanager
def client_of(path: Path) -> Generator[Client]:
    """A client that knows no more of a kernel than its connection file."""
    zmq_client = BlockingKernelClient(connection_file=str(path))
    zmq_client.load_connection_file()
    client = Client(zmq_client).connect()
    try:
        yield client
        client.request("shutdown_request", {"restart": False}, "control")
        client.check()
    finally:
        client.close()


def free_ports(count: int) -> list[int]:
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_file_that_is_absent_is_written_for_its_owner_alone(launch: Launch, tmp_path: Path, transport: str) -> None:
    path = tmp_path / "sub" / "kernel.json"
    ip = ["--ip", str(tmp_path / "socket")] if transport == "ipc" else []
    process = launch("-f", str(path), "--transport", transport, *ip)
    assert path.stat().st_mode & 0o777 == 0o600
    info = json.loads(path.read_text())
    ports = [info[f"{channel}_port"] for channel in CHANNELS]
    assert all(ports)
    assert len(set(ports)) == len(ports)
    assert info["transport"] == transport
    assert info["key"]
    with client_of(path) as client:
        assert client.result("6 * 7") == "42"
    assert process.wait(GUARD) == 0
    assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["sub"]


@pytest.mark.parametrize("args", [[], ["-f", "named.json"]], ids=["no name", "a bare name"])
def test_file_without_a_folder_is_in_the_runtime_folder(
    launch: Launch, jupyter_dirs: dict[str, Path], args: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    process = launch(*args)
    (path,) = jupyter_dirs["RUNTIME"].iterdir()
    assert path.name == "named.json" if args else path.name.startswith("kernel-")
    told = "" if args else f"To connect a client to this kernel: jupyter console --existing {path.name}\n"
    assert capfd.readouterr().err == told
    with client_of(path):
        pass
    assert process.wait(GUARD) == 0
    assert not list(jupyter_dirs["RUNTIME"].iterdir())


def test_ports_of_the_command_line(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    ports = dict(zip(CHANNELS, free_ports(5), strict=True))
    process = launch("-f", str(path), *(f"--{channel}={port}" for channel, port in ports.items()))
    info = json.loads(path.read_text())
    assert {channel: info[f"{channel}_port"] for channel in CHANNELS} == ports
    with client_of(path):
        pass
    assert process.wait(GUARD) == 0


def test_file_that_is_there_is_read_and_left(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    ports = {f"{channel}_port": port for channel, port in zip(CHANNELS, free_ports(5), strict=True)}
    path.write_text(json.dumps({**ports, "ip": "127.0.0.1", "transport": "tcp", "key": "k", "extra": 1}))
    before = path.read_bytes()
    process = launch("-f", str(path))
    with client_of(path) as client:
        assert client.result("6 * 7") == "42"
        done = client.execute("get_ipython().parent.shell_port = 5")
        assert done.content["ename"] == "RuntimeError"
    assert process.wait(GUARD) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no JSON", "cannot read the connection file"),
        ("[]", "is no object"),
        ('{"transport": "pigeon"}', "unknown transport 'pigeon'"),
        ('{"key": "k", "signature_scheme": "md5"}', "unknown signature scheme 'md5'"),
    ],
)
def test_file_that_cannot_be_used(run_to_end: RunToEnd, tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "kernel.json"
    path.write_text(text)
    done = run_to_end("-f", str(path))
    assert done.returncode != 0
    assert told in done.stderr
    assert path.read_text() == text


def test_port_that_is_taken(run_to_end: RunToEnd, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        done = run_to_end("-f", str(tmp_path / "kernel.json"), f"--shell={port}")
    assert done.returncode != 0
    assert f"127.0.0.1:{port}" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_clients_can_connect_while_the_kernel_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    config, released, path = tmp_path / "profile_default", tmp_path / "released", tmp_path / "kernel.json"
    config.mkdir()
    (config / "ipython_kernel_config.py").write_text(f"import os\nwhile not os.path.exists({str(released)!r}): pass")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    ip = str(tmp_path / "socket") if transport == "ipc" else "127.0.0.1"
    info = ConnectionInfo(ip, transport, *free_ports(5), key="k")
    info.write(path)
    with subprocess.Popen([*START, "-f", str(path)]) as process, ExitStack() as stack:
        stack.callback(process.kill)
        context = stack.enter_context(zmq.Context())
        for channel in CHANNELS:
            sock = stack.enter_context(context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER))
            monitor = stack.enter_context(sock.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED))
            sock.connect(info.address(info.port(channel)))
            assert monitor.poll(1000 * GUARD), f"the {channel} channel is not there"
        released.touch()
        with client_of(path) as client:
            assert client.result("6 * 7") == "42"
        assert process.wait(GUARD) == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_signs_as_jupyter_client_does(scheme: str) -> None:
    session = Session(key=b"secret", signature_scheme=scheme)
    signer = Signer(b"secret", scheme)
    request = session.msg("kernel_info_request")
    route, raw, buffers = from_frames([b"who", *session.serialize(request)], signer)
    assert (route, buffers) == ([b"who"], [])
    assert raw["header"]["msg_id"] == request["msg_id"]
    frames = Packer(signer).frames({"channel": "shell", **request, "buffers": [b"more"]}, [b"who"])
    route, frames = session.feed_identities(frames)
    assert route == [b"who"]
    assert session.deserialize([bytes(f) for f in frames])["header"]["msg_id"] == request["msg_id"]


def test_scheme_that_is_unknown() -> None:
    with pytest.raises(ValueError, match=r"'hmac-rot13': use one of .*hmac-sha256"):
        Signer(b"secret", "hmac-rot13")


def test_replay_is_refused_with_a_key_and_not_without() -> None:
    session = Session(key=b"secret")
    frames = session.serialize(session.msg("kernel_info_request"))
    signer = Signer(b"secret", "hmac-sha256")
    from_frames(frames, signer)
    with pytest.raises(WireError, match="replay"):
        from_frames(frames, signer)
    unsigned = Signer(b"", "hmac-sha256")
    for _ in range(2):
        from_frames(frames, unsigned)


@pytest.mark.parametrize(("scheme", "key"), [("hmac-sha512", b"k" * 300), ("hmac-blake2s", b"k"), ("hmac-sha256", b"")])
def test_kernel_signs_by_the_scheme_and_key_of_the_file(tmp_path: Path, scheme: str, key: bytes) -> None:
    session = Session(key=key, signature_scheme=scheme)
    with start_kernel(ASYNCIO, tmp_path, manager={"session": session}) as kernel:
        assert kernel.main.result("6 * 7") == "42"
        assert kernel.client().result("6 * 7") == "42"


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_curve_keys_of_the_file_encrypt_every_socket(tmp_path: Path, transport: str) -> None:
    flavour = Flavour("asyncio", transport)
    with start_kernel(flavour, tmp_path, manager={"transport_encryption": "required"}) as kernel:
        info = kernel.manager.get_connection_info()
        assert info["curve_publickey"]
        assert kernel.main.result("6 * 7") == "42"
        question = kernel.main.start("input('x')")
        kernel.main.wait_question()
        kernel.main.answer("yes")
        assert kernel.main.finish(question).content["status"] == "ok"
        kernel.main.beat(b"alive")
        # Who does not encrypt is not let in.
        plain = zmq.Context.instance().socket(zmq.DEALER)
        # Which of the two it is depends on who hangs up first.
        refused = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        with plain, plain.get_monitor_socket(refused) as monitor:
            plain.linger = 0
            plain.connect(kernel.main.zmq._make_url("shell"))
            assert monitor.poll(GUARD * 1000)
            plain.disable_monitor()
