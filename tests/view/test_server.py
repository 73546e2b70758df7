"""The gallery over HTTP, as a browser asks for it, on disk and on S3."""

import http.client
import io
import shutil
import signal
import socket
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from PIL import Image

from wds_imagenet import Dataset
from wds_imagenet.errors import UsageError
from wds_imagenet.view.server import GalleryServer


@pytest.fixture(scope="module", params=["disk", "s3"])
def gallery(request, on_disk, pack_at, view):
    """A running gallery, and the data set itself."""
    if request.param == "disk":
        with view(on_disk, "--no-open") as (_, browser):
            yield browser
        return
    server = request.getfixturevalue("s3_server")
    server.make_bucket("tests")
    environment = server.environment()
    url = pack_at(f"s3://tests/{uuid4().hex}/in1k/train", environment)
    endpoint = environment.pop("AWS_ENDPOINT_URL")
    option = ("--storage-option", f"endpoint_url={endpoint}")
    with view(url, "--no-open", *option, env=environment) as (_, browser):
        yield browser


def test_the_first_page_shows_the_facts_of_the_data_set(gallery, dataset):
    text = gallery.page("/").text
    assert "in1k" in text
    assert "24" in text
    assert "3 shards" in text
    assert "Width in pixels" in text
    assert dataset.manifest.fingerprint in text


def test_classes_are_shown_in_both_languages_with_their_counts(gallery, dataset):
    first = gallery.page("/").text
    assert "tench, Tinca tinca" in first
    assert "丁鲷" in first
    assert dataset.classes[0]["name_ar"] in first
    row = dataset.classes[dataset[0].label]
    found = gallery.page(f"/classes?text={row['wnid']}")
    assert {row["name"], row["name_zh"], row["name_ar"]} <= {data for _, data in found.texts}
    assert f" {row['samples']} " in found.text


def test_a_page_of_the_gallery_has_its_samples_in_order(gallery, dataset):
    shown = gallery.page("/samples?start=6&count=12")
    assert [one["src"] for one in shown.all("img")] == [f"/thumbnail/{i}" for i in range(6, 18)]
    assert [one["alt"] for one in shown.all("img")] == [dataset[i].key for i in range(6, 18)]
    links = [one["href"] for one in shown.all("a")]
    assert {"/samples?start=18&count=12", "/samples?start=0&count=12"} <= set(links)


def test_the_gallery_of_a_class_has_its_samples_alone(gallery, dataset):
    label = dataset[7].label
    expected = [f"/sample/{i}" for i, sample in enumerate(dataset.samples()) if sample.label == label]
    shown = gallery.page(f"/samples?label={label}")
    assert [one["href"] for one in shown.all("a") if "/sample/" in one["href"]] == expected
    assert "0 found" in gallery.page("/samples?label=999999").text


def test_a_key_leads_to_its_sample(gallery, dataset):
    status, headers, _ = gallery.ask(f"/find?key={dataset[5].key}")
    assert (status, headers["Location"]) == (303, "/sample/5")
    assert gallery.ask("/find?key=nobody")[0] == 404


def test_the_page_of_a_sample_has_all_of_it(gallery, dataset, hostile):
    sample = dataset[5]
    shown = gallery.page("/sample/5")
    known = dataset.classes[sample.label]
    for text in (sample.key, known["name"], known["name_zh"], known["name_ar"], "in1k-train-000000.tar"):
        assert text in shown.text
    assert " ".join(hostile.split()) in shown.text
    assert f'"sha256": "{sample.json["sha256"]}"' in shown.text
    assert shown.all("img")[0]["src"] == "/image/5"
    assert shown.all("script") == []


def test_a_box_is_drawn_where_it_is(gallery, dataset):
    (box,) = dataset[5].json["boxes"]
    shown = gallery.page("/sample/5")
    (drawn,) = shown.all("rect")
    edges = [float(drawn[name]) for name in ("x", "y", "width", "height")]
    expected = [box["xmin"], box["ymin"], box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]]
    assert edges == pytest.approx(expected, abs=0.02)


def test_an_image_comes_byte_for_byte_with_its_own_type(gallery, dataset):
    status, headers, body = gallery.ask("/image/5")
    assert (status, headers["Content-Type"], body) == (200, "image/jpeg", dataset[5].image)
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_thumbnails_are_small_and_come_to_many_at_once(gallery):
    with ThreadPoolExecutor(12) as threads:
        replies = list(threads.map(gallery.ask, [f"/thumbnail/{i}" for i in range(24)]))
    for status, _, body in replies:
        assert status == 200
        with Image.open(io.BytesIO(body)) as image:
            assert max(image.size) <= 320


def test_every_answer_forbids_scripts_frames_and_other_origins(gallery):
    for target in ("/", "/sample/0", "/image/0", "/style.css", "/nothing", "/find?key=x"):
        _, headers, _ = gallery.ask(target)
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; img-src 'self'; style-src 'self'"
        )
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "127.0.0.1@x"]
)
def test_a_foreign_host_name_is_refused(gallery, host):
    status, headers, body = gallery.ask("/image/0", Host=host)
    assert (status, headers["Content-Type"]) == (421, "text/plain; charset=utf-8")
    assert len(body) < 200


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8000"])
def test_a_forwarded_port_is_accepted(gallery, host):
    assert gallery.ask("/style.css", Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "NONSENSE"])
