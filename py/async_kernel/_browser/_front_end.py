"""Packages of which a part runs in the page: that part is the site's, and Python's must fit it."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_EXTENSIONS: Final = "share/jupyter/labextensions/"
"""Where a package has its part for the page."""
_NAME: Final = re.compile(r"[\w.-]+")
_BLANK: Final = "what it shows there stays blank"


class FrontEnd:
    """What the page has.

    Args:
        packages: the versions of packages whose part for the page the site has, by normalised name; None where that is
            not known, as in pages of one's own.
    """

    def __init__(self, packages: Mapping[str, str] | None) -> None:
        self._packages = packages

    def version(self, name: str) -> str | None:
        """The version of a package of which the page has a part."""
        return (self._packages or {}).get(normal(name))

    @property
    def constraints(self) -> list[str]:
        """The versions that are to be installed, as requirements."""
        return [f"{name}=={version}" for name, version in (self._packages or {}).items()]

    def misfits(self, names: Iterable[str]) -> list[str]:
        """What is to be said of installed packages that lack their part in the page."""
        if self._packages is None:
            return []
        found: dict[str, str] = {}
        for name in names:
            for needed, text in self._missing(name):
                found.setdefault(needed, text)
        return list(found.values())

    def _missing(self, name: str) -> Iterator[tuple[str, str]]:
        try:
            distribution = metadata.distribution(name)
        except (metadata.PackageNotFoundError, ValueError):
            return
        advice = f"{_BLANK}. Install it where the site is built, and build the site again"
        if self.version(name) is None and any(_EXTENSIONS in str(path) for path in distribution.files or ()):
            yield normal(name), f"{name} has a part that runs in the page, and this site has not: {advice}."
        for requirement in distribution.requires or ():
            needed = _NAME.match(requirement)
            if needed and needed[0].lower().startswith("jupyterlab") and self.version(needed[0]) is None:
                yield normal(needed[0]), f"{name} needs {needed[0]} in the page, which this site has not: {advice}."


def normal(name: str) -> str:
    """A package's name as indexes have it."""
    return re.sub(r"[-_.]+", "-", name).lower()
