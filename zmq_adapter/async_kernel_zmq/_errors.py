"""What can be wrong with a command or a kernelspec.

```
KernelSpecError     a kernelspec cannot be written, found or removed
├── OptionError     an option is unknown, or its value is not allowed
└── LauncherError   a launcher cannot be saved or run
```
"""

from __future__ import annotations


class KernelSpecError(ValueError):
    """A kernelspec cannot be written, found or removed; the text says why."""


class OptionError(KernelSpecError):
    """An option is unknown or its value is not allowed; the text says what is."""


class LauncherError(KernelSpecError):
    """A launcher cannot be saved or run; the text says why."""
