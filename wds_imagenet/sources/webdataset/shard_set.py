"""The shards of one input, checked against the manifest if this package packed them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wds_imagenet.errors import DataError, NotFoundError, SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.inputs.shards.begun_pack import check_no_begun_pack
from wds_imagenet.inputs.shards.split_choice import SHARD_SUFFIXES, choose_shards, list_shards
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import StorageOptions, read_parsed
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util.messages import quantity


@dataclass(frozen=True, slots=True)
class ShardSet:
    """The shards of one input."""

    parts: Sequence[SplitFile]
    split: str | None
    table: tuple[Metadata, ...]
    """The class table in the manifest; empty without manifest."""
    notes: Sequence[str]
    listed: Sequence[SplitFile]
    """All shards of the input, also those of other splits."""


def find_shards(url: str, split: str | None, options: StorageOptions) -> ShardSet:
    """Find the shards of an input, and their class table and split if this package packed them.

    Raises:
        SourceError: a shard is missing or differs in size from the manifest, or the split is uncertain.
        ManifestError: packing was begun there and not finished.
    """
    above, listed = _second_split(url, options)
    if listed is not None:
        url, split = above, split or listed.split
    shards = list_shards(url, options)
    manifest = _manifest(shards[0]) if listed is None else listed
    packed = {} if manifest is None else {shard.name: shard for shard in manifest.shards}
    parts, found_split = choose_shards(shards, split, url, options, packed)
    if manifest is None:
        check_no_begun_pack(parts[0].store, [part.info.path for part in parts])
    if manifest is None or not any(part.info.path in packed for part in parts):
        return ShardSet(parts, found_split, (), (), shards)
    parts, notes = _check_parts(parts, manifest, url)
    if split is not None and found_split != manifest.split:
        notes.append(f"the shards in {url} are of the split {manifest.split!r}; they become {found_split!r}")
    return ShardSet(parts, found_split or manifest.split, _table(manifest), notes, shards)


def _second_split(url: str, options: StorageOptions) -> tuple[str, Manifest | None]:
    """Return the folder of the shards and their manifest, for the folder of a second split alone."""
    if re.search(r"[{*]", url) or url.lower().endswith(SHARD_SUFFIXES):
        return url, None
    try:
        manifest = read_parsed(open_store(url, options), MANIFEST_PATH, Manifest.from_json)
    except (NotFoundError, DataError):  # the shards' own manifest is read again, with its errors
        return url, None
    return (url, None) if manifest.shards_in is None else (split_url(url.rstrip("/"))[0], manifest)


def _table(manifest: Manifest) -> tuple[Metadata, ...]:
    """Return the class table of a manifest; empty if it has only the numbers of an indexed data set."""
    table = tuple({n: value for n, value in item.items() if n != "samples"} for item in manifest.classes)
    bare = all(item == {"name": str(label)} for label, item in enumerate(table))
    return () if bare and manifest.plan is None else table


def _manifest(part: SplitFile) -> Manifest | None:
    try:
        return read_parsed(part.store, MANIFEST_PATH, Manifest.from_json)
    except NotFoundError:
        return None
    except DataError as error:
        error.add_note(f"in {part.store.url}/{MANIFEST_PATH}")
        raise


def _check_parts(
    parts: Sequence[SplitFile], manifest: Manifest, url: str
) -> tuple[list[SplitFile], list[str]]:
    """Return the shards that the manifest lists, and notes; raise `SourceError` if one differs."""
    sizes = {shard.name: shard.size for shard in manifest.shards}
    listed = [part for part in parts if part.info.path in sizes]
    for part in listed:
        if part.info.size != sizes[part.info.path]:
            raise SourceError(
                f"{part.url} has {part.info.size:,} bytes, but its manifest records {sizes[part.info.path]:,}"
            )
    missing = sorted(sizes.keys() - {part.info.path for part in listed})
    if missing and parse_url(url).url == parts[0].store.url:
        raise SourceError(f"{url} lacks {len(missing):,} shards of its manifest, the first is {missing[0]}")
    unlisted = len(parts) - len(listed)
    return listed, [f"ignored {quantity(unlisted, 'tars')} that the manifest lacks"] if unlisted else []
