from __future__ import annotations

import threading

import anyio
import pytest
from async_kernel.caller import Caller


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=["asyncio", "trio"])
def other_backend(request):
    """The backend of a second event loop."""
    return request.param


@pytest.fixture
async def caller(anyio_backend):
    async with Caller("manual", name="main") as caller:
        yield caller


@pytest.fixture
def until():
    """Let the loop turn until a condition holds."""

    async def until(condition):
        with anyio.fail_after(10):
            while not condition():
                await anyio.lowlevel.checkpoint()

    return until


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Every caller has stopped and every thread has ended, or is about to, when a test is over."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("Trio thread"):  # the test runner's own: it runs trio as a guest
            continue
        thread.join(timeout=5)
        assert not thread.is_alive(), f"{thread} is left"
    assert Caller.all_callers(running_only=False) == []
