"""`input` and `getpass`: questions that go to the client whose cell asks.

Section "Messages on the stdin channel" of the messaging specification.
"""

from __future__ import annotations

import builtins
import getpass
import warnings
from typing import TYPE_CHECKING, Any, TextIO

from IPython.core.error import StdinNotImplementedError

from async_kernel._context import current_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from async_kernel._iopub import IOPub
    from async_kernel._message import MessageFactory

_EOF = "\x04"


class Stdin:
    """Asks the client of the current request.

    Args:
        factory: builds the messages.
        iopub: its output goes out before a question.
    """

    def __init__(self, factory: MessageFactory, iopub: IOPub) -> None:
        self._factory = factory
        self._iopub = iopub
        self._old: tuple[Callable[..., str], Callable[..., str]] | None = None

    def request(self, prompt: str = "", *, password: bool = False) -> str:
        """Ask, and block until the answer is here.

        Raises:
            StdinNotImplementedError: nobody can be asked; the error says why.
            EOFError: the answer is the end-of-file character.
        """
        request = current_request()
        if request is None:
            msg = "input was called outside a cell: there is no client to ask"
            raise StdinNotImplementedError(msg)
        if not request.content.get("allow_stdin", False):
            msg = "input was called, but this client does not take input requests (allow_stdin is false)"
            raise StdinNotImplementedError(msg)
        content = {"prompt": str(prompt), "password": password}
        question = self._factory.message("input_request", channel="stdin", content=content, parent=request.msg)
        with self._iopub.lock:
            self._iopub.before_send(None)
        reply = request.connection.request_input(question, request.route)
        value = reply["content"].get("value")
        if not isinstance(value, str):
            msg = f"the client's input_reply has no text as its value, but {value!r:.80}"
            raise StdinNotImplementedError(msg)
        if value == _EOF:
            raise EOFError
        return value

    def install(self) -> None:
        """Put the questions in the place of `input` and `getpass.getpass`."""
        self._old = builtins.input, getpass.getpass

        def raw_input(prompt: object = "", /) -> str:
            return self.request(str(prompt))

        def getpass_(prompt: str = "Password: ", stream: TextIO | None = None, **_: Any) -> str:
            if stream is not None:
                warnings.warn("getpass in a kernel has no use for `stream`", UserWarning, stacklevel=2)
            return self.request(prompt, password=True)

        builtins.input, getpass.getpass = raw_input, getpass_

    def uninstall(self) -> None:
        """Put `input` and `getpass.getpass` back."""
        if self._old:
            (builtins.input, getpass.getpass), self._old = self._old, None
