"""The query of an image's URL belongs to the plan, and its signature does not."""

import http.server
import io
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from wds_imagenet.errors import ImageError, PlanError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.storage.http_download import Download

OPTIONS = PackOptions("small", samples_per_shard=2, shuffle=False)


@pytest.fixture
def server():
    """Serves a picture of one colour for each `id`; with `broken`, an error for that id."""

    class Handler(http.server.BaseHTTPRequestHandler):
        broken = ""

        def do_GET(self):
            number = parse_qs(urlsplit(self.path).query)["id"][0]
            file = io.BytesIO()
            Image.new("RGB", (8, 8), (int(number), 0, 0)).save(file, "PNG")
            self.send_response(404 if number == self.broken else 200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(file.getvalue())))
            self.end_headers()
            self.wfile.write(file.getvalue())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def listed(server):
    """Return a function that lists the pictures of some ids, whose URLs differ only in the query."""

    def listing(ids, signature="X-Amz-Signature=a"):
        base = f"http://127.0.0.1:{server.server_address[1]}/p.png"
        urls = (str(Download(f"{base}?{signature}&id={number}", None, True)) for number in ids)
        return Listing([Reference(f"{i}", url, 0, None, "p.png") for i, url in enumerate(urls)], ())

    return listing


def colours(dest):
    dataset = Dataset.open(dest)
    return [Image.open(io.BytesIO(sample.image)).getpixel((0, 0))[0] for sample in dataset.samples()]


def test_another_query_is_another_plan_and_another_signature_is_not(listed, tmp_path):
    dest = str(tmp_path / "out")
    pack_listing(listed([1, 2, 3]), dest, OPTIONS, workers=1)
    with pytest.raises(PlanError, match="finished work of another plan: the references are not the same"):
        pack_listing(listed([4, 5, 6]), dest, OPTIONS, workers=1)
    assert pack_listing(listed([1, 2, 3], "sig=b&se=2"), dest, OPTIONS, workers=1).already
    assert colours(dest) == [1, 2, 3]


def test_an_interrupted_run_is_not_continued_with_another_query(server, listed, tmp_path):
    dest = str(tmp_path / "out")
    server.RequestHandlerClass.broken = "5"
    with pytest.raises(ImageError, match="404"):
        pack_listing(listed([1, 2, 3, 4, 5, 6]), dest, OPTIONS, workers=1)
    server.RequestHandlerClass.broken = ""
    with pytest.raises(PlanError, match="unfinished work of another plan: the references are not the same"):
        pack_listing(listed([1, 2, 3, 4, 7, 8]), dest, OPTIONS, workers=1)
    pack_listing(listed([1, 2, 3, 4, 5, 6], "token=later"), dest, OPTIONS, workers=1)
    assert colours(dest) == [1, 2, 3, 4, 5, 6]
