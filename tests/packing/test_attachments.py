"""Attachments become members of every sample, in one order, or nothing is packed."""

import io
import tarfile

import numpy as np
import pytest
import torch

from wds_imagenet import Dataset
from wds_imagenet.errors import SourceError
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.reading.findings.blocks import verify_blocks

OPTIONS = PackOptions("x", samples_per_shard=20, block_bytes=8000)


@pytest.fixture
def attached(small, tmp_path):
    """List the small pictures, each with a text from a shared file and a tensor from its own file."""
    file = tmp_path / "notes.bin"
    file.write_bytes(b"#" + b"".join(b"note%03d" % i for i in range(len(small.references))))
    found = []
    for i, r in enumerate(small.references):
        values = np.stack(
            [np.full((5, 15, 15), i), np.broadcast_to(np.arange(5)[:, None, None], (5, 15, 15))]
        )
        torch.save(torch.tensor(values, dtype=torch.float16), tmp_path / f"{i}.pt")
        attachments = (
            Attachment("relabel.npy", str(tmp_path / f"{i}.pt"), 0, None, "torch"),
            Attachment("note.bin", str(file), 1 + 7 * i, 7),
        )
        found.append(Reference(r.key, r.url, 0, r.size, r.name, r.label, attachments=attachments))
    return Listing(found, small.classes)


@pytest.fixture
def packed(attached, tmp_path):
    pack_listing(attached, str(tmp_path / "out"), OPTIONS, workers=2)
    return tmp_path / "out"


def test_every_sample_has_its_own_attachments_after_its_other_members(packed, attached):
    number = {r.key: i for i, r in enumerate(attached.references)}
    shards = sorted(packed.glob("*.tar"))
    assert shards
    for shard in shards:
        with tarfile.open(shard) as archive:
            members = [(m.name, archive.extractfile(m).read()) for m in archive]
        assert members
        for i in range(0, len(members), 5):
            names = [name.partition(".") for name, _ in members[i : i + 5]]
            assert [suffix for _, _, suffix in names] == ["cls", "jpg", "json", "note.bin", "relabel.npy"]
            place = number[names[0][0]]
            assert members[i + 3][1] == b"note%03d" % place
            array = np.load(io.BytesIO(members[i + 4][1]))
            assert (array.dtype, array.shape, array[0, 0, 0, 0]) == (np.float16, (2, 5, 15, 15), place)


def test_the_manifest_lists_them_and_the_reader_and_verify_take_them(packed):
    dataset = Dataset.open(str(packed))
    assert dataset.manifest.suffixes == ("cls", "image", "json", "note.bin", "relabel.npy")
    assert bytes(dataset[0].members["note.bin"]).startswith(b"note")
    assert not [finding for checked in verify_blocks(dataset) for finding in checked.findings]


def test_one_worker_or_a_rerun_gives_the_same(packed, attached, tmp_path, hash_files):
    before = hash_files(packed)
    pack_listing(attached, str(packed), OPTIONS)
    assert hash_files(packed) == before
    pack_listing(attached, str(tmp_path / "again"), OPTIONS, workers=1)
    assert hash_files(tmp_path / "again") == before


def test_the_plan_covers_attachments_and_not_their_location(small):
    def fingerprint(url, offset=0, suffix="a.npy"):
        attachments = (Attachment(suffix, url, offset, 4),)
        one = [Reference(r.key, r.url, 0, r.size, r.name, attachments=attachments) for r in small.references]
        return plan(Listing(one), OPTIONS).fingerprint

    assert fingerprint("/here/a") == fingerprint("s3://there/a")
    assert (
        len({fingerprint("/here/a"), fingerprint("/b"), fingerprint("/b", 1), fingerprint("/b", 1, "b")}) == 4
    )


@pytest.mark.parametrize("place", [0, 30, 59])
def test_the_first_image_that_lacks_one_is_named(attached, place):
    references = list(attached.references)
    r = references[place]
    references[place] = Reference(r.key, r.url, 0, r.size, r.name, r.label, attachments=r.attachments[:1])
    with pytest.raises(SourceError, match=rf"'{r.name}' has no 'note.bin'"):
        plan(Listing(references, attached.classes), OPTIONS)


@pytest.mark.parametrize("suffix", ["jpg", "cls", "json", "txt", "", "A.npy", "../x", "a b", ".npy", "a..b"])
def test_a_suffix_that_no_member_can_have_is_refused(suffix):
    reference = Reference("k", "/k.jpg", 0, 4, "k.jpg", attachments=(Attachment(suffix, "/a", 0, 1),))
    with pytest.raises(SourceError, match="which no member can be"):
        plan(Listing([reference]), OPTIONS)


def test_a_name_that_is_too_long_for_a_tar_is_refused_before_anything_is_written(tmp_path):
    key = "k" * 89
    item = Attachment("relabel.npy", "/a", 0, 1)
    with pytest.raises(SourceError, match="more than the 100 bytes"):
        pack_listing(
            Listing([Reference(key, "/k.jpg", 0, 4, "k.jpg", attachments=(item,))]),
            str(tmp_path / "o"),
            OPTIONS,
        )
    assert not (tmp_path / "o").exists()
    assert plan(Listing([Reference(key[1:], "/k.jpg", 0, 4, "k.jpg", attachments=(item,))]), OPTIONS)


def test_a_tensor_that_cannot_be_read_names_the_image_and_publishes_nothing(attached, tmp_path):
    (tmp_path / "41.pt").write_bytes(b"no tensor")
    with pytest.raises(SourceError, match=r"relabel\.npy.*41\.pt"):
        pack_listing(attached, str(tmp_path / "out"), OPTIONS, workers=1)
    assert not (tmp_path / "out" / ".wds-imagenet" / "manifest.json").exists()


def test_a_file_that_has_changed_since_it_was_listed_is_an_error(attached, tmp_path):
    (tmp_path / "notes.bin").write_bytes(b"short")
    with pytest.raises(Exception, match=r"notes\.bin"):
        pack_listing(attached, str(tmp_path / "out"), OPTIONS, workers=1)


def test_attachments_are_read_from_an_object_store(attached, s3_url, tmp_path):
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    store.put("notes.bin", (tmp_path / "notes.bin").read_bytes())
    moved = [
        Reference(
            r.key,
            r.url,
            0,
            r.size,
            r.name,
            r.label,
            attachments=(Attachment("note.bin", f"{s3_url}/notes.bin", 1 + 7 * i, 7),),
        )
        for i, r in enumerate(attached.references)
    ]
    pack_listing(Listing(moved, attached.classes), f"{s3_url}/out", OPTIONS, workers=1)
    assert (
        Manifest.from_json(open_store(f"{s3_url}/out").read(".wds-imagenet/manifest.json").data).samples == 60
    )
    numbers = {r.key: i for i, r in enumerate(moved)}
    for sample in Dataset.open(f"{s3_url}/out").samples():
        assert sample.members["note.bin"] == b"note%03d" % numbers[sample.key]
