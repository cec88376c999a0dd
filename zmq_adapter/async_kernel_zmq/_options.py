"""A kernel's options, as they are written on the command line and in a kernelspec."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from traitlets import HasTraits, TraitError
from traitlets.config import Configurable
from traitlets.config.loader import DeferredConfigList, DeferredConfigString
from traitlets.utils.importstring import import_item

from async_kernel_zmq._errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from async_kernel.interface import BaseInterface
    from traitlets import TraitType

DESKTOP: Final = "async_kernel_zmq.IPApp"
OLDER_WORDS: Final = {"loop": "host"}
CONNECTION: Final = {"f", "connection_file"}


def take(args: Sequence[str], name: str) -> tuple[str | None, list[str]]:
    """The value of the option `name`, last one first, and the arguments without it.

    Raises:
        OptionError: it has no value.
    """
    value, rest, left = None, [], iter(args)
    for arg in left:
        key, equals, text = arg.partition("=")
        if key != f"--{name}":
            rest.append(arg)
        elif (found := text if equals else next(left, None)) is None:
            msg = f"{key} needs a value: write {key}=VALUE"
            raise OptionError(msg)
        else:
            value = found
    return value, rest


def interface_class(path: str | None) -> type[BaseInterface]:
    """The class of the interface at a dotted path; the desktop's unless given.

    Raises:
        OptionError: there is none.
    """
    from async_kernel.interface import BaseInterface

    path = path or DESKTOP
    try:
        cls = import_item(path)
    except ImportError as e:
        msg = f"--interface_class={path} cannot be imported: {e}"
        raise OptionError(msg) from e
    if not (isinstance(cls, type) and issubclass(cls, BaseInterface)):
        msg = f"--interface_class={path} is no subclass of {BaseInterface.__name__}"
        raise OptionError(msg)
    return cls


def renamed(args: Sequence[str], cls: type[BaseInterface]) -> list[str]:
    """The arguments with the older form `--interface.NAME` in today's words."""
    known = set(_spellings(cls.aliases))
    result = []
    for arg in args:
        if arg.startswith("--interface."):
            name, equals, value = arg.removeprefix("--interface.").partition("=")
            name = OLDER_WORDS.get(name, name)
            is_trait = cls.class_traits(config=True).get(name) is not None and name not in known
            result.append(f"--{cls.__name__ + '.' if is_trait else ''}{name}{equals}{value}")
        else:
            result.append(arg)
    return result


def check_words(args: Sequence[str], cls: type[BaseInterface]) -> None:
    """Refuse options that are neither an alias nor a flag. What names a class is left to traitlets, which warns.

    Raises:
        OptionError: with what is allowed.
    """
    known = {*_spellings(cls.aliases), *_spellings(cls.flags), "h", "help", "help-all"}
    for arg in args:
        name = arg.partition("=")[0].lstrip("-")
        if arg == "--":
            return
        if arg.startswith("-") and "." not in name and name not in known:
            raise _unknown(arg, cls)


def checked(args: Sequence[str], cls: type[BaseInterface]) -> list[str]:
    """The options in `args`, each as one word that a kernelspec can hold.

    Args:
        args: what follows the command's own options.
        cls: the class of the interface that will take them.

    Raises:
        OptionError: one is unknown, has no value, or one that is not allowed.
    """
    classes = _configurables(cls)
    result = []
    for name, value in _words(args, cls):
        if value is None:
            result.append(f"--{name}")
            continue
        option = f"--{name}={value}"
        target = name if "." in name else _spellings(cls.aliases)[name]
        section, _, trait_name = target.rpartition(".")
        trait = classes[section].class_traits(config=True).get(trait_name) if section in classes else None
        if trait is None:
            raise _unknown(option, cls)
        chosen = _check_value(option, section, trait_name, trait, value)
        if isinstance(chosen, type):  # a kernel or shell class brings traits of its own
            classes.update(_by_name([chosen]))
        result.append(option)
    return result


