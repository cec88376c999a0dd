"""The names of cells as files: clients compute them too, from the code and from what `debugInfo` announces."""

from __future__ import annotations

import gc
import linecache
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Final

from IPython.core.compilerop import CachingCompiler

from async_kernel._errors import causes

if TYPE_CHECKING:
    import ast

HASH_METHOD: Final = "Murmur2"
HASH_SEED: Final = 0xC70F6907
SUFFIX: Final = ".py"
_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes, seed: int) -> int:
    """MurmurHash2, 32 bits, with words in little-endian order."""
    value = seed ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 24) * _MULTIPLIER & _MASK
        value = value * _MULTIPLIER & _MASK ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    value = (value ^ value >> 13) * _MULTIPLIER & _MASK
    return value ^ value >> 15


class CellFiles:
    """Names cells, and writes those that a client asks for."""

    def __init__(self) -> None:
        # By this name libraries know cells from files. A client keeps what it knows of each for all kernels: random.
        self.folder = Path(tempfile.gettempdir(), f"ipykernel_{10**10 + secrets.randbelow(10**10)}")

    @property
    def prefix(self) -> str:
        """What the names begin with."""
        return f"{self.folder}{os.sep}"

    def name(self, code: str) -> str:
        """The name of a cell."""
        return f"{self.prefix}{murmur2(code.encode(errors='surrogatepass'), HASH_SEED)}{SUFFIX}"

    def write(self, code: str) -> str:
        """Write a cell to its file, and return its name.

        Raises:
            OSError: there is no place for it.
        """
        name = self.name(code)
        self._write(name, code)
        return name

    def _write(self, name: str, code: str) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        Path(name).write_text(code, encoding="utf-8", errors="surrogatepass", newline="")

    def write_shown(self, error: object) -> None:
        """Write the cells that the traceback of an error shows: IPython takes wrong lines where there is no file."""
        for each in causes(error):
            trace = each.__traceback__
            # A user's exception may have anything by this name.
            for frame, _ in walk_tb(trace if isinstance(trace, TracebackType) else None):
                name = frame.f_code.co_filename
                if name.startswith(self.prefix) and not Path(name).exists():
                    with suppress(OSError):
                        self._write(name, "".join(linecache.getlines(name)))

    def remove(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)


class CellCompiler(CachingCompiler):
    """Compiles cells under the names of their files.

    Args:
        files: gives the names.
    """

    def __init__(self, files: CellFiles) -> None:
        super().__init__()
        self._files = files

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002  # IPython's signature
        return self._files.name(raw_code)

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        """The tree of a cell's code."""
        # Up to Python 3.11.7 a collection that lets another thread parse meanwhile makes it fail (gh-106905).
        collects = gc.isenabled()
        gc.disable()
        try:
            return super().ast_parse(source, filename, symbol)
        finally:
            if collects:
                gc.enable()
