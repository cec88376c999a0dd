"""What objects are shown as: the same as in IPython, whose formatter is slower."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from async_kernel.shell._formatter import KernelDisplayFormatter
from IPython.core.formatters import BaseFormatter, DisplayFormatter, PlainTextFormatter

if TYPE_CHECKING:
    from collections.abc import Callable


class Html:
    def _repr_html_(self) -> str:
        return "<b>html</b>"


class HtmlWithMetadata:
    def _repr_html_(self) -> tuple[str, dict[str, Any]]:
        return "<b>html</b>", {"isolated": True}


class HtmlOfClass:
    @classmethod
    def _repr_html_(cls) -> str:
        return "<b>class</b>"


class Bundle:
    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": f"{include} {exclude}", "text/x-own": "own"}


class ShowsItself:
    def _ipython_display_(self) -> None:
        pass


class OnInstance:
    def __init__(self) -> None:
        self._repr_latex_ = lambda: "$x$"

    def __repr__(self) -> str:
        return "on instance"


class Dynamic:
    def __getattr__(self, name: str) -> Any:
        if name == "_repr_markdown_":
            return lambda: "*dynamic*"
        raise AttributeError(name)

    def __repr__(self) -> str:
        return "dynamic"


class Refuses:
    def __getattr__(self, name: str) -> Any:
        msg = "no"
        raise RuntimeError(msg)

    def __repr__(self) -> str:
        return "refuses"


class HasAll:
    def __getattr__(self, name: str) -> Any:
        return lambda: name

    def __repr__(self) -> str:
        return "has all"


class Plain:
    def __repr__(self) -> str:
        return "plain"


class Child(Plain):
    pass


OBJECTS = (1, 1.5, "text", None, True, [1, "a"], {"a": (1,)}, {1}, Decimal(1), int, print, sys)
OWN = (Html, HtmlWithMetadata, HtmlOfClass, Bundle, ShowsItself, OnInstance, Dynamic, Refuses, HasAll, Plain, Child)


@pytest.mark.parametrize("obj", [*OBJECTS, *OWN, *(cls() for cls in OWN)], ids=repr)
def test_objects_have_the_forms_that_they_have_in_ipython(obj: object) -> None:
    for options in ({}, {"include": ["text/html"]}, {"include": ["text/plain"]}, {"exclude": ["text/plain"]}):
        assert KernelDisplayFormatter().format(obj, **options) == DisplayFormatter().format(obj, **options)


def test_a_proxy_is_shown_as_what_it_stands_for() -> None:
    proxy = Mock(spec=Html, _repr_html_=lambda: "<b>proxy</b>", __repr__=lambda _: "proxy")
    proxy._ipython_display_ = proxy._repr_mimebundle_ = proxy._ipython_canary_method_should_not_exist_ = None
    assert KernelDisplayFormatter().format(proxy) == DisplayFormatter().format(proxy)


def _for_type(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/html"].for_type(Plain, lambda _: "<i>type</i>")


def _for_type_by_name(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/html"].for_type_by_name(Plain.__module__, "Plain", lambda _: "<i>name</i>")


def _for_one_object(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/html"].singleton_printers[id(ONE)] = lambda _: "<i>one</i>"


def _other_method(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/html"].print_method = "__repr__"


def _other_printers(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/html"].type_printers = {Plain: lambda _: "<i>other</i>"}


def _own_formatter(formatter: DisplayFormatter) -> None:
    class Own(BaseFormatter):
        format_type = "text/x-own"

        def __call__(self, obj: object) -> str:
            return "own"

    formatter.register_formatter(Own())


def _other_text(formatter: DisplayFormatter) -> None:
    formatter.formatters["text/plain"].for_type(Plain, lambda _, p, cycle: p.text("other text"))


def _own_text(formatter: DisplayFormatter) -> None:
    class Own(PlainTextFormatter):
        def __call__(self, obj: object) -> str:
            return "own text"

    formatter.formatters["text/plain"] = Own()


ONE = Child()


@pytest.mark.parametrize(
    "change",
    [
        _for_type,
        _for_type_by_name,
        _for_one_object,
        _other_method,
        _other_printers,
        _own_formatter,
        _other_text,
        _own_text,
    ],
)
def test_what_is_registered_counts_from_then_on(change: Callable[[DisplayFormatter], None]) -> None:
    ours, theirs = KernelDisplayFormatter(), DisplayFormatter()
    assert ours.format(ONE) == theirs.format(ONE) == ({"text/plain": "plain"}, {})
    change(ours)
    change(theirs)
    assert ours.format(ONE) == theirs.format(ONE) != ({"text/plain": "plain"}, {})
