"""The manifest of a data set and the files beside it, made from receipts. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from wds_imagenet.format.info_files import companion_files
from wds_imagenet.format.manifest import KEYS_PATH, Manifest, Shard
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import Recipe
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.publish.job import FinalFiles
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.util import strict_json


def dataset_files(recipe: Recipe, layout: Layout, receipts: Iterable[Receipt]) -> FinalFiles:
    """Return the manifest of a data set, its key list, its report and its companion files.

    Costs the memory of all keys, and of the receipts one at a time.
    """
    shards: list[Shard] = []
    lines: list[bytes] = []
    remarks: list[bytes] = []
    labels: Counter[int] = Counter()
    for receipt in receipts:
        shards.append(receipt.shard)
        lines.append("".join(f"{key}\n" for key in receipt.keys).encode())
        remarks += (strict_json.dumps(remark.to_json()) + b"\n" for remark in receipt.remarks)
        labels.update(receipt.labels)
    keys, report = b"".join(lines), b"".join(remarks)
    manifest = Manifest(
        name=recipe.options.name,
        split=recipe.options.split,
        suffixes=recipe.schema.suffixes,
        keys_sha256=hashlib.sha256(keys).hexdigest(),
        shards=tuple(shards),
        classes=class_table(recipe.schema, labels),
        plan=recipe.plan,
        report_sha256=hashlib.sha256(report).hexdigest() if layout.report else None,
    )
    others = {KEYS_PATH: keys, **({layout.report: report} if layout.report else {})}
    return FinalFiles(manifest, {**others, **companion_files(manifest)})


def class_table(schema: Schema, labels: Mapping[int, int]) -> tuple[Metadata, ...]:
    """Return the fields of each class and, if samples have one label each, its number of samples."""
    classes = []
    for label, record in enumerate(schema.classes):
        head: dict[str, Any] = {"name": record.get("class_name", str(label))}
        head |= {"samples": labels.get(label, 0)} if schema.labelled else {}
        rest = {name: value for name, value in record.items() if name not in {"class_name", "samples", *head}}
        classes.append(head | rest)
    return tuple(classes)
