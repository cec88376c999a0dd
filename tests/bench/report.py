"""The figures of a bench in the documentation: a table, and a chart beside it."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/pages"


def write(name: str, table: str, gains: Mapping[str, float]) -> None:
    """Put the figures between the page's marks for this bench.

    Args:
        name: of the bench, as in its marks.
        table: in Markdown.
        gains: by figure, how many times better ours is than the better peer.
    """
    chart = f"performance-{name}.svg"
    draw(PAGES / chart, gains)
    machine = f"{platform.system()}, Python {platform.python_version()}"
    text = f"{table}\n\n![How many times faster than the better peer]({chart})\n\nMeasured on: {machine}.\n"
    put(PAGES / "performance.md", name, text)


def put(page: Path, name: str, text: str) -> None:
    """Put a text between a page's marks for this bench."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->"
    whole = re.sub(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{text}\n{end}",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    page.write_text(whole, encoding="utf-8")


def draw(path: Path, gains: Mapping[str, float]) -> None:
    """A bar for each figure, to the right where ours is better."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = path.name
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.8 + 0.32 * len(gains)), layout="constrained")
    titles, values = list(gains)[::-1], list(gains.values())[::-1]
    bars = axes.barh(titles, [value - 1 for value in values], left=1)
    for bar, value in zip(bars, values, strict=True):
        bar.set_color("#3949ab" if value >= 1 else "#b0bec5")
        axes.annotate(
            f" {value:.2f} ",
            (value, bar.get_y() + bar.get_height() / 2),
            ha="left" if value >= 1 else "right",
            va="center",
            fontsize="small",
        )
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, *values) / 1.3, max(2.0, *values) * 1.3)
    axes.axvline(1, color="black", linewidth=0.8)
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("times as good as the better peer")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
