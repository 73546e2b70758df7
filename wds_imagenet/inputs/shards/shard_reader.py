"""The samples of one shard: found by the tar headers, with their small members read; then their images."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, TypeAlias

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.tar import RECORD, Member, ReadAt, walk
from wds_imagenet.inputs.archives.compressed_tar import MAX_FILE_BYTES, open_forward_reader
from wds_imagenet.inputs.archives.tar_listing import check_plain
from wds_imagenet.inputs.compression import DECOMPRESSORS, compression_of
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.inputs.shards.content import ShardSample
from wds_imagenet.inputs.shards.member_notes import MemberNotes
from wds_imagenet.inputs.shards.member_rules import MemberRules
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.inputs.windowed_reader import open_reader

OpenShard = Callable[[], AbstractContextManager[tuple[ReadAt, int | None]]]
"""Opens a shard: yields its read function and its size, None if the shard is compressed."""
_PAST_THE_END: Final = 1 << 62
_Group: TypeAlias = tuple[str, dict[str, Member], Member | None]
"""Key, members by suffix, and the second member of one suffix if there is one."""


def read_shard(part: SplitFile, notes: MemberNotes) -> Iterator[ShardSample]:
    """Yield the samples of a shard in a store, plain or compressed, as `read_samples` does."""
    return read_samples(lambda: _open(part), part.url, notes)


def read_images(part: SplitFile, references: Iterable[Reference]) -> Iterator[StreamedImage]:
    """Yield the images of references into a shard, in rising order, each with a function that reads it.

    At the end of a compressed shard, the checksum of the compression has confirmed every byte. Bytes that
    are not read take no memory.

    Args:
        part: the shard, plain or compressed.
        references: samples of the shard, in the order of `read_shard`.

    Raises:
        CorruptError: the shard is damaged; a note names its URL.
        SourceError: an attachment is too large.
    """
    try:
        with _open(part) as (read, size):
            for reference in references:
                again = None if reference.fault is not None else partial(_read_again, read, reference)
                yield StreamedImage(reference, read=again)
            if size is None:
                read(_PAST_THE_END, 1)
    except CorruptError as error:
        error.add_note(f"in the shard {part.url}")
        raise


def _read_again(read: ReadAt, reference: Reference) -> tuple[bytes, ...]:
    """Return the bytes of the image and of its attachments, read in the order of the shard."""
    image = Attachment("", reference.url, reference.offset, reference.size)
    found: dict[str, bytes] = {}
    for item in sorted((image, *reference.attachments), key=lambda item: item.offset):
        size = item.size or 0
        if item.suffix and size > MAX_FILE_BYTES:
            raise SourceError(
                f"{reference.url}, member {item.suffix!r} of the sample {reference.key!r} at offset "
                f"{item.offset:,} has {size:,} bytes; at most {MAX_FILE_BYTES:,} are allowed"
            )
        found[item.suffix] = bytes(read(item.offset, size))
        if len(found[item.suffix]) < size:
            raise CorruptError(f"the file ends inside the sample {reference.key!r} at offset {item.offset:,}")
    return tuple(found[item.suffix] for item in (image, *reference.attachments))


def read_samples(open_shard: OpenShard, url: str, notes: MemberNotes) -> Iterator[ShardSample]:
    """Yield the samples of a shard in its order, by the rules of `notes`.

    Hidden and system files, members called `__…__` and members without suffix belong to no sample. A member
    that is left out is never read. Costs a read for each header and small member, in rising order, which the
    windowed reader joins into few requests; a compressed shard is unpacked to its end. A shard with a sample
    without image is walked once more. Gathering costs the memory of all headers and small members of a shard.

    Args:
        open_shard: opens the shard, more than once if need be.
        url: the URL of the shard, for errors.
        notes: the rules; counts the ignored members.

    Raises:
        CorruptError: the shard is damaged; a note names its URL.
        SourceError: the members of a sample are not side by side.
    """
    rules = notes.rules
    contents: dict[int, bytes] = {}
    scattered: set[str] | None = None
    try:
        with open_shard() as (read, size):
            if rules.gather and size is None:
                raise SourceError(f"{url} is compressed, and option 'gather' reads plain tars: unpack it")
            walked = _walk(read, size, notes, contents)
            groups = (_gathered if rules.gather else _neighbours)(walked, rules, contents)
            for key, found, repeated in groups:
                members = {s: member for s, member in found.items() if s not in rules.left_out}
                data = {
                    suffix: contents.pop(m.offset) for suffix, m in members.items() if m.offset in contents
                }
                if not (rules.gather or _has_image(members, rules)):
                    scattered = _scattered(open_shard, notes) if scattered is None else scattered
                    if key in scattered:
                        first = next(iter(found.values()))
                        raise SourceError(
                            f"{url}, member {first.name!r} at offset {first.offset:,}: the members of the "
                            f"sample {key!r} are not side by side, as WebDataset's readers need them: pack "
                            "the shards with option 'gather'"
                        )
                if members:
                    yield ShardSample(url, key, members, data, rules, size is None, repeated)
    except CorruptError as error:
        error.add_note(f"in the shard {url}")
        raise


def _has_image(members: dict[str, Member], rules: MemberRules) -> bool:
    return not rules.images.isdisjoint(members) if rules.image is None else rules.image in members


def _neighbours(
    members: Iterator[Member], rules: MemberRules, contents: dict[int, bytes]
) -> Iterator[_Group]:
    """Yield the members of each run of one key; drop the content of a second member of one suffix."""
    key: str | None = None
    sample: dict[str, Member] = {}
    repeated: Member | None = None
    for member in members:
        member_key, suffix = rules.split(member.name)
        if member_key != key:
            if key is not None:
                yield key, sample, repeated
            key, sample, repeated = member_key, {}, None
        if suffix in sample:
            repeated = member
            contents.pop(member.offset, None)
        else:
            sample[suffix] = member
    if key is not None:
        yield key, sample, repeated


def _gathered(members: Iterator[Member], rules: MemberRules, contents: dict[int, bytes]) -> Iterator[_Group]:
    """Yield the members of each key, in the order of each key's first member, as `_neighbours` does."""
    groups: dict[str, dict[str, Member]] = {}
    repeated: dict[str, Member] = {}
    for member in members:
        key, suffix = rules.split(member.name)
        if groups.setdefault(key, {}).setdefault(suffix, member) is not member:
            repeated.setdefault(key, member)
            contents.pop(member.offset, None)
    for key, found in groups.items():
        yield key, found, repeated.get(key)


