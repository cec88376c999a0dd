"""Settings given as a mapping: by alias, by class, as flags; wrong ones name what there is."""

from __future__ import annotations

from typing import Any

import pytest
from async_kernel._errors import SettingsError
from async_kernel._running import release
from async_kernel.interface import BaseInterface, CallableInterface
from async_kernel.interface._launch import make_interface
from async_kernel.testing import in_process_client


@pytest.mark.parametrize(
    ("settings", "section", "trait", "value"),
    [
        ({"name": "x"}, "BaseInterface", "name", "x"),
        ({"n": "x"}, "BaseInterface", "name", "x"),
        ({"timeout": 5}, "AsyncInteractiveShell", "timeout", 5),
        ({"Kernel.help_links": []}, "Kernel", "help_links", []),
        ({"Kernel": {"help_links": []}}, "Kernel", "help_links", []),
        ({"flags": ["no-quiet"]}, "BaseInterface", "quiet", False),
    ],
)
def test_each_form(settings: dict[str, Any], section: str, trait: str, value: object):
    interface = make_interface(CallableInterface, settings)
    try:
        assert interface.config[section][trait] == value
    finally:
        release(interface)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nme": 1}, ["'nme'", "'name'"]),
        ({"Kernel.nothing": 1}, ["'nothing'", "'help_links'"]),
        ({"Kernel": {"nothing": 1}}, ["'nothing'", "'help_links'"]),
        ({"flags": ["loud"]}, ["'loud'", "'quiet'"]),
        ({"interface_class": "no.such.Class"}, ["'no.such.Class'"]),
        ({"interface_class": BaseInterface}, ["CallableInterface"]),
        ({"BaseInterface.backend": "curio"}, ["curio", "asyncio"]),
    ],
)
def test_a_wrong_one_says_what_there_is_and_leaves_no_interface(settings: dict[str, Any], words: list[str]):
    with pytest.raises(SettingsError) as caught:
        make_interface(CallableInterface, settings)
    assert all(word in str(caught.value) for word in words)
    assert not BaseInterface.initialized()


@pytest.mark.anyio
async def test_settings_reach_kernel_and_shell():
    links = [{"text": "t", "url": "u"}]
    async with in_process_client({"Kernel.help_links": links, "timeout": 0.01}) as client:
        assert (await client.request("kernel_info_request")).content["help_links"] == links
        done = await client.execute("import asyncio\nawait asyncio.Event().wait()")
        assert done.content["ename"] == "TimeoutError"
        assert "0.01 s" in done.content["evalue"]
