"""Open Images packed from a local server: every failed download is in the report, and no other image."""

import base64
import csv
import hashlib
import http.server
import json
import re
import threading
from collections import Counter

import pytest

from wds_imagenet.errors import ImageError, SourceError, UnavailableError
from wds_imagenet.format.manifest import MANIFEST_PATH
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.build import downloads
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.storage import open_store

COLUMNS = ["ImageID", "Subset", "OriginalURL", "Title", "OriginalSize", "OriginalMD5", "Thumbnail300KURL"]
RETRIES = {"retries": 2, "timeout": 2}


@pytest.fixture
def images(photos):
    paths = sorted((photos / "imagenet-sample").iterdir())[:8]
    return {f"{i:016x}": path.read_bytes() for i, path in enumerate(paths)}


@pytest.fixture
def server(images):
    """Serves the photos, with the faults that `trouble` lists by id."""

    class Handler(http.server.BaseHTTPRequestHandler):
        asked, trouble, agents = Counter(), {}, set()

        def do_GET(self):
            name = self.path.rsplit("/", 1)[1].partition("_")[0]
            self.asked[name] += 1
            self.agents.add(self.headers["User-Agent"])
            what = self.trouble.get(name)
            if what == 429 and self.asked[name] > 1:
                what = None
            data, kind = (b"<html>", "text/html") if what == "html" else (images[name], "image/jpeg")
            data = images["0" * 16] if what == "other" else b"no image, whatever" if what == "junk" else data
            self.send_response(what if isinstance(what, int) else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def table(server, images, tmp_path):
    """The CSV of the images, with the originals' sizes and MD5s."""
    path = tmp_path / "images.csv"
    base = f"http://127.0.0.1:{server.server_address[1]}"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for name, data in images.items():
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            rows.writerow(
                [
                    name,
                    "validation",
                    f"{base}/9/{name}_o.jpg",
                    "a, b",
                    len(data),
                    md5,
                    f"{base}/9/{name}_z.jpg",
                ]
            )
    return str(path)


def run(table, dest, **options):
    options = {"fetch": "original", "allow_private_networks": True, "samples_per_shard": 3, **options}
    return pack("open-images", table, dest=str(dest), source_storage_options=RETRIES, name="oi", **options)


def reasons(dest):
    lines = open_store(str(dest)).read(".wds-imagenet/report.jsonl").data.splitlines()
    return {remark["key"]: (remark["action"], remark["reason"]) for remark in map(json.loads, lines)}


def test_the_originals_are_packed_byte_for_byte(table, images, tmp_path, server):
    report = run(table, tmp_path / "out", workers=2)
    dataset = Dataset.open(str(tmp_path / "out"))
    assert {sample.key: sample.image for sample in dataset.samples()} == images
    assert dataset[0].json["title"] == "a, b"
    assert (report.samples, report.skipped) == (8, 0)
    assert server.RequestHandlerClass.agents == {"wds-imagenet"}


def test_it_goes_to_another_store(table, images, s3_url):
    run(table, s3_url, workers=1)
    assert [sample.image for sample in Dataset.open(s3_url).samples()] == list(images.values())


def test_every_failure_is_in_the_report_and_no_other_image_is_lost(table, images, tmp_path, server):
    troubles = {1: 404, 2: 429, 3: "html", 4: "other", 5: 503, 6: "junk"}
    server.RequestHandlerClass.trouble = {f"{i:016x}": what for i, what in troubles.items()}
    report = run(table, tmp_path / "out", on_bad="skip", workers=1, samples_per_shard=8)
    failed = reasons(tmp_path / "out")
    assert {int(key): action for key, (action, _) in failed.items()} == dict.fromkeys(
        [1, 3, 4, 5, 6], "skipped"
    )
    expected = {
        1: "HTTP 404",
        3: "no image: its content type is text/html",
        5: "HTTP 503",
        4: "bytes|MD5",
        6: "bytes",
    }
    assert all(re.search(text, failed[f"{i:016x}"][1]) for i, text in expected.items())
    assert {s.key for s in Dataset.open(str(tmp_path / "out")).samples()} == images.keys() - failed.keys()
    assert (report.samples, report.skipped) == (3, 5)


def test_thumbnails_that_are_no_image_are_found_by_their_bytes(table, tmp_path, server):
    server.RequestHandlerClass.trouble = {f"{2:016x}": "junk", f"{4:016x}": "other"}
    run(table, tmp_path / "out", fetch="thumbnail", on_bad="skip", workers=1)
    assert {int(key): reason[:12] for key, (_, reason) in reasons(tmp_path / "out").items()} == {
        2: "not an image"
    }


def test_one_failure_stops_packing_if_so_configured(table, tmp_path, server):
    server.RequestHandlerClass.trouble = {f"{7:016x}": 404}
    with pytest.raises(ImageError, match=r"http://127\.0\.0\.1:.*7_o\.jpg: HTTP 404 Not Found"):
        run(table, tmp_path / "out", workers=1)
    assert not (tmp_path / "out" / MANIFEST_PATH).exists()


@pytest.mark.parametrize(("policy", "advice"), [("fail", "skip"), ("repair", "repair-else-skip")])
def test_no_message_advises_to_repair_failed_downloads(table, tmp_path, server, policy, advice):
    server.RequestHandlerClass.trouble = {f"{7:016x}": 404}
    with pytest.raises(
        ImageError, match=f"Not Found; (it cannot be repaired; )?option on_bad='{advice}' leaves out"
    ):
        run(table, tmp_path / "out", workers=1, on_bad=policy)


def test_after_an_interruption_only_the_rest_is_downloaded(table, tmp_path, server, images):
    server.RequestHandlerClass.trouble = {f"{7:016x}": 404}
    with pytest.raises(ImageError):
        run(table, tmp_path / "out", workers=1)
    server.RequestHandlerClass.trouble = {}
    server.RequestHandlerClass.asked.clear()
    report = run(table, tmp_path / "out", workers=1)
    assert report.resumed == 2
    assert sorted(map(int, server.RequestHandlerClass.asked)) == [6, 7]
    assert [s.image for s in Dataset.open(str(tmp_path / "out")).samples()] == list(images.values())


def test_private_networks_are_refused_unless_they_are_allowed(table, tmp_path, server):
    with pytest.raises(SourceError, match=r"127\.0\.0\.1, which is not a public address"):
        run(table, tmp_path / "out", allow_private_networks=None, on_bad="skip", workers=1)
    assert not server.RequestHandlerClass.asked


def test_failing_downloads_of_all_images_are_a_network_error(table, tmp_path, server, monkeypatch):
    monkeypatch.setattr(downloads, "_OUTAGE", 3)
    server.RequestHandlerClass.trouble = {f"{i:016x}": 503 for i in range(4, 8)}
    with pytest.raises(UnavailableError, match=r"3 downloads in a row failed.*HTTP 503.*run again to go on"):
        run(table, tmp_path / "out", on_bad="skip", workers=1, samples_per_shard=8)


def test_the_plan_does_not_depend_on_which_networks_are_allowed(table, tmp_path):
    one = run(table, tmp_path / "a", dry_run=True)
    other = run(table, tmp_path / "b", dry_run=True, allow_private_networks=None)
    assert one.plan == other.plan
