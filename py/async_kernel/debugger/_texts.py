"""Values as short texts, however large they are."""

from __future__ import annotations

import reprlib
from typing import Any, Final

_LONGEST: Final = 2000


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = 60
        self.maxstring = self.maxlong = self.maxother = _LONGEST

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ARG002  # reprlib's signature
        try:
            text = repr(x)
        except Exception as e:  # noqa: BLE001  # a user's __repr__ may raise anything
            return f"<{type(x).__name__} whose repr() failed: {type(e).__name__}>"
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def short_text(value: object) -> str:
    """`repr(value)`, cut where it is long."""
    return _Short().repr(value)
