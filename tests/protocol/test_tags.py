"""What the tags of a cell ask for: a timeout, whether an error stops the queue, and that it is to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from async_kernel.testing import execute_content
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel._wire import Message
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient
    from protocol.conftest import Together

pytestmark = pytest.mark.anyio

FOREVER = "import anyio\nawait anyio.sleep(3600)"


def tagged(client: ProtocolClient, code: str, *tags: object, **content: Any) -> Message:
    return client.message("execute_request", execute_content(code, **content), metadata={"tags": list(tags)})


async def run(client: ProtocolClient, code: str, *tags: object) -> Exchange:
    request = tagged(client, code, *tags)
    client.send(request)
    return await client.wait_idle(request)


async def test_timeout(client: ProtocolClient) -> None:
    done = await run(client, FOREVER, "timeout=0.05")
    assert (done.content["ename"], done.content["evalue"]) == ("TimeoutError", "stopped after 0.05 s")


async def test_timeout_of_a_cell_that_is_fast_enough(client: ProtocolClient) -> None:
    done = await run(client, "6 * 7", "timeout=60")
    assert outputs(done) == [("execute_result", "42")]


async def test_timeout_of_the_cell_wins_over_that_of_the_shell(client: ProtocolClient) -> None:
    await client.execute("get_ipython().timeout = 0.05")
    try:
        done = await run(client, "import anyio\nawait anyio.sleep(0.2)\n'slept'", "timeout=0")
        assert outputs(done) == [("execute_result", "'slept'")]
    finally:
        await client.execute("get_ipython().timeout = 0")


@pytest.mark.parametrize(
    ("tags", "stop_on_error", "status"),
    [
        ([], True, "aborted"),
        ([], False, "ok"),
        (["stop-on-error=false"], True, "ok"),
        (["stop-on-error=True"], False, "aborted"),
        (["raises-exception"], True, "ok"),
        (["raises-exception", "stop-on-error=true"], True, "aborted"),
    ],
)
async def test_error(
    client: ProtocolClient, together: Together, tags: list[str], stop_on_error: bool, status: str
) -> None:
    failing, behind = tagged(client, "1/0", *tags, stop_on_error=stop_on_error), client.cell("'behind'")
    await together(failing, behind)
    assert (await client.wait_idle(failing)).content["ename"] == "ZeroDivisionError"
    assert (await client.wait_idle(behind)).content["status"] == status


async def test_success_of_a_cell_that_is_to_fail(client: ProtocolClient, together: Together) -> None:
    failing, behind = tagged(client, "'result'", "raises-exception", stop_on_error=False), client.cell("'behind'")
    await together(failing, behind)
    done = await client.wait_idle(failing)
    assert done.content["ename"] == "NoExceptionRaised"
    assert outputs(done) == [("execute_result", "'result'"), ("error", "NoExceptionRaised")]
    assert (await client.wait_idle(behind)).content["status"] == "aborted"


@pytest.mark.parametrize(
    "tag", ["timeout", "timeout=soon", "timeout=-1", "timeout=nan", "timeout=inf", "stop-on-error", "stop-on-error=2"]
)
async def test_value_that_cannot_be(client: ProtocolClient, tag: str) -> None:
    done = await run(client, "print('runs')", tag)
    assert done.content["status"] == "error"
    assert tag.partition("=")[0] in done.content["evalue"]
    assert outputs(done) == []
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


async def test_other_tags_say_nothing(client: ProtocolClient) -> None:
    done = await run(client, "'runs'", "parameters", "timeouts=x", 5, None)
    assert outputs(done) == [("execute_result", "'runs'")]
