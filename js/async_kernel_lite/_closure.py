"""What packages need of each other: checked, and put down for the worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from async_kernel_lite._errors import PackageError
from async_kernel_lite._resolve import file_name, is_wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from async_kernel_lite._target import Target
    from async_kernel_lite._wheels import Wheel


@dataclass
class Closure:
    """Requirements, with all that they require.

    Args:
        target: the Pyodide that it is for.
        shipped: versions of packages that the site ships anyway, by normalised name.
        wheels: the others that there are, by normalised name.
    """

    target: Target
    shipped: Mapping[str, str]
    wheels: Mapping[str, Wheel]
    requires: dict[str, set[str]] = field(default_factory=dict)
    """What each wheel that is needed requires: normalised names."""
    requested: dict[str, str] = field(default_factory=dict)
    """The requirements by name that the site satisfies, each with the normalised name of its package."""
    _seen: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def add(self, requirements: Iterable[str]) -> None:
        """Add requirements, by name or wheel.

        Raises:
            PackageError: something is not there, or in a version that does not fit.
        """
        for text in requirements:
            requirement = Requirement(self._name_of_wheel(text) if is_wheel(text) else text)
            name = self._follow(requirement, "the site's configuration")
            if not is_wheel(text) and (name in self.wheels or name in self.shipped):
                self.requested[text] = name

    def _name_of_wheel(self, wheel: str) -> str:
        file = file_name(wheel)
        found = next((name for name, other in self.wheels.items() if other.path.name == file), None)
        if found is None:
            msg = f"the wheel {file} is not there"
            raise PackageError(msg)
        return found

    def _follow(self, requirement: Requirement, parent: str) -> str:
        name = canonicalize_name(requirement.name)
        wheel = self.wheels.get(name)
        version = wheel.version if wheel else self.shipped.get(name)
        if version is None:
            if name not in self.target.packages:
                msg = f"{requirement}, required by {parent}, is not there"
                raise PackageError(msg)
            version = self.target.packages[name].version
        if not requirement.specifier.contains(version, prereleases=True):
            msg = f"{requirement}, required by {parent}, is there in version {version}"
            raise PackageError(msg)
        step = (name, frozenset(requirement.extras))
        if wheel is not None and step not in self._seen:
            self._seen.add(step)
            below = self.requires.setdefault(name, set())
            for other in wheel.requirements(self.target.environment, requirement.extras):
                below.add(self._follow(other, name))
        return name

    def below(self, name: str) -> set[str]:
        """A package and all that it needs, by way of the wheels that there are."""
        pending, seen = [name], {name}
        while pending:
            new = self.requires.get(pending.pop(), set()) - seen
            seen |= new
            pending += new
        return seen

    def impure(self, name: str) -> str | None:
        """A package that a package needs, or itself, that is not pure Python; None if all are."""
        for one in sorted(self.below(name)):
            if not (self.wheels[one].is_pure if one in self.wheels else one in self.shipped):
                return one
        return None
