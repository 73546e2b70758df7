"""The three kinds of packing for one contract: three shards of a listing, of a stream, or of a layer."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.packing import add_layer as add_layer_module
from wds_imagenet.packing import pack_dataset
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing, pack_stream
from wds_imagenet.storage import open_store

OPTIONS = PackOptions("small", samples_per_shard=20, block_bytes=4000, shuffle=False)
SHARDS = [f"small-train-{i:06d}.tar" for i in range(3)]


class StoreProxy:
    """A store of which some methods are replaced."""

    def __init__(self, store, **methods):
        self._store, self._methods = store, methods

    def __getattr__(self, name):
        return self._methods.get(name) or getattr(self._store, name)


def objects(url):
    store = open_store(url)
    return {item.path: store.read(item.path).data for item in store.list_objects()}


def options_for(listing, other):
    """Return the options that give three shards; another seed is another plan of the same bytes."""
    return replace(OPTIONS, samples_per_shard=len(listing.references) // 3, seed=int(other))


def copies(references, folder):
    """Return references to copies of all images, of which the last has another bit."""
    copied = []
    for reference in references:
        path = folder / Path(reference.url).parent.name / reference.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Path(reference.url).read_bytes())
        copied.append(replace(reference, url=str(path)))
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    return copied


class Kind:
    """The common base of the kinds; each overrides `pack`."""

    folder = ""
    """Of the shards."""
    metadata = ".wds-imagenet/"
    """Of the plan, the receipts and the manifest."""

    @pytest.fixture
    def listing(self, small):
        """Return the images, which give three shards."""
        return small

    @pytest.fixture
    def pack(self, listing):
        """Return a function that packs three shards to a URL.

        With `other`, it packs by another plan. With `changed`, the last image has another bit, in the same
        plan.
        """
        raise NotImplementedError

    @pytest.fixture
    def use_store(self, monkeypatch):
        """Return a function that lets packing open a given store."""

        def use(store):
            for module in (pack_dataset, add_layer_module):
                monkeypatch.setattr(module, "open_store", lambda *_: store)

        return use


class OfListing(Kind):
    @pytest.fixture
    def pack(self, listing, tmp_path):
        changed_listing = replace(listing, references=copies(listing.references, tmp_path / "changed"))

        def run(url, *, other=False, changed=False, **options):
            packed = changed_listing if changed else listing
            return pack_listing(packed, url, options_for(listing, other), workers=1, **options)

        return run


class OfStream(Kind):
    @pytest.fixture
    def pack(self, listing, tmp_path):
        changed_references = copies(listing.references, tmp_path / "changed")
        count = len(listing.references)

        def images(references):
            for i, reference in enumerate(references):
                data = Path(reference.url).read_bytes()
                yield StreamedImage(replace(reference, url="a.tar.gz", offset=512 * i + 512), data)

        def run(url, *, other=False, changed=False, **options):
            read = partial(images, changed_references if changed else listing.references)
            stream = Stream({"file": "a.tar.gz"}, read, labelled=True, classes=listing.classes, samples=count)
            return pack_stream(stream, url, options_for(listing, other), workers=1, **options)

        return run


class OfLayer(Kind):
    folder = metadata = ".wds-imagenet/layers/words/"

    @pytest.fixture
    def pack(self, listing, tmp_path):
        for name in ("one", "other"):
            entries = [
                {"filename": r.name, "wnid": r.name[:9], "title": f"{name} {r.key}", "tags": []}
                for r in listing.references
            ]
            (tmp_path / f"{name}.json").write_text(json.dumps(entries))

        def run(url, *, other=False, **options):
            captions = str(tmp_path / ("other.json" if other else "one.json"))
            return add_layer(url, captions=captions, layer="words", workers=1, **options)

        return run

    def finished(self, report):
        return report
