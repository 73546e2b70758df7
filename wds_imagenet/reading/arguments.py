"""Arguments of a loader: numbers are checked, and unknown names get an error with the right one. Pure."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from operator import index
from typing import Any, Final

from wds_imagenet.errors import UsageError
from wds_imagenet.util.argument_types import check_arguments

_ORDER: Final = "shuffle=, seed=, rank= and world_size= decide the order"
_DATA_LOADERS: Final = {
    "num_workers": "threads= sets the decoding threads, and process=True moves them to a child process",
    "sampler": _ORDER,
    "batch_sampler": _ORDER,
    "collate_fn": "transform= makes each sample's array, and arrays of one shape are stacked",
    "worker_init_fn": "threads decode here; a transform of your own draws from sample.rng",
    "persistent_workers": "leave it out: with process=True the child process is kept until close()",
    "prefetch_factor": "prefetch_bytes= bounds the bytes that are fetched ahead",
    "timeout": 'storage_options={"timeout": seconds} bounds a request to the store',
    "multiprocessing_context": "process=True always spawns its child process",
    "generator": "seed= decides the order and every sample.rng",
    "pin_memory_device": "pin_memory=True pins the batch, and batch.to(device) moves it",
    "drop_last": 'last="drop" leaves out the last batch if it is not full, and last="pad" fills it up',
    "in_order": "leave it out: batches always come in order",
}
"""Arguments of `torch.utils.data.DataLoader` that a `Loader` lacks, each with its counterpart here."""


def whole(name: str, value: Any, least: int | None = None) -> int:  # noqa: ANN401 - users pass anything
    """Return a whole number of Python or NumPy as an int.

    Raises `UsageError` for `8.0`, `"8"`, `True`, and for a number below `least`.
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None:
        raise UsageError(f"{name} is a whole number, and not {value!r}")
    if least is not None and number < least:
        raise UsageError(f"{name} is at least {least}, and not {number_text(number)}")
    return number


def counterpart(name: str) -> str | None:
    """Return the sentence that names our counterpart of DataLoader's argument, or None."""
    return _DATA_LOADERS.get(name)


def number_text(number: int) -> str:
    """Return a number as text; a description where it has more digits than Python converts."""
    return str(number) if number.bit_length() <= 256 else f"a number of {number.bit_length()} bits"


def check_names_and_types(
    names: Iterable[str], function: Callable[..., object], arguments: Mapping[str, object]
) -> None:
    """Raise `UsageError` for an unknown name, with the right one, or for an argument of a wrong type.

    Args:
        names: names that are no arguments of the function.
        function: the function.
        arguments: its arguments, by name.
    """
    parameters = signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind is not Parameter.VAR_KEYWORD and p.name != "self"]
    for name in names:
        for near in get_close_matches(name, [*known, *_DATA_LOADERS], n=1, cutoff=0.75):
            if near not in _DATA_LOADERS:
                raise UsageError(f"there is no argument {name!r}: did you mean {near!r}?")
            kind = "which is DataLoader's" if near == name else f"which is like DataLoader's {near}"
            raise UsageError(f"there is no argument {name!r}, {kind}: {_DATA_LOADERS[near]}")
        raise UsageError(
            f"there is no argument {name!r}; an option of the store goes into storage_options={{{name!r}: …}}"
        )
    check_arguments(function, arguments)
