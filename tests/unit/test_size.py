"""The adapter stays thin: it moves messages and starts loops."""

from __future__ import annotations

from pathlib import Path

import async_kernel_zmq

COMMAND_LINE = {"__main__", "_errors", "_launcher", "_options", "_other_project", "command", "kernelspec"}
APART = {"hosts", "_debugpy_engine"}


def test_the_adapter_is_under_1500_lines_without_hosts_debugger_and_command_line() -> None:
    root = Path(async_kernel_zmq.__file__).parent
    files = [p for p in root.rglob("*.py") if not {*p.relative_to(root).with_suffix("").parts} & (COMMAND_LINE | APART)]
    assert sum(len(path.read_text().splitlines()) for path in files) < 1500
