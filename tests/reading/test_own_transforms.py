"""A user's transform has the same abilities as the built-in ones."""

import math
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch

from wds_imagenet import Dataset, Decode, DecodedSample, Loader, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.errors import ImageError, UsageError
from wds_imagenet.images import render
from wds_imagenet.images.render import native_module
from wds_imagenet.reading import tensors
from wds_imagenet.reading.batches import batch_builder
from wds_imagenet.reading.subprocess.parent import needs_no_main

CROP = RandomResizedCrop(48, flip=True)


class Shaped:
    """Writes the top left pixels, and remembers where and by which thread."""

    shape = (8, 8, 3)

    def __init__(self):
        self.rows = []
        self.threads = set()
        self.meeting = threading.Barrier(2)

    def __call__(self, sample, out):
        if threading.current_thread() not in self.threads:
            self.threads.add(threading.current_thread())
            self.meeting.wait(20)  # so that one thread cannot do it all
        self.rows.append(out)
        out[...] = sample.image[:8, :8]


class Features:
    """Has a shape and a dtype unlike those of images."""

    shape = (2, 3, 5)
    dtype = np.float32

    def __call__(self, sample, out):
        out[...] = sample.label
        return out


class Quarter:
    """The left upper quarter of a picture, described for the native engine."""

    shape = (12, 20, 3)
    antialias = True

    def region(self, header, _):
        return render.CropRegion((0.0, 0.0, header.width / 2, header.height / 2))


class Likewise:
    """The description of another crop, by a class outside the package."""

    def __init__(self, crop, *, drawn):
        self.shape = crop.shape
        self.antialias = crop.antialias
        self.region = crop.region
        if drawn:
            self.rule = crop.rule


class Listed:
    """Results of any size: every other row of the picture."""

    shape = None

    def __call__(self, sample):
        return sample.image[:: 1 + sample.label % 2, ::-1]


def pixels(dataset, transform, **options):
    with Loader(dataset, transform, 16, **{"threads": 2, "seed": 5, "lanes": 8, **options}) as loader:
        return [(batch.keys, batch.images.clone()) for batch in loader]


def same(ours, theirs):
    return all(
        keys == others and torch.equal(a, b) for (keys, a), (others, b) in zip(ours, theirs, strict=True)
    )


@pytest.fixture(scope="module")
def photos_of(photo_shards):
    return Dataset.open(str(photo_shards))


def test_a_shape_gets_the_batchs_own_memory_and_threads(small_shards):
    transform = Shaped()
    with Loader(str(small_shards), transform, 100, threads=2, shuffle=False) as loader:
        batch = next(iter(loader))
    assert batch.images.shape == (100, 3, 8, 8)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    whole = batch.images.permute(0, 2, 3, 1).numpy()
    assert sum(np.shares_memory(row, whole) for row in transform.rows) == 100
    assert len(transform.threads) == 2
    expected = [sample.key for _, sample in zip(range(100), loader.dataset.samples(), strict=False)]
    assert batch.keys == expected
    image = DecodedSample(loader.dataset[0]).image[:8, :8]
    assert np.array_equal(whole[0], image)


@pytest.mark.parametrize("process", [False, True])
def test_any_shape_and_dtype_is_stacked_as_it_is_and_padded_with_zeros(small_shards, process):
    features = Features()
    with Loader(
        str(small_shards), features, 300, last="pad", threads=2, process=process, shuffle=False
    ) as loader:
        *_, last = loader
    assert last.images.dtype == torch.float32
    assert last.images.shape == (300, 2, 3, 5)
    assert torch.equal(last.images[:200, 1, 2, 3], last.labels[:200].float())
    assert not last.images[200:].any()


