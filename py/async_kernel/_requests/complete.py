"""Sections "Completion" and "Code completeness"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.completer import provisionalcompleter, rectify_completions

if TYPE_CHECKING:
    from async_kernel._wire import Content
    from async_kernel.shell import AsyncInteractiveShell


def complete(shell: AsyncInteractiveShell, code: str, cursor_pos: int) -> Content:
    """Completions at a position, with their types for clients that show them."""
    with provisionalcompleter():
        found = list(rectify_completions(code, shell.Completer.completions(code, cursor_pos)))
    start, end = (found[0].start, found[0].end) if found else (cursor_pos, cursor_pos)
    typed = [
        {"start": c.start, "end": c.end, "text": c.text, "type": c.type, "signature": c.signature or ""} for c in found
    ]
    return {
        "status": "ok",
        "matches": [c.text for c in found],
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": typed},
    }


def is_complete(shell: AsyncInteractiveShell, code: str) -> Content:
    """Whether a console may run the code, or should offer another line, indented so."""
    status, spaces = shell.input_transformer_manager.check_complete(code)
    content: Content = {"status": status}
    if status == "incomplete":
        content["indent"] = " " * (spaces or 0)
    return content
