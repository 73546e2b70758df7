"""`webdataset`: shards that someone else packed, or we, to be packed anew."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from wds_imagenet.errors import DataError, NotFoundError, SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.json_types import KindCounts, as_kind, common_kind, count_kinds
from wds_imagenet.inputs.keys import first_duplicate_key
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Attachment, Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.split_files import SplitFile, choose_split, find_split_files
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sample import IMAGE_SUFFIXES, check_key, make_key
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.sources.webdataset.selection import Relabelling, Selection, relabelling, select
from wds_imagenet.sources.webdataset.shard_listing import SMALL, Packed, read_shard
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

MEASURED: Final = frozenset({"filename", "width", "height", "format", "sha256"})
"""What our packer finds out about every image: JSON that has it all is ours, and it is found out anew."""
_FIELD: Final = {"name": "class_name"}  # what the JSON calls it
_NOTHING: Final[Metadata] = {}


def webdataset(
    url: str,
    *more: str,
    split: Annotated[
        str | None, "train, validation or test; needed where there are shards of several"
    ] = None,
    select_keys: Annotated[str | None, "file with the keys to take, one a line"] = None,
    select_labels: Annotated[str | None, "labels to take, as the shards have them, such as 0,5-9"] = None,
    relabel: Annotated[str | None, "file of old<TAB>new lines for labels; what is new may be names"] = None,
    classes: Classes = None,
    leave_out: Annotated[str | None, "suffixes of members to leave out, such as txt,seg.png"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List the samples in WebDataset shards: tars, folders of them, or `in1k-{000..146}.tar`.

    Nothing is unpacked: references point at the images in the shards. Each sample has one image; `cls`
    is its label, or else the JSON's `label`, `txt` its caption, `json` its metadata; all other members
    become attachments, and every sample has the same ones. Of shards that we packed the manifest's class
    table is taken over, and what their JSON says of classes and images is not said twice.

    References come in the order of the shards. Costs 80 µs a sample and 8 bytes of memory, a read for
    each header and small member; a remote store is read through where images are smaller than 2 MiB.
    Gzipped shards give a stream, and are read twice, first to see what their samples have; no member may
    then have more than 256 MiB. Raises `SourceError` and `CorruptError` that name shard, member and offset.
    """
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    found = [_find(one, split, storage_options) for one in (url, *more)]
    first = found[0]
    for one, other in zip((url, *more), found, strict=True):
        if (other.split, other.table) != (first.split, first.table):
            raise SourceError(f"{one} is of another split than {url}, or has another class table")
    parts = [part for one in found for part in one.parts]
    reading = _Reading(
        select(select_keys, select_labels, storage_options),
        relabelling(relabel, listed, storage_options),
        frozenset({"label", *(_FIELD.get(name, name) for item in first.table for name in item)}),
        frozenset(filter(None, (leave_out or "").lower().replace(" ", "").split(","))),
    )
    references = SpilledReferences(reference for _, reference in reading.samples(parts))
    if not references:
        raise SourceError(f"there are no samples to take in {url}: {reading.passed:,} are there")
    _check_unique(references)
    new = reading.relabelling.classes
    table = first.table if new is None else new
    notes = (*(note for one in found for note in one.notes), *reading.notes())
    listing = Listing(references, table, notes, first.split)
    return _stream(parts, reading, references, listing) if reading.gzipped else listing


