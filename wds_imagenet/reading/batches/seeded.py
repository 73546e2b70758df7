"""Augmentations of other libraries, whose random numbers come from a sample's own."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from wds_imagenet.errors import UsageError
from wds_imagenet.util.rng import Rng

_DRAWING: Final = frozenset(
    [
        "rand",
        "randn",
        "randint",
        "randperm",
        "rand_like",
        "randn_like",
        "randint_like",
        "normal",
        "normal_",
        "uniform_",
        "random_",
        "exponential_",
        "geometric_",
        "cauchy_",
        "log_normal_",
        "bernoulli",
        "bernoulli_",
        "multinomial",
        "poisson",
    ]
)
_WITHOUT_GENERATOR: Final = frozenset(
    ["dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout", "dropout_", "rrelu", "rrelu_"]
)
_global_generators: Final = Lock()


class _OwnGenerator(TorchFunctionMode):
    """Gives a generator to every function of torch that draws random numbers, in one thread."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator: Final = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - a function of torch returns anything
        name = getattr(func, "__name__", "")
        options = dict(kwargs or {})
        if name in _WITHOUT_GENERATOR:
            raise UsageError(f"torch's {name} takes no generator, so sample.seeded() cannot seed it")
        if name in _DRAWING:
            options.setdefault("generator", self._generator)
        return func(*args, **options)


@contextmanager
def seeded_torch(rng: Rng) -> Iterator[None]:
    """Within the `with`, torch draws in this thread from a generator of its own."""
    with _OwnGenerator(rng.seed()):
        yield


@contextmanager
def seeded_globals(rng: Rng) -> Iterator[None]:
    """Within the `with`, seed the global generators of Python and NumPy; one thread at a time is inside."""
    with _global_generators:
        before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is the subject
        random.seed(rng.seed())
        np.random.seed(rng.seed() & 0xFFFFFFFF)  # noqa: NPY002 - the same
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002 - the same
