"""`open_images`: Open Images V1 to V7, from files or from the web."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Final
from urllib.parse import urlsplit

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.csv_files import CsvFile, read_csv_files
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.spilled.rows import SpilledRow, SpilledRows
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.open_images import image_files
from wds_imagenet.sources.open_images.annotations import (
    BOX_COLUMNS,
    BOX_FIELDS,
    LABEL_COLUMNS,
    LABEL_FIELDS,
    Verdicts,
    read_names,
)
from wds_imagenet.sources.open_images.photo_ids import (
    INTEGERS,
    SPLITS,
    fields_of,
    number_of,
    read_images,
    split_of,
)
from wds_imagenet.sources.open_images.photos import FILE, Gathering, Photograph
from wds_imagenet.sources.open_images.rotation import FIELD as ROTATION_FIELD
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.http_download import Download
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_COLUMNS: Final = {"original": "original_url", "thumbnail": "thumbnail_300k_url"}


def open_images(
    url: str,
    *,
    images: Annotated[str | None, "the CSV of the images, with licence, author, title and rotation"] = None,
    image_labels: Annotated[
        str | None, "CSVs of labels, machine's or human, comma between; or their folder"
    ] = None,
    boxes: Annotated[str | None, "CSVs of boxes, comma between; or their folder"] = None,
    names: Annotated[str | None, "the class descriptions: dict.csv or class-descriptions.csv"] = None,
    classes: Classes = None,
    split: Annotated[str | None, "train, validation or test: no others are taken"] = None,
    fetch: Annotated[
        str | None, "'original' or 'thumbnail': download; INPUT is the CSV of the images"
    ] = None,
    rotation: Annotated[
        str | None, "'apply': turn images, and boxes with them, as their CSV says; else 'record' it"
    ] = None,
    missing: Annotated[str | None, "'skip': leave out images that one file lists and another lacks"] = None,
    private_hosts: Annotated[str | None, "'allow': download from private networks too"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List Open Images, V1 to V7, from files, tars, a store or the web.

    The input is a folder (`train/`), one of archives (`train_0.tar`) or an archive; gzipped archives, known
    by their first bytes, make it a stream. With `fetch` it is the CSV of the images, and packing downloads
    them. A CSV may be gzipped, or lie in a folder or tar, as V1's do; its columns go by its header.

    Keys are the ids, references come in their order. There is no label: an image has many. Its JSON has,
    where they are given, `human_positive`, `human_negative` (confidence 0: somebody looked, and it is not
    there) and `machine`, lists of `{id, name, class, confidence, source}`, and `boxes`: `{id, name, class,
    source, xmin, xmax, ymin, ymax, attributes, unknown, clicks}` from 0 to 1 on the pixels as they are
    stored. `class` is the index in `classes`, whose lack of a class leaves labels and boxes of it out. Then
    the columns of the images' CSV; `rotation`, in degrees counter-clockwise, is recorded and not applied.
    With the option `rotation` 'apply' the packer turns these images, JPEGs being coded anew (quality 95),
    boxes and clicks are turned with them, `rotation` becomes 0 and `rotation_applied` says what it was.

    Costs about 10 µs a row, 64 MiB of memory and 16 bytes an image, and room in the temporary folder as
    large as the CSVs twice over. Raises `SourceError` that names file and line: of a malformed row, an id
    that is there twice, and one that one file lists and another lacks, unless `missing` is 'skip'.
    """
    _check(images, split=split, fetch=fetch, rotation=rotation, missing=missing, private_hosts=private_hosts)
    verdicts = Verdicts(
        None if names is None else read_names(names, storage_options),
        None if classes is None else read_classes(classes, storage_options=storage_options),
    )
    gathering = Gathering(
        verdicts,
        labels=image_labels is not None,
        boxes=boxes is not None,
        listed=images is not None or fetch is not None,
        present=fetch is None,
        skip=missing == "skip",
        turns=rotation == "apply",
    )
    reader = _Reader(storage_options, split, gathering)
    packed: list[image_files.Packed] = []
    others = image_files.Others()
    with SpilledRows() as ledger:
        if fetch is None:
            ledger.add(_files(url, storage_options, split, packed, others))
        listed = url if fetch is not None else images
        for sheet, number in reader.sheets(listed, ("ImageID",), without="LabelName"):
            gathering.fields |= {name: 0 if name in INTEGERS else "" for name in fields_of(sheet)}
            ledger.add(read_images(sheet, number, split))
        if fetch is not None and _COLUMNS[fetch] not in gathering.fields:
            raise SourceError(f"{listed} has no column of URLs for option fetch={fetch!r}")
        if gathering.turns and "rotation" not in gathering.fields:
            raise SourceError(f"{listed} has no column Rotation, and so nothing says how images are turned")
        if gathering.turns:
            gathering.fields[ROTATION_FIELD] = 0
        for sheet, number in reader.sheets(image_labels, LABEL_COLUMNS, without="XMin"):
            ledger.add(verdicts.labels(sheet, number))
        for sheet, number in reader.sheets(boxes, BOX_COLUMNS):
            ledger.add(verdicts.boxes(sheet, number))
        if packed:
            return _stream(ledger, packed, storage_options, split, gathering, others)
        photographs = gathering.images(ledger)
        if fetch is None:
            references = SpilledReferences(_reference(photograph) for photograph in photographs)
        else:
            references = SpilledReferences(
                _downloads(photographs, gathering, fetch, private=private_hosts == "allow")
            )
    notes = (*others.notes(), *gathering.notes())
    if not references:
        raise SourceError(f"there are no images of Open Images in {url}; {'; '.join(notes)}")
    return Listing(references, verdicts.table(), notes, split or gathering.split)


