"""`PendingGroup`: what is scheduled inside belongs together and ends together."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from async_kernel._errors import PendingCancelled
from async_kernel.caller._backend import LoopEnded, current_loop
from async_kernel.caller._pending import Pending
from async_kernel.caller._trackers import PendingTracker, active

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

CancelMode: TypeAlias = Literal[0, 1, 2, 3]
"""What a group does when one of its members is cancelled.

0: ignore it, leave quietly. 1: cancel all, raise `PendingCancelled`. 2: cancel all, leave quietly. 3: ignore it, raise
`PendingCancelled` when all are done.
"""

_MODES_THAT_CANCEL = (1, 2)
_MODES_THAT_RAISE = (1, 3)


class PendingGroup(PendingTracker):
    """An async context. What is scheduled inside joins it, on whatever caller; leaving it waits for all.

    The first member to fail cancels the others and the body, and its exception is raised. A body that raises or is
    cancelled cancels all members. However it is left, all members are done then.

    Args:
        mode: what to do when a member is cancelled, see `CancelMode`.
    """

    def __init__(self, *, mode: CancelMode = 0) -> None:
        if mode not in {0, 1, 2, 3}:
            msg = f"The mode of a group is 0, 1, 2 or 3, not {mode!r}."
            raise ValueError(msg)
        self.mode: CancelMode = mode
        self._members: set[Pending[Any]] = set()
        self._empty: Pending[None] = Pending()
        self._failed: list[Pending[Any]] = []
        self._lost: list[Pending[Any]] = []  # cancelled, and not by this group
        self._cancelling = False
        self._closed = False
        self._cancel_body: Callable[[], object] | None = None
        self._life: AbstractAsyncContextManager[None] | None = None

    @property
    def members(self) -> frozenset[Pending[Any]]:
        """The members that are not done."""
        return frozenset(self._members)

    def add(self, pending: Pending[Any]) -> bool:
        """Have the pending join. `False` if the group has been left."""
        self._members.add(pending)
        if self._closed:
            self._members.discard(pending)
            return False
        pending._add_callback(self._member_done)
        if self._cancelling:
            pending.cancel("It joined a group that has been cancelled.")
        return True

    def cancel(self, msg: str | None = None) -> None:
        """Cancel all members and the body, which is then left quietly. From any thread."""
        self._cancelling = True
        for member in list(self._members):
            member.cancel(msg)
        if (cancel_body := self._cancel_body) is not None:
            cancel_body()

    async def __aenter__(self) -> Self:
        if self._life is not None:
            msg = "A group can be entered once. Make a new one."
            raise RuntimeError(msg)
        self._life = self._live()
        await self._life.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._life is not None
        return await self._life.__aexit__(kind, error, traceback)

    @asynccontextmanager
    async def _live(self) -> AsyncGenerator[None]:
        import anyio

        loop = current_loop()
        with anyio.CancelScope() as scope:

            def cancel_body() -> None:
                if loop.is_current():
                    scope.cancel()
                else:
                    with suppress(LoopEnded):
                        loop.post(scope.cancel)

            outer = active.get()
            active.set((*outer, self))
            self._cancel_body = cancel_body
            try:
                yield
                self._cancel_body = None
                await self._drain()
            finally:
                self._cancel_body = None
                active.set(outer)
                if not self._closed:
                    self.cancel("Its group has been cancelled.")
                    with anyio.CancelScope(shield=True):
                        await self._drain()
        if self._failed:
            self._failed[0].result()
        if self._lost and self.mode in _MODES_THAT_RAISE:
            msg = f"A member of the group was cancelled: {self._lost[0]!r}"
            raise PendingCancelled(msg)

    async def _drain(self) -> None:
        """Wait until all members are done, then close."""
        while True:
            while self._members:
                self._empty = Pending()
                if self._members:
                    await self._empty.wait(protect=True)
            self._closed = True
            if not self._members:
                return
            self._closed = False  # one joined in between

    def _member_done(self, member: Pending[Any]) -> None:
        if member.cancelled():
            if not self._cancelling:
                self._lost.append(member)
                if self.mode in _MODES_THAT_CANCEL:
                    self.cancel("Another member of its group was cancelled.")
        elif member._exception is not None:
            self._failed.append(member)
            self.cancel("Another member of its group failed.")
        self._members.discard(member)
        if not self._members:
            self._empty._resolve(None, None)
