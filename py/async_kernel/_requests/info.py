"""Section "Kernel info"."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import IPython

from async_kernel._version import __version__
from async_kernel._wire import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from async_kernel._wire import Content


def kernel_info(*, help_links: Sequence[dict[str, str]], supported_features: Sequence[str]) -> Content:
    """What this kernel is."""
    python = platform.python_version()
    return {
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "async_kernel",
        "implementation_version": __version__,
        "language_info": {
            "name": "python",
            "version": python,
            "mimetype": "text/x-python",
            "file_extension": ".py",
            "pygments_lexer": "ipython3",
            "codemirror_mode": {"name": "ipython", "version": sys.version_info.major},
            "nbconvert_exporter": "python",
        },
        "banner": f"async-kernel {__version__} (Python {python}, IPython {IPython.__version__})",
        "help_links": list(help_links),
        "debugger": "debugger" in supported_features,
        "supported_features": list(supported_features),
    }
