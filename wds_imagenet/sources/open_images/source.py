"""`open_images`: Open Images V1 to V7, from files or from the web."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Annotated, Final
from urllib.parse import urlsplit

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.image_files import IgnoredFiles
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.spilled.rows import SpilledRow, SpilledRows
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.open_images.annotations import (
    BOX_COLUMNS,
    BOX_FIELDS,
    LABEL_COLUMNS,
    LABEL_FIELDS,
    AnnotationReader,
    read_names,
)
from wds_imagenet.sources.open_images.csv_inputs import CsvInputs
from wds_imagenet.sources.open_images.image_files import (
    GzippedArchive,
    PhotoIndex,
    find_images,
    number_in,
    stream_photos,
    unusable,
)
from wds_imagenet.sources.open_images.photo_csv import INTEGERS, fields_of, read_photo_rows
from wds_imagenet.sources.open_images.photo_ids import SPLITS, number_of
from wds_imagenet.sources.open_images.photos import FILE, Photo, PhotoMerger
from wds_imagenet.sources.open_images.rotation import ROTATION_APPLIED
from wds_imagenet.sources.source_options import AllowPrivateNetworks, Classes
from wds_imagenet.storage.http_download import Download
from wds_imagenet.storage.signatures import identifying_queries
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_URL_FIELDS: Final = {"original": "original_url", "thumbnail": "thumbnail_300k_url"}


def open_images(
    url: str,
    *,
    images: Annotated[str | None, "image CSV, with licence, author, title and rotation"] = None,
    image_labels: Annotated[
        str | None,
        "CSV files with labels from machines or people, with commas between the files; or their folder",
    ] = None,
    boxes: Annotated[
        str | None, "CSV files with boxes, with commas between the files; or their folder"
    ] = None,
    names: Annotated[str | None, "class names: dict.csv or class-descriptions.csv"] = None,
    classes: Classes = None,
    split: Annotated[str | None, "train, validation or test; by default all"] = None,
    fetch: Annotated[
        str | None, "'original' or 'thumbnail': download the images; INPUT is the image CSV"
    ] = None,
    rotation: Annotated[
        str | None,
        "'apply': rotate images and boxes by the rotation in the image CSV; 'record' (the default): only "
        "store the rotation",
    ] = None,
    missing: Annotated[
        str | None, "'skip': leave out images without a file, or without a row in the image CSV"
    ] = None,
    allow_private_networks: AllowPrivateNetworks = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List Open Images, V1 to V7, from files, tars, a store or the web.

    The input is a folder (`train/`), a folder of archives (`train_0.tar`) or an archive. Gzipped archives,
    recognised by their first bytes, give a stream. With `fetch`, the input is the image CSV, and packing
    downloads the images. A CSV may be gzipped, or lie in a folder or a tar, as V1's do; its header names
    its columns.

    Keys are the ids, and references are sorted by them. There is no label, because an image has many. The
    JSON of an image has these fields, as far as their files are given:

    - `human_positive`, `human_negative` (confidence 0: a person looked, and the class is absent) and
      `machine`: lists of `{id, name, class, confidence, source}`
    - `boxes`, a list of `{id, name, class, source, xmin, xmax, ymin, ymax, attributes, unknown, clicks}`,
      coordinates from 0 to 1 on the stored pixels
    - the columns of the image CSV

    `class` is the label in `classes`; annotations whose class it lacks are left out. The field `rotation`, in
    degrees counter-clockwise, is recorded. With `rotation="apply"`, the packer rotates the image, which
    encodes a JPEG anew (quality 95), and rotates boxes and clicks. Then `rotation` is 0, and
    `rotation_applied` holds the degrees.

    Costs about 10 µs a row, 64 MiB of memory and 16 bytes an image, and temporary disk of twice the size of
    the CSVs.

    Args:
        url: the images, or with `fetch` the image CSV.
        images: the image CSV.
        image_labels: CSVs of labels, separated by commas, or their folder.
        boxes: CSVs of boxes, separated by commas, or their folder.
        names: the class descriptions.
        classes: class list that gives each class its label.
        split: `train`, `validation`, `test` or `challenge2018`; None takes all.
        fetch: `original` or `thumbnail`.
        rotation: `record` (the default) or `apply`.
        missing: `skip` leaves out images that some file lacks; None makes them an error.
        allow_private_networks: True permits downloads from private networks and this machine.
        storage_options: options of the stores.

    Raises:
        SourceError: a row is malformed, an image is listed twice, or some file lacks it; the message names
            file and line.
        UsageError: an option has no such value, or options contradict each other.
    """
    _check(images, split=split, fetch=fetch, rotation=rotation, missing=missing)
    annotations = AnnotationReader(
        None if names is None else read_names(names, storage_options),
        None if classes is None else read_classes(classes, storage_options=storage_options),
    )
    csvs = CsvInputs(storage_options, split)
    merger = PhotoMerger(
        annotations,
        csvs.locations,
        with_labels=image_labels is not None,
        with_boxes=boxes is not None,
        with_csv=images is not None or fetch is not None,
        with_files=fetch is None,
        skip_missing=missing == "skip",
        rotate=rotation == "apply",
    )
    archives: list[GzippedArchive] = []
    skipped, faults = IgnoredFiles(), SpilledReferences()
    with SpilledRows() as rows:
        if fetch is None:
            rows.add(_file_rows(url, storage_options, split, archives, skipped=skipped, faults=faults))
        image_csv = url if fetch is not None else images
        for csv, number in csvs.read(image_csv, ("ImageID",), without="LabelName"):
            merger.defaults |= {name: 0 if name in INTEGERS else "" for name in fields_of(csv)}
            rows.add(read_photo_rows(csv, number, split))
        if fetch is not None and _URL_FIELDS[fetch] not in merger.defaults:
            raise SourceError(f"{image_csv} has no column of URLs for option fetch={fetch!r}")
        if merger.rotate and "rotation" not in merger.defaults:
            raise SourceError(f"{image_csv} has no column Rotation, which option rotation='apply' needs")
        if merger.rotate:
            merger.defaults[ROTATION_APPLIED] = 0
        for csv, number in csvs.read(image_labels, LABEL_COLUMNS, without="XMin"):
            rows.add(annotations.read_labels(csv, number))
        for csv, number in csvs.read(boxes, BOX_COLUMNS):
            rows.add(annotations.read_boxes(csv, number))
        notes = skipped.notes("files that are no images of Open Images")
        if archives:
            return _stream(rows, archives, storage_options, split, merger, notes=notes)
        photos = merger.merge(rows)
        if fetch is None:
            references = SpilledReferences(chain((_reference(photo) for photo in photos), faults))
        else:
            references = SpilledReferences(
                _downloads(photos, merger, fetch, private=bool(allow_private_networks))
            )
    notes += merger.notes()
    if len(references) == len(faults):
        raise SourceError(f"there are no images of Open Images in {url}; {'; '.join(notes)}")
    return Listing(references, annotations.class_table(), tuple(notes), split or merger.split)


