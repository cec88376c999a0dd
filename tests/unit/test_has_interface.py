"""The mixin for configurable parts: what it shares, and what it refuses."""

from __future__ import annotations

import pytest
from async_kernel.interface import BaseInterface, CallableInterface, HasInterface
from async_kernel.testing import in_process_client
from traitlets import Int, Unicode
from traitlets.config import Config, Configurable, LoggingConfigurable


class Part(HasInterface):
    number = Int(1).tag(config=True)


def test_parent_and_config_cannot_be_overridden() -> None:
    with pytest.raises(TypeError, match="WithParent overrides 'parent'"):
        type("WithParent", (HasInterface,), {"parent": None})
    with pytest.raises(TypeError, match="WithConfig overrides 'config'"):
        type("WithConfig", (HasInterface,), {"config": Config()})
    with pytest.raises(TypeError, match="Below overrides 'parent'"):
        type("Below", (Part,), {"parent": Unicode()})


def test_the_mixin_comes_first() -> None:
    class Other(LoggingConfigurable):
        config = Config()

    with pytest.raises(TypeError, match=r"Other overrides 'config'.*put HasInterface first"):
        type("Wrong", (Other, HasInterface), {})
    assert issubclass(type("Right", (HasInterface, Configurable), {}), HasInterface)


def test_without_an_interface() -> None:
    assert not BaseInterface.initialized()
    with pytest.raises(RuntimeError, match="Part needs an interface"):
        Part()


@pytest.mark.anyio
async def test_it_finds_the_interface_and_shares_its_settings() -> None:
    async with in_process_client({"Kernel": {"help_links": []}}):
        interface = CallableInterface.instance()
        interface.update_config(Config(Part={"number": 5}))
        for part in (Part(), Part(parent=interface)):
            assert part.parent is interface
            assert part.log is interface.log
            assert part.config is interface.config
            assert part.number == 5
        assert interface.kernel.parent is interface
        assert interface.kernel.main_shell.parent is interface
