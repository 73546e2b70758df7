"""Shards that someone packed: their samples, found by the headers, with what is small of them read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.samples import group_members
from wds_imagenet.format.tar import Member, ReadAt, walk
from wds_imagenet.inputs.gzip_tar import MAX_FILE_BYTES, open_forward_reader
from wds_imagenet.inputs.small_files import GZIP
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.sample import IMAGE_SUFFIXES, split_name
from wds_imagenet.util import strict_json

SMALL: Final = frozenset({"cls", "json", "txt"})
"""The members that are read: label, metadata and caption."""
_MAX_SMALL: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """A sample as it lies in a shard."""

    url: str
    """The shard's."""
    key: str
    members: Mapping[str, Member]
    """By suffix; those that are left out are not among them."""
    small: Mapping[str, bytes]
    """What is in the small ones, and in others where they were asked for."""
    gzipped: bool = False
    """Whether the shard is: then nothing of it can be read at random."""

    def where(self, suffix: str) -> str:
        """Say where a member lies, for errors."""
        member = self.members[suffix]
        return f"{self.url}, member {member.name!r} at offset {member.start:,}"

    @property
    def image(self) -> Member:
        """The one image. Raises `SourceError` where there is none, or another."""
        suffixes = [suffix for suffix in self.members if suffix in IMAGE_SUFFIXES]
        if not suffixes:
            raise SourceError(
                f"{self.where(next(iter(self.members)))}: the sample {self.key!r} has no image, only "
                f"{', '.join(self.members)}"
            )
        if len(suffixes) > 1:
            raise SourceError(
                f"{self.where(suffixes[1])}: the sample {self.key!r} has another image, "
                f"{self.members[suffixes[0]].name!r} at offset {self.members[suffixes[0]].start:,}; one of "
                "the suffixes can be left out, as option 'leave_out'"
            )
        return self.members[suffixes[0]]

    def text(self, suffix: str) -> str | None:
        """Return a small member as text, None if there is none. Raises `SourceError`."""
        if suffix not in self.small:
            return None
        try:
            return self.small[suffix].decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.where(suffix)} is not UTF-8: {error}") from error

    def json(self) -> dict[str, Any]:
        """Return the JSON object, `{}` if there is none. Raises `SourceError`."""
        if "json" not in self.small:
            return {}
        try:
            value = strict_json.loads(self.small["json"])
        except ValueError as error:
            raise SourceError(f"{self.where('json')} is not JSON as it should be: {error}") from error
        if not isinstance(value, dict):
            raise SourceError(f"{self.where('json')} is no JSON object: {self.small['json'][:60]!r}")
        return value


def read_shard(part: SplitFile, left_out: frozenset[str], kept: frozenset[str] = SMALL) -> Iterator[Packed]:
    """Yield the samples of a shard, gzipped or not, in its order, by WebDataset's rules.

    A key ends at the first dot of its name's last part; members named `__…__`, without a suffix, or with
    one that is left out are passed over. Guarantees what `format.tar.walk` and
    `format.samples.group_members` do, their `CorruptError` with a note of the URL. Costs a read a header
    and a small member, in rising order; `windows` makes few requests of them, and a gzipped one is read
    through. `kept` are the suffixes of the members that are read.
    """
    contents: dict[int, bytes] = {}
    url = part.url
    try:
        with _open(part) as (read, size):
            for key, found in group_members(_watched(read, size, url, contents, kept)):
                members = {s: member for s, member in found.items() if s and s not in left_out}
                small = {s: contents[m.offset] for s, m in members.items() if s in kept}
                for member in found.values():
                    contents.pop(member.offset, None)
                if members:
                    yield Packed(url, key, members, small, size is None)
    except CorruptError as error:
        error.add_note(f"in the shard {url}")
        raise


@contextmanager
def _open(part: SplitFile) -> Iterator[tuple[ReadAt, int | None]]:
    """Give what reads a shard, and its size where it is not gzipped, which its first bytes tell."""
    with open_reader(part.store, part.info) as read:
        if bytes(read(0, len(GZIP))) != GZIP:
            yield read, part.info.size
            return
    with open_forward_reader(part.store, part.info) as forward:
        yield forward.read, None


def _watched(
    read: ReadAt, size: int | None, url: str, contents: dict[int, bytes], kept: frozenset[str]
) -> Iterator[Member]:
    """Yield the members, each that is kept read before the next header is."""
    for member in walk(read, 0, size):
        suffix = split_name(member.name)[1]
        if suffix in kept:
            most = _MAX_SMALL if suffix in SMALL else MAX_FILE_BYTES
            if member.size > most:
                raise SourceError(
                    f"{url}, member {member.name!r} at offset {member.start:,} has {member.size:,} bytes; "
                    f"at most {most:,} are read"
                )
            data = bytes(read(member.offset, member.size))
            if len(data) < member.size:
                raise CorruptError(f"it ends in its member {member.name!r}, which begins at {member.start:,}")
            contents[member.offset] = data
        yield member