class _Reader:
    """Opens the CSVs that were given, and numbers them."""

    def __init__(self, options: StorageOptions, split: str | None, gathering: Gathering) -> None:
        self._options = options
        self._split = split
        self._gathering = gathering

    def sheets(
        self, urls: str | None, columns: Sequence[str], without: str | None = None
    ) -> Iterator[tuple[CsvFile, int]]:
        """Yield the CSVs with these columns, and not that one; each of `urls` has at least one."""
        for url in urls.split(",") if urls else ():
            other: CsvFile | None = None
            taken = False
            for sheet in read_csv_files(url, self._options, self._is_wanted):
                if not set(columns) <= set(sheet.columns) or without in sheet.columns:
                    other = sheet
                    continue
                taken = True
                self._gathering.sheets.append(sheet.where)
                yield sheet, len(self._gathering.sheets) - 1
            if taken:
                continue
            if other is None:
                raise SourceError(
                    f"there is no CSV in {url}" + f" for the split {self._split}" * bool(self._split)
                )
            other.positions(columns)
            raise SourceError(f"{other.where} has a column {without!r}: it is given for what it is not")

    def _is_wanted(self, path: str) -> bool:
        return self._split is None or split_of(path) in {None, self._split}


_CHOICES: Final = {
    "split": SPLITS,
    "fetch": tuple(_COLUMNS),
    "rotation": ("record", "apply"),
    "missing": ("skip",),
    "private_hosts": ("allow",),
}


def _check(images: str | None, **given: str | None) -> None:
    for name, value in given.items():
        if value is not None and value not in _CHOICES[name]:
            raise UsageError(f"option '{name}' is one of {', '.join(_CHOICES[name])}, not {value!r}")
    fetch, apply = given["fetch"], given["rotation"] == "apply"
    if fetch is not None and images is not None:
        raise UsageError("with option 'fetch' the input is the CSV of the images: leave out option 'images'")
    if apply and fetch is None and images is None:
        raise UsageError("option rotation='apply' needs the CSV of the images, as option 'images'")
    if apply and fetch == "thumbnail":
        raise UsageError("option rotation='apply' is not for thumbnails: Flickr may have turned them already")


def _files(
    url: str,
    options: StorageOptions,
    split: str | None,
    packed: list[image_files.Packed],
    others: image_files.Others,
) -> Iterator[SpilledRow]:
    """Yield the image files; put gzipped archives and what else there is aside."""
    loose: str | None = None
    for file in image_files.find_images(url, options, split):
        if isinstance(file, image_files.Packed):
            packed.append(file)
        elif (number := image_files.number_in(file.path)) is None:
            others.add(file.path)
        else:
            loose = file.url
            yield SpilledRow(number, FILE, -1, 0, file.offset, file.size, json.dumps([file.url, file.path]))
        if packed and loose:
            raise SourceError(f"{packed[0].url} is gzipped and {loose} is not: pack the two apart")


def _reference(photograph: Photograph) -> Reference:
    row = photograph.file
    if row is None:  # a stream brings it
        where = photograph.where
        return Reference(
            photograph.id, "", 0, None, where, metadata=photograph.known, rotation=photograph.turn
        )
    url, path = json.loads(row.text)
    name = path.rpartition("/")[2]
    size = int(row.real)
    known, turn = photograph.known, photograph.turn
    return Reference(photograph.id, url, row.integer, size, name, metadata=known, rotation=turn)


def _downloads(
    photographs: Iterator[Photograph], gathering: Gathering, fetch: str, *, private: bool
) -> Iterator[Reference]:
    field = _COLUMNS[fetch]
    original = fetch == "original"
    for photograph in photographs:
        fields = photograph.known
        if not fields.get(field):
            gathering.differ(f"{photograph.where}: {photograph.id} has no {field}", f"has no {field}")
            continue
        # Size and MD5 are those of the original: no copy has them.
        md5 = fields.get("original_md5") if original else None
        size = fields.get("original_size") if original else None
        try:
            download = Download(fields[field], md5 or None, private)
        except UsageError as error:
            raise SourceError(f"{photograph.where}: {error}") from error
        name = urlsplit(download.url).path.rpartition("/")[2] or photograph.id
        known, turn = photograph.known, photograph.turn
        yield Reference(photograph.id, str(download), 0, size or None, name, metadata=known, rotation=turn)


def _stream(  # noqa: PLR0917 - all that was found
    ledger: SpilledRows,
    packed: Sequence[image_files.Packed],
    options: StorageOptions,
    split: str | None,
    gathering: Gathering,
    others: image_files.Others,
) -> Stream:
    gathering.present = False
    known = image_files.Known((number_of(p.id), _reference(p)) for p in gathering.images(ledger))
    blank = Reference("", "", 0, None, "", metadata=gathering.seen_in(()))
    kinds: dict[str, Kind] = {n: "integer" if n in INTEGERS else "text" for n in gathering.fields}
    return Stream(
        identity={
            "archives": [[archive.path, archive.size] for archive in packed],
            "known_sha256": known.sha256,
            **({"rotation": "apply"} if gathering.turns else {}),
        },
        images=lambda: image_files.read_images(packed, options, known, gathering, blank),
        labelled=False,
        fields={
            **kinds,
            **(LABEL_FIELDS if gathering.labels else {}),
            **(BOX_FIELDS if gathering.boxes else {}),
        },
        classes=gathering.verdicts.table(),
        notes=(*others.notes(), *gathering.notes()),
        split=split or gathering.split,
        samples=len(known) if gathering.listed and not gathering.skip else None,
        size=sum(archive.size for archive in packed),
    )
