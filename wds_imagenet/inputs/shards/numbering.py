"""Gaps in the numbers of shards: a shard may be lost. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.shown import shown_name
from wds_imagenet.util.messages import quantity

_NUMBERED: Final = re.compile(
    r"(.*?)([0-9]{1,9})((?:-of-([0-9]{1,9}))?[^0-9]*\.(?:tar(?:\.gz|\.xz|\.bz2)?|tgz|txz|tbz2))"
)


def gap_notes(chosen: Iterable[SplitFile], listed: Iterable[SplitFile]) -> Iterator[str]:
    """Yield a note for each series of shards that lacks a number, with the name of the first gap.

    Shards form a series if their paths differ in the last number alone. The first number and the last are
    the smallest and the largest, unless names such as `x-00007-of-00294.tar` state the count.

    Args:
        chosen: the shards to read; only their series count.
        listed: all shards of the input, also those of other splits.
    """
    numbers: dict[tuple[str, ...], dict[int, str]] = {}
    counts: dict[tuple[str, ...], int] = {}
    for shard in listed:
        if (match := _NUMBERED.fullmatch(shard.info.path)) is not None:
            series = (shard.store.url, match[1], match[3])
            numbers.setdefault(series, {})[int(match[2])] = match[2]
            counts[series] = int(match[4] or 0)
    matches = ((shard.store.url, _NUMBERED.fullmatch(shard.info.path)) for shard in chosen)
    for series in dict.fromkeys((url, match[1], match[3]) for url, match in matches if match is not None):
        missing, first = _missing(numbers[series], counts[series])
        if missing:
            name = shown_name(f"{series[1]}{first}{series[2]}")
            yield f"{quantity(missing, 'shards are missing')} in a series of numbers, the first is {name}"


def _missing(numbers: dict[int, str], count: int) -> tuple[int, str]:
    """Return how many numbers a series lacks, and the digits of the first; `count` is 0 if no name has it."""
    low, high = min(numbers), max(numbers)
    if count:
        low = int(count in numbers)  # some programs count from 1
        high = max(high, low + count - 1)
    missing = high - low + 1 - len(numbers)
    if missing <= 0:
        return 0, ""
    ordered = sorted(numbers)
    first = next((want for want, number in enumerate(ordered, low) if number != want), low + len(ordered))
    width = len(numbers[max((number for number in ordered if number < first), default=ordered[0])])
    return missing, f"{first:0{width}d}"
