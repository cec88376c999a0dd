"""Variables as the Debug Adapter Protocol shows them: name, value, type, and a number to ask for what is inside."""

from __future__ import annotations

import ast
import inspect
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from async_kernel.debugger._engine import Body, DebugError
from async_kernel.debugger._texts import short_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST: Final = 1000
"""How much of a container is shown where the client does not ask for a part."""


@dataclass(slots=True)
class _Child:
    """What stands below a scope, a value or a group."""

    name: str
    value: object
    expression: str | None
    """How to reach it in the frame."""
    read_only: bool = False


class _Node(ABC):
    """What has children."""

    indexed: int | None = None
    """How many of its children have a number, if these can be asked for in parts."""

    @abstractmethod
    def children(self, start: int, count: int) -> Sequence[_Child | _Group]:
        """Its children; of the numbered ones `count` from `start` on."""

    def assign(self, name: str, value: object) -> None:  # noqa: ARG002  # for those that can
        """Give a child another value."""
        msg = f"{name} cannot be set"
        raise DebugError(msg)


class _Group(_Node):
    """Children that are shown below a name of their own."""

    def __init__(self, name: str, members: list[_Child], owner: _Node) -> None:
        self.name = name
        self._members = members
        self._owner = owner

    def children(self, start: int, count: int) -> Sequence[_Child | _Group]:
        return self._members[start : start + count]

    def assign(self, name: str, value: object) -> None:
        self._owner.assign(name, value)


class _Scope(_Node):
    """The variables of a frame or a namespace."""

    def __init__(self, shown: Mapping[str, object], namespace: MutableMapping[str, Any]) -> None:
        self._shown = shown
        self._namespace = namespace

    def children(self, start: int, count: int) -> Sequence[_Child | _Group]:
        found = [_Child(name, value, name) for name, value in sorted(self._shown.items(), key=_by_name)]
        return _grouped(found, self)[start : start + count]

    def assign(self, name: str, value: object) -> None:
        self._namespace[name] = value


class _Object(_Node):
    """A value with attributes."""

    def __init__(self, value: object, expression: str | None) -> None:
        self._value = value
        self._expression = expression

    def children(self, start: int, count: int) -> Sequence[_Child | _Group]:
        found = []
        for name in _names(self._value):
            try:
                value = getattr(self._value, name)
            except Exception as e:  # noqa: BLE001  # a user's property may raise anything: that is what is shown
                value = e
            found.append(_Child(name, value, self._expression and f"{self._expression}.{name}"))
        return _grouped(found, self)[start : start + count]

    def assign(self, name: str, value: object) -> None:
        setattr(self._value, name, value)


class _Sized(_Node):
    """A container."""

    def __init__(self, value: Any, expression: str | None) -> None:
        self._value = value
        self._expression = expression

    @property
    def indexed(self) -> int | None:  # type: ignore[override]  # a length may change
        return len(self._value)

    def children(self, start: int, count: int) -> Sequence[_Child | _Group]:
        size = len(self._value)
        found: list[_Child | _Group] = [*self._elements(start, min(start + count, size))]
        if start + count >= size:
            found.append(_Child("len()", size, self._expression and f"len({self._expression})", read_only=True))
        return found

    @abstractmethod
    def _elements(self, start: int, end: int) -> Iterable[_Child]: ...


class _Sequence(_Sized):
    """A list, a tuple or a deque."""

    def _elements(self, start: int, end: int) -> Iterable[_Child]:
        width = len(str(len(self._value) - 1))
        for index, value in enumerate(islice(self._value, start, end), start):
            yield _Child(f"{index:0{width}}", value, self._expression and f"{self._expression}[{index}]")

    def assign(self, name: str, value: object) -> None:
        self._value[int(name)] = value


class _Mapping(_Sized):
    """A dictionary."""

    def _elements(self, start: int, end: int) -> Iterable[_Child]:
        for key in islice(self._value, start, end):
            text = short_text(key)
            yield _Child(text, self._value[key], self._expression and f"{self._expression}[{text}]")

    def assign(self, name: str, value: object) -> None:
        for key in self._value:
            if short_text(key) == name:
                self._value[key] = value
                return
        super().assign(name, value)


class _Set(_Sized):
    """A set. Its elements have no way to be named."""

    def _elements(self, start: int, end: int) -> Iterable[_Child]:
        for value in islice(self._value, start, end):
            yield _Child(str(id(value)), value, None)


