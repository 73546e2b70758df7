"""The loader yields every sample, in an order that only its seed and epoch decide."""

import itertools
import json
import shutil

import numpy as np
import pytest
import torch

from wds_imagenet import Dataset, Decode, Loader, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.errors import ImageError, UsageError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.sample import make_key

WORLD_SIZES = (1, 2, 3, 4, 6, 8)
GLOBAL_BATCH = 48
CROP = RandomResizedCrop(8, flip=True)


@pytest.fixture(scope="module")
def small(small_shards):
    return Dataset.open(str(small_shards))


@pytest.fixture(scope="module")
def few(tmp_path_factory, small_paths):
    """150 of the small images: four batches."""
    folder = tmp_path_factory.mktemp("few")
    options = PackOptions("few", samples_per_shard=50, block_bytes=16 << 10)
    references = [
        Reference(make_key(p.name), str(p), 0, p.stat().st_size, p.name, i)
        for i, p in enumerate(small_paths[:150])
    ]
    pack_listing(Listing(references), str(folder), options, workers=1)
    return Dataset.open(str(folder))


def loader(dataset, *, rank=0, world_size=1, **options):
    options = {"threads": 2, **options}
    batch_size = GLOBAL_BATCH // world_size
    return Loader(dataset, CROP, batch_size, rank=rank, world_size=world_size, **options)


def rows(batch):
    """Return the batch's rows as comparable values, padding left out."""
    return [
        (key, int(label), image.numpy().tobytes())
        for key, label, image, real in zip(batch.keys, batch.labels, batch.images, batch.mask, strict=True)
        if real
    ]


def global_batches(dataset, world_size, state=None, **options):
    """Each global batch of the (rest of the) epoch, as the ranks' rows together, sorted by key."""
    ranks = [loader(dataset, rank=r, world_size=world_size, **options) for r in range(world_size)]
    for one in ranks:
        if state:
            one.load_state_dict(state)
    steps = zip(*ranks, strict=True)  # strict: every rank has as many batches
    return [sorted(itertools.chain(*map(rows, step))) for step in steps]


def test_an_epoch_has_every_photo_once_with_its_own_label_and_bytes(photo_shards, photo_paths):
    seen = {}
    for batch in Loader(str(photo_shards), ResizeCenterCrop(256, 224), 128, threads=2, with_json=True):
        for key, label, facts, real in zip(batch.keys, batch.labels, batch.json, batch.mask, strict=True):
            if real:
                assert key not in seen
                seen[key] = (int(label), facts["filename"])
    assert seen == {make_key(path.name): (i, path.name) for i, path in enumerate(photo_paths)}


def test_a_batch_is_uint8_in_channels_last_memory(small):
    batch = next(iter(loader(small)))
    assert batch.images.shape == (48, 3, 8, 8)
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.labels.dtype == torch.int64
    assert batch.mask.dtype == torch.bool


def test_the_global_batches_are_the_same_for_every_world_size(small):
    alone = global_batches(small, 1)
    assert sum(map(len, alone)) == 500
    assert len({key for batch in alone for key, _, _ in batch}) == 500
    for world_size in WORLD_SIZES[1:]:
        assert global_batches(small, world_size) == alone


@pytest.mark.parametrize("world_size", WORLD_SIZES)
def test_resuming_at_every_batch_boundary_gives_the_same_rest(small, world_size):
    whole = global_batches(small, 1)
    first = loader(small)
    states = [first.state_dict(), *(json.loads(json.dumps(first.state_dict())) for _ in first)]
    for done, state in enumerate(states[:-1]):
        assert global_batches(small, world_size, state) == whole[done:]


@pytest.mark.parametrize("saved_on", WORLD_SIZES)
def test_a_state_of_any_world_size_is_continued_on_every_other(few, saved_on):
    whole = global_batches(few, 1)
    ranks = [loader(few, rank=r, world_size=saved_on, threads=1) for r in range(saved_on)]
    boundaries = [[one.state_dict() for one in ranks]]
    boundaries += [[one.state_dict() for one in ranks] for _ in zip(*ranks, strict=True)][:-1]
    assert len(boundaries) == len(whole) == 4
    for done, states in enumerate(boundaries):
        assert all(state == states[0] for state in states)
        for world_size in WORLD_SIZES:
            if world_size != saved_on:
                rest = global_batches(few, world_size, json.loads(json.dumps(states[-1])), threads=1)
                assert rest == whole[done:]


def test_the_states_at_every_boundary_are_the_same_on_every_world_size(small):
    def states(world_size):
        ranks = [loader(small, rank=r, world_size=world_size, threads=1) for r in range(world_size)]
        return [[one.state_dict() for one in ranks] for _ in zip(*ranks, strict=True)]

    alone = [state for (state,) in states(1)]
    for world_size in WORLD_SIZES[1:]:
        assert states(world_size) == [[state] * world_size for state in alone]


