"""What a cell prints, returns, displays and raises, as the notebook shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.documents import Notebook
    from browser.lab import Lab


ASTRAL = "𝄞 😀 👩‍👩‍👧 𠀀"


@pytest.fixture
def notebook(shared_notebook: Notebook) -> Notebook:
    shared_notebook.activate()
    return shared_notebook


def test_a_click_in_the_launcher_opens_a_notebook(shared_lab: Lab, notebook: Notebook) -> None:
    expect(notebook.kernel_name).to_have_text("Python (async)")
    shared_lab.workers_are(1)


def test_print_and_result(notebook: Notebook) -> None:
    cell = notebook.run("print('printed')\n6 * 7")
    expect(cell.stdout).to_have_text("printed")
    expect(cell.result).to_have_text("42")
    expect(cell.root.locator(".jp-OutputPrompt")).to_have_text(["", f"[{cell.count}]:"])


def test_several_lines(notebook: Notebook) -> None:
    cell = notebook.run("for i in range(300):\n    print('line', i)")
    expect(cell.stdout).to_have_count(1)
    cell.printed([f"line {i}" for i in range(300)])


def test_stderr_and_order(notebook: Notebook) -> None:
    cell = notebook.run("import sys\nprint('one')\nprint('two', file=sys.stderr)\ndisplay('three')\nprint('four')")
    expect(cell.stderr).to_have_text("two")
    expect(cell.outputs).to_have_text(["one", "two", "'three'", "four"])


def test_traceback_points_to_the_lines_of_the_cells(notebook: Notebook) -> None:
    defined = notebook.run("def quotient(a, b):\n    # a comment\n    return a / b")
    failed = notebook.run("x = 1\n\nquotient(x, 0)")
    expect(failed.error).to_contain_text("ZeroDivisionError: division by zero")
    text = failed.error.text_content() or ""
    assert re.search(rf"Cell In\[{failed.count}\], line 3\n +1 x = 1\n-+> 3 quotient\(x, 0\)", text), text
    assert re.search(
        rf"Cell In\[{defined.count}\], line 3, in quotient\(a, b\)\n.*\n +2 +# a comment\n-+> 3 +return a / b", text
    ), text
    assert failed.error.locator("span[class*=ansi-red]").count() > 0


def test_syntax_error(notebook: Notebook) -> None:
    cell = notebook.run("good = 1\nbad = = 2")
    cell.shows(re.compile(rf"Cell In\[{cell.count}\], line 2\n +bad = = 2\n +\^\nSyntaxError: invalid syntax"))


def test_an_error_caught_by_javascript_has_its_words_and_stays_out_of_the_cell(notebook: Notebook) -> None:
    cell = notebook.run(
        "from pyodide.code import run_js\n"
        "def fail():\n"
        "    raise ValueError('what went wrong')\n"
        "print(run_js('(f) => { try { f() } catch (error) { return error.message.trim() } }')(fail))"
    )
    assert cell.lines[-1] == "ValueError: what went wrong"
    expect(cell.outputs).to_have_count(1)


def test_html(notebook: Notebook) -> None:
    cell = notebook.run("from IPython.display import HTML\nHTML('<table><tr><td>in a <b>table</b></td></tr></table>')")
    expect(cell.outputs.locator("td b")).to_have_text("table")


def test_svg(notebook: Notebook) -> None:
    cell = notebook.run(
        "from IPython.display import SVG\n"
        """SVG('<svg xmlns="http://www.w3.org/2000/svg" width="37" height="21"><rect width="9" height="9"/></svg>')"""
    )
    assert natural_size(cell.outputs.locator("img")) == [37, 21]


def test_png_bytes(notebook: Notebook) -> None:
    cell = notebook.run(
        "import struct, zlib\n"
        "from IPython.display import Image\n"
        "def chunk(kind, data):\n"
        "    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n"
        "head = struct.pack('>IIBBBBB', 19, 11, 8, 0, 0, 0, 0)\n"
        "body = zlib.compress((b'\\0' + bytes(range(19))) * 11)\n"
        r"Image(data=b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', body) + chunk(b'IEND', b''))"
    )
    assert natural_size(cell.outputs.locator("img")) == [19, 11]


def test_json(notebook: Notebook) -> None:
    cell = notebook.run("from IPython.display import JSON\nJSON({'key': [1, {'deep': None}]}, expanded=True)")
    expect(cell.outputs).to_contain_text("key")
    expect(cell.outputs).to_contain_text("deep")


def test_latex(notebook: Notebook) -> None:
    cell = notebook.run("from IPython.display import Latex\nLatex(r'$\\frac{a}{b}$')")
    expect(cell.outputs.locator("mjx-container mjx-mfrac")).to_be_visible()


def test_markdown(notebook: Notebook) -> None:
    cell = notebook.run("from IPython.display import Markdown\nMarkdown('a **bold** word')")
    expect(cell.outputs.locator("strong")).to_have_text("bold")


def test_a_display_is_updated_from_another_cell(notebook: Notebook) -> None:
    first = notebook.run("handle = display('before', display_id=True)\ndisplay('beside')")
    expect(first.outputs).to_have_text(["'before'", "'beside'"])
    second = notebook.run("handle.update('after')")
    expect(first.outputs).to_have_text(["'after'", "'beside'"])
    expect(second.outputs).to_have_count(0)


def test_clear_output(notebook: Notebook) -> None:
    cell = notebook.run("from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')")
    expect(cell.outputs).to_have_text(["stays"])


def test_clear_output_waits_for_the_next_output(notebook: Notebook) -> None:
    cell = notebook.start(
        "import asyncio\n"
        "from IPython.display import clear_output\n"
        "go_on = asyncio.Event()\n"
        "get_ipython().kernel.comm_manager.register_target('go on', lambda comm, message: go_on.set())\n"
        "print('old')\n"
        "clear_output(wait=True)\n"
        "await go_on.wait()\n"
        "print('new')"
    )
    cell.shows("old")
    notebook.open_comm("go on")
    cell.ran()
    expect(cell.outputs).to_have_text(["new"])


def test_pager(notebook: Notebook) -> None:
    notebook.run("def documented(x):\n    '''Says what it does.'''\n    return x + 1")
    cell = notebook.run("?documented")
    cell.shows("Says what it does.")
    expect(cell.outputs).to_contain_text("Signature")
    source = notebook.run("documented??")
    source.shows("return x + 1")


def test_a_result_of_more_than_5_mb(notebook: Notebook) -> None:
    cell = notebook.run("'begin' + 'é' * 5_500_000 + 'end'")
    expect(cell.result).to_be_visible()
    text = cell.result.locator("pre").evaluate(
        "e => { const t = e.textContent.trim(); return [t.length, t.slice(0, 8), t.slice(-5)] }"
    )
    assert text == [5_500_010, "'beginéé", "éend'"]


def test_unicode_beyond_the_bmp(notebook: Notebook) -> None:
    cell = notebook.run(
        f"text = '{ASTRAL}'\nprint(text)\ndisplay({{'text/html': f'<i>{{text}}</i>'}}, raw=True)\ntext[:3], len(text)"
    )
    expect(cell.outputs).to_have_text([ASTRAL, ASTRAL, f"('𝄞 😀', {len(ASTRAL)})"])


def natural_size(image) -> list[int]:
    expect(image).to_be_visible()
    return image.evaluate("async e => { await e.decode(); return [e.naturalWidth, e.naturalHeight] }")


def test_what_charting_packages_publish(notebook: Notebook) -> None:
    """As altair, bokeh, folium, plotly and pandas do: bundles of mime types, HTML with scripts, JavaScript."""
    chart = notebook.run(
        "class Chart:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        values = [{'x': n, 'y': n * n} for n in range(5)]\n"
        "        encoding = {axis: {'field': axis, 'type': 'quantitative'} for axis in 'xy'}\n"
        "        spec = {'$schema': 'https://vega.github.io/schema/vega-lite/v5.json', 'data': {'values': values},\n"
        "                'mark': 'point', 'encoding': encoding}\n"
        "        return {'application/vnd.vegalite.v5+json': spec, 'text/plain': 'a chart'}, {}\nChart()"
    )
    expect(chart.root.locator(".vega-embed svg, .vega-embed canvas").first).to_be_visible()
    html = (
        "<div id='by-script'></div><script>document.getElementById('by-script').textContent = 'a script ran'</script>"
    )
    notebook.run(f"from IPython.display import HTML, Javascript\nHTML({html!r})").shows("a script ran")
    notebook.run("Javascript(\"element.textContent = 'JavaScript ran'\")").shows("JavaScript ran")
    table = notebook.run(
        "class Frame:\n    def _repr_html_(self):\n        "
        "return '<table><tr><th>a</th></tr><tr><td>1</td></tr></table>'\n"
        "Frame()"
    )
    expect(table.root.locator(".jp-RenderedHTMLCommon td")).to_have_text("1")
    unknown = notebook.run("display({'application/vnd.nobody+json': {}, 'text/plain': 'plain words'}, raw=True)")
    unknown.shows("plain words")
