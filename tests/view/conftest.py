"""A data set with everything that a gallery shows, on disk and on S3, and a simple browser."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from PIL import Image

from wds_imagenet import Dataset
from wds_imagenet.view.server import GalleryServer

HOSTILE = "</p><script>alert(1)</script> \"><img src=x onerror='alert(2)'> &amp; {{ 7 * 7 }}"
COUNT = 24
VOID = {"meta", "link", "img", "input", "br", "hr"}


def wds_imagenet(*arguments, env=None, **options):
    command = [sys.executable, "-m", "wds_imagenet", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}, **options
    )


class Page(HTMLParser):
    """The elements and the text of a page, by a parser that is no browser's."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            assert tag in self.open, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self):
        return " ".join("".join(data for tag, data in self.texts if tag != "style").split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def page():
    return Page


@pytest.fixture(scope="session")
def command():
    return wds_imagenet


@pytest.fixture(scope="session")
def hostile():
    return HOSTILE


@pytest.fixture(scope="session")
def pack_at(photos, tmp_path_factory):
    """Return a function that packs photos with captions, boxes and class names in two languages."""
    root = tmp_path_factory.mktemp("view")
    entries = []
    (root / "boxes").mkdir()
    paths = sorted((photos / "imagenet-sample").glob("*.JPEG"), key=lambda p: (p.stat().st_size, p.name))
    for number, path in enumerate(paths[100 : 100 + COUNT]):
        wnid = path.name[:9]
        key = f"{wnid}_{number}"
        (root / "in" / wnid).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / "in" / wnid / f"{key}.JPEG")
        entries.append({"filename": f"{key}.JPEG", "wnid": wnid, "title": f"{HOSTILE} {number}", "tags": []})
        with Image.open(path) as image:
            width, height = image.size
        (root / "boxes" / f"{key}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size><object><name>{wnid}"
            f"</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>{width // 2}</xmax><ymax>{height}</ymax>"
            "</bndbox></object></annotation>"
        )
    (root / "captions.json").write_text(json.dumps(entries))

    def pack(dest, env=None):
        result = wds_imagenet(
            *("pack", "imagenet", root / "in", dest, "--split", "train", "--workers", "1"),
            *("--devkit", photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"),
            *("--captions", root / "captions.json", "--labels", f"boxes={root / 'boxes'}"),
            *("--class-names", f"zh={photos / 'class-names' / 'cn.json'}"),
            *("--class-names", f"ar={photos / 'class-names' / 'ar.json'}"),
            *("--samples-per-shard", "10", "--block-bytes", "200000"),
            env=env,
        )
        assert result.returncode == 0, result.stderr
        return str(dest)

    return pack


@pytest.fixture(scope="session")
def on_disk(pack_at, tmp_path_factory):
    """The data set as a path."""
    return pack_at(tmp_path_factory.mktemp("set") / "in1k" / "train")


@pytest.fixture(scope="session")
def dataset(on_disk):
    return Dataset.open(on_disk)


class Browser:
    """Asks one server."""

    def __init__(self, url):
        self.address = urlsplit(url).netloc

    def ask(self, target, method="GET", **headers):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, target, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def page(self, target):
        status, headers, body = self.ask(target)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8"), body
        return Page(body.decode())


@pytest.fixture(scope="session")
def browser():
    return Browser


@pytest.fixture(scope="session")
def view():
    """Return a context manager that runs `wds-imagenet view`, and gives the process and a browser."""

    @contextmanager
    def run(*arguments, env=None):
        command = [sys.executable, "-m", "wds_imagenet", "view", *map(str, arguments)]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        ) as process:
            try:
                line = process.stdout.readline()
                assert " is shown at http://127.0.0.1:" in line, process.stderr.read()
                yield process, Browser(line.partition(" is shown at ")[2].split()[0])
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    process.wait(30)

    return run


@pytest.fixture(scope="session")
def serving():
    """Return a context manager that serves a data set from this process."""

    @contextmanager
    def run(dataset):
        with GalleryServer(dataset) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield Browser(server.url)
            finally:
                server.shutdown()
                thread.join()

    return run
