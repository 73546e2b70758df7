"""The content of one sample in a shard, or the fault for which it cannot be used. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.tar import Member
from wds_imagenet.inputs.shards.member_rules import MemberRules
from wds_imagenet.sample import IMAGE_SUFFIXES, label_of

_MORE_IMAGES: Final = IMAGE_SUFFIXES | {"jfif", "jpe", "heic", "heif", "avif", "jxl", "jp2", "image", "img"}
"""Last parts of suffixes by which a fault proposes a member as the image."""

_NOT_FINITE: Final = re.compile("has no (?:NaN|-?Infinity|number)")


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
    rules: MemberRules
    compressed: bool = False
    """True if the shard is compressed, and has no random access."""
    repeated: Member | None = None
    """The second member of one suffix, if there is one."""

    def where(self, member: Member | None = None) -> str:
        """Return the location of a member, or of the first one, for errors."""
        member = member or next(iter(self.members.values()))
        return f"{self.url}, member {member.name!r} at offset {member.offset:,}"


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why a sample cannot be used."""

    member: Member
    reason: str
    cure: str = ""
    """The options that help, as a sentence; empty if none does."""

    def __str__(self) -> str:
        return f"{self.reason}; {self.cure}" if self.cure else self.reason


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of a sample."""

    image: Member
    label: int | str | None
    """The label: a number, or the name of a class; None without label."""
    label_text: str | None
    """The label as the shard has it, without spaces around it; None if the shard has none."""
    labelled_by: Member
    """The member with the label; the first member without one."""
    caption: str | None
    record: dict[str, Any]
    """The JSON object; empty if there is none."""
    other_label: bool = False
    """True if the JSON has a label that is neither a number nor a text, such as a list."""


def class_name_error(name: str, where: str) -> SourceError:
    """Return the error for the name of a class where a number is needed."""
    return SourceError(
        f"{where}: the label {name!r:.60} is not an integer of up to 18 digits: pack the shards with a class "
        "list of names, as option 'classes', or a file of old and new labels, as option 'relabel'"
    )


class _Faulty(Exception):  # noqa: N818 - never leaves this file
    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def content_of(sample: ShardSample) -> Content | Fault:
    """Return the parts of a sample, or the fault for which it cannot be used."""
    try:
        return _content(sample)
    except _Faulty as error:
        return error.fault


def _content(sample: ShardSample) -> Content:
    rules, members = sample.rules, sample.members
    if sample.repeated is not None:
        suffix = rules.split(sample.repeated.name)[1]
        first = members[suffix].offset
        raise _Faulty(
            Fault(
                sample.repeated,
                f"the sample {sample.key!r} has two members {suffix!r}, the other at offset {first:,}",
            )
        )
    image = members[_image(sample)]
    record = _json(sample)
    label, text, member, other = _label(sample, record)
    if isinstance(label, int) and label < 0:
        raise _Faulty(
            Fault(member or image, f"the label {label} is negative: labels begin at 0, and -1 is none")
        )
    labelled_by = member or next(iter(members.values()))
    return Content(image, label, text, labelled_by, _caption(sample), record, other)


def _label(
    sample: ShardSample, record: Mapping[str, Any]
) -> tuple[int | str | None, str | None, Member | None, bool]:
    """Return the label, its text, its member, and True for a JSON value that is no label."""
    text = _text(sample, sample.rules.label_suffix)
    if text is not None:
        member = sample.members[sample.rules.label_suffix]
        if not text.strip():
            raise _Faulty(Fault(member, "the member is empty: it must hold a label"))
        return label_of(text), text.strip(), member, False
    value = record.get(sample.rules.label_field)
    if value is None or value == "":
        return None, None, None, False
    label = label_of(value)
    if label is None and not isinstance(value, str) and value != -1:
        return None, None, None, True
    return label, str(value).strip(), sample.members["json"], False


def _image(sample: ShardSample) -> str:
    """Return the suffix of the image."""
    members, image = sample.members, sample.rules.image
    first = next(iter(members.values()))
    names = ", ".join(members)
    if image is not None:
        if image in members:
            return image
        reason = f"the sample {sample.key!r} has no member {image!r}, the option 'image', only {names}"
        raise _Faulty(Fault(first, reason))
    suffixes = [suffix for suffix in members if suffix in IMAGE_SUFFIXES]
    suffixes = suffixes or [suffix for suffix in members if suffix in sample.rules.images]
    if len(suffixes) == 1:
        return suffixes[0]
    if suffixes:
        one, other = suffixes[:2]
        raise _Faulty(
            Fault(
                members[other],
                f"the sample {sample.key!r} has two images, {one!r} and {other!r}",
                f"option image={one!r} takes one and keeps the other as an attachment, and option "
                f"leave_out={other!r} leaves the other out",
            )
        )
    if "" in members:
        raise _Faulty(Fault(members[""], "the member has no suffix, by which readers find images"))
    similar = [suffix for suffix in members if suffix.rpartition(".")[2] in _MORE_IMAGES]
    cure = f"option image={similar[0]!r} takes that member" if similar else ""
    if similar and "." in similar[0]:
        cure += ", and option key_ends='last-dot' ends keys at the last dot"
    raise _Faulty(Fault(first, f"the sample {sample.key!r} has no image, only {names}", cure))


def _text(sample: ShardSample, suffix: str) -> str | None:
    """Return a member as text, None if there is none."""
    data = _data(sample, suffix)
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Faulty(Fault(sample.members[suffix], f"the member is not UTF-8: {error}")) from error


def _caption(sample: ShardSample) -> str | None:
    return _text(sample, "txt") if "txt" in sample.rules.small - {sample.rules.label_suffix} else None


def _json(sample: ShardSample) -> dict[str, Any]:
    data = _data(sample, "json")
    if data is None:
        return {}
    member = sample.members["json"]
    try:
        value = sample.rules.parse(data)
    except ValueError as error:
        cure = "option nan_as='null' reads it as null" if _NOT_FINITE.search(str(error)) else ""
        raise _Faulty(Fault(member, f"the member is not valid JSON: {error}", cure)) from error
    if not isinstance(value, dict):
        raise _Faulty(Fault(member, f"the member is not a JSON object: {data[:60]!r}"))
    return value


def _data(sample: ShardSample, suffix: str) -> bytes | None:
    """Return the bytes of a small member, None if there is none."""
    if suffix not in sample.members or suffix not in sample.rules.small:
        return None
    if suffix not in sample.contents:
        member, most = sample.members[suffix], sample.rules.max_json_bytes
        raise _Faulty(
            Fault(
                member,
                f"the member has {member.size:,} bytes; at most {most:,} are read",
                f"option 'max_json_bytes' raises the limit, and option leave_out={suffix!r} leaves it out",
            )
        )
    return sample.contents[suffix]