@dataclass(slots=True)
class _Reading:
    """What is taken of the shards, and what was met on the way."""

    selection: Selection
    relabelling: Relabelling
    told_twice: frozenset[str]
    """What the JSON of our own shards says of a class."""
    left_out: frozenset[str]
    gzipped: bool = False
    """Whether any of the shards is."""
    taken: int = 0
    passed: int = 0
    renamed: int = 0
    suffixes: tuple[str, ...] = ()
    missing: set[str] = field(default_factory=set)

    def samples(
        self, parts: Sequence[SplitFile], kept: frozenset[str] = SMALL
    ) -> Iterator[tuple[Packed, Reference]]:
        """Yield what is taken, in the order of the shards."""
        self.missing = set(self.selection.keys or ())
        for part in parts:
            for packed in read_shard(part, self.left_out, kept):
                reference = self._refer(packed)
                self.gzipped |= packed.gzipped
                self.passed += reference is None
                self.taken += reference is not None
                if reference is not None:
                    yield packed, reference

    def notes(self) -> Iterator[str]:
        """Say what a person ought to hear."""
        if self.passed:
            yield f"{self.passed:,} of {self.taken + self.passed:,} samples were not selected"
        if self.missing:
            first = min(self.missing)
            keys = quantity(len(self.missing), "keys")
            yield f"{keys} of {self.selection.url} in no shard, such as {first!r}"
        if self.renamed:
            yield f"{self.renamed:,} keys had characters that not all readers take; these became '_'"

    def _refer(self, packed: Packed) -> Reference | None:
        record = packed.json()
        text, where = _label(packed, record)
        if not self.selection.takes(packed.key, text, where):
            return None
        self.missing.discard(packed.key)
        image = packed.image
        name = image.name.rpartition("/")[2]
        if record.keys() >= MEASURED:
            name = record["filename"] if isinstance(record["filename"], str) else name
            record = {n: v for n, v in record.items() if n not in MEASURED and n not in self.told_twice}
        elif "label" in record and str(record["label"]) == text:
            del record["label"]
        return Reference(
            key=self._key(packed),
            url=packed.url,
            offset=image.offset,
            size=image.size,
            name=name,
            label=None if text is None else self.relabelling.label(text, lambda: where),
            caption=packed.text("txt"),
            metadata=record or _NOTHING,
            attachments=self._attachments(packed),
        )

    def _key(self, packed: Packed) -> str:
        try:
            return check_key(packed.key)
        except DataError:
            self.renamed += 1
        try:
            return make_key(packed.key.removeprefix("./").lstrip("/"))
        except DataError as error:
            error.add_note(f"made from {packed.where(next(iter(packed.members)))}")
            raise

    def _attachments(self, packed: Packed) -> tuple[Attachment, ...]:
        suffixes = sorted(packed.members.keys() - SMALL - IMAGE_SUFFIXES)
        if not self.taken:
            self.suffixes = tuple(suffixes)
        for suffix in set(suffixes) ^ set(self.suffixes):
            first = next(iter(packed.members))
            raise SourceError(
                f"{packed.where(first)}: of the samples so far and {packed.key!r} only some have a member "
                f"{suffix!r}; all have it, or none, or it is left out, as option 'leave_out'"
            )
        members = [(suffix, packed.members[suffix]) for suffix in suffixes]
        return tuple(Attachment(suffix, packed.url, m.offset, m.size) for suffix, m in members)


