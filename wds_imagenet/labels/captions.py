"""`captions`: ImageNet-Captions, the photographers' texts on Flickr for a third of the train set.

Format: a JSON array of objects with `filename`, `wnid`, `title`, `tags` and `description`, 131 MB, plain,
gzipped or in `imagenet_captions.zip`. Source: Fang et al., "Data Determines Distributional Robustness in
Contrastive Language Image Pre-training", 2022.
"""

import hashlib
import re
from collections import Counter
from contextlib import closing
from string import Formatter
from typing import Annotated, Any, Final

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.inputs.json_stream import JsonEntry, read_entries
from wds_imagenet.inputs.large_files import read_chunks
from wds_imagenet.inputs.reference import Kind
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.sample import make_key
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

DEFAULT_TEMPLATE: Final = "{title} {tags} {description}"
"""The authors' own caption."""
_FIELDS: Final[dict[str, Kind]] = {"title": "text", "tags": "list", "description": "text"}
_KNOWN: Final = frozenset({"filename", "wnid", *_FIELDS})
_FILENAME: Final = re.compile(r"(n[0-9]{8})_[^/\\]+\.[A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")


def captions(
    url: str,
    *,
    template: Annotated[str | None, f"the form of a caption; '{DEFAULT_TEMPLATE}' by default"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read ImageNet-Captions: the JSON as released, plain or compressed.

    Metadata: `title`, `tags` and `description`, unchanged but for lone surrogates, which become U+FFFD;
    missing texts are empty. Fields of other names are left out.

    The caption is the template with `{title}`, `{tags}` (joined by spaces) and `{description}` filled in.
    Control characters and runs of white space become one space; HTML and emoji stay. An entry without text
    has no caption. If an image has several entries, the first one is used. Notes count all such entries.

    Costs about 60 µs an entry (half a minute for all), 20 MB of memory and 200 MB of temporary disk.

    Args:
        url: the JSON, plain or compressed.
        template: the form of a caption; None for `DEFAULT_TEMPLATE`.
        storage_options: storage options.

    Raises:
        UsageError: the template contains another name.
        SourceError: an entry has no file name, a file name of another class than its WNID, or values of
            other types; the message gives the entry and its byte.
    """
    segments = parse_template(DEFAULT_TEMPLATE if template is None else template)
    records = SpilledRecords()
    counts: Counter[str] = Counter()
    with closing(read_chunks(url, storage_options, ".json")) as chunks:
        try:
            for entry in read_entries(chunks):
                stem, texts = _parse_entry(entry, counts)
                if not records.add(stem, strict_json.dumps(texts)):
                    same = records.get(stem) == strict_json.dumps(texts)
                    counts["entries that repeat another" if same else f"{_REPEATED} {stem}"] += 1
        except UsageError:  # a missing file; a UsageError is a ValueError too
            raise
        except ValueError as error:
            raise SourceError(f"{url}: {error}") from error
    if not records:
        raise SourceError(f"{url} has no entries")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        if value is None:
            return None
        texts = dict(zip(_FIELDS, strict_json.loads(value, max_bytes=len(value)), strict=True))
        return Annotation(caption=fill_template(segments, texts) or None, metadata=texts)

    notes = _notes(counts)
    sha256 = hashlib.sha256(strict_json.dumps([records.sha256, segments])).hexdigest()
    return Labels(url, find, len(records), captioned=True, fields=_FIELDS, notes=notes, sha256=sha256)


def parse_template(template: str) -> tuple[tuple[str, str | None], ...]:
    """Return a template's segments: each a text, and the name of the field after it or None.

    Doubled braces stand for braces. Raises `UsageError` for other names than the three fields, for format
    specifications and conversions, and for a template without a field.
    """
    names = ", ".join(f"{{{name}}}" for name in _FIELDS)
    try:
        segments = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"the template {template!r:.200} cannot be read: {error}") from error
    for _, name, form, conversion in segments:
        if name is not None and (name not in _FIELDS or form or conversion):
            raise UsageError(
                f"the template {template!r:.200} has the field {name!r}; the fields of a caption are {names}"
            )
    if not any(name for _, name, _, _ in segments):
        raise UsageError(f"the template {template!r:.200} has none of the fields {names}")
    return tuple((text, name) for text, name, _, _ in segments)


def fill_template(segments: tuple[tuple[str, str | None], ...], texts: dict[str, Any]) -> str:
    """Return the caption of one entry, on one line; "" if the template's fields are all empty."""
    values = {name: " ".join(value) if name == "tags" else value for name, value in texts.items()}
    if not any(_plain(values[name]) for _, name in segments if name):
        return ""
    return _plain("".join(text + (values[name] if name else "") for text, name in segments))


_REPEATED: Final = "entries for an image that has another, first"


def _plain(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _parse_entry(entry: JsonEntry, counts: Counter[str]) -> tuple[str, list[Any]]:
    """Return an entry's stem and its title, tags and description, and count its irregularities."""
    value, where = entry.value, f"entry {entry.number:,}, at byte {entry.offset:,}"
    filename, wnid = value.get("filename"), value.get("wnid")
    match = _FILENAME.fullmatch(filename) if isinstance(filename, str) else None
    if match is None or match[1] != wnid:
        raise ValueError(
            f"{where}: {filename!r:.60} is not the name of a train image of the class {wnid!r:.20}"
        )
    texts: list[Any] = []
    for name, kind in _FIELDS.items():
        text = value.get(name)
        if text is None:
            counts[f"entries without {name}"] += 1
            text = [] if kind == "list" else ""
        strings = text if kind == "list" else [text]
        if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
            raise ValueError(f"{where}: its {name} is {text!r:.60}, not {_KINDS[kind]}")
        texts.append(text)
    title, tags, description = texts
    text = " ".join((title, *tags, description))
    counts.update(f"entries with the field {name!r:.40}, left out" for name in value.keys() - _KNOWN)
    counts["entries without any text, which give no caption"] += not _plain(text)
    counts["entries with lone surrogates, now U+FFFD"] += entry.repaired
    counts["entries with control characters, spaces in the caption"] += bool(_CONTROL.search(text))
    counts["entries that seem to contain HTML, kept"] += bool(_TAG.search(text))
    try:
        return released_stem(make_key(match[0])), texts
    except DataError as error:
        error.add_note(f"from {where}")
        raise


_KINDS: Final = {"text": "a text", "list": "a list of texts"}


def _notes(counts: Counter[str]) -> tuple[str, ...]:
    repeated = [name.removeprefix(_REPEATED) for name in counts if name.startswith(_REPEATED)]
    notes = [
        quantity(count, what) for what, count in counts.items() if count and not what.startswith(_REPEATED)
    ]
    if repeated:
        number = sum(counts[_REPEATED + stem] for stem in repeated)
        more = quantity(number, "entries")
        notes.append(f"{more} for images that have another; the first counts, as for{repeated[0]}")
    return tuple(notes)
