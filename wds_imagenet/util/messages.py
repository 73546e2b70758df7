"""Phrases that the messages of several rooms share. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from wds_imagenet.errors import UsageError

_SINGULAR_VERBS: Final = {
    "are": "is",
    "were": "was",
    "have": "has",
    "occur": "occurs",
    "lie": "lies",
    "differ": "differs",
    "repeat": "repeats",
}


def unknown_name(
    kind: str, names: Iterable[str], known: Iterable[str], also: Iterable[str] = ()
) -> UsageError:
    """Return the error for unknown names: it lists the known names, and suggests the nearest.

    Args:
        kind: noun for the names, such as `storage option`.
        names: the unknown names.
        known: the known names.
        also: further known names, which may be suggested and are not listed.
    """
    unknown, listed = sorted(names), sorted(set(known))
    candidates = sorted({*listed, *also})
    near = [match for name in unknown for match in get_close_matches(name, candidates, n=1, cutoff=0.75)]
    advice = f" (did you mean {' and '.join(map(repr, near))}?)" if near else ""
    return UsageError(
        f"there is no {kind} {', '.join(map(repr, unknown))}{advice}; there are {', '.join(listed)}"
    )


def quantity(count: int, phrase: str) -> str:
    """Return a count with its noun in the right number: `1 shard`, `2,000 shards`.

    Args:
        count: number of things.
        phrase: plural noun, with or without a verb: `files have no label` gives `1 file has no label`.
    """
    if count == 1:
        noun, _, rest = phrase.partition(" ")
        that = "that " if rest.startswith("that ") else ""
        verb, space, further = rest.removeprefix(that).partition(" ")
        phrase = f"{_singular(noun)} {that}{_SINGULAR_VERBS.get(verb, verb)}{space}{further}".rstrip()
    return f"{count:,} {phrase}"


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("es" if noun.endswith(("xes", "sses")) else "s")
