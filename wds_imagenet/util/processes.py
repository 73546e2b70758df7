"""Starting processes that need nothing of the user's script."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def hide_main_module() -> Iterator[None]:
    """Keep new processes from running the user's script again: they need nothing that is in it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
