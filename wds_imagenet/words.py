"""Words that messages of several rooms have in common. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from wds_imagenet.errors import UsageError


def unknown(what: str, names: Iterable[str], known: Iterable[str], further: Iterable[str] = ()) -> UsageError:
    """Return the error for names that are none of the known ones: it lists these, and says which is near.

    `further` are names that may have been meant as well, and are not listed.
    """
    given, there = sorted(names), sorted(set(known))
    meant = sorted({*there, *further})
    near = [match for name in given for match in get_close_matches(name, meant, n=1, cutoff=0.75)]
    advice = f" (did you mean {' and '.join(map(repr, near))}?)" if near else ""
    said = ", ".join(map(repr, given))
    return UsageError(f"there is no {what} {said}{advice}; there are {', '.join(there)}")


def counted(count: int, noun: str) -> str:
    """Return a number of things as a person says it: 1 shard, 2,000 shards."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
