"""The options of all sources, as keyword arguments of `pack`."""

from typing import TypedDict


class SourceOptions(TypedDict, total=False):
    """Options of a source; `wds-imagenet pack SOURCE --help` describes those of one source.

    `split` is not among them: it is an option of `pack` itself.
    """

    allow_private_networks: bool
    annotations: str
    boxes: str
    caption: str
    caption_column: str
    caption_field: str
    class_list: str
    classes: str
    delimiter: str
    devkit: str
    duplicates: str
    fetch: str
    gather: bool
    image: str
    image_column: str
    image_labels: str
    images: str
    key_ends: str
    key_column: str
    keys: str
    label: str
    label_column: str
    label_field: str
    label_separator: str
    label_suffix: str
    leave_out: str
    max_json_bytes: int
    missing: str
    names: str
    nan_as: str
    null_as: str
    numeric_classes: bool
    others: str
    relabel: str
    release: str
    root: str
    rotation: str
    select_keys: str
    select_labels: str
    solution: str
    tree: str
    variant: str
