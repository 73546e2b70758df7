"""Plan files: what all kinds have in common, and the differences between two of them. Pure."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from wds_imagenet.errors import PlanError, SourceError
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.util import strict_json

FORMAT: Final = "wds-imagenet-plan"
_VERSIONS: Final = "versions"
MAX_SHARDS: Final = 1_000_000
"""Shard names have six digits."""


def versions(*, rewriting: bool) -> dict[str, dict[str, str]]:
    """Return a plan's entry of the versions that rewrite images; {} if no image may be rewritten.

    So no two versions, which may give other bytes for one image, share a data set.
    """
    if not rewriting:
        return {}
    from wds_imagenet.images.rewrite import rewriting_versions  # noqa: PLC0415 - it brings Pillow

    return {_VERSIONS: rewriting_versions()}


def hash_classes(classes: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a class table. Raises `SourceError` if it has no JSON form."""
    try:
        return hashlib.sha256(strict_json.dumps(classes)).hexdigest()
    except (TypeError, ValueError) as error:
        raise SourceError(f"the class table has no JSON form: {error}") from error


def differences(theirs: bytes, ours: bytes) -> str:
    """Describe how the plan at a destination differs from ours. Raises `PlanError` if it is no plan."""
    old, new = _parse(theirs), strict_json.loads(ours)
    found = [*_compare(old.pop("options"), new.pop("options")), *_compare(old, new)]
    return "; ".join(found) or "it is written in another way"


def option_differences(theirs: bytes, options: PackOptions, undecided: Collection[str]) -> str:
    """Describe how the options of the plan at a destination differ from ours, "" if they agree.

    Args:
        theirs: the plan at the destination.
        options: ours.
        undecided: names of options that only the listing decides; they are not compared.

    Raises:
        PlanError: `theirs` is no plan.
    """
    plan = _parse(theirs)
    old = plan["options"]
    new = {n: value for n, value in options.to_json().items() if n in old and n not in undecided}
    found = [*_compare({name: old[name] for name in new}, new)]
    if options.rewrites:
        found += _compare_versions(plan.get(_VERSIONS), versions(rewriting=True)[_VERSIONS])
    return "; ".join(found)


def _parse(plan: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(plan)
    except ValueError as error:
        raise PlanError(f"the plan at the destination cannot be read: {error}") from error
    plain = value if isinstance(value, dict) else {}
    if plain.get("format") != FORMAT or not isinstance(plain.get("options"), dict):
        raise PlanError(
            "the plan at the destination is not one of wds-imagenet's: choose another destination"
        )
    return plain


def _compare(old: Any, new: dict[str, Any]) -> Iterator[str]:  # noqa: ANN401 - JSON of another program
    old = old if isinstance(old, dict) else {}
    for name in sorted({*old, *new}):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name.endswith("_sha256"):
            yield f"the {name.removesuffix('_sha256')} are not the same"
        elif name == _VERSIONS:
            yield from _compare_versions(before, now)
        elif name == "stream" and isinstance(now, dict):
            yield from _compare(before, now)
        elif name == "labels" and isinstance(before, list) and isinstance(now, list):
            yield from _compare_labels(before, now)
        else:
            yield f"{name} was {before!r:.200} there, is {now!r:.200} now"


def _compare_versions(old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401 - JSON of another program
    before, now = (item if isinstance(item, dict) else {} for item in (old, new))
    for name in sorted({*before, *now}):
        there, here = before.get(name), now.get(name)
        if there != here:
            remedy = f": install {name} {there} to continue that work" if there and name != "rewriter" else ""
            yield f"{name}, which rewrites images, was {there!r:.80} there, is {here!r:.80} now{remedy}"


def _compare_labels(old: list[Any], new: list[Any]) -> Iterator[str]:
    theirs, ours = (
        {str(item.get("name")): item for item in items if isinstance(item, dict)} for items in (old, new)
    )
    for name in sorted({*theirs, *ours}):
        if name not in theirs or name not in ours:
            yield f"the labels {name!r} are {'new' if name in ours else 'no longer given'}"
            continue
        before, now = ({**item} for item in (theirs[name], ours[name]))
        if before.pop("sha256", None) != now.pop("sha256", None):
            yield f"the content of the labels {name!r} is not the same"
        yield from (f"of the labels {name!r}, {difference}" for difference in _compare(before, now))
