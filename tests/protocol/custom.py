"""Classes that tests name by dotted path in settings, as a site would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from async_kernel._kernel import Kernel
from async_kernel.interface import CallableInterface
from async_kernel.shell import AsyncInteractiveShell

if TYPE_CHECKING:
    from async_kernel._context import Request
    from async_kernel._wire import Content


class EchoKernel(Kernel):
    """Runs no code: a cell's result is its text."""

    async def execute_request(self, request: Request) -> Content | None:
        content = {"execution_count": 7, "data": {"text/plain": request.content["code"]}, "metadata": {}}
        self.parent.iopub_send("execute_result", content=content)
        return {"status": "ok", "execution_count": 7, "user_expressions": {}, "payload": []}


class FailingKernel(Kernel):
    """Raises from its handlers."""

    async def kernel_info_request(self, _: Request) -> Content | None:
        msg = "a handler of a subclass failed"
        raise LookupError(msg)


class UnbuildableKernel(Kernel):
    """Cannot be made."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        msg = "no such kernel today"
        raise OSError(msg)


class NamedShell(AsyncInteractiveShell):
    """A shell of a site's own."""


class NamedInterface(CallableInterface):
    """An interface of a site's own."""