_CHOICES: Final = {
    "split": SPLITS,
    "fetch": tuple(_URL_FIELDS),
    "rotation": ("record", "apply"),
    "missing": ("skip",),
}


def _check(images: str | None, **given: str | None) -> None:
    for name, value in given.items():
        if value is not None and value not in _CHOICES[name]:
            raise UsageError(f"option '{name}' is one of {', '.join(_CHOICES[name])}, not {value!r}")
    fetch, apply = given["fetch"], given["rotation"] == "apply"
    if fetch is not None and images is not None:
        raise UsageError("with option 'fetch' the input is the image CSV: leave out option 'images'")
    if apply and fetch is None and images is None:
        raise UsageError("option rotation='apply' needs the image CSV, as option 'images'")
    if apply and fetch == "thumbnail":
        raise UsageError(
            "option rotation='apply' does not work for thumbnails, which Flickr may have rotated already"
        )


def _file_rows(
    url: str,
    options: StorageOptions,
    split: str | None,
    archives: list[GzippedArchive],
    *,
    skipped: IgnoredFiles,
    faults: SpilledReferences,
) -> Iterator[SpilledRow]:
    """Yield a row for each image file; append gzipped archives and faulty files, and count all others."""
    single: str | None = None
    for file in find_images(url, options, split):
        if isinstance(file, GzippedArchive):
            archives.append(file)
        elif (fault := unusable(file)) is not None and (file.fault or number_in(file.path) is None):
            faults.append(fault)
        elif (number := number_in(file.path)) is None:
            skipped.add(file.path)
        else:
            single = file.url
            yield SpilledRow(number, FILE, -1, 0, file.offset, file.size, json.dumps([file.url, file.path]))
        if archives and single:
            raise SourceError(f"{archives[0].url} is compressed and {single} is not: pack the two apart")


