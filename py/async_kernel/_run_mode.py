"""How a cell runs: in its queue, beside it as a task, or in a thread.

A cell asks for it by its first line (`# task`, `# thread name="x" backend=trio`), by a tag of the same words, or in the
request's metadata (`{"run_mode": "task"}`).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from async_kernel._errors import BadMessageError

if TYPE_CHECKING:
    from async_kernel._context import Request

Mode = Literal["queue", "task", "thread"]

_LINE: Final = re.compile(r"\s*#\s*(task|thread)\b(.*)")
_OPTIONS: Final = ("name", "backend")


@dataclass(frozen=True, slots=True)
class RunMode:
    """How a cell runs."""

    mode: Mode = "queue"
    options: dict[str, str] = field(default_factory=dict)
    """Of a thread: its `name` and `backend`."""


def run_mode(request: Request) -> RunMode:
    """How the cell of an execute request asks to run. Its first line wins, then its tags, then the metadata.

    Raises:
        BadMessageError: it asks for what there is not.
    """
    metadata = request.msg["metadata"]
    code = request.content.get("code")
    if isinstance(code, str) and (found := _LINE.match(code.partition("\n")[0])):
        return _parse(found)
    tags = metadata.get("tags")
    for text in (*(tags if isinstance(tags, list) else ()), metadata.get("run_mode")):
        if isinstance(text, str) and (found := _LINE.fullmatch(f"# {text.removeprefix('#')}")):
            return _parse(found)
    return RunMode()


def _parse(found: re.Match[str]) -> RunMode:
    mode, rest = found.groups()
    return RunMode("task") if mode == "task" else RunMode("thread", thread_options(rest))


def thread_options(text: str) -> dict[str, str]:
    """The options of a thread, as they stand behind `# thread` and `%%thread`: `name=x backend=trio`.

    Raises:
        BadMessageError: there is no such option or backend.
    """
    options: dict[str, str] = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        if not equals:
            break  # the rest is a comment
        if name not in _OPTIONS:
            msg = f"a thread has no option {name!r}: use {' or '.join(_OPTIONS)}"
            raise BadMessageError(msg)
        options[name] = value
    if (backend := options.get("backend")) not in {None, "asyncio", "trio"}:
        msg = f"a thread cannot have the backend {backend!r}: use asyncio or trio"
        raise BadMessageError(msg)
    return options


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as e:
        msg = f"the options of a thread cannot be read: {e}"
        raise BadMessageError(msg) from e
