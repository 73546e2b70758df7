"""`imagefolder`: lists one folder of images a class."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import label_classes
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.companions import Companions
from wds_imagenet.inputs.file_listing import FirstBytes, list_files
from wds_imagenet.inputs.image_files import (
    IgnoredFiles,
    is_image,
    key_path,
    no_images_error,
    visible_files,
)
from wds_imagenet.inputs.keys import key_of_file, with_unique_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.sources.imagefolder import layout_checks
from wds_imagenet.sources.imagefolder.class_folders import ClassFolders
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_NO_METADATA: Final[Metadata] = {}
_NO_FOLDER: Final = "it lies in a folder without images, and is none itself"


def imagefolder(
    url: str,
    *,
    classes: Classes = None,
    numeric_classes: Annotated[
        bool | None, "take folders named by any numbers, such as 20230101, as the labels themselves"
    ] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing:
    """List a folder, or a tar archive, that has one folder of images per class.

    Folders named by numbers have these as labels: 5 and 10 stay 5 and 10, even where 10 sorts before 5.
    Numbers that are far apart, such as dates, are numbered in their order, unless `numeric_classes` is set.
    Other names are numbered from 0 in code-point order, as torchvision numbers them. A class list fixes
    other labels.

    Images may lie deeper in the folder of their class. A folder around all classes is ignored, and so
    are folders without images. Every other file in a class folder is an image, whatever its suffix; the
    packer looks at its bytes. Files beside the class folders are ignored with a note.

    Keys are the files' stems; stems that repeat get their folders in front. References are sorted by label,
    then by path, and kept on disk. Costs a listing, and 40 µs an image.

    Args:
        url: the folder, or the archive.
        classes: class list that gives the label of each folder.
        numeric_classes: True to take any numbers as labels.
        storage_options: options of the store.

    Raises:
        SourceError: an image lies in no class folder, the folders are splits, two files have one key, or
            there are no images; or a table describes the images, which only the source `table` reads.
    """
    ignored = IgnoredFiles()
    found = ClassFolders(FirstBytes(storage_options))
    companions = Companions(url, classes)
    members = set[str]()
    visible = visible_files(list_files(url, storage_options, on_folder=members.add), ignored)
    files = SpilledReferences(found.watch(companions.without_named(visible)))
    found.find(files)
    unfiled, inner, used = IgnoredFiles(), dict[str, str](), set[str]()
    for file in files:
        folder = found.folder(file.name)
        companions.check(file.name)
        used.add(folder or "")
        if folder == "" and (is_image(file.name) or found.heads.is_image(file)):
            unfiled.add(file.name)
        elif folder == "":
            companions.add(file.name)
        elif folder in found.names:
            path = file.name[len(found.common) :].split("/")
            if len(path) > 2 and path[1] not in inner:
                inner[path[1]] = file.name
    if found.empty:
        raise no_images_error(url, IgnoredFiles.of(file.name for file in files), ignored)
    layout_checks.check_unfiled(url, unfiled)
    layout_checks.check_names(url, found.common, sorted(found.names), listed=classes is not None)
    layout_checks.check_inner_splits(url, inner)
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    naming = label_classes(
        found.names,
        listed,
        lambda name: f"{url}: folder {found.common}{name}",
        far_numbers=bool(numeric_classes),
    )
    _check_labels(url, naming.labels)

    def make_references() -> Iterator[Reference]:
        for file in files:
            folder = found.folder(file.name)
            if folder == "":
                continue
            known = folder in found.names
            path = file.name[len(found.common) :] if known else file.name
            place = ListedFile(path, file.url, file.offset, 0)
            yield Reference(
                key_of_file(place, key_path(path.rpartition("/")[2])),
                file.url,
                file.offset,
                file.size,
                path,
                naming.labels[folder] if known and folder is not None else None,
                None,
                _NO_METADATA,
                fault=file.fault or (None if known else _NO_FOLDER),
            )

    references = spill_in_order(make_references(), lambda reference: (reference.label or 0, reference.name))
    references = with_unique_keys(references, lambda place: f"{url}: {references[place].name!r}", key_path)
    notes = ignored.notes("hidden and system files")
    if found.common:
        notes.append(f"the classes are the folders in {found.common}")
    notes += companions.notes("files beside the class folders")
    notes += layout_checks.name_notes(sorted(found.names), inner)
    notes += layout_checks.empty_folders(url, found.common, found.names, used, members)
    if listed is None and not naming.classes:
        notes += layout_checks.number_notes(naming.labels.values())
    return Listing(references, naming.classes, (*notes, *naming.notes))


def _check_labels(url: str, labels: Mapping[str, int | None]) -> None:
    folders: dict[int | None, str] = {}
    for folder, label in labels.items():
        if folders.setdefault(label, folder) != folder:
            raise SourceError(f"{url}: the folders {folders[label]!r} and {folder!r} are both class {label}")
