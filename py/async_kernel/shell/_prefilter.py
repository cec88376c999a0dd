"""What IPython does to a cell of one line by what its first word names: macros, magics without %, `exit`."""

from __future__ import annotations

import builtins
import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, cast

from IPython.core.autocall import IPyAutocall
from IPython.core.macro import Macro
from IPython.core.prefilter import PrefilterManager

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_first_word: Final = re.compile(r"(\w+)(?!.*# PYTHON-MODE$)").match  # which is a word to a checker of IPython's


class CellPrefilter(PrefilterManager):
    """Spares the search most lines, whose first word is Python's, or names what is none of these."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._usual = list(self.checkers)

    def prefilter_line(self, line: str, continue_prompt: bool = False) -> str:  # IPython's signature
        """The line as Python."""
        shell = cast("InteractiveShell", self.shell)
        if (word := _first_word(line)) and self._is_python(word[0], shell):
            shell._last_input_line = line  # type: ignore[attr-defined]  # as IPython's own does
            return line
        return cast("str", super().prefilter_line(line, continue_prompt))

    def _is_python(self, word: str, shell: InteractiveShell) -> bool:
        if shell.autocall or self.transformers or self.checkers != self._usual:
            return False
        if word in shell.user_ns:
            return not isinstance(shell.user_ns[word], Macro | IPyAutocall)
        return word in vars(builtins) or iskeyword(word)
