"""Jupyter's own suite, `jupyter_kernel_test`, with every feature switched on."""

from __future__ import annotations

from itertools import product, starmap
from typing import Any, ClassVar

import jupyter_kernel_test
import pytest
from desktop.conftest import HOSTED
from desktop.kernels import BACKENDS, GUARD, Flavour
from desktop.windows import need_toolkit
from jupyter_client.manager import KernelManager


class OnFlavour:
    """Starts the kernel of a flavour for a suite."""

    flavour: ClassVar[Flavour]
    km: Any
    kc: Any

    @classmethod
    def setUpClass(cls) -> None:
        if cls.flavour.host:
            need_toolkit(cls.flavour.host)
        cls.km = KernelManager(kernel_name=cls.flavour.kernel_name, transport=cls.flavour.transport)
        cls.km.start_kernel(extra_arguments=cls.flavour.arguments)
        cls.kc = cls.km.client()


class Messages(OnFlavour):
    """What the suite needs to know of this kernel."""

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples: ClassVar = [
        {"text": "isins", "matches": {"isinstance"}},
        {"text": "import base64; base64.b64enc", "matches": {"b64encode"}},
    ]
    complete_code_samples: ClassVar = ["1", "print('hello')", "def f(x):\n  return x*2\n\n\n", "await f()"]
    incomplete_code_samples: ClassVar = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples: ClassVar = ["import = 7q", "x = )"]
    code_page_something = "zip?"
    code_generate_error = "raise ValueError"
    code_execute_result: ClassVar = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
        {"code": "import anyio; await anyio.sleep(0); 'done'", "result": "'done'"},
        {"code": "from IPython.display import HTML; HTML('<b>x</b>')", "mime": "text/html", "result": "<b>x</b>"},
    ]
    code_display_data: ClassVar = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))", "mime": "text/html"},
        {"code": "from IPython.display import Math, display; display(Math('x'))", "mime": "text/latex"},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.kc.start_channels()
        cls.kc.wait_for_ready(timeout=GUARD)


class Welcome(OnFlavour):
    support_iopub_welcome = True


SUITES = {Messages: jupyter_kernel_test.KernelTests, Welcome: jupyter_kernel_test.IopubWelcomeTests}


def suite(mixin: type, base: type, flavour: Flavour) -> type:
    """A suite on a flavour, under a name of its own."""
    name = f"Test{mixin.__name__}{str(flavour).title().replace('-', '')}"
    made = type(name, (mixin, base), {"flavour": flavour, "__module__": __name__})
    return pytest.mark.usefixtures("display")(made) if flavour.host else made


# In an expression: pytest would collect a suite that a name of the module is left with.
globals().update(
    (made.__name__, made)
    for made in (
        suite(*pair, flavour)
        for flavour, pair in [
            *product(starmap(Flavour, product(BACKENDS, ("tcp", "ipc"))), SUITES.items()),
            *product(HOSTED, [(Messages, jupyter_kernel_test.KernelTests)]),
        ]
    )
)