def _label(packed: Packed, record: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the text of a sample's label, and where it stands."""
    text = packed.text("cls")
    if text is not None:
        if not text.strip():
            raise SourceError(f"{packed.where('cls')} is empty, where a label belongs")
        return text.strip(), packed.where("cls")
    label = record.get("label")
    where = packed.where("json" if "json" in packed.members else next(iter(packed.members)))
    return (str(label) if type(label) in {int, str} else None), where


@dataclass(frozen=True, slots=True)
class _Found:
    """What an input has."""

    parts: Sequence[SplitFile]
    split: str | None
    table: tuple[Metadata, ...]
    """The classes, where it is ours."""
    notes: Sequence[str]


def _find(url: str, split: str | None, options: StorageOptions) -> _Found:
    parts, told = choose_split(find_split_files(url, options, (".tar", ".tar.gz", ".tgz")), split, url)
    manifest = _manifest(parts[0])
    if manifest is None:
        return _Found(parts, told, (), ())
    parts, notes = _check_parts(parts, manifest, url)
    table: tuple[Metadata, ...] = ()
    if manifest.plan is not None:  # else its classes are bare numbers
        table = tuple({n: value for n, value in item.items() if n != "samples"} for item in manifest.classes)
    return _Found(parts, told or manifest.split, table, notes)


def _stream(
    parts: Sequence[SplitFile], reading: _Reading, references: Sequence[Reference], told: Listing
) -> Stream:
    """Return the stream of what was listed, of which every sample is now known."""
    kinds: KindCounts = {}
    digest = hashlib.sha256()
    unlabelled, captioned, size = 0, False, 0
    first = ""
    for reference in references:
        count_kinds(kinds, reference.metadata)
        if reference.label is None:
            unlabelled += 1
            first = first or f"{reference.url}, member {reference.name!r} at offset {reference.offset:,}"
        captioned |= reference.caption is not None
        attached = [[item.suffix, item.size] for item in reference.attachments]
        size += (reference.size or 0) + sum(item.size or 0 for item in reference.attachments)
        known = [reference.key, reference.label, reference.caption, reference.metadata]
        digest.update(strict_json.dumps([*known, *([attached] if attached else [])]))
    if 0 < unlabelled < len(references):
        raise SourceError(
            f"{first} has no label (and so {unlabelled:,} of {len(references):,} images), but others have: "
            "label all or none"
        )
    fields = {name: common_kind(counts, len(references)) for name, counts in kinds.items()}

    def images() -> Iterator[StreamedImage]:
        again = _Reading(reading.selection, reading.relabelling, reading.told_twice, reading.left_out)
        for packed, reference in again.samples(parts, SMALL.union(IMAGE_SUFFIXES, reading.suffixes)):
            metadata = {name: as_kind(value, fields[name]) for name, value in reference.metadata.items()}
            image = next(packed.small[suffix] for suffix in packed.members if suffix in IMAGE_SUFFIXES)
            attached = tuple(packed.small[item.suffix] for item in reference.attachments)
            yield StreamedImage(replace(reference, metadata=metadata), image, attached)

    return Stream(
        identity={
            "source": "webdataset",
            "files": [[part.info.path, part.info.size] for part in parts],
            "samples_sha256": digest.hexdigest(),
        },
        images=images,
        labelled=not unlabelled,
        fields=fields,
        captioned=captioned,
        suffixes=reading.suffixes,
        classes=told.classes,
        notes=told.notes,
        split=told.split,
        samples=len(references),
        size=size,
    )


def _manifest(part: SplitFile) -> Manifest | None:
    try:
        data = part.store.read(MANIFEST_PATH).data
    except NotFoundError:
        return None
    try:
        return Manifest.from_json(data)
    except DataError as error:
        error.add_note(f"in {part.store.url}/{MANIFEST_PATH}")
        raise


def _check_parts(
    parts: Sequence[SplitFile], manifest: Manifest, url: str
) -> tuple[list[SplitFile], list[str]]:
    """Return the shards that are the manifest's; raise `SourceError` where one is another, or missing."""
    sizes = {shard.name: shard.size for shard in manifest.shards}
    known = [part for part in parts if part.info.path in sizes]
    for part in known:
        if part.info.size != sizes[part.info.path]:
            raise SourceError(
                f"{part.url} has {part.info.size:,} bytes, but its manifest says {sizes[part.info.path]:,}"
            )
    missing = sorted(sizes.keys() - {part.info.path for part in known})
    if missing and parse_url(url).url == parts[0].store.url:
        raise SourceError(f"{url} lacks {len(missing):,} shards of its manifest, the first is {missing[0]}")
    strangers = len(parts) - len(known)
    return known, [f"passed over {quantity(strangers, 'tars')} that the manifest lacks"] if strangers else []


def _check_unique(references: Sequence[Reference]) -> None:
    if (pair := first_duplicate_key(references)) is not None:
        first, other = (references[place] for place in pair)
        raise SourceError(
            f"{other.url}: the image at offset {other.offset:,} has the key {other.key!r}, as has the one at "
            f"{first.offset:,} of {first.url}; keys are unique in a data set"
        )
