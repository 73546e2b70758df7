"""The samples of one shard: found by the tar headers, with their small members read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.samples import group_members
from wds_imagenet.format.tar import Member, ReadAt, walk
from wds_imagenet.inputs.archives.gzip_tar import MAX_FILE_BYTES, open_forward_reader
from wds_imagenet.inputs.compression import GZIP
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.sample import IMAGE_SUFFIXES, split_name
from wds_imagenet.util import strict_json

SMALL: Final = frozenset({"cls", "json", "txt"})
"""The suffixes of members that are always read: label, metadata and caption."""
_MAX_SMALL: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ShardSample:
    """A sample in a shard."""

    url: str
    """The URL of the shard."""
    key: str
    members: Mapping[str, Member]
    """The members by suffix, without those left out."""
    contents: Mapping[str, bytes]
    """The bytes of the members that were read, by suffix."""
    gzipped: bool = False
    """True if the shard is gzipped, and has no random access."""

    def where(self, suffix: str) -> str:
        """Return the location of a member, for errors."""
        member = self.members[suffix]
        return f"{self.url}, member {member.name!r} at offset {member.start:,}"

    @property
    def image(self) -> Member:
        """The only image; raise `SourceError` if the sample has none, or several."""
        suffixes = [suffix for suffix in self.members if suffix in IMAGE_SUFFIXES]
        if not suffixes:
            raise SourceError(
                f"{self.where(next(iter(self.members)))}: the sample {self.key!r} has no image, only "
                f"{', '.join(self.members)}"
            )
        if len(suffixes) > 1:
            raise SourceError(
                f"{self.where(suffixes[1])}: the sample {self.key!r} has another image, "
                f"{self.members[suffixes[0]].name!r} at offset {self.members[suffixes[0]].start:,}: leave "
                "one of the suffixes out, as option 'leave_out'"
            )
        return self.members[suffixes[0]]

    def text(self, suffix: str) -> str | None:
        """Return a member as text, None if there is none; raise `SourceError` if it is not UTF-8."""
        if suffix not in self.contents:
            return None
        try:
            return self.contents[suffix].decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.where(suffix)} is not UTF-8: {error}") from error

    def json(self) -> dict[str, Any]:
        """Return the JSON object, `{}` if there is none; raise `SourceError` if it is malformed."""
        if "json" not in self.contents:
            return {}
        try:
            value = strict_json.loads(self.contents["json"])
        except ValueError as error:
            raise SourceError(f"{self.where('json')} is not valid JSON: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(f"{self.where('json')} is not a JSON object: {self.contents['json'][:60]!r}")
        return value


def read_shard(
    part: SplitFile, left_out: frozenset[str], kept: frozenset[str] = SMALL
) -> Iterator[ShardSample]:
    """Yield the samples of a shard, plain or gzipped, in its order and by WebDataset's rules.

    A key ends at the first dot of the last part of a name. Members called `__…__` and members without suffix
    are ignored. Costs a read for each header and kept member, in rising order, which the windowed reader
    joins into few requests; a gzipped shard is read whole.

    Args:
        part: the shard.
        left_out: suffixes of further members to ignore.
        kept: suffixes of the members to read.

    Raises:
        CorruptError: the shard is damaged; a note names its URL.
        SourceError: a member to read is too large.
    """
    contents: dict[int, bytes] = {}
    url = part.url
    try:
        with _open(part) as (read, size):
            for key, found in group_members(_walk(read, size, url, contents, kept)):
                members = {s: member for s, member in found.items() if s and s not in left_out}
                read_members = {s: contents[m.offset] for s, m in members.items() if s in kept}
                for member in found.values():
                    contents.pop(member.offset, None)
                if members:
                    yield ShardSample(url, key, members, read_members, size is None)
    except CorruptError as error:
        error.add_note(f"in the shard {url}")
        raise


@contextmanager
def _open(part: SplitFile) -> Iterator[tuple[ReadAt, int | None]]:
    """Yield the function that reads a shard, and its size, None if its first bytes are those of gzip."""
    with open_reader(part.store, part.info) as read:
        if bytes(read(0, len(GZIP))) != GZIP:
            yield read, part.info.size
            return
    with open_forward_reader(part.store, part.info) as forward:
        yield forward.read, None


def _walk(
    read: ReadAt, size: int | None, url: str, contents: dict[int, bytes], kept: frozenset[str]
) -> Iterator[Member]:
    """Yield the members; read each kept one into `contents` before the next header."""
    for member in walk(read, 0, size):
        suffix = split_name(member.name)[1]
        if suffix in kept:
            most = _MAX_SMALL if suffix in SMALL else MAX_FILE_BYTES
            if member.size > most:
                raise SourceError(
                    f"{url}, member {member.name!r} at offset {member.start:,} has {member.size:,} bytes; "
                    f"at most {most:,} are allowed"
                )
            data = bytes(read(member.offset, member.size))
            if len(data) < member.size:
                raise CorruptError(
                    f"the file ends inside the member {member.name!r} at offset {member.start:,}"
                )
            contents[member.offset] = data
        yield member
