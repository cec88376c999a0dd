"""Sections "Display data", "Update display data" and "Clear output"."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"


def displayed(done: Exchange) -> list[dict[str, Any]]:
    return [m["content"] for m in done.of_type("display_data", "update_display_data")]


@pytest.mark.parametrize(
    ("code", "mime", "data"),
    [
        ("HTML('<b>x</b>')", "text/html", "<b>x</b>"),
        (f"SVG({SVG!r})", "image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'),
        (f"Image({PNG!r})", "image/png", base64.b64encode(PNG).decode()),
        ("JSON({'a': [1, None]})", "application/json", {"a": [1, None]}),
        ("Latex('$x^2$')", "text/latex", "$x^2$"),
        ("Math('x^2')", "text/latex", r"$\displaystyle x^2$"),
        ("Markdown('# x')", "text/markdown", "# x"),
        ("Javascript('1')", "application/javascript", "1"),
    ],
)
async def test_display_classes(client: ProtocolClient, code: str, mime: str, data: object) -> None:
    done = await client.execute(f"from IPython.display import *\ndisplay({code})")
    (content,) = displayed(done)
    shown = content["data"][mime]
    assert (shown.strip() if isinstance(shown, str) else shown) == data
    assert "text/plain" in content["data"]
    assert content["transient"] == {}


async def test_png_bytes_of_an_object_are_sent_as_base64(client: ProtocolClient) -> None:
    done = await client.execute(
        f"class Picture:\n    def _repr_png_(self): return {PNG!r}\n    def _repr_jpeg_(self): return b'jpeg'\n"
        "display(Picture())"
    )
    (content,) = displayed(done)
    assert base64.b64decode(content["data"]["image/png"]) == PNG
    assert base64.b64decode(content["data"]["image/jpeg"]) == b"jpeg"


async def test_raw_bundle_with_metadata(client: ProtocolClient) -> None:
    done = await client.execute(
        "display({'text/plain': 'p', 'application/x+json': {'k': 1}}, raw=True, metadata={'text/plain': {'m': 2}})"
    )
    (content,) = displayed(done)
    assert content["data"] == {"text/plain": "p", "application/x+json": {"k": 1}}
    assert content["metadata"] == {"text/plain": {"m": 2}}


async def test_mimebundle_method(client: ProtocolClient) -> None:
    done = await client.execute(
        "class Bundle:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/plain': 'b', 'text/html': '<i>b</i>'}, {'text/html': {'isolated': True}}\n"
        "display(Bundle())"
    )
    (content,) = displayed(done)
    assert content["data"] == {"text/plain": "b", "text/html": "<i>b</i>"}
    assert content["metadata"] == {"text/html": {"isolated": True}}


async def test_several_objects_are_several_displays(client: ProtocolClient) -> None:
    assert outputs(await client.execute("display(1, 'two')")) == [("display_data", "1"), ("display_data", "'two'")]


async def test_update_by_display_id(client: ProtocolClient) -> None:
    done = await client.execute("from IPython.display import *\nhandle = display('first', display_id=True)")
    (first,) = done.of_type("display_data")
    display_id = first["content"]["transient"]["display_id"]
    assert display_id
    done = await client.execute("handle.update('second')")
    (second,) = done.of_type("update_display_data")
    assert second["content"]["data"] == {"text/plain": "'second'"}
    assert second["content"]["transient"] == {"display_id": display_id}
    assert second["parent_header"] == done.request["header"]


async def test_update_by_a_chosen_display_id(client: ProtocolClient) -> None:
    done = await client.execute(
        "from IPython.display import *\ndisplay(1, display_id='mine')\nupdate_display(2, display_id='mine')"
    )
    assert outputs(done) == [("display_data", "1"), ("update_display_data", "2")]
    assert [c["transient"] for c in displayed(done)] == [{"display_id": "mine"}] * 2


@pytest.mark.parametrize("wait", [True, False])
async def test_clear_output(client: ProtocolClient, wait: bool) -> None:
    done = await client.execute(
        f"from IPython.display import clear_output\nprint('old', end='')\nclear_output(wait={wait})\nprint('new')"
    )
    assert outputs(done) == [("stdout", "old"), ("clear_output", wait), ("stdout", "new\n")]


async def test_a_display_without_data_is_refused_where_it_is_made(client: ProtocolClient) -> None:
    done = await client.execute("get_ipython().display_pub.publish('no dict')")
    assert done.content["ename"] == "TypeError"


async def test_numbers_that_json_lacks_become_null(client: ProtocolClient) -> None:
    done = await client.execute(
        "nan, inf = float('nan'), float('inf')\n"
        "display({'application/json': {'a': [nan, inf, -inf, 1.5], 'b': {'c': nan}}}, raw=True, metadata={'n': nan})"
    )
    (content,) = displayed(done)
    assert content["data"] == {"application/json": {"a": [None, None, None, 1.5], "b": {"c": None}}}
    assert content["metadata"] == {"n": None}


async def test_objects_that_json_lacks_are_sent_as_the_nearest_thing(client: ProtocolClient) -> None:
    done = await client.execute(
        "import datetime, fractions\n"
        "odd = {'when': datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), 'set': {1},\n"
        "       'bytes': b'ab', 'tuple': (1, 2), 'third': fractions.Fraction(1, 4),\n"
        "       3: 'key', None: 'none', True: 'true'}\n"
        "display({'application/json': odd}, raw=True)"
    )
    (content,) = displayed(done)
    assert content["data"]["application/json"] == {
        "when": "2026-01-02T03:04:05Z",
        "set": [1],
        "bytes": "YWI=",
        "tuple": [1, 2],
        "third": 0.25,
        "3": "key",
        "null": "none",
        "true": "true",
    }


@pytest.mark.parametrize("where", ["data={'application/json': ODD}", "data={}, metadata={'odd': ODD}"])
@pytest.mark.parametrize("odd", ["object()", "[object()]", "lambda: 0", "1j", "{'deep': [{'in': set}]}"])
async def test_what_has_no_json_form_fails_where_it_is_displayed(client: ProtocolClient, where: str, odd: str) -> None:
    done = await client.execute(f"ODD = {odd}\nget_ipython().display_pub.publish({where})")
    assert done.content["ename"] == "TypeError"
    assert "has no JSON form" in done.content["evalue"]
    assert displayed(done) == []
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


async def test_a_ring_has_no_json_form(client: ProtocolClient) -> None:
    done = await client.execute("RING = []\nRING.append(RING)\ndisplay({'application/json': RING}, raw=True)")
    assert done.content["ename"] == "RecursionError"
    assert displayed(done) == []
    assert outputs(await client.execute("'next'")) == [("execute_result", "'next'")]


async def test_keys_of_any_kind_become_text(client: ProtocolClient) -> None:
    done = await client.execute("display({'application/json': {(1, 2): {range(3): None}}}, raw=True)")
    (content,) = displayed(done)
    assert content["data"] == {"application/json": {"(1, 2)": {"range(0, 3)": None}}}


async def test_lone_surrogates_in_a_display(client: ProtocolClient) -> None:
    done = await client.execute("display({'text/plain': 'a\\ud800b', 'application/json': {'\\udfff': 1}}, raw=True)")
    (content,) = displayed(done)
    assert json.dumps(content["data"]["text/plain"]) in ('"a\\ud800b"', '"a\\ufffdb"')


async def test_buffers_of_a_display_travel_beside_the_json(client: ProtocolClient) -> None:
    done = await client.execute(
        "get_ipython().display_pub.publish({'text/plain': 'with bytes'}, buffers=[b'\\x00\\xff', memoryview(b'more')])"
    )
    (msg,) = done.of_type("display_data")
    assert [bytes(b) for b in msg["buffers"]] == [b"\x00\xff", b"more"]


async def test_displays_in_functions_and_loops(client: ProtocolClient) -> None:
    done = await client.execute("def show(x):\n    display(x)\nfor i in range(3): show(i)")
    assert outputs(done) == [("display_data", str(i)) for i in range(3)]
