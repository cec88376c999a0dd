"""What the tags of a cell ask for, beside its run mode: `timeout=SECONDS`, `stop-on-error=BOOL`, `raises-exception`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from async_kernel._errors import BadMessageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class CellTags:
    """What the tags of a cell ask for."""

    timeout: float | None = None
    """Seconds that the cell may take, 0 for no limit; None for the shell's own."""
    stop_on_error: bool | None = None
    """Whether an error aborts the cells behind it; None for what the request says."""
    raises_exception: bool = False
    """The cell is to fail: that aborts nothing, and its success is an error."""


def cell_tags(metadata: Mapping[str, Any]) -> CellTags:
    """Read the tags in a request's metadata.

    Raises:
        BadMessageError: a tag has a value that cannot be.
    """
    asked: dict[str, Any] = {}
    tags = metadata.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if not isinstance(tag, str):
            continue
        name, _, value = (part.strip() for part in tag.partition("="))
        match name:
            case "timeout":
                asked["timeout"] = _seconds(value)
            case "stop-on-error":
                asked["stop_on_error"] = _boolean(value)
            case "raises-exception":
                asked["raises_exception"] = True
    return CellTags(**asked)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        msg = f"the tag timeout={value} needs a number of seconds, or 0 for no limit"
        raise BadMessageError(msg)
    return seconds


def _boolean(value: str) -> bool:
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        msg = f"the tag stop-on-error={value} needs true or false"
        raise BadMessageError(msg) from None
