"""The forms of what cells show, without asking for each form of what has but a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from IPython.core.formatters import BaseFormatter, DisplayFormatter, PlainTextFormatter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TEXT = "text/plain"
_DECIDE = ("print_method", "singleton_printers", "type_printers", "deferred_printers")
"""The traits of a formatter that say which objects have its format."""


class _Having(NamedTuple):
    """What has the format of one formatter."""

    print_method: str
    singletons: Mapping[int, object]
    types: Mapping[type, object]
    deferred: Mapping[tuple[str, str], object]


class KernelDisplayFormatter(DisplayFormatter):
    """IPython's own, and quicker for objects that have a text and no other format.

    IPython looks up each of a dozen formats by itself, which is most of what a display takes.
    """

    _known: list[object] | None = None
    """The formatters that `_having` is about."""
    _having: list[_Having] | None = None
    """None where a formatter is not IPython's."""

    def format(
        self, obj: object, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if not include and not exclude and self._has_text_only(obj):
            text = self.formatters[_TEXT](obj)
            return ({} if text is None else {_TEXT: text}), {}
        return cast("tuple[dict[str, Any], dict[str, Any]]", super().format(obj, include, exclude))

    def _has_text_only(self, obj: object) -> bool:
        formatters = [self.ipython_display_formatter, self.mimebundle_formatter, *self.formatters.values()]
        if formatters != self._known:
            self._learn(formatters)
        cls = type(obj)
        try:
            return (
                self._having is not None
                and obj.__class__ is cls
                and not any(_may_have(obj, cls.__mro__, having) for having in self._having)
            )
        except Exception:  # noqa: BLE001  # attributes of an object may raise anything
            return False

    def _learn(self, formatters: list[Any]) -> None:
        self._known, self._having = formatters, None
        if any(type(formatter).__module__ != BaseFormatter.__module__ for formatter in formatters):
            return
        self._having = []
        for formatter in formatters:
            if not isinstance(formatter, PlainTextFormatter):
                formatter.observe(self._forget, _DECIDE)
                self._having.append(_Having(*(getattr(formatter, trait) for trait in _DECIDE)))

    def _forget(self, _: object) -> None:
        self._known = None


def _may_have(obj: object, mro: tuple[type, ...], having: _Having) -> bool:
    """Whether an object has a format, as far as can be said without calling anything of its own."""
    return (
        getattr(obj, having.print_method, None) is not None
        or (bool(having.types) and not having.types.keys().isdisjoint(mro))
        or (bool(having.singletons) and id(obj) in having.singletons)
        or (bool(having.deferred) and any((c.__module__, c.__name__) in having.deferred for c in mro))
    )