def test_a_state_at_the_end_of_an_epoch_continues_with_the_next(small):
    first = loader(small)
    for _ in first:
        state = first.state_dict()  # the last one is taken inside the loop, before it ends
    second = [rows(batch) for batch in first]
    resumed = loader(small)
    resumed.load_state_dict(state)
    assert resumed.epoch == 1
    assert [rows(batch) for batch in resumed] == second


def test_prefetched_batches_are_not_in_the_state(small):
    one = loader(small)
    iteration = iter(one)
    next(iteration)
    next(iteration)
    assert one.state_dict()["samples"] == 2 * GLOBAL_BATCH


@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_the_number_of_threads_changes_nothing(small, threads):
    assert global_batches(small, 1, threads=threads) == global_batches(small, 1)


def test_each_iteration_is_the_next_epoch_in_another_order(small):
    one = loader(small)
    epochs = [[key for batch in one for key in batch.keys if key] for _ in range(3)]
    assert one.epoch == 2
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert epochs[0] != epochs[1] != epochs[2]


def test_an_iteration_without_a_batch_does_not_advance_the_epoch(small):
    one = loader(small)
    iter(one)
    iter(one)
    assert rows(next(iter(one))) == rows(next(iter(loader(small))))
    assert one.epoch == 0


def test_set_epoch_gives_that_epoch_and_leaves_a_loaded_state_alone(small):
    one = loader(small)
    whole = [[rows(b) for b in one] for _ in range(2)]
    one.set_epoch(1)
    iteration = iter(one)
    assert rows(next(iteration)) == whole[1][0]
    state = one.state_dict()
    two = loader(small)
    two.load_state_dict(state)
    two.set_epoch(1)
    assert [rows(b) for b in two] == whole[1][1:]


@pytest.mark.parametrize("world_size", WORLD_SIZES)
def test_evaluation_has_every_sample_once_and_equal_batches(small, world_size):
    batches = global_batches(small, world_size, shuffle=False)
    keys = [key for batch in batches for key, _, _ in batch]
    assert len(keys) == len(set(keys)) == 500


def test_without_shuffling_one_rank_sees_the_order_of_the_shards(small):
    keys = [key for batch in loader(small, shuffle=False) for key in batch.keys if key]
    assert keys == list(small.keys())


def test_drop_last_leaves_out_the_batch_that_is_not_full(small):
    dropped = loader(small, last="drop")
    batches = [rows(batch) for batch in dropped]
    assert len(batches) == len(dropped) == 500 // GLOBAL_BATCH
    assert {len(batch) for batch in batches} == {GLOBAL_BATCH}


def test_the_last_batch_has_only_its_samples_by_default(small):
    batches = list(loader(small))
    *_, last = batches
    real = 500 % GLOBAL_BATCH
    assert len(batches) == len(loader(small))
    assert len(last) == len(last.images) == len(last.labels) == len(last.json or last.keys) == real
    assert last.mask.all()
    padded = [*loader(small, last="pad")][-1]
    assert torch.equal(padded.images[:real], last.images)
    assert last.images.is_contiguous(memory_format=torch.channels_last)


def test_a_plain_functions_last_batch_is_short_too(small):
    *_, last = Loader(small, lambda sample: sample.image, GLOBAL_BATCH)
    assert last.images.shape == (500 % GLOBAL_BATCH, 16, 16, 3)


def test_a_rank_without_a_sample_in_the_short_batch_gets_one_row_of_padding(small):
    ranks = [[*Loader(small, CROP, 83, rank=rank, world_size=6)] for rank in range(6)]  # 498 and 2 are 500
    assert [len(batches) for batches in ranks] == [2] * 6
    assert [batches[-1].mask.tolist() for batches in ranks] == [[True]] * 2 + [[False]] * 4
    assert {len(batch) for batches in ranks for batch in batches[:-1]} == {83}


def test_a_batch_unpacks_into_images_and_labels(small):
    batch = next(iter(loader(small)))
    images, labels = batch
    assert images is batch.images
    assert labels is batch.labels


def test_the_last_batch_is_padded_with_zeros_and_a_mask_on_demand(small):
    *_, last = loader(small, last="pad")
    real = 500 % GLOBAL_BATCH
    assert last.mask.tolist() == [True] * real + [False] * (GLOBAL_BATCH - real)
    assert last.images[real:].sum() == 0
    assert set(last.labels[real:].tolist()) == {-100}
    assert set(last.keys[real:]) == {""}


def test_a_transform_of_the_users_own_gets_the_decoded_sample(small):
    def darkest(sample):
        assert sample.image.shape == (16, 16, 3)
        assert sample.json["filename"] == f"{sample.key}.jpg"
        return np.array([sample.label, sample.rng.uniform()], np.float32)

    one, two = (Loader(small, darkest, 100, threads=t) for t in (1, 4))
    for batch, again in zip(one, two, strict=True):
        assert batch.images.shape == (100, 2)
        assert torch.equal(batch.images[:, 0].long(), batch.labels)
        assert torch.equal(batch.images, again.images)


