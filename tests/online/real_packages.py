"""Cells with packages of the real world, in a real page. Needs the network: see README.md.

.venv/bin/python tests/online/real_packages.py [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.chromium import CHROMIUM, FLAGS  # found by the line above
from browser.lab import Lab
from browser.servers import ROOT, SiteServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TIMEOUT = 180_000
"""Milliseconds that a cell may take, with its downloads."""


class Case(NamedTuple):
    """What is run, and the selector of what its last cell must show."""

    cells: list[str]
    shows: str


CASES = {
    "numpy": Case(["import numpy as np\nnp.arange(6).reshape(2, 3).sum(axis=0)"], "pre:has-text('array([3, 5, 7])')"),
    "pandas": Case(
        ["import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': list('xy')})"], "table.dataframe td:has-text('y')"
    ),
    "matplotlib": Case(["import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"], "img[src^='data:image/png']"),
    "matplotlib as SVG": Case(
        ["%config InlineBackend.figure_formats = ['svg']", "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"],
        "svg, img[src*='svg']",
    ),
    "matplotlib retina": Case(
        [
            "%config InlineBackend.figure_format = 'retina'",
            "import matplotlib.pyplot as plt\nplt.figure(figsize=(2, 2))\nplt.plot([1, 3, 2]);",
        ],
        "img[width]",
    ),
    "ipympl": Case(
        ["%pip install -q ipympl\n%matplotlib widget", "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"],
        ".jupyter-matplotlib",
    ),
    "plotly": Case(
        ["%pip install -q plotly", "import plotly.express as px\npx.scatter(x=[1, 2], y=[3, 4])"], ".js-plotly-plot"
    ),
    "altair": Case(
        [
            "%pip install -q altair",
            (
                "import altair as alt, pandas as pd\n"
                "alt.Chart(pd.DataFrame({'x': [1, 2], 'y': [3, 4]})).mark_point().encode(x='x', y='y')"
            ),
        ],
        ".vega-embed",
    ),
    "bokeh": Case(
        [
            "import bokeh.io, bokeh.plotting\nbokeh.io.output_notebook()",
            "figure = bokeh.plotting.figure(width=200, height=200)\nfigure.line([1, 2], [3, 4])\nbokeh.io.show(figure)",
        ],
        "[data-root-id]",
    ),
    "scikit-learn": Case(
        [
            (
                "from sklearn.linear_model import LinearRegression\n"
                "round(LinearRegression().fit([[0], [1]], [0, 2]).coef_[0], 3) == 2"
            )
        ],
        "pre:has-text('True')",
    ),
}


def run(browser: Browser, server: SiteServer, case: Case) -> None:
    """Run a case in a page of its own."""
    context = browser.new_context(service_workers="allow")
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        expect.set_options(timeout=TIMEOUT)
        lab = Lab(page, server.url, server.home)
        lab.open()
        notebook = lab.new_notebook()
        for code in case.cells:
            last = notebook.run(code)
            expect(last.error).to_have_count(0)
        expect(last.root.locator(case.shows).first).to_be_visible()
    finally:
        context.close()


def main(names: list[str]) -> int:
    """Run the cases of these names, or all. Returns how many failed."""
    failed = 0
    with SiteServer(ROOT / "lite-site" / "_output") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in names or CASES:
            try:
                run(browser, server, CASES[name])
            except AssertionError as error:
                failed += 1
                print(f"{name}: FAILED: {error}")
            else:
                print(f"{name}: passed")
        browser.close()
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