def test_only_get_is_answered(gallery, method):
    status, headers, _ = gallery.ask("/", method)
    assert (status, headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *(("/nothing", 404), ("/sample/24", 404), ("/sample/-1", 404), ("/sample/x", 404), ("/image/", 404)),
        *(("/../../etc/passwd", 404), ("/%2e%2e/manifest.json", 404), ("/style.css/../x", 404)),
        *(("/samples?start=24", 400), ("/samples?count=0", 400), ("/samples?count=201", 400)),
        *(("/samples?what=1", 400), ("/samples?label=x", 400), ("/?x=" + "y" * 3000, 400)),
        *(("/" + "x" * 70_000, 414), ("http://127.0.0.1/", 404), ("/<script>alert(1)</script>", 404)),
    ],
)
def test_an_unknown_address_is_an_error_page(gallery, target, status):
    found, _, body = gallery.ask(target)
    assert found == status
    assert b"<script" not in body


def test_leaving_ends_every_thread_though_a_browser_holds_a_connection(dataset, serving):
    before = set(threading.enumerate())
    with serving(dataset) as browser:
        host, port = browser.address.split(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\n")
            assert browser.ask("/")[0] == 200
    assert set(threading.enumerate()) <= before


@pytest.fixture
def stuck_store(on_disk):
    """The URL of a store behind HTTP that never answers for a shard, and an event: it has been asked."""
    asked, over = threading.Event(), threading.Event()

    class Files(SimpleHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith(".tar"):
                asked.set()
                over.wait()
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=on_disk)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        over.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("target", ["/", "/sample/0", "/samples", "/thumbnail/0", "/samples?label=1"])
def test_closing_cancels_requests_to_the_store(stuck_store, serving, target):
    url, asked = stuck_store
    with ThreadPoolExecutor(1) as threads:
        with serving(Dataset.open(url)) as browser:
            reply = threads.submit(browser.ask, target)
            assert asked.wait(30)
            assert browser.ask("/style.css")[0] == 200
        assert isinstance(reply.exception(30), OSError | http.client.HTTPException)


def test_ctrl_c_ends_the_command_well_though_a_browser_holds_a_connection(on_disk, view):
    with view(on_disk, "--no-open") as (process, browser):
        host, port = browser.address.split(":")
        with socket.create_connection((host, int(port))):
            assert browser.ask("/")[0] == 200
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=15)
        assert (process.returncode, err) == (0, "ended\n")
        with pytest.raises(ConnectionRefusedError):
            browser.ask("/")


def test_a_shard_that_is_gone_is_a_page_and_the_others_are_shown(on_disk, tmp_path, view):
    copy = shutil.copytree(on_disk, tmp_path / "copy")
    (shard,) = copy.glob("*-000000.tar")
    shard.unlink()
    with view(copy, "--no-open") as (_, browser):
        status, _, body = browser.ask("/sample/0")
        assert status == 404
        assert b"in1k-train-000000.tar" in body
        assert browser.ask("/sample/20")[0] == 200


def test_damaged_bytes_are_a_page_that_names_them(on_disk, tmp_path, serving, page):
    copy = shutil.copytree(on_disk, tmp_path / "copy")
    (shard,) = copy.glob("*-000000.tar")
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[3000] ^= 1
    shard.write_bytes(data)
    with serving(Dataset.open(str(copy))) as browser:
        status, _, body = browser.ask("/sample/0")
    assert status == 500
    assert "checksum" in page(body.decode()).text


def test_a_port_that_is_taken_is_refused_with_the_option(dataset, on_disk, command):
    with GalleryServer(dataset) as server:
        port = server.server_address[1]
        with pytest.raises(UsageError, match="option 'port'"):
            GalleryServer(dataset, port)
        result = command("view", on_disk, "--port", port, "--no-open")
    assert result.returncode == 2
    assert "--port" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_shards_of_others_are_shown_though_browsers_do_not_know_all_that_is_in_them(
    tmp_path, command, serving, page
):
    tiff = io.BytesIO()
    Image.new("RGB", (30, 20), (0, 0, 200)).save(tiff, "TIFF")
    members = {"a.tiff": tiff.getvalue(), "b.jpg": b"<svg onload='alert(1)'/>"}
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert command("index", tmp_path, "--split", "train").returncode == 0
    with serving(Dataset.open(str(tmp_path))) as browser:
        status, headers, body = browser.ask("/image/0")
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        with Image.open(io.BytesIO(body)) as image:
            assert (image.format, image.size) == ("JPEG", (30, 20))
        assert "1 without a readable image" in browser.page("/").text
        assert browser.page("/samples").text.count("no picture") == 1
        assert "look like XML or SVG" in browser.page("/sample/1").text
        status, headers, body = browser.ask("/image/1")
    assert (status, headers["Content-Type"]) == (415, "text/html; charset=utf-8")
    assert page(body.decode()).all("svg") == []
