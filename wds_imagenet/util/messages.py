"""Words that messages of several rooms have in common. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from wds_imagenet.errors import UsageError

_VERBS: Final = {"are": "is", "were": "was", "have": "has", "lie": "lies", "differ": "differs"} | {
    "repeat": "repeats"
}


def unknown_name(
    what: str, names: Iterable[str], known: Iterable[str], further: Iterable[str] = ()
) -> UsageError:
    """Return the error for names that are none of the known ones: it lists these, and says which is near.

    `further` are names that may have been meant as well, and are not listed.
    """
    given, there = sorted(names), sorted(set(known))
    meant = sorted({*there, *further})
    near = [match for name in given for match in get_close_matches(name, meant, n=1, cutoff=0.75)]
    advice = f" (did you mean {' and '.join(map(repr, near))}?)" if near else ""
    said = ", ".join(map(repr, given))
    return UsageError(f"there is no {what} {said}{advice}; there are {', '.join(there)}")


def quantity(count: int, phrase: str) -> str:
    """Return a number of things and what is said of them, the phrase being of many: `files have no label`.

    Of one, the first word loses its plural, and the verb after it, or after `that`: 1 file has no label.
    """
    if count == 1:
        noun, _, rest = phrase.partition(" ")
        that = "that " if rest.startswith("that ") else ""
        verb, space, further = rest.removeprefix(that).partition(" ")
        phrase = f"{_one(noun)} {that}{_VERBS.get(verb, verb)}{space}{further}".rstrip()
    return f"{count:,} {phrase}"


def _one(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("es" if noun.endswith(("xes", "sses")) else "s")
