"""A step: until which line the code runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from async_kernel.debugger._frames import is_cell
from async_kernel.shell._run import current_run

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from async_kernel.shell._run import CellRun


@dataclass(eq=False, slots=True)
class Step:
    """Stops at the next line of one of its frames, however long an `await` takes before."""

    kind: Literal["next", "stepIn", "stepOut"]
    frames: list[FrameType]
    """Those it stops in: the stepping one and its callers."""
    leaving: FrameType | None
    """The one that is left, in a step out."""
    run: CellRun | None
    """The cell's run it belongs to: a step goes from one statement of a cell to the next."""

    @property
    def codes(self) -> list[CodeType]:
        """The code of all its frames."""
        return [frame.f_code for frame in (*self.frames, *((self.leaving,) if self.leaving else ()))]

    def watches(self, frame: FrameType) -> bool:
        """Whether it stops in a frame."""
        return any(each is frame for each in self.frames)

    def enters(self, frame: FrameType) -> bool:
        """Whether it stops in a frame that begins."""
        if self.run is not None and is_cell(frame) and current_run() is self.run:
            return True
        return self.kind == "stepIn" and self._is_called(frame)

    def _is_called(self, frame: FrameType) -> bool:
        below = frame.f_back
        while below is not None:
            if self.watches(below):
                return True
            below = below.f_back
        return False
