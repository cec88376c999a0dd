"""IPython's syntax in cells: looked for only in those that may have some."""

from __future__ import annotations

import re
from typing import Final, cast

from IPython.core.inputtransformer2 import (
    EscapedCommand,
    HelpEnd,
    MagicAssign,
    SystemAssign,
    TransformerManager,
)

_FIND: Final = [MagicAssign, SystemAssign, EscapedCommand, HelpEnd]
_may_be_theirs: Final = re.compile(r"\s*[,;/]|.*[%!?]", re.DOTALL).match
"""Whether a line has one of the characters by which they know what is theirs."""


class CellTransformer(TransformerManager):
    """Spares most cells the tokenizer, which costs more than all else that IPython does to a short cell."""

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        if self.token_transformers == _FIND and not any(map(_may_be_theirs, lines)):
            return lines
        return cast("list[str]", super().do_token_transforms(lines))
