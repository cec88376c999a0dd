"""Comms: the `comm` package's objects, carried by this kernel.

Section "Custom Messages" of the messaging specification.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

import comm
from comm.base_comm import BaseComm, CommManager

from async_kernel._context import Request, current_request, request_context
from async_kernel._errors import UnknownCommError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from comm.base_comm import BuffersType, MaybeDict


class KernelComm(BaseComm):
    """A comm of this kernel. It remembers the request that opened it: there goes what its callbacks print."""

    def __init__(self, *args: Any, iopub_send: Callable[..., None], **kwargs: Any) -> None:
        self._iopub_send = iopub_send
        self._request = current_request()
        super().__init__(*args, **kwargs)

    def context(self) -> AbstractContextManager[None]:
        """The context in which a message to this comm is handled."""
        return request_context(self._request) if self._request else nullcontext()

    def publish_msg(
        self,
        msg_type: str,
        data: MaybeDict = None,
        metadata: MaybeDict = None,
        buffers: BuffersType = None,
        **keys: Any,
    ) -> None:
        """Send a message to the other side of the comm."""
        self._iopub_send(
            msg_type,
            content={"data": data or {}, "comm_id": self.comm_id, **keys},
            metadata=metadata or {},
            buffers=buffers,
        )


class Comms:
    """The comm manager of a kernel, and its place in the `comm` package while the kernel runs."""

    def __init__(self, iopub_send: Callable[..., None]) -> None:
        self._iopub_send = iopub_send
        self.manager = CommManager()
        # Targets of packages that were imported before, such as ipywidgets'.
        self.manager.targets.update(comm.get_comm_manager().targets)
        self._old = comm.create_comm, comm.get_comm_manager

    def install(self) -> None:
        """Let `comm.create_comm` make this kernel's comms."""
        comm.create_comm = self._create  # the documented hook of the package
        comm.get_comm_manager = lambda: self.manager

    def uninstall(self) -> None:
        """Leave the `comm` package as it was. Comms that are still open end with the kernel."""
        for comm_ in self.manager.comms.values():
            comm_._closed = True  # there is nobody left to tell
        comm.create_comm, comm.get_comm_manager = self._old
        # Packages register theirs when they are imported, which they will not be for the next kernel of this process.
        lasting = {name: f for name, f in self.manager.targets.items() if f.__module__ != "__main__"}
        comm.get_comm_manager().targets.update(lasting)

    def _create(self, *args: Any, **kwargs: Any) -> KernelComm:
        return KernelComm(*args, iopub_send=self._iopub_send, **kwargs)

    def info(self, target_name: str | None) -> dict[str, dict[str, str]]:
        """The open comms, of one target or of all, for a `comm_info_reply`."""
        return {
            comm_id: {"target_name": c.target_name}
            for comm_id, c in self.manager.comms.items()
            if target_name is None or c.target_name == target_name
        }

    def handle(self, request: Request) -> None:
        """Deliver a comm message.

        Raises:
            Exception: whatever a callback raises.
            UnknownCommError: the target or the comm is unknown.
        """
        comm_id = request.content["comm_id"]
        match request.msg_type:
            case "comm_open":
                self._open(comm_id, request)
            case "comm_msg":
                comm_ = self._get(comm_id)
                with comm_.context():
                    comm_.handle_msg({**request.msg})
            case "comm_close":
                comm_ = self._get(comm_id)
                del self.manager.comms[comm_id]
                comm_._closed = True  # as the package's own manager does
                with comm_.context():
                    comm_.handle_close({**request.msg})

    def _open(self, comm_id: str, request: Request) -> None:
        target = request.content["target_name"]
        comm_ = KernelComm(comm_id=comm_id, primary=False, target_name=target, iopub_send=self._iopub_send)
        callback = self.manager.targets.get(target)
        if callback is None:
            comm_.close(deleting=True)  # it is not registered
            msg = f"no comm target {target!r} is registered"
            raise UnknownCommError(msg)
        self.manager.register_comm(comm_)
        try:
            callback(comm_, {**request.msg})
        except Exception:
            comm_.close()
            raise

    def _get(self, comm_id: str) -> KernelComm:
        if comm_ := self.manager.comms.get(comm_id):
            return cast("KernelComm", comm_)
        msg = f"there is no comm {comm_id!r}"
        raise UnknownCommError(msg)