def test_a_bad_sample_of_a_shaped_transform_is_masked_and_its_row_is_zero(one_bad):
    with Loader(str(one_bad), Features(), 10, on_bad="skip", shuffle=False) as loader:
        assert sum(int(batch.mask.sum()) for batch in loader) == 100  # nobody has looked at the image

    def looking(sample):
        return sample.image[:4, :4]

    with Loader(str(one_bad), looking, 10, on_bad="skip", shuffle=False) as loader:
        at = list(loader.dataset.keys()).index("k0007")
        batch = list(loader)[at // 10]
    assert [row for row in range(10) if not batch.mask[row]] == [at % 10]
    assert [row for row in range(10) if not batch.images[row].any()] == [at % 10]
    with pytest.raises(ImageError) as caught:
        list(Loader(str(one_bad), looking, 10, shuffle=False))
    assert "k0007" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize("drawn", [True, False])
@pytest.mark.parametrize("process", [False, True])
def test_a_crop_of_the_users_own_has_the_very_pixels_of_the_built_in_one(photos_of, drawn, process):
    crop = RandomResizedCrop(48, flip=True)
    theirs = pixels(photos_of, crop)
    assert same(pixels(photos_of, Likewise(crop, drawn=drawn), process=process), theirs)


def test_a_crop_of_the_users_own_is_rendered_in_chunks_and_never_called(photos_of, monkeypatch):
    if native_module() is None:
        pytest.skip("the native engine was not built")
    calls = {"render_all": [], "render_drawn": []}
    for name, sizes in calls.items():
        real = getattr(batch_builder, name)

        def counted(items, *arguments, real=real, sizes=sizes, **options):
            sizes.append(len(items))
            return real(items, *arguments, **options)

        monkeypatch.setattr(batch_builder, name, counted)
    crop = RandomResizedCrop(48)
    pixels(photos_of, Likewise(crop, drawn=False))
    assert max(calls["render_all"]) > 4
    assert not calls["render_drawn"]
    pixels(photos_of, Likewise(crop, drawn=True))
    assert sum(calls["render_drawn"]) == len(photos_of)


def test_both_engines_render_a_crop_that_is_not_square(photos_of, monkeypatch):
    native = pixels(photos_of, Quarter())
    monkeypatch.setattr(render, "native_module", lambda: None)
    reference = pixels(photos_of, Quarter())
    assert native[0][1].shape == (16, 3, 12, 20)
    assert same(native, reference)


def test_a_shape_of_none_gives_a_list(small_shards):
    batch = next(iter(Loader(str(small_shards), Listed(), 10, shuffle=False)))
    whole = next(iter(Loader(str(small_shards), Decode(), 10, shuffle=False)))
    assert {image.shape for image in batch.images} == {(3, 16, 16), (3, 8, 16)}
    for label, ours, theirs in zip(batch.labels.tolist(), batch.images, whole.images, strict=True):
        assert torch.equal(ours, theirs[:, :: 1 + label % 2].flip(2))


def test_a_plain_function_works_and_its_images_are_stacked(small_shards):
    batch = next(iter(Loader(str(small_shards), lambda sample: sample.image, 10, shuffle=False)))
    assert batch.images.shape == (10, 16, 16, 3)
    numbers = next(
        iter(Loader(str(small_shards), lambda sample: np.float64(sample.label), 10, shuffle=False))
    )
    assert numbers.images.tolist() == numbers.labels.tolist()


def test_unread_images_are_not_decoded(one_bad):
    def sizes(sample):
        return np.array([sample.header.width, len(sample.data), sample.rng.integer(3, 3)])

    (batch,) = Loader(str(one_bad), sizes, 100, shuffle=False)
    assert batch.mask.all()
    assert batch.images[:, 0].tolist() == [16] * 100
    assert batch.images[:, 2].tolist() == [3] * 100


def test_a_decoded_sample_can_be_made_of_a_sample_to_try_a_transform(photos_of):
    sample = photos_of[3]
    decoded = DecodedSample(sample)
    assert decoded.image.shape == (decoded.header.height, decoded.header.width, 3)
    assert decoded.image is decoded.image
    assert (decoded.key, decoded.label, decoded.caption) == (sample.key, sample.label, sample.caption)
    assert (decoded.json, bytes(decoded.data)) == (sample.json, sample.image)
    assert ResizeCenterCrop(64, 48)(decoded).shape == (48, 48, 3)


def test_the_error_of_a_transform_that_returns_its_pixels_explains_the_fault(small_shards):
    class Returning(Shaped):
        def __call__(self, sample, _):
            return sample.image[:8, :8]

    with pytest.raises(UsageError, match="returned another ndarray: write the result into out") as caught:
        next(iter(Loader(str(small_shards), Returning(), 10)))
    assert "in the transform of sample 'k" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"shape": [8, 8, 3]}, "give a tuple of sizes, or None"),
        ({"shape": (0, 8, 3)}, "give a tuple of sizes, or None"),
        ({"shape": (8, 8, 3), "dtype": "text"}, "one of NumPy's numbers"),
        ({"shape": (8, 8), "region": lambda *_: None}, r"its shape must be \(height, width, 3\)"),
        ({"region": lambda *_: None}, r"its shape must be \(height, width, 3\)"),
        ({"shape": (8, 9, 3), "region": lambda *_: None, "rule": CROP.rule}, r"a rule for 48 × 48"),
        ({"shape": (8, 8, 3), "dtype": np.float32, "region": lambda *_: None}, "and its dtype uint8"),
    ],
)
def test_a_transform_that_describes_itself_wrongly_is_refused(small_shards, attributes, message):
    kind = type("Wrong", (), {**attributes, "__call__": lambda *_: None})
    with pytest.raises(UsageError, match=message):
        Loader(str(small_shards), kind(), 8)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (RandomResizedCrop, "is the class RandomResizedCrop: pass one of its instances"),
        (5, "cannot be called"),
    ],
)
def test_objects_that_are_no_transform_are_refused(small_shards, transform, message):
    with pytest.raises(UsageError, match=message):
        Loader(str(small_shards), transform, 8)


SCRIPT = """
    import sys
    from dataclasses import dataclass
    from wds_imagenet import Loader
    from plain_data_of_the_tests import Grey

    loader = Loader(sys.argv[1], Grey(7), 100, process=True)  # with no guard by __name__
    print(sorted({int(v) for batch in loader for v in batch.images.unique()}))
    loader.close()
"""
MODULE = """
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Grey:
        level: int
        shape = (4, 4, 3)

        def __call__(self, sample, out):
            out[...] = self.level
"""


def test_plain_data_of_the_users_own_travels_without_the_script(small_shards, tmp_path):
    (tmp_path / "plain_data_of_the_tests.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    result = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(small_shards)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.stdout, result.stderr) == ("[7]\n", "")


def test_only_plain_data_does_without_the_script():
    assert all(map(needs_no_main, [RandomResizedCrop(8), ResizeCenterCrop(), Decode()]))
    assert not any(map(needs_no_main, [math.sqrt, Features(), RandomResizedCrop, lambda sample: sample]))


def test_pinned_memory_has_the_transforms_shape_and_dtype(monkeypatch):
    made = []
    empty = torch.empty

    def unpinned(shape, *, dtype, pin_memory):
        made.append((shape, dtype, pin_memory))
        return empty(shape, dtype=dtype)

    monkeypatch.setattr(tensors.torch, "empty", unpinned)
    memory = tensors.ImagePool((4, 2, 5), np.dtype(np.float32), pin=True).take()
    assert made == [((4, 2, 5), torch.float32, True)]
    assert np.shares_memory(memory.array, memory.tensor.numpy())
