"""No way to hear: not JSPI, no isolation, no service worker."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from IPython.core.error import StdinNotImplementedError

from async_kernel._browser._listening import Listening

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import FrameType

    from async_kernel.interface import BaseInterface

T = TypeVar("T")


class Deaf(Listening):
    """Cells that compute hear nothing; those that await are stopped in the event loop."""

    def __init__(self, interface: BaseInterface) -> None:
        super().__init__(interface)
        self._sleep = time.sleep

    def on_signal(self, frame: FrameType | None) -> None:
        pass  # the worker gives none

    def attend(self) -> None:
        pass  # as above

    def interrupt(self) -> None:
        self._stop_runs()

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)

    def ask(self, msg_json: str, msg_id: str) -> str:  # noqa: ARG002  # there is no way
        msg = (
            "input cannot wait for its answer here: the browser cannot switch stacks (JSPI), the page is not isolated "
            "(COOP and COEP headers), and there is no service worker, as in private windows. Use a widget, "
            "a recent Chromium, or a normal window"
        )
        raise StdinNotImplementedError(msg)

    def wait(self, awaitable: Awaitable[T]) -> T:
        if asyncio.iscoroutine(awaitable):
            awaitable.close()  # it will not be awaited
        msg = "this browser cannot switch stacks (JSPI): await it instead"
        raise RuntimeError(msg)
