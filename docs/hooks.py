"""What the pages say of configuration, options and commands, taken from where it is defined."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from traitlets import HasTraits, TraitType

ROOT = Path(__file__).parents[1]
PICTURES = {
    "tour.png": "lite-site/tour.png",
    "guide/tk.png": "zmq_adapter/tk.png",
    "guide/qt.png": "zmq_adapter/qt.png",
}
_FILE = re.compile(r"<!-- file (\S+) -->")
_SECTION = re.compile(r"<!-- from (\S+): (.+) -->")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """The pictures that the sections show."""
    for page_path, path in PICTURES.items():
        files.append(File.generated(config, page_path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put in what the page leaves out: sections of READMEs, and what is generated."""
    markdown = _FILE.sub(lambda match: _file(ROOT / match[1]), markdown)
    markdown = _SECTION.sub(lambda match: _section(ROOT / match[1], match[2]), markdown)
    for mark, text in {
        "<!-- traits -->": lambda: "\n".join(_traits()),
        "<!-- options of startKernel -->": lambda: "\n".join(_kernel_options()),
        "<!-- async-kernel --help -->": lambda: _help("--help"),
        "<!-- async-kernel install --help -->": lambda: _help("install", "--help"),
    }.items():
        if mark in markdown:
            markdown = markdown.replace(mark, text())
    return markdown


def _file(path: Path) -> str:
    return f"```{path.suffix[1:]}\n{path.read_text(encoding='utf-8')}```"


def _section(path: Path, heading: str) -> str:
    """The text below a heading, up to the next one of the first two levels."""
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        msg = f"{path.relative_to(ROOT)} has no section {heading!r}"
        raise PluginError(msg)
    return found[1].strip()


def _help(*args: str) -> str:
    command = Path(sys.executable).with_name("async-kernel")
    return subprocess.run([command, *args], check=True, capture_output=True, text=True).stdout.rstrip()  # noqa: S603


def _traits() -> Iterator[str]:
    """A section for each class, with its own configurable traits: first our own classes, then IPython's."""
    from async_kernel_zmq import IPApp

    app = IPApp()
    aliases: dict[str, list[str]] = {}
    for short, target in app.aliases.items():
        name = target[0] if isinstance(target, tuple) else target
        words = short if isinstance(short, tuple) else (short,)
        aliases.setdefault(name, []).extend(f"{'-' if len(word) == 1 else '--'}{word}" for word in words)
    classes = dict.fromkeys(parent for kind in app.classes for parent in reversed(kind.mro()))
    for cls in sorted(classes, key=lambda cls: not cls.__module__.startswith("async_kernel")):
        own = cls.class_own_traits(config=True) if hasattr(cls, "class_own_traits") else {}
        if own:
            yield f"## {cls.__name__}\n"
            yield "| trait | type | default | | short |"
            yield "|---|---|---|---|---|"
            for name, trait in sorted(own.items()):
                short = ", ".join(f"`{word}`" for word in aliases.get(f"{cls.__name__}.{name}", ()))
                yield f"| `{name}` | {type(trait).__name__} | {_default(trait, cls)} | {_cell(trait.help)} | {short} |"
            yield ""


def _default(trait: TraitType[Any, Any], cls: type[HasTraits]) -> str:
    shown = trait.default_value_repr() if f"_{trait.name}_default" not in vars(cls) else ""
    return f"`{_cell(shown)}`" if shown and not re.search("<|Undefined", shown) else ""


def _cell(text: str) -> str:
    text = re.sub(r"^ *\.\. \w+::.*$", "", text, flags=re.MULTILINE)  # a directive of Sphinx
    return re.sub(r"\s+", " ", text).replace("|", r"\|").replace("<", "&lt;").strip()


def _kernel_options() -> Iterator[str]:
    """The members of the interface KernelOptions, with their comments."""
    source = (ROOT / "js/src/bridge/options.ts").read_text(encoding="utf-8")
    body = source.partition("export interface KernelOptions {")[2].partition("\n}")[0]
    yield "| option | type | |"
    yield "|---|---|---|"
    for comment, name, kind in re.findall(r"(?:/\*\*(.*?)\*/\s*)?(\w+\??): (.*?);\n", body, re.DOTALL):
        yield f"| `{name}` | `{_cell(kind)}` | {_cell(re.sub(r'^ *[*] ?', '', comment, flags=re.MULTILINE))} |"
