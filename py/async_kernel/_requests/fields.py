"""Typed reading of a request's content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from async_kernel._errors import BadMessageError

if TYPE_CHECKING:
    from async_kernel._context import Request

T = TypeVar("T")
D = TypeVar("D")
_REQUIRED: Final = object()
_WORDS: Final[dict[type, str]] = {
    str: "a text",
    int: "an integer",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


@overload
def field(request: Request, name: str, kind: type[T]) -> T: ...
@overload
def field(request: Request, name: str, kind: type[T], default: D) -> T | D: ...
def field(request: Request, name: str, kind: type[Any], default: Any = _REQUIRED) -> Any:
    """The field `name` of the request's content.

    Raises:
        BadMessageError: it is missing and has no default, or is of another type.
    """
    value = request.content.get(name, default)
    if value is default and default is not _REQUIRED:
        return value
    if value is _REQUIRED:
        msg = f"{request.msg_type} has no {name!r}: give {_WORDS[kind]}"
        raise BadMessageError(msg)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        msg = f"{name!r} of {request.msg_type} must be {_WORDS[kind]}, got {value!r:.80}"
        raise BadMessageError(msg)
    return value


def cursor(request: Request, code: str) -> int:
    """The field `cursor_pos`, in Unicode code points, within `code`. The end of the code where it is not given."""
    position = field(request, "cursor_pos", int, None)
    return len(code) if position is None else max(0, min(position, len(code)))
