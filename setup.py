"""Build the four C modules, which pyproject.toml cannot describe. Each is optional.

`_walk`, `_crc` and `_resize` need a C compiler; `_native` also needs the headers of libjpeg-turbo. The
package installs without them, and `wds-imagenet doctor` lists the missing modules and their cost.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup

NATIVE = Path("wds_imagenet/images/native")
RESIZE = ["python/resize_module.c", "resize/resize.c"]
ABI3 = [("Py_LIMITED_API", "0x030B0000")]
# Fused multiply-adds would change the weights, and so the pixels, on processors that have them.
FLAGS = ["-O3", "-ffp-contract=off"]
MATH = [] if sys.platform == "win32" else ["m"]


def ask_pkg_config(option: str) -> list[str]:
    """Return the paths that pkg-config prints for libjpeg, without their `-I` or `-L`."""
    if shutil.which("pkg-config") is None:
        return []
    answer = subprocess.run(["pkg-config", option, "libjpeg"], capture_output=True, text=True, check=False)
    return [word[2:] for word in answer.stdout.split()]


headers = sorted(str(path) for path in NATIVE.glob("*/*.h"))
native_sources = sorted(str(path) for path in NATIVE.glob("*/*.c") if path.name != "resize_module.c")

setup(
    ext_modules=[
        *(
            Extension(
                f"wds_imagenet.format._{name}",
                [f"wds_imagenet/format/native/{name}.c"],
                # The module uses no symbol of libc. Without this link, auditwheel cannot find out its libc.
                extra_link_args=["-Wl,--no-as-needed", "-lc"] if sys.platform == "linux" else [],
                define_macros=ABI3,
                extra_compile_args=["-O3"],
                py_limited_api=True,
                optional=True,
            )
            for name in ("walk", "crc")
        ),
        Extension(
            "wds_imagenet.images._resize",
            [str(NATIVE / name) for name in RESIZE],
            depends=headers,
            include_dirs=[str(NATIVE)],
            libraries=MATH,
            define_macros=ABI3,
            extra_compile_args=FLAGS,
            py_limited_api=True,
            optional=True,
        ),
        Extension(
            "wds_imagenet.images._native",
            native_sources,
            depends=headers,
            include_dirs=[str(NATIVE), *ask_pkg_config("--cflags-only-I")],
            library_dirs=ask_pkg_config("--libs-only-L"),
            libraries=["jpeg", *MATH],
            define_macros=ABI3,
            extra_compile_args=FLAGS,
            py_limited_api=True,
            optional=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