class Variables:
    """Presents values, and keeps those that the client may ask about until `clear`.

    Args:
        first: the number of the first.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self._nodes: list[_Node] = []

    def clear(self) -> None:
        """Forget all values."""
        self._nodes.clear()

    def scope(self, shown: Mapping[str, object], namespace: MutableMapping[str, Any]) -> int:
        """The number of a scope.

        Args:
            shown: its variables.
            namespace: where they are set.
        """
        return self._keep(_Scope(shown, namespace))

    def children(self, reference: int, start: int = 0, count: int | None = None) -> list[Body]:
        """What is below a number.

        Raises:
            DebugError: there is nothing of this number any more.
        """
        return [self._present(child) for child in self._node(reference).children(start, count or _MOST)]

    def assign(
        self, reference: int, name: str, code: str, names: dict[str, Any], variables: MutableMapping[str, Any]
    ) -> Body:
        """Set a variable to the value of an expression; the last two as for `evaluate`.

        Raises:
            DebugError: it cannot be set.
        """
        node = self._node(reference)
        try:
            value = _run(code, names, variables)
            node.assign(name, value)
        except Exception as e:
            msg = f"{name} cannot be set: {type(e).__name__}: {e}"
            raise DebugError(msg) from e
        return self.value(value, None)

    def evaluate(
        self, code: str, names: dict[str, Any], variables: MutableMapping[str, Any], *, whole: bool = False
    ) -> Body:
        """Run code, and present the value of its expression.

        Args:
            code: an expression, or statements.
            names: the globals.
            variables: the locals.
            whole: do not cut the value's text where it is long.

        Raises:
            DebugError: what it raised.
        """
        try:
            value = _run(code, names, variables)
        except Exception as e:
            msg = f"{type(e).__name__}: {e}"
            raise DebugError(msg) from e
        shown = self.value(value, code)
        text = repr(value) if whole else shown["value"]
        del shown["value"]
        return {"result": text if value is not None or _is_expression(code) else "", **shown}

    def value(self, value: object, expression: str | None) -> Body:
        """A value: its text, its type, and its number if there is something inside."""
        shown: Body = {"value": short_text(value), "type": type(value).__name__}
        if isinstance(value, str):
            shown["presentationHint"] = {"attributes": ["rawString"]}
        node = _node_of(value, expression)
        shown["variablesReference"] = self._keep(node) if node else 0
        return shown

    def _present(self, child: _Child | _Group) -> Body:
        if isinstance(child, _Group):
            return {"name": child.name, "value": "", "type": "", "variablesReference": self._keep(child)}
        shown = {"name": child.name, **self.value(child.value, child.expression)}
        if child.read_only:
            shown["presentationHint"] = {"attributes": ["readOnly"]}
        if child.expression:
            shown["evaluateName"] = child.expression
        return shown

    def _keep(self, node: _Node) -> int:
        self._nodes.append(node)
        return self.first + len(self._nodes) - 1

    def _node(self, reference: int) -> _Node:
        try:
            return self._nodes[reference - self.first]
        except IndexError as e:
            msg = "the code has gone on: this value is not known any more"
            raise DebugError(msg) from e


def _node_of(value: Any, expression: str | None) -> _Node | None:
    match value:
        case str() | bytes() | int() | float() | complex() | None | range():
            return None
        case list() | tuple() | deque():
            return _Sequence(value, expression)
        case Mapping():
            return _Mapping(value, expression)
        case set() | frozenset():
            return _Set(value, expression)
        case _:
            return _Object(value, expression)


def _names(value: object) -> list[str]:
    try:
        return sorted({str(name) for name in dir(value)})
    except Exception:  # noqa: BLE001  # a user's __dir__ may raise anything
        return []


def _by_name(item: tuple[str, object]) -> tuple[str, str]:
    return item[0].lower(), item[0]


def _grouped(children: list[_Child], owner: _Node) -> list[_Child | _Group]:
    """Children with those apart that are rarely looked for."""
    groups: dict[str, list[_Child]] = {name: [] for name in ("special", "function", "class")}
    rest: list[_Child | _Group] = []
    for child in children:
        group = groups.get(_group_of(child))
        (rest if group is None else group).append(child)
    return [*(_Group(f"{name} variables", found, owner) for name, found in groups.items() if found), *rest]


def _group_of(child: _Child) -> str:
    if child.name.startswith("__") and child.name.endswith("__"):
        return "special"
    if inspect.isroutine(child.value):
        return "function"
    return "class" if inspect.isclass(child.value) else ""


def _is_expression(code: str) -> bool:
    try:
        ast.parse(code.strip(), mode="eval")
    except SyntaxError:
        return False
    return True


def _run(code: str, names: dict[str, Any], variables: MutableMapping[str, Any]) -> object:
    """The value of an expression, or None of statements."""
    if _is_expression(code):
        compiled, run = compile(code.strip(), "<debugger>", "eval"), eval
    else:
        compiled, run = compile(code, "<debugger>", "exec"), exec
    if variables is names:
        return run(compiled, names)
    # Functions in the code see globals only: they are given the locals too.
    seen = {**names, **variables}
    value = run(compiled, seen, variables)
    names.update((n, v) for n, v in seen.items() if n not in variables and (n not in names or names[n] is not v))
    return value
