"""ipywidgets: a library that relies on comms, `get_parent` and display metadata at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from protocol.client import outputs

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from protocol.client import ProtocolClient

pytestmark = pytest.mark.anyio

VIEW = "application/vnd.jupyter.widget-view+json"


def opened(done: Exchange) -> dict[str, dict[str, Any]]:
    """The models that a cell created, by the name of their class, with their comm's id."""
    models = {}
    for msg in done.of_type("comm_open"):
        assert msg["content"]["target_name"] == "jupyter.widget"
        assert msg["metadata"]["version"].startswith("2.")
        state = msg["content"]["data"]["state"]
        models[state["_model_name"]] = {**state, "id": msg["content"]["comm_id"]}
    return models


async def update(client: ProtocolClient, comm_id: str, **state: Any) -> Exchange:
    """Set a widget's state as a frontend does."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    return await client.request("comm_msg", {"comm_id": comm_id, "data": data})


async def test_a_slider_is_created_and_displayed(client: ProtocolClient) -> None:
    done = await client.execute("import ipywidgets as widgets\nslider = widgets.IntSlider(value=3, max=10)\nslider")
    models = opened(done)
    assert set(models) == {"LayoutModel", "SliderStyleModel", "IntSliderModel"}
    assert models["IntSliderModel"]["value"] == 3
    (shown,) = done.of_type("execute_result", "display_data")
    assert shown["content"]["data"][VIEW]["model_id"] == models["IntSliderModel"]["id"]


async def test_observe_runs_on_a_move_and_prints_into_its_cell(client: ProtocolClient) -> None:
    done = await client.execute(
        "import ipywidgets as widgets\nslider = widgets.IntSlider(value=1)\n"
        "slider.observe(lambda change: print('moved to', change.new), 'value')\nslider"
    )
    slider = opened(done)["IntSliderModel"]["id"]
    moved = await update(client, slider, value=42)
    assert outputs(moved) == []
    assert client.exchange(done.request).text() == "moved to 42\n"
    assert await client.values(value="slider.value") == {"value": 42}


async def test_the_kernel_moves_it(client: ProtocolClient) -> None:
    done = await client.execute("import ipywidgets as widgets\nslider = widgets.IntSlider(value=1)")
    slider = opened(done)["IntSliderModel"]["id"]
    done = await client.execute("slider.value = 7")
    (msg,) = done.of_type("comm_msg")
    assert msg["content"]["comm_id"] == slider
    assert msg["content"]["data"]["method"] == "update"
    assert msg["content"]["data"]["state"] == {"value": 7}


async def test_state_is_sent_on_request(client: ProtocolClient) -> None:
    done = await client.execute("import ipywidgets as widgets\nslider = widgets.IntSlider(value=9)")
    slider = opened(done)["IntSliderModel"]["id"]
    asked = await client.request("comm_msg", {"comm_id": slider, "data": {"method": "request_state"}})
    answers = [m for m in client.messages if m["header"]["msg_type"] == "comm_msg"]
    assert answers[-1]["content"]["data"]["state"]["value"] == 9
    assert asked.messages[-1]["content"] == {"execution_state": "idle"}


async def test_the_state_of_all_widgets_is_sent_on_request(client: ProtocolClient) -> None:
    await client.execute("import ipywidgets as widgets\nslider = widgets.IntSlider(value=5)")
    content = {"comm_id": "control-comm", "target_name": "jupyter.widget.control", "data": {}}
    await client.request("comm_open", {**content}, metadata={"version": "1.0.0"})
    await client.request("comm_msg", {"comm_id": "control-comm", "data": {"method": "request_states"}})
    answers = [m["content"] for m in client.messages if m["content"].get("comm_id") == "control-comm"]
    states = answers[-1]["data"]["states"]
    assert any(s["state"].get("value") == 5 for s in states.values())
    await client.request("comm_close", {"comm_id": "control-comm", "data": {}})


async def test_a_binary_trait_makes_the_round_trip(client: ProtocolClient) -> None:
    done = await client.execute("import ipywidgets as widgets\nimage = widgets.Image(value=bytes(range(256)) * 4096)")
    (model,) = [m for m in done.of_type("comm_open") if m["content"]["data"]["state"]["_model_name"] == "ImageModel"]
    assert model["content"]["data"]["buffer_paths"] == [["value"]]
    assert bytes(model["buffers"][0]) == bytes(range(256)) * 4096
    data = {"method": "update", "state": {}, "buffer_paths": [["value"]]}
    content = {"comm_id": model["content"]["comm_id"], "data": data}
    await client.request("comm_msg", content, buffers=[b"\xff\x00" * 500_000])
    assert await client.values(same="bytes(image.value) == b'\\xff\\x00' * 500_000") == {"same": True}


async def test_output_widget_captures_by_the_parent_message(client: ProtocolClient) -> None:
    done = await client.execute(
        "import ipywidgets as widgets\nout = widgets.Output()\nwith out:\n    print('into the widget')\nprint('cell')"
    )
    model = opened(done)["OutputModel"]["id"]
    ids = [
        m["content"]["data"]["state"]["msg_id"]
        for m in done.of_type("comm_msg")
        if m["content"]["comm_id"] == model and "msg_id" in m["content"]["data"]["state"]
    ]
    assert ids == [done.request["header"]["msg_id"], ""]
    kinds = [m["header"]["msg_type"] for m in done.iopub if m["header"]["msg_type"] in ("comm_msg", "stream")]
    assert kinds == ["comm_msg", "stream", "comm_msg", "stream"], "print stays between the two switches"


async def test_an_error_in_an_observer_is_shown(client: ProtocolClient) -> None:
    done = await client.execute(
        "import ipywidgets as widgets\nslider = widgets.IntSlider()\n"
        "def failing(change): raise ValueError('in the observer')\nslider.observe(failing, 'value')"
    )
    await update(client, opened(done)["IntSliderModel"]["id"], value=5)
    shown = client.exchange(done.request)
    text = "".join(m["content"]["evalue"] for m in shown.of_type("error")) + shown.text("stderr")
    assert "in the observer" in text


async def test_closing_a_widget_closes_its_comm(client: ProtocolClient) -> None:
    done = await client.execute("import ipywidgets as widgets\nslider = widgets.IntSlider()")
    slider = opened(done)["IntSliderModel"]["id"]
    done = await client.execute("slider.close()")
    assert slider in [m["content"]["comm_id"] for m in done.of_type("comm_close")]


async def test_interact(client: ProtocolClient) -> None:
    done = await client.execute(
        "from ipywidgets import interact\n@interact(x=(0, 10))\ndef show(x=4): print('x is', x)"
    )
    assert "x is 4" in done.text()
    await update(client, opened(done)["IntSliderModel"]["id"], value=8)
    assert "x is 8" in client.exchange(done.request).text()
