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
    cell_magic,
    classic_prompt,
    ipython_prompt,
    leading_empty_lines,
    leading_indent,
)

_CLEAN_UP: Final = [leading_empty_lines, leading_indent, classic_prompt, ipython_prompt]
_FIND: Final = [MagicAssign, SystemAssign, EscapedCommand, HelpEnd]
_is_plain_line: Final = re.compile(r"(?!In\b)[A-Za-z_][\t \"-$&->@-~]*\n?\Z").match
"""Whether a cell is one line that is none of theirs: without indent, prompt, or one of the characters `%!?`."""
_may_be_theirs: Final = re.compile(r"\s*[,;/]|.*[%!?]", re.DOTALL).match
"""Whether a line has one of the characters by which they know what is theirs."""


class CellTransformer(TransformerManager):
    """Spares most cells the tokenizer, which costs more than all else that IPython does to a short cell.

    Spares the plainest of one line all the rest, too.
    """

    def transform_cell(self, cell: str) -> str:
        """The cell as Python."""
        is_usual = self.cleanup_transforms == _CLEAN_UP and self.line_transforms == [cell_magic]
        if is_usual and self.token_transformers == _FIND and _is_plain_line(cell):
            return cell if cell[-1] == "\n" else f"{cell}\n"
        return super().transform_cell(cell)

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        if self.token_transformers == _FIND and not any(map(_may_be_theirs, lines)):
            return lines
        return cast("list[str]", super().do_token_transforms(lines))
