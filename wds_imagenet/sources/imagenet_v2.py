"""`imagenet-v2`: the three test sets of Recht et al., each with ten new images a class.

As released, `imagenetv2-matched-frequency.tar.gz`, a plain tar in spite of its name::

    imagenetv2-matched-frequency-format-val/0/<40 hexadecimal digits>.jpeg
    imagenetv2-matched-frequency-format-val/999/…

The folder is the label, read as a number: sorted as text, 10 would come before 2.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.inputs.archives.compressed_images import (
    STREAM_NOTE,
    first_image,
    read_streamed_images,
    stream_identity,
)
from wds_imagenet.inputs.archives.compressed_tar import is_compressed
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.file_listing import folder_name, list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, is_image, key_path, no_images_error, visible_files
from wds_imagenet.inputs.keys import duplicate_key_error, faulty, first_duplicate_key, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Kind, Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

VARIANTS: Final = ("matched-frequency", "threshold0.7", "top-images")
_PER_CLASS: Final = 10
_FOLDER: Final = re.compile(rf"imagenetv2-({'|'.join(map(re.escape, VARIANTS))})(?:-format-val)?")
_PATH: Final = re.compile(r"(?:(.*)/)?([0-9]{1,4})/([0-9a-f]{40}(?:\.[A-Za-z0-9]+)?)", re.DOTALL)
_CLASS_FOLDER: Final = re.compile(r"(?:.*/)?[0-9]{1,4}", re.DOTALL)
_FIELDS: Final[Mapping[str, Kind]] = {"variant": "text"}


def imagenet_v2(
    url: str,
    *,
    variant: Annotated[
        str | None,
        "matched-frequency, threshold0.7 or top-images; required unless the folder names have exactly one "
        "of them",
    ] = None,
    keys: Annotated[
        str | None,
        "'hash' (the default): keys are image hashes; 'variant': keys are the variant and the image hash",
    ] = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one variant of ImageNet-V2: an archive as released, plain or gzipped, or a folder.

    The label is the number that names the class folder, 0 to 999. The variant is read from the folder around
    the class folders, or given as an option, and stored in the JSON. A class list of the thousand, such as
    `class_info.json`, gives names.

    Keys are the images' hashes, unique within a variant. The variants share images: to read several
    variants together, pack them with `keys="variant"`. References are sorted by label, then by key. Notes
    report classes that have not ten images. Costs a listing, or reading the headers of the archive. A gzipped
    archive gives a stream, in its own order.

    Args:
        url: the archive, or the folder.
        variant: `matched-frequency`, `threshold0.7` or `top-images`.
        keys: `hash` or `variant`.
        classes: class list of ILSVRC2012's thousand classes.
        storage_options: options of the stores.

    Raises:
        SourceError: an image lies outside of the class folders, or its name is no hash.
        UsageError: an option has no such value.
    """
    if variant is not None and variant not in VARIANTS:
        raise UsageError(f"option variant={variant!r}: ImageNet-V2 has {', '.join(VARIANTS)}")
    if keys not in (None, "hash", "variant"):
        raise UsageError(f"option 'keys' is hash or variant, not {keys!r}")
    table = () if classes is None else _read_table(classes, storage_options)
    if is_compressed(url, storage_options):
        return _stream(url, variant, keys, table, storage_options)
    above = "" if find_file(url, storage_options) else f"{folder_name(url)}/"
    skipped, hidden = IgnoredFiles(), IgnoredFiles()
    files = visible_files(list_files(url, storage_options), hidden)
    images = SpilledReferences(_without_companions(files, skipped))
    if not any(is_image(image.name) for image in images):
        raise no_images_error(url, skipped, hidden)
    variants = {found for image in images if (found := _variant(above + image.name))}
    chosen = _choose(url, variant, variants)
    metadata: Metadata = {"variant": chosen}
    chosen_images = (
        _reference(
            ListedFile(image.name, image.url, image.offset, image.size or 0, image.fault),
            metadata,
            in_key=keys == "variant",
        )
        for image in images
        if _variant(above + image.name) in (None, chosen)
    )
    references = spill_in_order(chosen_images, lambda reference: (reference.label or 0, reference.key))
    if not references:
        raise SourceError(f"there are no images of {chosen} in {url}, only of {', '.join(sorted(variants))}")
    if (pair := first_duplicate_key(references)) is not None:
        one, other = (references[place] for place in pair)
        raise duplicate_key_error(_where(one), _where(other), one.key)
    notes = [*hidden.notes("hidden and system files"), *skipped.notes("files beside the class folders")]
    if len(references) < len(images):
        notes.append(f"ignored {len(images) - len(references):,} images of other variants")
    return Listing(references, table, (*notes, *_count_notes(references)), "test")


