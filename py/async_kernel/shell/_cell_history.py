"""The history in memory, as each cell writes it."""

from __future__ import annotations

from IPython.core.history import HistoryManager


class CellHistory(HistoryManager):
    """IPython's own, but that what every cell sets and nobody observes is no trait, which takes many times as long."""

    _i00 = _i = _ii = _iii = ""
