"""JSON text of messages, with orjson and without."""

from __future__ import annotations

import base64
import datetime as dt
import enum
import fractions
import json
import math
import subprocess
import sys
from collections import OrderedDict, UserDict
from pathlib import Path
from typing import Any

import pytest
from async_kernel._json import dumps, loads

CASES: list[tuple[object, object]] = [
    ({"a": [1, 2.5, None, True, "x"]}, {"a": [1, 2.5, None, True, "x"]}),
    ((1, (2,)), [1, [2]]),
    ({1}, [1]),
    (frozenset("x"), ["x"]),
    (b"\x00\xff", "AP8="),
    (bytearray(b"ab"), "YWI="),
    (memoryview(b"ab"), "YWI="),
    (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05Z"),
    (fractions.Fraction(1, 4), 0.25),
    (OrderedDict(a=1), {"a": 1}),
    (UserDict(a=1), {"a": 1}),
    (enum.IntEnum("Color", "RED")(1), 1),
    (2**80, 2**80),
    ({2: "one", 2.5: "two", None: "none", True: "true"}, {"2": "one", "2.5": "two", "null": "none", "true": "true"}),
    (float("nan"), None),
    ([math.inf, -math.inf, {"x": math.nan}], [None, None, {"x": None}]),
    (
        {"nan": math.nan, 1: "one", None: "none", (1, 2): "tuple"},
        {"nan": None, "1": "one", "null": "none", "(1, 2)": "tuple"},
    ),
    ({"x": math.nan, "bytes": b"ab", "set": {1}}, {"x": None, "bytes": "YWI=", "set": [1]}),
    ("🐍\u2028\x00\x7f", "🐍\u2028\x00\x7f"),
    ({"": ""}, {"": ""}),
]


def without_orjson(code: str) -> str:
    """The output of Python code that runs as where orjson is not installed."""
    program = f"import sys\nsys.modules['orjson'] = None\nfrom async_kernel._json import dumps, loads\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(("obj", "expected"), CASES)
def test_what_is_sent(obj: object, expected: object) -> None:
    text = dumps(obj)
    text.encode("utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == expected


def test_both_libraries_say_the_same() -> None:
    here = Path(__file__).parent
    code = (
        f"sys.path.insert(0, {str(here)!r})\nimport json, test_json\n"
        "for obj, _ in test_json.CASES: print(json.dumps(json.loads(dumps(obj))))"
    )
    assert without_orjson(code).splitlines() == [json.dumps(json.loads(dumps(obj))) for obj, _ in CASES]


@pytest.mark.parametrize(
    "obj", [object(), [object()], {"x": lambda: 0}, 1j, {1: object()}, {"x": math.nan, "y": object()}]
)
def test_what_has_no_json_form(obj: object) -> None:
    with pytest.raises(TypeError, match="has no JSON form"):
        dumps(obj)


def test_a_generator_is_left_alone() -> None:
    numbers = iter([1, 2])
    with pytest.raises(TypeError, match="has no JSON form"):
        dumps({"numbers": numbers})
    assert list(numbers) == [1, 2]


def test_circles_and_depths_are_errors() -> None:
    ring: list[Any] = []
    ring.append(ring)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for obj in (ring, deep):
        with pytest.raises((TypeError, ValueError, RecursionError)):
            dumps(obj)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_lone_surrogates_both_ways(text: str) -> None:
    sent = dumps({text: text})
    sent.encode("utf-8")
    assert loads(sent) == {text: text}


def test_local_times_get_their_offset() -> None:
    naive = dt.datetime(2026, 1, 2, 3, 4, 5)
    assert dt.datetime.fromisoformat(json.loads(dumps(naive))) == naive.astimezone()


class Array:
    """What numpy's arrays have."""

    def __iter__(self) -> Any:
        return iter([1, 2])

    def tolist(self) -> list[int]:
        return [1, 2]


def test_arrays() -> None:
    assert json.loads(dumps({"array": Array()})) == {"array": [1, 2]}


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[1,]", "\x00", "nonsense"])
def test_no_json(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        loads(text)
    assert "refused" in without_orjson(f"try: loads({text!r})\nexcept ValueError: print('refused')")


def test_bytes_are_read_too() -> None:
    assert loads(b'{"a": "\xc3\xa4"}') == {"a": "ä"}


def test_large_bytes() -> None:
    data = bytes(range(256)) * 20_000
    assert base64.b64decode(loads(dumps({"data": data}))["data"]) == data