def _scattered(open_shard: OpenShard, notes: MemberNotes) -> set[str]:
    """Return the keys of the samples whose members are not side by side."""
    quiet = MemberNotes(notes.rules)
    seen: set[str] = set()
    scattered: set[str] = set()
    with open_shard() as (read, size):
        members = (member for member in walk(read, 0, size) if not quiet.ignores(member, read))
        for key, _, _ in _neighbours(members, notes.rules, {}):
            (scattered if key in seen else seen).add(key)
    return scattered


@contextmanager
def _open(part: SplitFile) -> Iterator[tuple[ReadAt, int | None]]:
    """Yield the function that reads a shard, and its size, None if it is compressed.

    Raises `SourceError` for a compression that is not read, and for a file that is no archive.
    """
    with open_reader(part.store, part.info) as read:
        head = bytes(read(0, RECORD))
        if compression_of(head) not in DECOMPRESSORS:
            check_plain(head, part.url)
            yield read, part.info.size
            return
    with open_forward_reader(part.store, part.info) as forward:
        yield forward.read, None


def _walk(read: ReadAt, size: int | None, notes: MemberNotes, contents: dict[int, bytes]) -> Iterator[Member]:
    """Yield the members; read each small one into `contents` before the next header."""
    rules = notes.rules
    small = rules.small
    for member in walk(read, 0, size):
        if notes.ignores(member, read):
            continue
        # A larger one is a fault of its sample.
        if rules.split(member.name)[1] in small and member.size <= rules.max_json_bytes:
            data = bytes(read(member.offset, member.size))
            if len(data) < member.size:
                raise CorruptError(
                    f"the file ends inside the member {member.name!r} at offset {member.start:,}"
                )
            contents[member.offset] = data
        yield member
