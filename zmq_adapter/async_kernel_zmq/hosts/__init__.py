"""The main loops of GUIs, for an event loop to be their guest. A toolkit is imported when its host is made."""

from async_kernel_zmq.hosts.qt import QtHost
from async_kernel_zmq.hosts.tk import TkHost

__all__ = ["QtHost", "TkHost"]