def _reference(photo: Photo) -> Reference:
    row = photo.file
    if row is None:  # the stream gives URL, offset and size
        return Reference(photo.id, "", 0, None, photo.where, metadata=photo.fields, rotation=photo.rotation)
    url, path = json.loads(row.text)
    name = path.rpartition("/")[2]
    size = int(row.real)
    return Reference(photo.id, url, row.integer, size, name, metadata=photo.fields, rotation=photo.rotation)


def _downloads(
    photos: Iterator[Photo], merger: PhotoMerger, fetch: str, *, private: bool
) -> Iterator[Reference]:
    url_field = _URL_FIELDS[fetch]
    original = fetch == "original"
    for photo in photos:
        fields = photo.fields
        if not fields.get(url_field):
            merger.skip_or_raise(f"{photo.where}: {photo.id} has no {url_field}", f"has no {url_field}")
            continue
        # Size and MD5 are those of the original, not of the thumbnail.
        md5 = fields.get("original_md5") if original else None
        size = fields.get("original_size") if original else None
        try:
            download = Download(fields[url_field], md5 or None, private)
        except UsageError as error:
            raise SourceError(f"{photo.where}: {error}") from error
        name = urlsplit(download.url).path.rpartition("/")[2] or photo.id
        yield Reference(
            photo.id, str(download), 0, size or None, name, metadata=fields, rotation=photo.rotation
        )


def _stream(
    rows: SpilledRows,
    archives: Sequence[GzippedArchive],
    options: StorageOptions,
    split: str | None,
    merger: PhotoMerger,
    *,
    notes: Sequence[str],
) -> Stream:
    merger.with_files = False
    photos = PhotoIndex((number_of(photo.id), _reference(photo)) for photo in merger.merge(rows))
    blank = Reference("", "", 0, None, "", metadata=merger.annotation_fields(()))
    kinds: dict[str, Kind] = {n: "integer" if n in INTEGERS else "text" for n in merger.defaults}
    return Stream(
        identity={
            **identifying_queries(archive.url for archive in archives),
            "archives": [[archive.path, archive.size] for archive in archives],
            "known_sha256": photos.sha256,
            **({"rotation": "apply"} if merger.rotate else {}),
        },
        images=lambda: stream_photos(archives, options, photos, merger, blank),
        labelled=False,
        rotates=merger.rotate,
        fields={
            **kinds,
            **(LABEL_FIELDS if merger.with_labels else {}),
            **(BOX_FIELDS if merger.with_boxes else {}),
        },
        classes=merger.annotations.class_table(),
        notes=(*notes, *merger.notes()),
        split=split or merger.split,
        samples=len(photos) if merger.with_csv and not merger.skip_missing else None,
        size=sum(archive.size for archive in archives),
    )
