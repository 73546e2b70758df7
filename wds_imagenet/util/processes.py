"""Child processes that do not run the user's script again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def hide_main_module() -> Iterator[None]:
    """Within the `with`, start child processes that do not import the user's script.

    `multiprocessing` would import it to find `__main__`, and so run a script without a main guard again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
