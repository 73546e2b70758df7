"""References that are computed when they are accessed, and take no memory. Pure."""

from collections.abc import Callable, Sequence
from typing import Final, overload

from wds_imagenet.inputs.reference import Reference


class ComputedReferences(Sequence[Reference]):
    """A sequence of `count` references, of which `compute(index)` returns one."""

    def __init__(self, count: int, compute: Callable[[int], Reference]) -> None:
        self._count: Final = count
        self._compute: Final = compute

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Reference]: ...
    def __getitem__(self, index: int | slice) -> Reference | Sequence[Reference]:
        if isinstance(index, slice):
            return [self._compute(i) for i in range(*index.indices(self._count))]
        return self._compute(range(self._count)[index])
