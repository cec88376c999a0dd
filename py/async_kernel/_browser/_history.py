"""The history of earlier kernels, which the browser keeps: IPython's database is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import ExecutionInfo

    from async_kernel.shell import AsyncInteractiveShell


def keep(shell: AsyncInteractiveShell, kept: Any) -> None:
    """Put what is kept into the shell's history, and have its inputs kept.

    Args:
        shell: the main shell.
        kept: the worker's `History`.
    """
    _recall(shell.history_manager, kept.earlier.to_py())

    def add(info: ExecutionInfo) -> None:
        if info.store_history and not info.silent:
            kept.add(shell.displayhook.prompt_count, info.transformed_cell or info.raw_cell, info.raw_cell)

    shell.events.register("pre_run_cell", add)


def _recall(manager: Any, earlier: Iterable[tuple[str, int, str, str]]) -> None:
    """Add inputs, the oldest first, with numbers for their sessions; this session's is the next."""
    numbers: dict[str, int] = {}
    rows = [(numbers.setdefault(session, len(numbers) + 1), *entry) for session, *entry in earlier]
    with manager.db as database:
        database.execute("DELETE FROM sessions")
        database.executemany("INSERT INTO sessions (session) VALUES (?)", [(n,) for n in numbers.values()])
        database.executemany("INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?)", rows)
    manager.new_session()