@pytest.mark.parametrize("made", [None, {"image": 1}, "text", [[1], [1, 2]]], ids=repr)
def test_the_error_of_a_transform_without_numbers_names_the_valid_results(small, made):
    with pytest.raises(
        UsageError, match=f"the transform returned {type(made).__name__}, where an array"
    ) as e:
        next(iter(Loader(small, lambda _: made, 10)))
    assert "in the transform of sample 'k" in e.value.__notes__[0]


def test_the_repr_of_a_loader_is_one_line(small):
    one = loader(small, world_size=2, rank=1)
    next(iter(one))
    place = "500 samples in batches of 24, rank 1 of 2, epoch 0 after 48 samples"
    assert repr(one) == f"Loader('{small.url}': {place})"


def test_arrays_of_different_shapes_cannot_be_stacked(small):
    def uneven(sample):
        return sample.image[: sample.label % 16 + 1]

    with pytest.raises(UsageError, match=r"shapes.*use Decode\(\)"):
        next(iter(Loader(small, uneven, 10)))


def test_decode_gives_a_list_of_whole_images(photo_shards):
    batch = next(iter(Loader(str(photo_shards), Decode(), 16, threads=2, with_json=True)))
    sizes = [(3, facts["height"], facts["width"]) for facts in batch.json]
    assert [tuple(image.shape) for image in batch.images] == sizes


def test_captions_come_on_demand(small):
    assert next(iter(loader(small))).captions is None
    assert next(iter(loader(small, with_captions=True))).captions == [""] * GLOBAL_BATCH


def test_a_state_of_another_data_set_seed_or_order_is_refused(small, photo_shards):
    state = loader(small).state_dict()
    with pytest.raises(UsageError, match="fingerprint"):
        loader(str(photo_shards)).load_state_dict(state)
    with pytest.raises(UsageError, match="the state has seed 0, this loader 1"):
        loader(small, seed=1).load_state_dict(state)
    with pytest.raises(UsageError, match="shuffle"):
        loader(small, shuffle=False).load_state_dict(state)
    with pytest.raises(UsageError, match="not the state"):
        loader(small).load_state_dict({"epoch": 1})
    with pytest.raises(UsageError, match="samples -1"):
        loader(small).load_state_dict({**state, "samples": -1})


def test_a_world_size_that_does_not_divide_the_lanes_is_refused(small):
    state = loader(small).state_dict()
    with pytest.raises(UsageError, match="world size 7 does not divide the 240 lanes"):
        Loader(small, CROP, 4, rank=0, world_size=7).load_state_dict(state)


def test_a_batch_larger_than_the_data_set_is_padded_or_refused(small):
    (batch,) = Loader(small, CROP, 600, last="pad")
    assert int(batch.mask.sum()) == 500
    with pytest.raises(UsageError, match="larger than the data set"):
        Loader(small, CROP, 600, last="drop")


def test_more_ranks_than_samples_still_have_equal_batches(small):
    ranks = [Loader(small, CROP, 1, rank=r, world_size=512, threads=1) for r in (0, 499, 500, 511)]
    masks = [[bool(batch.mask) for batch in rank] for rank in ranks]
    assert masks == [[True], [True], [False], [False]]


def test_an_image_that_cannot_be_decoded_ends_the_epoch_with_its_key_and_place(one_bad):
    with pytest.raises(ImageError) as caught:
        list(Loader(str(one_bad), CROP, 10))
    notes = " ".join(caught.value.__notes__)
    assert "k0007" in notes
    assert "small-train-000000.tar, bytes" in notes


def test_skipped_samples_are_masked_counted_and_in_the_state(one_bad):
    one = Loader(str(one_bad), CROP, 10, on_bad="skip")
    real = sum(int(batch.mask.sum()) for batch in one)
    assert real == 99
    assert one.stats().skipped == 1
    assert one.state_dict()["skipped"] == ["k0007"]


def test_ten_skipped_samples_are_all_named_and_one_more_ends_the_epoch(some_bad, caplog, tmp_path):
    keys = [f"k{number:04d}" for number in range(30, 40)]
    shards = some_bad({*keys, "k0090"})
    one = Loader(str(shards), CROP, 10, on_bad="skip", shuffle=False)
    with pytest.raises(ImageError) as caught:
        list(one)
    note = "11 samples of this epoch were bad, and at most 10 are skipped"
    assert note in caught.value.__notes__
    shutil.rmtree(tmp_path / "images")
    shutil.rmtree(shards)
    list(Loader(str(some_bad(set(keys))), CROP, 10, on_bad="skip", shuffle=False))
    (message,) = (r.message for r in caplog.records)
    start = "10 samples of epoch 0 left out as bad: "
    assert message.startswith(start)
    assert sorted(message.removeprefix(start).split(", ")) == keys


def test_skipped_samples_are_logged_at_the_end_of_the_epoch(one_bad, caplog):
    list(Loader(str(one_bad), CROP, 10, on_bad="skip"))
    assert [r.message for r in caplog.records] == ["1 sample of epoch 0 left out as bad: k0007"]
