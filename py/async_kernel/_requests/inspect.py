"""Section "Introspection"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.utils.tokenutil import token_at_cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from async_kernel._wire import Content
    from async_kernel.shell import AsyncInteractiveShell


def inspect(
    shell: AsyncInteractiveShell, code: str, cursor_pos: int, detail_level: int, omit_sections: Sequence[str]
) -> Content:
    """What is known of the object named at a position. Level 1 adds its source; `omit_sections` go."""
    try:
        name = token_at_cursor(code, cursor_pos)
        data = shell.object_inspect_mime(name, detail_level=detail_level, omit_sections=omit_sections)
    except (KeyError, SyntaxError, UnicodeEncodeError):  # no such name, or no Python
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}
    if not shell.enable_html_pager:
        data.pop("text/html", None)
    return {"status": "ok", "found": True, "data": data, "metadata": {}}
