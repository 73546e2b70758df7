"""A public function rejects an argument of a wrong type by its name, before it opens anything."""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wds_imagenet
from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError
from wds_imagenet.packing.api import pack
from wds_imagenet.sources import SOURCES
from wds_imagenet.sources.source_options import options_of
from wds_imagenet.util.argument_types import check_arguments

CALLS: dict[Callable[..., Any], Mapping[str, Any]] = {
    wds_imagenet.pack: {"source": "imagefolder", "dest": "/nowhere/out"},
    wds_imagenet.add_layer: {"url": "/nowhere"},
    wds_imagenet.index: {"urls": "/nowhere"},
    wds_imagenet.verify: {"dataset": "/nowhere"},
    wds_imagenet.repair: {"url": "/nowhere"},
    wds_imagenet.evaluate: {"predictions": "/nowhere", "labels": {"devkit": "/nowhere"}},
    Loader: {"dataset": "/nowhere", "transform": RandomResizedCrop(8), "batch_size": 2},
    Dataset.open: {"url": "/nowhere"},
}
CASES = [
    (function, parameter.name)
    for function in CALLS
    for parameter in signature(function).parameters.values()
    if parameter.kind not in {Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL} and parameter.name != "cls"
]


class Strange:
    """A value of a type that no argument has."""


@pytest.mark.parametrize(("function", "name"), CASES, ids=lambda v: getattr(v, "__qualname__", v))
def test_a_value_of_a_strange_type_is_refused_by_the_name_of_its_option(
    function: Callable[..., Any], name: str
) -> None:
    with pytest.raises(UsageError, match=rf"\b{name}\b.*Strange"):
        function(**(dict(CALLS[function]) | {name: Strange()}))


SOURCE_OPTIONS = [(name, option.name) for name, source in SOURCES.items() for option in options_of(source)]


@pytest.mark.parametrize(("source", "option"), SOURCE_OPTIONS, ids=str)
@pytest.mark.parametrize("value", [-1.5, [1], b"x"], ids=str)
def test_an_option_of_a_source_is_refused_by_its_name(source: str, option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"\b{option} is .*, and not"):
        pack(source, "/nowhere", dest="/nowhere/out", **{option: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null_as": -1}, "null_as is a text, and not -1"),
        ({"on_bad": None}, "on_bad is .*'skip'.*, and not None"),
        ({"workers": "2"}, "workers is a whole number, and not '2'"),
        ({"seed": 1.0}, "seed is a whole number, and not 1"),
        ({"check": "no"}, "check is True or False, and not 'no'"),
        ({"labels": "real.json"}, "labels is a mapping of a text to a text, and not 'real"),
        ({"labels": {"real": Path("real.json")}}, "labels is a mapping"),
        ({"class_names": ["fr"]}, "class_names is a mapping"),
        ({"dest": Path("/nowhere")}, r"dest is a text, and not PosixPath\('/nowhere'\)"),
    ],
)
def test_pack_names_the_types_that_an_option_has(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pack("table", "/nowhere", **({"dest": "/nowhere/out"} | options))


def test_an_input_of_pack_is_a_text() -> None:
    with pytest.raises(UsageError, match="inputs is a text, and not 5"):
        pack("table", 5, dest="/nowhere/out")  # type: ignore[arg-type]


def example(*, n: int = 0, x: float = 0, on: bool = False, names: list[str] | None = None) -> None:
    """Take arguments of some types."""


@pytest.mark.parametrize(
    "arguments", [{"n": np.int64(3)}, {"x": 1}, {"x": np.float32(1)}, {"names": ["a"]}], ids=str
)
def test_values_that_can_be_taken_are(arguments: dict[str, Any]) -> None:
    check_arguments(example, arguments)


@pytest.mark.parametrize("arguments", [{"n": True}, {"x": "1"}, {"on": 1}, {"names": ["a", 1]}], ids=str)
def test_values_that_only_resemble_the_type_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"^{next(iter(arguments))} is "):
        check_arguments(example, arguments)