def _words(args: Sequence[str], cls: type[BaseInterface]) -> Iterator[tuple[str, str | None]]:
    """Each option's name, and its value unless it is a flag."""
    aliases, flags = _spellings(cls.aliases), _spellings(cls.flags)
    left = list(reversed(renamed(args, cls)))
    while left:
        arg = left.pop()
        name, equals, value = arg.lstrip("-").partition("=")
        if not arg.startswith("-"):
            msg = f"unexpected {arg!r}: a kernel's options are written --name=value"
            raise OptionError(msg)
        if name in CONNECTION:
            msg = f"{arg} does not belong into a kernelspec: its client chooses the connection file"
            raise OptionError(msg)
        if name not in aliases and name not in flags and "." not in name:
            raise _unknown(arg, cls)
        if equals:
            yield name, value
        elif name in flags and (name not in aliases or not left or left[-1].startswith("-")):
            yield name, None
        elif left:
            yield name, left.pop()
        else:
            msg = f"{arg} needs a value: write {arg}=VALUE"
            raise OptionError(msg)


def _check_value(option: str, section: str, name: str, trait: TraitType[Any, Any], text: str) -> Any:
    """What the trait makes of the text."""
    # A class of the same name with this one trait: the real one would start to be an interface, or a shell.
    probe = type(section, (HasTraits,), {name: copy.copy(trait)})()
    deferred = DeferredConfigList([text]) if hasattr(trait, "from_string_list") else DeferredConfigString(text)
    try:
        setattr(probe, name, deferred.get_value(trait))
    except (TraitError, ValueError) as e:
        msg = f"{option}: {e}"
        raise OptionError(msg) from e
    return getattr(probe, name)


def _configurables(cls: type[BaseInterface]) -> dict[str, type[Configurable]]:
    """Every configurable class that is loaded with the interface, by name; its own ones win."""
    with suppress(ImportError):  # it needs matplotlib, which may not be there; loaded with the first plot, else
        import matplotlib_inline.config  # noqa: F401

    return {**_by_name(_subclasses(Configurable)), **_by_name(_classes(cls))}


def _classes(cls: type[BaseInterface]) -> list[type[Configurable]]:
    """The classes that the interface lists in its help."""
    # Not initialised: that would claim the process's one interface, and a kernel may run here.
    return list(cls.__new__(cls).classes)


def _by_name(classes: Sequence[type]) -> dict[str, type[Configurable]]:
    bases = [base for cls in reversed(classes) for base in reversed(cls.__mro__) if issubclass(base, Configurable)]
    return {base.__name__: base for base in bases}


def _subclasses(cls: type[Configurable]) -> list[type[Configurable]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_subclasses(sub))]


def _spellings(table: dict[Any, Any]) -> dict[str, str]:
    """Every spelling of an alias, with the trait it stands for; of a flag, with its help."""
    result = {}
    for names, value in table.items():
        target = value if isinstance(value, str) else value[-1] if isinstance(value[0], dict) else value[0]
        result.update(dict.fromkeys((names,) if isinstance(names, str) else names, target))
    return result


def _unknown(arg: str, cls: type[BaseInterface]) -> OptionError:
    from difflib import get_close_matches

    name = arg.partition("=")[0]
    classes = {known: owner for known, owner in _by_name(_classes(cls)).items() if owner.class_trait_names(config=True)}
    words = {f"--{word}" for word in {*_spellings(cls.aliases), *_spellings(cls.flags)} - CONNECTION if len(word) > 1}
    owner = name.lstrip("-").rpartition(".")[0]
    if owner in classes:
        words = {f"--{owner}.{trait}" for trait in classes[owner].class_trait_names(config=True)}
    close = "".join(f", perhaps {word}" for word in get_close_matches(name, words, 1))
    traits = "" if owner in classes else f", or a trait of {', '.join(sorted(classes))}"
    use = f"use one of {', '.join(sorted(words))}{traits} (async-kernel --help-all explains them)"
    return OptionError(f"unknown option {name}{close}: {use}")
