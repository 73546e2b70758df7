"""`boxes`: bounding boxes in PASCAL VOC's XML, such as ILSVRC's archives.

`ILSVRC2012_bbox_train_v2.tar.gz` has 544,546 files, `nXXXXXXXX/nXXXXXXXX_YYYY.xml`, and
`ILSVRC2012_bbox_val_v3.tgz` has 50,000, `val/ILSVRC2012_val_00000001.xml`. The name of an XML file is that of
its image, because `<filename>` may be `%s`, and the folder may be another class's.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from wds_imagenet.errors import CorruptError, DataError, SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.imagenet.box import box_metadata, normalise_box
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.imagenet.voc_xml import MAX_BYTES, parse_voc
from wds_imagenet.inputs.archives.compressed_tar import is_compressed, stream_files
from wds_imagenet.inputs.archives.tar_listing import ListedFile, list_archive
from wds_imagenet.inputs.image_files import ignored_notes
from wds_imagenet.inputs.reference import Kind
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.sample import make_key
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions, Store
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

FIELDS: Final[dict[str, Kind]] = {"boxes": "list", "boxes_size": "list"}
_XML: Final = ".xml"
_ARCHIVE: Final = re.compile(r".*\.tar", re.IGNORECASE)


def boxes(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Labels:
    """Read bounding boxes in PASCAL VOC's XML: ILSVRC's archives as released, any tar, or folders of files.

    Metadata: `boxes`, a list of `{"wnid", "xmin", "ymin", "xmax", "ymax"}` (`name` if it is not a WNID), and
    `boxes_size`, the [width, height] of the image that the annotators saw. Corners are whole pixels of that
    size, both inside the box. Divide corners by `boxes_size`: the decoded image may have another size.

    `imagenet.box` repairs a box, or leaves it out if it is empty; notes count both. An image without any
    other box has an empty list.

    Costs about 0.12 ms a file (a minute for train), 60 MB of memory and 150 MB in the temporary folder. A
    folder costs one request a file.

    Args:
        url: a tar, gzipped or not, or a folder of XML files or tars.
        storage_options: storage options.

    Raises:
        UsageError: there is nothing at the URL.
        SourceError: a file is invalid, or two files have different boxes for one image; the message gives
            the file and line.
        CorruptError: an archive is damaged.
    """
    records = SpilledRecords()
    counts: Counter[str] = Counter()
    ignored: list[str] = []
    for file, data in _files(url, storage_options):
        if is_ignored(file.path) or not file.path.lower().endswith(_XML):
            ignored.append(file.path)
            continue
        where = f"{file.url}: {file.path}"
        try:
            value = strict_json.dumps(_read(data, counts))
        except ValueError as error:
            raise SourceError(f"{where}, {error}") from error
        *folders, name = file.path.split("/")
        try:
            stem = released_stem(make_key(name))
        except DataError as error:
            error.add_note(f"from {where}")
            raise
        if folders and WNID.fullmatch(folders[-1]) and not stem.startswith(f"{folders[-1]}_"):
            counts["files in another class's folder, used by their own names"] += 1
        if not records.add(stem, value):
            if records.get(stem) != value:
                raise SourceError(f"{where} and an earlier file have different boxes for the image {stem}")
            counts["files that repeat another"] += 1
    if not records:
        raise SourceError(f"there are no boxes (files '*.xml') in {url}")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        return None if value is None else Annotation(metadata=strict_json.loads(value, max_bytes=len(value)))

    notes = [quantity(count, what) for what, count in counts.items()]
    notes += ignored_notes(ignored, "files that are not XML")
    return Labels(url, find, len(records), fields=FIELDS, notes=tuple(notes), sha256=records.sha256)


def _read(data: bytes, counts: Counter[str]) -> dict[str, Any]:
    voc = parse_voc(data)
    found = []
    for name, written in voc.objects:
        corners, repairs = normalise_box(written, voc.size)
        counts.update(f"boxes {repair}" for repair in repairs)
        if corners is not None:
            found.append(box_metadata(name, corners))
    return {"boxes": found, "boxes_size": list(voc.size)}


def _files(url: str, options: StorageOptions) -> Iterator[tuple[ListedFile, bytes]]:
    """Yield every file of an archive or a folder, with the bytes of XML files and no bytes of others."""
    if is_compressed(url, options):
        yield from stream_files(url, options)
        return
    found = find_file(url, options)
    if found is not None:
        store, info = found
        yield from _archive(store, info.path, "")
        return
    store = open_store(url, options)
    empty = True
    for info in store.list_objects():
        empty = False
        if _ARCHIVE.fullmatch(info.path):
            yield from _archive(store, info.path, info.path[: -len(".tar")] + "/")
            continue
        file = ListedFile(info.path, join_url(store.private_url, info.path), 0, info.size)
        wanted = _is_wanted(file)
        yield file, store.read(info.path, etag=info.etag, limit=info.size).data if wanted else b""
    if empty:
        raise no_input_error(url)


def _archive(store: Store, path: str, folder: str) -> Iterator[tuple[ListedFile, bytes]]:
    info = store.info(path)
    url = join_url(store.private_url, path)
    with open_reader(store, info) as read:
        for file in list_archive(read, info.size, url, folder):
            data = bytes(read(file.offset, file.size)) if _is_wanted(file) else b""
            if _is_wanted(file) and len(data) < file.size:
                raise CorruptError(f"{url} is cut off in {file.path!r} at offset {file.offset:,}")
            yield file, data


def _is_wanted(file: ListedFile) -> bool:
    if not file.path.lower().endswith(_XML):
        return False
    if file.size > MAX_BYTES:
        raise SourceError(
            f"{file.url}: {file.path} has {file.size:,} bytes; at most {MAX_BYTES:,} are allowed"
        )
    return True
