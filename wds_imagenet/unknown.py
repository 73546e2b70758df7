"""Names that nobody knows, told with the one that was probably meant. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from wds_imagenet.errors import UsageError


def unknown(what: str, names: Iterable[str], known: Iterable[str]) -> UsageError:
    """Return the error for names that are none of the known ones: it lists these, the likeliest first."""
    given, there = sorted(names), sorted(set(known))
    near = [match for name in given for match in get_close_matches(name, there, n=1, cutoff=0.75)]
    advice = f" (did you mean {' and '.join(map(repr, near))}?)" if near else ""
    said = ", ".join(map(repr, given))
    return UsageError(f"there is no {what} {said}{advice}; there are {', '.join(there)}")
