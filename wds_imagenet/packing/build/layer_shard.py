"""One tar of a label layer: from annotations to a checked file and its receipt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from wds_imagenet.format.tar import archive_end
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import check_readable, tar_parts
from wds_imagenet.packing.build.shard_file import BlockContent, ShardFile
from wds_imagenet.packing.plan.attachments import contents
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.plan.shard_task import LayerTask
from wds_imagenet.util import strict_json


def build_layer_shard(
    task: LayerTask, plan: str, schema: Schema, attached: Iterable[Sequence[bytes]], path: Path
) -> Receipt:
    """Write one tar of a layer to a file, read it back, and return its receipt.

    The same annotations give the same bytes in any process.

    Args:
        task: the tar's name and samples.
        plan: the fingerprint of the layer's plan.
        schema: the members and fields of each sample.
        attached: the bytes of each sample's attachments.
        path: the file to write.

    Raises:
        SourceError: a sample's metadata is too large or too deep.
        CorruptError: the file system returns other bytes than were written.
        OSError: the file cannot be written.
    """
    samples = (
        (reference.key, list(tar_parts(reference.key, _members(reference, attachments, schema))))
        for reference, attachments in zip(task.references, attached, strict=True)
    )
    with ShardFile.create(path) as file:
        for content in _blocks(samples, task.blocks):
            file.add(content)
    labels = Counter(r.label for r in task.references if r.label is not None)
    keys = tuple(reference.key for reference in task.references)
    return Receipt(plan, file.shard(task.name), keys, dict(labels), ())


def _blocks(samples: Iterator[tuple[str, list[bytes]]], counts: Sequence[int]) -> Iterator[BlockContent]:
    total = 0
    for number, count in enumerate(counts, 1):
        block = list(islice(samples, count))
        parts = [part for _, sample in block for part in sample]
        total += sum(map(len, parts))
        last = number == len(counts)
        yield BlockContent(
            [*parts, archive_end(total)] if last else parts, [key for key, _ in block], last=last
        )


def _members(reference: Reference, attached: Sequence[bytes], schema: Schema) -> Iterator[tuple[str, bytes]]:
    suffixes = schema.layer_suffixes
    if "cls" in suffixes:
        yield "cls", str(reference.label).encode()
    if "json" in suffixes:
        record = strict_json.dumps(schema.record(reference, {}))
        check_readable(record, reference)
        yield "json", record
    if "txt" in suffixes:
        yield "txt", (reference.caption or "").encode()
    yield from contents(reference, attached)
