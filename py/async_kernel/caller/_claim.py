"""`Claim`: something that one may have at a time, whoever comes first."""

from __future__ import annotations


class Claim:
    """A token to take, in one atomic step. See `_pending` for why there are no locks."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens: list[None] = [None]

    def take(self) -> bool:
        """Whether the token was there; it is taken now."""
        try:
            self._tokens.pop()
        except IndexError:
            return False
        return True

    def give_back(self) -> None:
        """Put the token back."""
        self._tokens.append(None)
