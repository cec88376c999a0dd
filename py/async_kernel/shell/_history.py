"""The history in IPython's database, which no cell waits for and no cell needs."""

from __future__ import annotations

import inspect
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from IPython.core.history import HistoryManager
from traitlets import default

from async_kernel._errors import HistoryLockedError
from async_kernel.shell._cell_history import CellHistory

if TYPE_CHECKING:
    from collections.abc import Iterable

    _Lines = Iterable[tuple[Any, ...]]

_TIMEOUT = 0.5
"""Seconds to wait for another process that has locked the database."""
_DELAY = 0.5
"""Seconds for which the lines of cells gather: while one is written, cells that run are slower."""


class KernelHistory(CellHistory):
    """IPython's own, but that a database in use is no corrupt one, and that who writes to it keeps nobody waiting.

    A database that cannot be written is a warning. The lines are kept, and written when it can.
    """

    _has_told = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._writing = threading.Lock()
        self._ends = threading.Event()
        super().__init__(*args, **kwargs)

    @default("connection_options")
    def _default_connection_options(self) -> dict[str, Any]:
        return {"check_same_thread": False, "timeout": _TIMEOUT}

    def init_db(self) -> None:
        """Open the database. One that is locked or cannot be opened is left alone, a corrupt one is moved away."""
        try:
            inspect.unwrap(HistoryManager.init_db)(self)
        except sqlite3.OperationalError as e:
            self._keep_in_memory(e)
        except sqlite3.DatabaseError:
            super().init_db()

    def new_session(self, conn: sqlite3.Connection | None = None) -> None:
        """Get a number for this session."""
        try:
            super().new_session(conn)
        except sqlite3.DatabaseError as e:
            self._keep_in_memory(e)
            super().new_session()

    def _keep_in_memory(self, error: sqlite3.DatabaseError) -> None:
        self.log.warning("The history of this session is not saved: %s: %s", self.hist_file, error)
        if self.db:
            self.db.close()
        self.hist_file = ":memory:"
        self.init_db()

    def writeout_cache(self, conn: sqlite3.Connection | None = None) -> None:
        """Write what is not written yet. Cells can add to it meanwhile."""
        if threading.current_thread() is self.save_thread:
            self._ends.wait(_DELAY)
        with self._writing:  # who reads next finds what was taken from the cache
            with self.db_input_cache_lock:
                inputs, self.db_input_cache = self.db_input_cache, []
            with self.db_output_cache_lock:
                outputs, self.db_output_cache = self.db_output_cache, []
            if not (inputs or outputs):
                return
            conn = conn or self.db
            try:
                try:
                    self._write(conn, "INSERT", inputs, outputs)
                except sqlite3.IntegrityError:  # the numbers of lines have begun anew
                    self.new_session(conn)
                    self._write(conn, "INSERT OR REPLACE", inputs, outputs)
            except sqlite3.DatabaseError as e:
                self._tell("not saved yet", e)
                with self.db_input_cache_lock:
                    self.db_input_cache = [*inputs, *self.db_input_cache]
                with self.db_output_cache_lock:
                    self.db_output_cache = [*outputs, *self.db_output_cache]
            else:
                self._has_told = False

    def _write(self, conn: sqlite3.Connection, verb: str, inputs: _Lines, outputs: _Lines) -> None:
        session = self.session_number
        with conn:
            conn.executemany(f"{verb} INTO history VALUES (?, ?, ?, ?)", [(session, *line) for line in inputs])
            conn.executemany(f"{verb} INTO output_history VALUES (?, ?, ?)", [(session, *line) for line in outputs])

    def _run_sql(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        try:
            return list(super()._run_sql(*args, **kwargs))
        except sqlite3.OperationalError as e:
            self._tell("not read", e)
            msg = f"the history is not to be had: {self.hist_file}: {e}"
            raise HistoryLockedError(msg) from e

    def end_session(self) -> None:
        """Write the rest, and that the session has ended."""
        self._ends.set()
        self.writeout_cache()
        if self._has_told:  # no use in trying again: the client waits for the end
            return
        try:
            super().end_session()
        except sqlite3.DatabaseError as e:
            self._tell("not saved", e)

    def _tell(self, what: str, error: sqlite3.DatabaseError) -> None:
        """Warn, once for a row of failures."""
        if not self._has_told:
            self._has_told = True
            self.log.warning("The history is %s: %s: %s", what, self.hist_file, error)
