"""What the platform has."""

from __future__ import annotations

import sys
from typing import Final

HAS_THREADS: Final = sys.platform != "emscripten"
"""Whether threads can be started. Pyodide has none."""
