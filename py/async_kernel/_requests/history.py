"""Section "History"."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from async_kernel._errors import BadMessageError

if TYPE_CHECKING:
    from IPython.core.history import HistoryManager

    from async_kernel._wire import Content
    from async_kernel.shell import AsyncInteractiveShell


def history(
    shell: AsyncInteractiveShell,
    access: str,
    *,
    output: bool,
    raw: bool,
    session: int = 0,
    start: int = 1,
    stop: int | None = None,
    n: int | None = None,
    pattern: str = "*",
    unique: bool = False,
) -> Content:
    """Earlier inputs, as (session, line, input) or with their outputs.

    Args:
        shell: whose history.
        access: `tail` (the last n), `range` (start to stop of a session) or `search` (a glob pattern).
        output: give outputs too.
        raw: inputs as typed, not as transformed.
        session: a session's number; 0 is this one, negative counts back.
        start: the first line of a range.
        stop: the line behind a range, or None for all.
        n: how many, for tail and search.
        pattern: the glob pattern of a search.
        unique: leave out repetitions in a search.

    Raises:
        BadMessageError: `access` is none of these.
    """
    manager = cast("HistoryManager", shell.history_manager)
    match access:
        case "tail":
            items = manager.get_tail(10 if n is None else n, raw=raw, output=output, include_latest=True)
        case "range":
            items = manager.get_range(session, start, stop, raw=raw, output=output)
        case "search":
            items = manager.search(pattern, raw=raw, output=output, n=n, unique=unique)
        case _:
            msg = f"hist_access_type must be 'tail', 'range' or 'search', got {access!r:.80}"
            raise BadMessageError(msg)
    # IPython gives this session the number 0 in a range.
    return {"status": "ok", "history": [(number or manager.session_number, *item) for number, *item in items]}
