"""The versions that rewrite images belong to the plan, if images may be rewritten."""

import json
from dataclasses import replace

import PIL
import pytest
from PIL import features
from three_kinds import OPTIONS, objects

from wds_imagenet.errors import ImageError, PlanError
from wds_imagenet.images import rewrite
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.build import builders
from wds_imagenet.packing.options import JpegPolicy
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.packing.plan.stream_plan import plan_stream

RESIZED = replace(OPTIONS, jpeg=JpegPolicy.parse("resize=8"))


def versions(made):
    return json.loads(made.to_json()).get("versions")


@pytest.fixture
def upgrade(monkeypatch):
    """Return a function that installs another version of Pillow, as far as a plan can see."""

    def upgraded():
        other = {**rewrite.rewriting_versions(), "pillow": "99.1"}
        monkeypatch.setattr(rewrite, "rewriting_versions", lambda: other)

    return upgraded


@pytest.mark.parametrize(
    ("options", "rewriting"),
    [
        ({}, False),
        ({"on_bad": "skip"}, False),
        ({"on_bad": "repair"}, True),
        ({"on_bad": "repair-else-skip"}, True),
        ({"jpeg": JpegPolicy.parse("resize=8")}, True),
        ({"jpeg": JpegPolicy.parse("optimize")}, True),
    ],
)
def test_a_plan_has_the_versions_if_images_may_be_rewritten(small, options, rewriting):
    stream = Stream({}, lambda: iter(()), labelled=True, classes=small.classes)
    for made in (plan(small, replace(OPTIONS, **options)), plan_stream(stream, replace(OPTIONS, **options))):
        found = versions(made)
        assert (found is not None) == rewriting
        assert not rewriting or found["pillow"] == PIL.__version__
        assert not rewriting or found.get("libjpeg-turbo") == features.version("libjpeg_turbo")


def test_a_plan_has_the_versions_if_an_image_is_rotated(small):
    turned = [*small.references[:-1], replace(small.references[-1], rotation=90)]
    assert versions(plan(Listing(turned, small.classes), OPTIONS))
    image = StreamedImage(small.references[0], b"")
    stream = Stream({}, lambda: iter([image]), labelled=True, rotates=True, classes=small.classes)
    assert versions(plan_stream(stream, OPTIONS))


def test_an_interrupted_run_is_not_continued_by_another_version(small, tmp_path, monkeypatch, upgrade):
    dest = str(tmp_path / "out")
    done, build = [], builders.build_shard

    def fail_second(*arguments):
        done.append(None)
        if len(done) == 2:
            raise ImageError("a simulated crash")
        return build(*arguments)

    monkeypatch.setattr(builders, "build_shard", fail_second)
    with pytest.raises(ImageError):
        pack_listing(small, dest, RESIZED, workers=1)
    before, own = objects(dest), PIL.__version__
    upgrade()
    message = rf"pillow, which rewrites images, was '{own}' there, is '99\.1' now: install pillow {own}"
    with pytest.raises(PlanError, match=rf"unfinished work .*: {message}"):
        pack_listing(small, dest, RESIZED, workers=1)
    assert objects(dest) == before


def test_a_finished_set_of_another_version_is_refused_before_the_input_is_listed(
    small_folder, tmp_path, upgrade
):
    dest = str(tmp_path / "out")
    options = {"dest": dest, "jpeg": "resize=8", "workers": 1}
    pack("imagefolder", str(small_folder), **options)
    before = objects(dest)
    upgrade()
    with pytest.raises(PlanError, match=r"finished work .*: pillow, which rewrites images"):
        pack("imagefolder", str(tmp_path / "nowhere"), **options)
    assert objects(dest) == before


def test_a_set_of_kept_images_is_continued_by_another_version(small, tmp_path, upgrade):
    dest = str(tmp_path / "out")
    pack_listing(small, dest, OPTIONS, workers=1)
    upgrade()
    assert pack_listing(small, dest, OPTIONS, workers=1).already
