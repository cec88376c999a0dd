"""JSON text of messages: orjson where it is installed, the standard library elsewhere."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import numbers
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

try:
    import orjson
except ImportError:  # no wheel, as in Pyodide
    _fast_dumps: Callable[[object], bytes] | None = None
    _decode = json.JSONDecoder().raw_decode

    def _loads(text: str) -> Any:
        try:
            obj, end = _decode(text)
        except ValueError:
            end = -1  # space before it is JSON too, and so is that behind it
        return obj if end == len(text) else json.loads(text)
else:
    _SMALL = 1 << 12
    _OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

    def _fast_dumps(obj: object) -> bytes:
        text = orjson.dumps(obj, default=encodable, option=_OPTIONS)
        # orjson leaves room behind it for many times the length: not in what may wait for a client.
        return text if len(text) < _SMALL else bytes(memoryview(text))

    def _loads(text: str) -> Any:
        try:
            return orjson.loads(text)
        except ValueError:
            return json.loads(text)  # the escape of a lone surrogate is JSON too


def encodable(obj: object) -> object:
    """What JSON has no type for, as the nearest thing that it has.

    Bytes become base64 text, as clients expect images to arrive.

    Raises:
        TypeError: there is no such thing.
    """
    match obj:
        case dt.datetime():
            aware = obj if obj.tzinfo else obj.astimezone()
            return aware.isoformat().replace("+00:00", "Z")
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(obj).decode("ascii")
        case numbers.Real():
            return int(obj) if isinstance(obj, numbers.Integral) else float(obj)
        case Mapping():
            return dict(obj)
        case AbstractSet():
            return list(obj)
    if hasattr(obj, "tolist"):  # numpy's arrays and scalars
        return obj.tolist()
    msg = f"{type(obj).__name__} has no JSON form: {obj!r:.80}"
    raise TypeError(msg)


def _cleaned(obj: object) -> object:
    """A copy of `obj` in which numbers that JSON lacks are null and every key has a text."""
    match obj:
        case float():
            return obj if math.isfinite(obj) else None
        case None | bool() | int() | str():
            return obj
        case Mapping():
            return {k if k is None or isinstance(k, str | int) else str(k): _cleaned(v) for k, v in obj.items()}
        case list() | tuple():
            return [_cleaned(v) for v in obj]
    return _cleaned(encodable(obj))


_ENCODER = json.JSONEncoder(default=encodable, allow_nan=False, separators=(",", ":"))


def dumps(obj: object) -> str:
    """The JSON text of a message. NaN and infinities become null.

    Raises:
        TypeError: something in it has no JSON form.
    """
    return _slow_dumps(obj) if _fast_dumps is None else dumps_bytes(obj).decode()


def dumps_bytes(obj: object) -> bytes:
    """As `dumps`, in UTF-8."""
    if _fast_dumps is not None:
        try:
            return _fast_dumps(obj)
        except TypeError:
            pass  # a key that is no text, a lone surrogate or a big integer: the standard library takes them
    return _slow_dumps(obj).encode()


def _slow_dumps(obj: object) -> str:
    try:
        return _ENCODER.encode(obj)
    except (ValueError, TypeError):
        return _ENCODER.encode(_cleaned(obj))


def loads(text: str | bytes) -> Any:
    """The object of a JSON text, in UTF-8 if it is bytes.

    Raises:
        ValueError: it is not JSON.
    """
    return _loads(text if isinstance(text, str) else text.decode())  # of bytes, json guesses the encoding
