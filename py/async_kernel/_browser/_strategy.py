"""Which way of listening there is: known to the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from async_kernel._browser._blocking import Blocking
from async_kernel._browser._deaf import Deaf
from async_kernel._browser._switching import StackSwitching

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from async_kernel._browser._listening import Listening
    from async_kernel.interface import BaseInterface


def strategy(
    interface: BaseInterface,
    *,
    listening: Any,
    send: Callable[[str, Any], None],
    answer: Callable[[str], Awaitable[str]],
    giveUp: Callable[[str], None],  # noqa: N803  # JavaScript's name
) -> Listening:
    """The strategy for the way that the worker has chosen.

    Args:
        interface: whose cells.
        listening: the worker's `Listening`.
        send: sends a message.
        answer: a promise of the reply to a question, by message id, where stacks can be switched.
        giveUp: nobody waits for that reply any more.
    """
    match listening.way:
        case "stack switching":
            return StackSwitching(interface, listening, send, answer, giveUp)
        case "none":
            return Deaf(interface)
        case _:
            return Blocking(interface, listening, send)
