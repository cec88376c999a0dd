"""Settings given as a mapping, as traitlets configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets.config import Config

from async_kernel._errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traitlets.config import Application


def config_from_settings(app: Application, settings: Mapping[str, Any]) -> Config:
    """The configuration that `settings` stands for.

    Args:
        app: gives the aliases, flags and configurable classes.
        settings: keys are aliases (`name`), class-qualified traits (`Kernel.help_links`), classes with a mapping of
            their traits, or `flags` with a list of flags.

    Raises:
        SettingsError: a key is none of these; the error lists what there is.
    """
    config = Config()
    classes = {cls.__name__: cls for cls in app._classes_inc_parents()}  # as traitlets' own loaders do
    aliases = _by_name(app.aliases)
    flags = _by_name(app.flags)
    for key, value in settings.items():
        if key == "flags":
            for flag in value:
                config.merge(_flag(flags, flag))
        elif key in aliases:
            alias = aliases[key]
            section, _, trait = (alias if isinstance(alias, str) else alias[0]).partition(".")
            config[section][trait] = value
        elif (section := key.partition(".")[0]) in classes and "." in key:
            _set(config, classes[section], section, {key.partition(".")[2]: value})
        elif key in classes and hasattr(value, "items"):
            _set(config, classes[key], key, value)
        else:
            msg = f"unknown setting {key!r}: use one of {_listed(aliases)}, 'flags', or a trait of {_listed(classes)}"
            raise SettingsError(msg)
    return config


def _by_name(entries: Mapping[Any, Any]) -> dict[str, Any]:
    """Aliases or flags by each of their names: traitlets takes a tuple of names too."""
    return {name: entry for names, entry in entries.items() for name in ((names,) if isinstance(names, str) else names)}


def _flag(flags: Mapping[str, Any], flag: str) -> Config:
    if flag not in flags:
        msg = f"unknown flag {flag!r}: use one of {_listed(flags)}"
        raise SettingsError(msg)
    update, _ = flags[flag]
    return Config(update)


def _set(config: Config, cls: type, section: str, values: Mapping[str, Any]) -> None:
    known = cls.class_trait_names(config=True)  # type: ignore[attr-defined]  # a configurable class
    for trait, value in values.items():
        if trait not in known:
            msg = f"{section} has no setting {trait!r}: use one of {_listed(known)}"
            raise SettingsError(msg)
        config[section][trait] = value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
