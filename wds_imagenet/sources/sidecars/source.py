"""`sidecars`: a tree of images, annotated by files of the same stem or by one JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import ClassNaming
from wds_imagenet.inputs.companions import Companions
from wds_imagenet.inputs.file_listing import FirstBytes, list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, key_path, no_images_error, visible_files
from wds_imagenet.inputs.keys import key_from_name, with_unique_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sources import columns
from wds_imagenet.sources.label_cells import LABELS, LabelValues
from wds_imagenet.sources.sidecars.annotations_json import read_annotations
from wds_imagenet.sources.sidecars.checks import check_sidecars
from wds_imagenet.sources.sidecars.sidecar_files import read_images, read_sidecars
from wds_imagenet.sources.source_options import Classes, LabelSeparator
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_NO_METADATA: Final[Metadata] = {}
_NO_FIELD: Final = "\0"
"""A field that no JSON has."""


def sidecars(
    url: str,
    *,
    annotations: Annotated[str | None, "one JSON with the labels and captions of all images"] = None,
    label_field: Annotated[str | None, "field of the JSON with the label"] = None,
    caption_field: Annotated[str | None, "field of the JSON with the caption"] = None,
    label_separator: LabelSeparator = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing:
    """List images that have annotation files beside them: a folder or a tar archive.

    Beside `cat.jpg`, `cat.cls` holds its label (the number or the name of a class), `cat.txt` its caption,
    and `cat.json` an object of metadata. Instead, one JSON may annotate all images; then the files beside
    the images are ignored. An image may lack any annotation.

    In JSON, label and caption are found by their usual names: label, class, cls, target; caption, text,
    title. If any image has a `.cls` or a `.txt`, only these files give labels or captions. All other fields
    become metadata.

    References are sorted by path, and kept on disk. Keys are the files' stems; stems that repeat get their
    folders in front. Costs a listing, 50 µs a file, and a request for each file beside an image.

    Args:
        url: the folder, or the archive.
        annotations: the JSON; an object by file name, or an array of objects.
        label_field: field of the JSON with the label; `""` for none.
        caption_field: field of the JSON with the caption; `""` for none.
        label_separator: text between the labels of an image, such as `;`; `""` for one label.
        classes: class list that gives each class its label.
        storage_options: options of the stores.

    Raises:
        SourceError: a file is malformed, two files have one key, or there are no images.
    """
    ignored, companions, heads = (
        IgnoredFiles(),
        Companions(url, classes, annotations),
        FirstBytes(storage_options),
    )
    files = visible_files(list_files(url, storage_options), ignored)
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    notes: list[str] = []
    if annotations is None:
        images = read_sidecars(files, companions, heads, storage_options)
        check_sidecars(url, images, companions, captions=caption_field is None)
    else:
        images = read_images(files, companions, heads)
    if not any(image.fault is None for image in images):
        raise no_images_error(url, IgnoredFiles.of(image.name for image in images), companions, ignored)
    if annotations is not None:
        images, notes = read_annotations(annotations, images, storage_options)
        notes += IgnoredFiles.notes(companions, "files that are no images")
    else:
        notes += companions.notes("files that belong to no image")
    where = url if annotations is None else annotations
    fields = _Fields.choose(images, label_field, caption_field, where)
    labels = fields.labels(images, where, LabelValues(label_separator))
    naming = labels.label_classes(listed)
    references = SpilledReferences(fields.references(images, labels, naming, where))
    references = with_unique_keys(references, lambda place: f"{url}: {references[place].name}", key_path)
    return Listing(
        references, naming.classes, (*ignored.notes("hidden and system files"), *notes, *naming.notes)
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of the JSON with label and caption; None for the sidecar files `.cls` and `.txt`."""

    label: str | None
    caption: str | None

    @classmethod
    def choose(cls, images: SpilledReferences, label: str | None, caption: str | None, where: str) -> Self:
        """Choose the fields asked for, or the usual ones; raise `SourceError` if no image has the field."""
        names: dict[str, None] = {}
        suffixes: set[str] = set()
        for image in images:
            suffixes |= image.metadata.keys()
            names |= dict.fromkeys(image.metadata.get("json", ()))

        def field(asked: str | None, usual: tuple[str, ...], suffix: str) -> str | None:
            if asked == "":
                return _NO_FIELD
            if asked is None and suffix in suffixes:
                return None
            if usual is columns.LABEL:
                return columns.choose_label(names, asked, where, "label_field")
            return columns.choose_column(names, asked, usual, where)

        return cls(field(label, columns.LABEL, "cls"), field(caption, columns.CAPTION, "txt"))

    def labels(self, images: SpilledReferences, where: str, labels: LabelValues) -> LabelValues:
        """Return the distinct labels of the images."""
        for image in images:
            labels.add(_value(image, self.label, "cls"), lambda: f"{where}: {image.name}")  # noqa: B023 - called at once
        return labels

    def references(
        self, images: SpilledReferences, labels: LabelValues, naming: ClassNaming, where: str
    ) -> Iterator[Reference]:
        """Yield the images with label, caption and metadata; their keys are made from their stems."""
        for image in images:
            path = image.name
            metadata = image.metadata.get("json", _NO_METADATA)
            label, several = labels.find(_value(image, self.label, "cls"), naming)
            if several and LABELS in metadata and self.label != LABELS:
                raise SourceError(
                    f"{where}: {path} has the field {LABELS!r} of all labels already: rename it"
                )
            yield Reference(
                key_from_name(key_path(path.rpartition("/")[2]), lambda: f"{where}: {path}"),  # noqa: B023 - called at once
                image.url,
                image.offset,
                image.size,
                path,
                label,
                columns.caption_of(_value(image, self.caption, "txt"), f"{where}: {path}"),
                {
                    **{n: value for n, value in metadata.items() if n not in (self.label, self.caption)},
                    **several,
                },
                fault=image.fault,
            )


def _value(image: Reference, field: str | None, suffix: str) -> Any:  # noqa: ANN401 - a JSON value
    return (
        image.metadata.get(suffix) if field is None else image.metadata.get("json", _NO_METADATA).get(field)
    )
