"""The transports as fixture parameters, and the client that each test gets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO
from uuid import uuid4

import pytest
from desktop.kernels import BACKENDS
from protocol.debug_session import DebugSession
from protocol.transports import TRANSPORTS, SharedKernel, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

    RunNow = Callable[[str], Awaitable[Exchange]]
    Together = Callable[..., Awaitable[None]]

STREAMS = pytest.StashKey[tuple[TextIO, TextIO]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a transport runs over each; another runs in both async libraries."""
    if "transport" in metafunc.fixturenames:
        params = [pytest.param(cls, cls.client_backend, id=cls.name) for cls in TRANSPORTS]
        metafunc.parametrize(("transport", "anyio_backend"), params, indirect=["transport"], scope="session")
    elif "anyio_backend" in metafunc.fixturenames:
        metafunc.parametrize("anyio_backend", BACKENDS, scope="session")


@pytest.fixture(scope="session")
def transport(request: pytest.FixtureRequest) -> Generator[Transport]:
    """Each way to a kernel in turn."""
    transport = request.param()
    yield transport
    transport.close()


@pytest.fixture(scope="module")
async def kernel(transport: Transport, anyio_backend: str) -> AsyncGenerator[SharedKernel]:
    """A kernel that the tests of a module share."""
    async with transport.kernel() as kernel:
        yield kernel


@pytest.fixture
def client(kernel: SharedKernel, request: pytest.FixtureRequest) -> Generator[ProtocolClient]:
    """A client of the shared kernel. What it was sent is held against the specification at the end."""
    request.node.stash[STREAMS] = sys.stdout, sys.stderr = kernel.line.streams
    with kernel.line.client(kernel.deliver) as client:
        yield client
    client.check()


@pytest.fixture
async def run_now(client: ProtocolClient) -> RunNow:
    """Runs code in the kernel while a cell awaits, by a comm message: this is how tests let a cell go on."""
    await client.execute(
        "def _run_now(comm, msg):\n"
        "    exec(msg['content']['data']['code'], globals())\n"
        "get_ipython().kernel.comm_manager.register_target('run_now', _run_now)",
    )

    async def run(code: str) -> Exchange:
        content = {"comm_id": uuid4().hex, "target_name": "run_now", "data": {"code": code}}
        return await client.request("comm_open", content)

    return run


@pytest.fixture
async def together(client: ProtocolClient, run_now: RunNow) -> Together:
    """Sends messages so that all have arrived before a cell among them runs: behind one that waits."""

    async def send(*messages: Message) -> None:
        await client.execute("import anyio\n_arrived = anyio.Event()")
        first = client.start("await _arrived.wait()")
        for msg in messages:
            client.send(msg)
        await run_now("_arrived.set()")  # transports keep the order: this comes last
        await client.wait_idle(first)

    return send


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Put back the streams of a kernel that a fixture started: pytest's capture puts its own there for each phase."""
    if streams := item.stash.get(STREAMS, None):
        sys.stdout, sys.stderr = streams
        del item.stash[STREAMS]  # pytest keeps all items, and the streams hold their kernel
    return (yield)


@pytest.fixture
async def session(client: ProtocolClient, transport: Transport) -> AsyncGenerator[DebugSession]:
    """A debug session that has begun, where there is an engine."""
    if not transport.debugs:
        pytest.skip("there is no engine here")
    session = DebugSession(client)
    await session.start()
    yield session
    await session.do("disconnect", restart=False, terminateDebuggee=False)
