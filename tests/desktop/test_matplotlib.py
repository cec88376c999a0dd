"""Plots: inline with its options, and ipympl's live canvas. Each lands in the cell that made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from async_kernel.testing import Exchange
    from desktop.kernels import Client

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"


@pytest.fixture(autouse=True)
def back_to_inline(client: Client) -> object:
    yield
    client.execute("import matplotlib.pyplot as plt\nplt.close('all')\n%matplotlib inline")
    client.execute("from matplotlib_inline.backend_inline import set_matplotlib_formats\nset_matplotlib_formats('png')")


def plots(exchange: Exchange) -> list[dict[str, str]]:
    """What was displayed, by its types."""
    assert exchange.content["status"] == "ok", exchange.content
    return [m["content"]["data"] for m in exchange.of_type("display_data")]


@pytest.mark.parametrize("before", ["", "%matplotlib inline\n"])
def test_plot_is_shown_at_the_end_of_its_cell(client: Client, before: str) -> None:
    done = client.execute(f"{before}{PLOT}\nprint('drawn')")
    (shown,) = plots(done)
    assert shown["image/png"].startswith("iVBOR")
    assert shown["text/plain"].startswith("<Figure size")
    assert done.text() == "drawn\n"
    assert plots(client.execute("1")) == []


@pytest.mark.parametrize("form", ["svg", "pdf", "jpeg", "retina"])
def test_formats(client: Client, form: str) -> None:
    client.execute(f"%config InlineBackend.figure_formats = [{form!r}]")
    done = client.execute(PLOT)
    (shown,) = plots(done)
    kinds = {"svg": "image/svg+xml", "pdf": "application/pdf", "jpeg": "image/jpeg", "retina": "image/png"}
    assert set(shown) == {kinds[form], "text/plain"}
    (metadata,) = [m["content"]["metadata"] for m in done.of_type("display_data")]
    assert ("width" in metadata.get("image/png", {})) == (form == "retina")


def test_formats_by_function(client: Client) -> None:
    client.execute("from matplotlib_inline.backend_inline import set_matplotlib_formats\nset_matplotlib_formats('svg')")
    (shown,) = plots(client.execute(PLOT))
    assert "image/svg+xml" in shown


def test_figures_that_are_kept(client: Client) -> None:
    client.execute("%config InlineBackend.close_figures = False")
    client.execute(PLOT)
    assert client.result("plt.get_fignums()") == "[1]"
    client.execute("plt.close('all')\n%config InlineBackend.close_figures = True")
    client.execute(PLOT)
    assert client.result("plt.get_fignums()") == "[]"


def test_plots_of_cells_that_run_side_by_side(client: Client) -> None:
    code = (
        "# {0}\nimport anyio\nfrom matplotlib.figure import Figure\nfigure = Figure()\nfigure.gca().set_title('{1}')\n"
        "await anyio.sleep(0.01)\nprint('{1}')\ndisplay(figure)"
    )
    requests = {
        f"{how} {i}": client.start(code.format(how, f"{how} {i}")) for i in range(3) for how in ("task", "thread")
    }
    for name, request in requests.items():
        done = client.finish(request)
        assert len(plots(done)) == 1
        assert done.text() == f"{name}\n"


@pytest.mark.parametrize("how", ["task", "thread"])
def test_pyplot_in_a_task_or_thread(client: Client, how: str) -> None:
    (shown,) = plots(client.execute(f"# {how}\n{PLOT}\nplt.show()"))
    assert "image/png" in shown


def test_many_plots_of_a_cell_are_in_order(client: Client) -> None:
    done = client.execute(
        "import matplotlib.pyplot as plt\nfor i in range(5):\n    plt.figure()\n    print(i)\n    plt.show()"
    )
    kinds = [m["header"]["msg_type"] for m in done.messages if m["header"]["msg_type"] in {"stream", "display_data"}]
    assert kinds == ["stream", "display_data"] * 5


@pytest.mark.parametrize("name", ["widget", "ipympl"])
def test_ipympl(client: Client, name: str) -> None:
    client.execute(f"%matplotlib {name}")
    done = client.execute(
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2])\nplt.show()"
    )
    views = [data for data in plots(done) if "application/vnd.jupyter.widget-view+json" in data]
    assert len(views) == 1
    model = views[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    opened = {m["content"]["comm_id"]: m["content"]["data"]["state"] for m in done.of_type("comm_open")}
    assert opened[model]["_model_name"] == "MPLCanvasModel"
    # The canvas asks for its picture, as its view does in a page.
    for text in ({"type": "initialized"}, {"type": "send_image_mode"}, {"type": "refresh"}, {"type": "draw"}):
        request = client.send("comm_msg", {"comm_id": model, "data": {"method": "custom", "content": text}})
        client.wait(
            "iopub",
            lambda m, r=request: (
                m["parent_header"].get("msg_id") == r["header"]["msg_id"]
                and m["content"].get("execution_state") == "idle"
            ),
        )
    sent = [m for m in client.messages if m["header"]["msg_type"] == "comm_msg" and m["content"]["comm_id"] == model]
    assert any(m["buffers"] and bytes(m["buffers"][0]).startswith(b"\x89PNG") for m in sent)
    kinds = [
        json.loads(m["content"]["data"]["content"]["data"])["type"] for m in sent if _is_text(m["content"]["data"])
    ]
    assert {"draw", "resize"} <= set(kinds)


def _is_text(data: dict[str, object]) -> bool:
    content = data.get("content")
    return isinstance(content, dict) and isinstance(content.get("data"), str) and content["data"].startswith("{")