def _is_companion(path: str) -> bool:
    """Return True for a file in no class folder whose name is not that of an image."""
    return not is_image(path) and not _CLASS_FOLDER.fullmatch(path.rpartition("/")[0])


def _without_companions(files: Iterable[Reference], skipped: IgnoredFiles) -> Iterator[Reference]:
    for file in files:
        if file.fault is None and _is_companion(file.name):
            skipped.add(file.name)
        else:
            yield file


def _stream(
    url: str, variant: str | None, keys: str | None, table: tuple[Metadata, ...], options: StorageOptions
) -> Stream:
    found = _variant(first_image(url, options).path)
    chosen = _choose(url, variant, {found} if found else set())
    metadata: Metadata = {"variant": chosen}

    def refer(file: ListedFile) -> Reference | None:
        if file.fault is None and _is_companion(file.path):
            return None
        if _variant(file.path) not in (None, chosen):
            raise SourceError(
                f"{file.url}: {file.path!r} at offset {file.offset:,} is not of the variant {chosen}: an "
                "archive holds images of one variant"
            )
        return _reference(file, metadata, in_key=keys == "variant")

    choices = {"source": "imagenet-v2", "variant": chosen, "keys": keys or "hash"}
    return Stream(
        identity=stream_identity(url, options, table, **choices),
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
            f"{url} lists {len(classes):,} classes, or not in the order of their WNIDs: the labels of "
            "ImageNet-V2 are the positions of ILSVRC2012's 1,000 WNIDs, sorted"
        )
    return classes


def _variant(path: str) -> str | None:
    """Return the variant in the name of the folder nearest to the image, None if no folder has one."""
    folders = reversed(path.split("/")[:-1])
    return next((match[1] for folder in folders if (match := _FOLDER.fullmatch(folder))), None)


def _choose(url: str, variant: str | None, found: set[str]) -> str:
    if variant is None:
        if len(found) == 1:
            return next(iter(found))
        listed = f"several ({', '.join(sorted(found))})" if found else "none"
        raise SourceError(
            f"{url} has folders of {listed} of ImageNet-V2's variants: give option 'variant', one of "
            f"{', '.join(VARIANTS)}"
        )
    if found and variant not in found:
        raise SourceError(f"{url} has folders of {', '.join(sorted(found))}, but not of {variant}")
    return variant


def _reference(file: ListedFile, metadata: Metadata, *, in_key: bool) -> Reference:
    match = _PATH.fullmatch(file.path)
    if file.fault is not None or (match is None and not is_image(file.path)):
        return faulty(file, file.fault or "its name is not that of an image of ImageNet-V2")
    label = int(match[2]) if match else CLASSES
    if match is None or label >= CLASSES:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} is not an image of ImageNet-V2: the name "
            "has 40 hexadecimal digits, and the folder is a number from 0 to 999"
        )
    key = key_of_file(file, key_path(f"{metadata['variant']}/{match[3]}" if in_key else match[3]))
    return Reference(key, file.url, file.offset, file.size, match[3], label, None, metadata)


def _where(reference: Reference) -> str:
    return f"{reference.url}: {reference.label}/{reference.name} at offset {reference.offset:,}"


def _count_notes(references: Sequence[Reference]) -> list[str]:
    counts = Counter(reference.label for reference in references)
    published = _PER_CLASS * CLASSES
    notes = []
    if len(references) != published:
        notes.append(f"{quantity(len(references), 'images')}; the variant was published with {published:,}")
    wrong = [label for label in range(CLASSES) if counts[label] != _PER_CLASS]
    if wrong:
        notes.append(
            f"{quantity(len(wrong), 'classes have')} not {_PER_CLASS} images, the first is {wrong[0]}"
        )
    return notes
