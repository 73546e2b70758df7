"""`imagenet-v2`: the three test sets of Recht et al., each of ten new images for each of the classes.

As released, `imagenetv2-matched-frequency.tar.gz`, which despite its name is a plain tar::

    imagenetv2-matched-frequency-format-val/0/<40 hexadecimal digits>.jpeg
    imagenetv2-matched-frequency-format-val/999/…

The folder is the label itself, so it is read as a number: sorted as text, 10 comes before 2.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.inputs.file_listing import folder_name, list_files
from wds_imagenet.inputs.gzip_images import STREAM_NOTE, first_image, read_streamed_images, stream_identity
from wds_imagenet.inputs.gzip_tar import is_gzipped
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, no_images_error
from wds_imagenet.inputs.keys import duplicate_key_error, first_duplicate_key, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

VARIANTS: Final = ("matched-frequency", "threshold0.7", "top-images")
_PER_CLASS: Final = 10
_FOLDER: Final = re.compile(rf"imagenetv2-({'|'.join(map(re.escape, VARIANTS))})(?:-format-val)?")
_PATH: Final = re.compile(r"(?:(.*)/)?([0-9]{1,4})/([0-9a-f]{40}\.[A-Za-z]+)", re.DOTALL)
_FIELDS: Final[Mapping[str, Kind]] = {"variant": "text"}


def imagenet_v2(
    url: str,
    *,
    variant: Annotated[
        str | None, "which one, matched-frequency, threshold0.7 or top-images, if no folder says"
    ] = None,
    keys: Annotated[
        str | None, "what keys are: 'hash' (the default), or 'variant' to put the variant before it"
    ] = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one variant of ImageNet-V2: an archive as released, whatever it is packed with, or a folder.

    The label is the number that the class folder is called by, 0 to 999, whichever others are there.
    The variant is told by the folder around these, or named, and goes into the JSON. `class_info.json` or
    a class list of the thousand gives names. Keys are the images' hashes, unique within a variant; the
    variants share images, so who packs several to be read together puts the variant before them.

    References come by label, then by key. Counts that differ from the published ten a class are noted.
    Costs a listing, or the headers of the archive; a gzipped archive gives a stream, in its own order.
    Raises `SourceError` for an image in no such folder, or whose name is no hash.
    """
    if variant is not None and variant not in VARIANTS:
        raise UsageError(f"option variant={variant!r}: ImageNet-V2 has {', '.join(VARIANTS)}")
    if keys not in (None, "hash", "variant"):
        raise UsageError(f"option 'keys' is hash or variant, not {keys!r}")
    table = () if classes is None else _read_table(classes, storage_options)
    if is_gzipped(url, storage_options):
        return _stream(url, variant, keys, table, storage_options)
    above = "" if find_file(url, storage_options) else f"{folder_name(url)}/"
    others, hidden = IgnoredFiles(), IgnoredFiles()
    images = SpilledReferences(image_references(list_files(url, storage_options), others, hidden))
    if not images:
        raise no_images_error(url, others, hidden)
    there = {told for image in images if (told := _variant(above + image.name))}
    chosen = _choose(url, variant, there)
    known: Metadata = {"variant": chosen}
    found = (
        _refer(
            ListedFile(image.name, image.url, image.offset, image.size or 0), known, keyed=keys == "variant"
        )
        for image in images
        if _variant(above + image.name) in (None, chosen)
    )
    references = spill_in_order(found, lambda reference: (reference.label or 0, reference.key))
    if not references:
        raise SourceError(f"there are no images of {chosen} in {url}, only of {', '.join(sorted(there))}")
    if (pair := first_duplicate_key(references)) is not None:
        one, other = (references[place] for place in pair)
        raise duplicate_key_error(_where(one), _where(other), one.key)
    notes = [*hidden.notes("hidden files"), *others.notes("files that are no images")]
    if len(references) < len(images):
        notes.append(f"passed over {len(images) - len(references):,} images of other variants")
    return Listing(references, table, (*notes, *_count(references)), "test")


def _stream(
    url: str, variant: str | None, keys: str | None, table: tuple[Metadata, ...], options: StorageOptions
) -> Stream:
    told = _variant(first_image(url, options).path)
    chosen = _choose(url, variant, {told} if told else set())
    known: Metadata = {"variant": chosen}

    def refer(file: ListedFile) -> Reference:
        if _variant(file.path) not in (None, chosen):
            raise SourceError(f"{file.url}: {file.path!r} is not of the variant {chosen}, as others are")
        return _refer(file, known, keyed=keys == "variant")

    what = {"source": "imagenet-v2", "variant": chosen, "keys": keys or "hash"}
    return Stream(
        identity=stream_identity(url, options, table, **what),
        images=partial(read_streamed_images, url, options, refer),
        labelled=True,
        fields=_FIELDS,
        classes=table,
        notes=(f"{STREAM_NOTE}; {chosen} was published with {_PER_CLASS * CLASSES:,} images",),
        split="test",
        published=_PER_CLASS * CLASSES,
    )


def _read_table(url: str, options: StorageOptions) -> tuple[Metadata, ...]:
    classes = read_classes(url, storage_options=options).classes
    wnids = [info.get("wnid", "") for info in classes]
    if len(classes) != CLASSES or wnids != sorted(wnids):
        raise SourceError(
            f"{url} lists {len(classes):,} classes, or not in the order of their WNIDs; the labels of "
            "ImageNet-V2 are the places of ILSVRC2012's thousand, sorted"
        )
    return classes


def _variant(path: str) -> str | None:
    """Return the variant that a folder in a path is called by, the nearest to the image."""
    folders = reversed(path.split("/")[:-1])
    return next((match[1] for folder in folders if (match := _FOLDER.fullmatch(folder))), None)


def _choose(url: str, variant: str | None, there: set[str]) -> str:
    if variant is None:
        if len(there) == 1:
            return next(iter(there))
        found = f"several ({', '.join(sorted(there))})" if there else "none"
        raise SourceError(
            f"{url} has folders of {found} of ImageNet-V2's variants: give option 'variant', one of "
            f"{', '.join(VARIANTS)}"
        )
    if there and variant not in there:
        raise SourceError(f"{url} has images of {', '.join(sorted(there))}, by its folders, not of {variant}")
    return variant


def _refer(file: ListedFile, known: Metadata, *, keyed: bool) -> Reference:
    match = _PATH.fullmatch(file.path)
    label = int(match[2]) if match else CLASSES
    if match is None or label >= CLASSES:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} is no image of ImageNet-V2: those are "
            "called by 40 hexadecimal digits, in folders from 0 to 999"
        )
    key = key_of_file(file, f"{known['variant']}/{match[3]}" if keyed else match[3])
    return Reference(key, file.url, file.offset, file.size, match[3], label, None, known)


def _where(reference: Reference) -> str:
    return f"{reference.url}: {reference.label}/{reference.name} at offset {reference.offset:,}"


def _count(references: Sequence[Reference]) -> list[str]:
    counts = Counter(reference.label for reference in references)
    published = _PER_CLASS * CLASSES
    notes = []
    if len(references) != published:
        notes.append(
            f"{quantity(len(references), 'images')}, where the variant was published with {published:,}"
        )
    wrong = [label for label in range(CLASSES) if counts[label] != _PER_CLASS]
    if wrong:
        notes.append(
            f"{quantity(len(wrong), 'classes have')} not {_PER_CLASS} images, the first is {wrong[0]}"
        )
    return notes
