"""Breakpoints: where they are, and whether one that is reached stops the code."""

from __future__ import annotations

import operator
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from async_kernel.debugger._engine import Body, DebugError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

Evaluate = Callable[[str], object]
"""Evaluates an expression in the frame that has reached the breakpoint."""

_HITS: Final = re.compile(r"\s*(==|>=|<=|>|<|%)?\s*(\d+)\s*")
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "%": lambda hits, number: number != 0 and hits % number == 0,
}
_EXPRESSION: Final = re.compile(r"{([^{}]+)}")


@dataclass(eq=False, slots=True)
class Breakpoint:
    """A breakpoint, as `setBreakpoints` asks for it."""

    number: int
    line: int
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None
    hits: int = 0

    @classmethod
    def asked(cls, number: int, line: int, asked: Body) -> Breakpoint:
        """What a client asks for.

        Raises:
            DebugError: its hit condition is none.
        """
        hit_condition = asked.get("hitCondition") or None
        if hit_condition is not None and not _HITS.fullmatch(hit_condition):
            msg = f"{hit_condition!r} is no hit condition: give a number, or one behind ==, >, >=, <, <= or %"
            raise DebugError(msg)
        return cls(number, line, asked.get("condition") or None, hit_condition, asked.get("logMessage") or None)

    def stops(self, evaluate: Evaluate) -> bool:
        """Whether to stop, now that the code has come here. Raises what the condition raises."""
        if self.condition is not None and not evaluate(self.condition):
            return False
        self.hits += 1
        if self.hit_condition is not None and (found := _HITS.fullmatch(self.hit_condition)):
            compare = _COMPARE[found[1] or "=="]
            if not compare(self.hits, int(found[2])):
                return False
        if self.log_message is None:
            return True
        print(_EXPRESSION.sub(lambda found: _shown(evaluate, found[1]), self.log_message))  # noqa: T201  # for the cell
        return False


def _shown(evaluate: Evaluate, expression: str) -> str:
    try:
        return str(evaluate(expression))
    except Exception as e:  # noqa: BLE001  # a user's expression: its error is what is shown
        return f"{type(e).__name__}: {e}"


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are nested in it."""
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_consts"):
            yield from codes_in(constant)


def lines_of(code: CodeType) -> set[int]:
    """The lines of a code object on which code may stop."""
    return {line for _, _, line in code.co_lines() if line}


def nearest(lines: set[int], line: int) -> int:
    """The line on which a breakpoint stops that is set on any line: the same, or the one before it that has code."""
    found = sorted(lines)
    if not found:
        return line
    return found[max(0, bisect_right(found, line) - 1)]


def evaluation(names: dict[str, Any], variables: Any) -> Evaluate:
    """Evaluates in a frame."""
    return lambda expression: eval(expression, names, variables)  # noqa: S307  # it is what a condition is for
