"""What can be wrong with a site's packages."""

from __future__ import annotations


class BuildError(Exception):
    """The site cannot be built as it is configured. The text says what is wrong, with what, and what to do."""


class PackageError(BuildError):
    """A package cannot be shipped. The text names it, the dependency that blocks, and why."""
