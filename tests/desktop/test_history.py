"""The history: kept in IPython's database, by a thread of its own, and not needed for a cell to run."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from desktop.kernels import Flavour, start_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.kernels import Client

ASYNCIO = Flavour("asyncio", "tcp")


@pytest.fixture
def ipython(tmp_path: Path) -> dict[str, Any]:
    """The environment of kernels that share a directory of IPython's."""
    return {"env": {**os.environ, "IPYTHONDIR": str(tmp_path)}}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "profile_default" / "history.sqlite"


def history(client: Client, access: str, **content: Any) -> list[tuple[int, int, str]]:
    request = {"hist_access_type": access, "output": False, "raw": True, **content}
    return [tuple(item) for item in client.request("history_request", request).content["history"]]


def test_cells_are_there_for_the_next_session(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    codes = ["x = 'first'", "x", "1 / 0"]
    with start_kernel(ASYNCIO, tmp_path, **ipython) as kernel:
        for code in codes:
            kernel.main.execute(code)
        kernel.manager.restart_kernel()
        kernel.main.messages.clear()
        kernel.main.wait("iopub", lambda m: m["header"]["msg_type"] == "iopub_welcome")
        kernel.main.execute("'second'")
        expected = [(1, i + 1, code) for i, code in enumerate(codes)]
        assert history(kernel.main, "tail", n=4) == [*expected, (2, 1, "'second'")]
        assert history(kernel.main, "range", session=1) == expected
        assert history(kernel.main, "range", session=-1, start=2, stop=3) == expected[1:2]
        assert history(kernel.main, "search", pattern="*first*") == expected[:1]
    (tmp_path / "profile_other").mkdir()
    with start_kernel(ASYNCIO, tmp_path, "--profile=other", **ipython) as kernel:
        assert history(kernel.main, "tail", n=4) == []
    with closing(sqlite3.connect(database)) as saved:
        assert saved.execute("select source_raw from history where session = 2").fetchall() == [("'second'",)]
        assert saved.execute("select count(*) from sessions where end is not null").fetchone() == (2,)


def fill(path: Path, folder: Path, ipython: dict[str, Any]) -> None:
    """A database with a session."""
    with start_kernel(ASYNCIO, folder, **ipython) as kernel:
        kernel.main.execute("'earlier'")
    assert path.exists()


def cells_run(client: Client, count: int = 20) -> None:
    for i in range(count):
        assert client.result(f"{i} + 1") == f"{i + 1}"


def test_database_that_is_locked(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    fill(database, tmp_path, ipython)
    with closing(sqlite3.connect(database, isolation_level=None)) as lock:
        lock.execute("begin exclusive")
        with start_kernel(ASYNCIO, tmp_path, errors=True, **ipython) as kernel:
            cells_run(kernel.main)
            assert kernel.log.count("history of this session is not saved") == 1
    assert not list(database.parent.glob("*corrupt*"))


def test_database_that_is_locked_later(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    fill(database, tmp_path, ipython)
    lock = sqlite3.connect(database, isolation_level=None)
    with closing(lock), start_kernel(ASYNCIO, tmp_path, **ipython) as kernel:
        kernel.main.execute("'before'")
        history(kernel.main, "tail")
        lock.execute("begin exclusive")
        cells_run(kernel.main)
        asked = {"hist_access_type": "tail", "output": False, "raw": True, "n": 1}
        refused = kernel.main.request("history_request", asked).content
        assert (refused["status"], refused["ename"]) == ("error", "HistoryLockedError")
        assert f"{database}: database is locked" in refused["evalue"]
        assert kernel.main.execute("%history -g before").content["ename"] == "HistoryLockedError"
        cells_run(kernel.main)
        assert kernel.log.count("WARNING") == 1
        lock.execute("rollback")
        assert [code for _, _, code in history(kernel.main, "tail", n=1)] == ["19 + 1"]
    assert not list(database.parent.glob("*corrupt*"))


def test_database_that_is_locked_for_a_time(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    with start_kernel(ASYNCIO, tmp_path, **ipython) as kernel:
        kernel.main.execute("'before'")
        with closing(sqlite3.connect(database, isolation_level=None)) as lock:
            lock.execute("begin exclusive")
            cells_run(kernel.main)
        kernel.main.execute("'after'")
        assert [code for _, _, code in history(kernel.main, "tail", n=2)] == ["19 + 1", "'after'"]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000, b"SQLite format 3\0" + bytes(200)])
def test_database_that_is_corrupt(tmp_path: Path, ipython: dict[str, Any], database: Path, content: bytes) -> None:
    database.parent.mkdir()
    database.write_bytes(content)
    with start_kernel(ASYNCIO, tmp_path, errors=True, **ipython) as kernel:
        cells_run(kernel.main)
        assert [code for _, _, code in history(kernel.main, "tail", n=1)] == ["19 + 1"]


def test_database_that_cannot_be_written(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    fill(database, tmp_path, ipython)
    with database.open("r+b") as file:
        file.seek(18)
        file.write(b"\3")  # a later version of the format, to be read only: permissions do not stop root
    with start_kernel(ASYNCIO, tmp_path, errors=True, **ipython) as kernel:
        cells_run(kernel.main)
        assert kernel.log.count("history of this session is not saved") == 1


def test_directory_in_the_place_of_the_database(tmp_path: Path, ipython: dict[str, Any], database: Path) -> None:
    database.mkdir(parents=True)
    with start_kernel(ASYNCIO, tmp_path, errors=True, **ipython) as kernel:
        cells_run(kernel.main)
        assert kernel.log.count("history of this session is not saved") == 1
