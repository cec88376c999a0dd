"""Subshells leave nothing behind."""

from __future__ import annotations

import gc
import weakref

import pytest
from async_kernel._running import running_interface
from async_kernel.testing import execute_content, in_process_client

pytestmark = pytest.mark.anyio


async def test_subshells_end_with_their_kernel() -> None:
    async with in_process_client() as client:
        await client.execute("subshell = get_ipython().kernel.create_subshell()\nawait subshell.run('x = 1')")
        (shell,) = running_interface().kernel.subshells.values()
    assert shell.history_manager is None  # IPython has cleared it away


async def test_deleted_subshell_is_freed() -> None:
    async with in_process_client() as client:
        subshell_id = (await client.request("create_subshell_request", channel="control")).content["subshell_id"]
        request = client.message("execute_request", execute_content("x = 1"))
        request["header"]["subshell_id"] = subshell_id
        client.send(request)
        await client.wait_idle(request)
        shell = weakref.ref(running_interface().kernel.subshells[subshell_id])
        await client.request("delete_subshell_request", {"subshell_id": subshell_id}, channel="control")
        await client.execute("'the shell has ended by now'")
        gc.collect()
        assert shell() is None
