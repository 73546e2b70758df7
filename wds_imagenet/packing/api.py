"""`pack`: a data set as it was released, packed into shards and a manifest."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Unpack

from wds_imagenet.errors import UsageError
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.engines.registry import open_engine
from wds_imagenet.packing.label_files import LabelOptions, open_labels
from wds_imagenet.packing.options import JpegPolicy, OnBad, PackOptions
from wds_imagenet.packing.pack_dataset import RunOptions, pack_listing, pack_stream
from wds_imagenet.packing.plan.label_join import Unmatched
from wds_imagenet.packing.publish.preflight import check_apart, check_destination, check_optimizer
from wds_imagenet.packing.publish.run import OnProgress
from wds_imagenet.packing.report import PackReport
from wds_imagenet.packing.source_keywords import SourceOptions
from wds_imagenet.packing.unlabelled import treat_unlabelled
from wds_imagenet.sources import SOURCES, Source, options_of, takes_several
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.argument_types import check_arguments
from wds_imagenet.util.messages import unknown_name


def pack(
    source: str,
    *inputs: str,
    dest: str,
    name: str | None = None,
    split: str | None = None,
    shard_bytes: int | None = None,
    samples_per_shard: int | None = None,
    block_bytes: int | None = None,
    shuffle: bool | None = None,
    seed: int = 0,
    window_bytes: int = 1 << 30,
    jpeg: str = "keep",
    on_bad: OnBad = "fail",
    max_pixels: int = MAX_PIXELS,
    max_image_bytes: int = 256 << 20,
    labels: Mapping[str, str] | None = None,
    captions: str | None = None,
    label_options: Mapping[str, str] | None = None,
    class_names: Mapping[str, str] | None = None,
    without_label: Unmatched | None = None,
    without_caption: Unmatched = "keep",
    workers: int | None = None,
    storage_options: StorageOptions = NO_OPTIONS,
    source_storage_options: StorageOptions = NO_OPTIONS,
    on_progress: OnProgress | None = None,
    dry_run: bool = False,
    check: bool = False,
    **source_options: Unpack[SourceOptions],
) -> PackReport:
    """Pack a data set as it was released into shards and a manifest, on any store.

    `pack` guarantees three things. The manifest exists only when every shard is whole and in place. The
    same inputs and options give the same bytes, for any number of workers and of interrupted runs. `pack`
    overwrites only files of the same plan.

    A run that fails before it builds its first shard leaves no files. After a crash, the next run continues
    the work. After a finished run, another run changes nothing.

    `pack` rejects contradictory options before it lists the input. It also rejects a destination that holds
    the work of other options.

    Args:
        source: name of the source, such as `imagenet` or `imagefolder`.
        inputs: URLs of the data set as it was released; most sources take one.
        dest: URL of the packed data set.
        name: name of the data set, in the shards' names; by default, the folder of `dest`.
        split: `train`, `validation`, `test` or another name. The default is the split that the source finds,
            or `train`.
        shard_bytes: approximate size of a shard; by default, 256 MiB.
        samples_per_shard: samples in a shard, instead of `shard_bytes`.
        block_bytes: size of the parts that readers fetch; by default, 2 MiB, less for small data sets.
        shuffle: put the samples in a random order; by default, only those of the split `train`.
        seed: seed of the random order.
        window_bytes: memory for shuffling a stream, which `pack` can only read from beginning to end.
        jpeg: `keep`, `optimize`, `resize=256`, `resize=256:q90`, or `resize=256:optimize`.
        on_bad: treatment of an image that cannot be used.
        max_image_bytes: the most bytes of an image; no larger file is read into memory.
        max_pixels: the most pixels of an image; of a JPEG that is resized, at the scale of decoding.
        labels: URLs of label files, by the name of the label source, such as `real`.
        captions: URL of a file of captions.
        label_options: options of label sources, such as `kaggle.synsets`.
        class_names: URLs of files of class names, by language, such as `fr`.
        without_label: treatment of an image without a label, or without an entry in a file of `labels`, if
            others have one: "drop" leaves it out, "keep" packs it with the label -1, "fail" refuses it. None
            refuses it only if a label is missing.
        without_caption: treatment of an image if the file `captions` has no text for it.
        workers: processes; by default, one for each CPU.
        storage_options: options of the store of `dest`.
        source_storage_options: options of the store of the inputs and label files.
        on_progress: a function that `pack` calls for each finished shard, also for those of earlier runs.
        dry_run: list and plan, and write nothing.
        check: read every finished shard, and build missing and damaged ones again.
        source_options: options of the source, such as `classes`.

    Raises:
        UsageError: the options contradict each other, or do not exist.
        PlanError: the destination has files of another plan, or other files that `pack` would overwrite.
        SourceError: the inputs or label files cannot be read, or contradict each other.
        ImageError: an image is unusable, and `on_bad` does not allow `pack` to skip or repair it.
        CorruptError: shards of a finished data set are missing or damaged, and `check` is not set.
        StoreError: a store fails.
    """
    check_arguments(pack, locals())
    lister = _source(source, inputs, source_options)
    options = PackOptions(
        name=default_name(dest, split or "train") if name is None else name,
        split=split or "train",
        shard_bytes=256 << 20 if shard_bytes is None else shard_bytes,
        samples_per_shard=samples_per_shard,
        block_bytes=block_bytes,
        shuffle=shuffle,
        seed=seed,
        window_bytes=window_bytes,
        jpeg=JpegPolicy.parse(jpeg),
        on_bad=on_bad,
        max_pixels=max_pixels,
        max_image_bytes=max_image_bytes,
    )
    if samples_per_shard is not None and shard_bytes is not None:
        raise UsageError("give option 'samples_per_shard' or option 'shard_bytes', not both")
    label_files = LabelOptions(
        labels or {}, captions, label_options or {}, class_names or {}, without_label, without_caption
    ).with_devkit(source_options.get("devkit"))
    check_optimizer(options)
    check_apart(inputs, dest)
    asks_split = "split" in {option.name for option in options_of(lister)}
    undecided = _undecided(options, named=name is not None, split_known=split is not None and not asks_split)
    check_destination(open_store(dest, storage_options), options, undecided)
    engine = open_engine(workers)
    if not dry_run:
        engine.warm_up()
    opened = open_labels(label_files, source_storage_options)
    own = {"split": split} if asks_split and split is not None else {}
    listed = lister(*inputs, **source_options, **own, storage_options=source_storage_options)
    if asks_split or split is None:
        split = listed.split or split or "train"
    options = replace(options, split=split, name=default_name(dest, split) if name is None else name)
    run_options: RunOptions = {
        "workers": workers,
        "storage_options": storage_options,
        "source_storage_options": source_storage_options,
        "on_progress": on_progress,
        "dry_run": dry_run,
        "check": check,
    }
    annotated = treat_unlabelled(opened.annotate(listed), without_label)
    if isinstance(annotated, Stream):
        return pack_stream(annotated, dest, options, **run_options)
    return pack_listing(annotated, dest, options, **run_options)


def _source(name: str, inputs: Collection[str], options: Mapping[str, object]) -> Source:
    """Return a source. Raises `UsageError` unless it exists, and takes these inputs and options."""
    source = SOURCES.get(name)
    if source is None:
        raise UsageError(f"there is no source {name!r}, only {', '.join(SOURCES)}")
    known = {option.name for option in options_of(source)}
    if surplus := options.keys() - known:
        known |= {field.name for kind in (PackOptions, LabelOptions) for field in fields(kind)}
        raise unknown_name(f"option of {name} or of packing", surplus, known)
    check_arguments(source, options)
    if not inputs or (len(inputs) > 1 and not takes_several(source)):
        number = "one or more inputs" if takes_several(source) else "one input"
        raise UsageError(f"the source {name} takes {number}, not {len(inputs)}")
    return source


def _undecided(options: PackOptions, *, named: bool, split_known: bool) -> set[str]:
    """Return the names of options that only the listing decides."""
    undecided = set() if split_known else {"split", "shuffle"}
    if undecided and not named:
        undecided.add("name")
    if options.shuffle is not None:
        undecided.discard("shuffle")
    if options.block_bytes is None:
        undecided.add("block_bytes")
    return undecided
