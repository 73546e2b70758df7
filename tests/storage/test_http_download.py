"""Files are downloaded from a real server of this machine, and never from private addresses."""

import base64
import hashlib
import http.server
import ipaddress
import socket
import sys
import threading
import time
from collections import Counter
from email.utils import formatdate
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import (
    CorruptError,
    DeniedError,
    MissingExtraError,
    NotFoundError,
    StoreError,
    UnavailableError,
    UsageError,
)
from wds_imagenet.storage import http_download as module
from wds_imagenet.storage.http_download import Download, Downloader, is_public

DATA = bytes(range(256)) * 40
MD5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
FAST = {"retries": 2, "timeout": 1}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: Counter

    def do_GET(self):
        self.path = unquote(self.path)
        self.asked[self.path] += 1
        kind, _, rest = self.path[1:].partition("/")
        getattr(self, f"answer_{kind}")(rest)

    def answer(self, data=DATA, status=200, **headers):
        self.send_response(status)
        usual = {"Content_Type": "image/jpeg", "Content_Length": str(len(data))}
        for name, value in {**usual, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def answer_image(self, _):
        self.answer()

    def answer_status(self, code):
        self.answer(status=int(code))

    def answer_busy(self, code):
        first = self.asked[self.path] == 1
        self.answer(status=int(code) if first else 200, Retry_After="0")

    def answer_html(self, _):
        self.answer(b"<html>gone</html>", Content_Type="text/html; charset=utf-8")

    def answer_to(self, url):
        self.answer(b"", 302, Location=url)

    def answer_around(self, _):
        self.answer(b"", 302, Location=self.path)

    def answer_short(self, _):
        self.answer(DATA[:100], Content_Length="5000")
        self.close_connection = True

    def answer_drip(self, _):
        self.answer(b"", Content_Length="1000000")
        try:
            while True:
                self.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            self.close_connection = True

    def answer_endless(self, _):
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            self.close_connection = True

    def answer_large(self, _):
        self.answer(b"", Content_Length=str(1 << 40))
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Fresh", (Handler,), {"asked": Counter()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def get():
    with Downloader(FAST) as downloader:
        yield lambda url, md5=None, size=None, private=True: downloader(Download(url, md5, private), size)


def test_a_whole_file_is_checked_against_size_and_md5(get, url):
    assert get(f"{url}/image/a.jpg", MD5, len(DATA)) == DATA


def test_bytes_of_another_size_or_md5_are_rejected(get, url):
    with pytest.raises(CorruptError, match="MD5 is not 0Sad"):
        get(f"{url}/image/a.jpg", "0Sad+xMj2ttXM1U8meEJ0A==")
    with pytest.raises(CorruptError, match=r"10,240 bytes instead of 7"):
        get(f"{url}/image/a.jpg", size=7)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFoundError), (410, NotFoundError), (403, DeniedError), (400, StoreError)],
)
def test_a_permanent_failure_is_not_retried(get, url, server, status, kind):
    with pytest.raises(kind, match=f"HTTP {status}"):
        get(f"{url}/status/{status}")
    assert server.RequestHandlerClass.asked[f"/status/{status}"] == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_temporary_failure_is_retried(get, url, server, status):
    assert get(f"{url}/busy/{status}") == DATA
    assert server.RequestHandlerClass.asked[f"/busy/{status}"] == 2


def test_retries_have_an_end(get, url, server):
    with pytest.raises(UnavailableError, match="HTTP 503") as caught:
        get(f"{url}/status/503")
    assert server.RequestHandlerClass.asked["/status/503"] == 3
    assert "gave up after attempt 3 of 3" in caught.value.__notes__[0]


def test_a_web_page_is_no_image(get, url):
    with pytest.raises(StoreError, match="no image: its content type is text/html"):
        get(f"{url}/html/a.jpg")


@pytest.mark.parametrize("kind", ["large", "endless"])
def test_no_more_is_read_than_an_image_may_have(url, kind):
    with (
        Downloader(FAST, 1 << 20) as downloader,
        pytest.raises(StoreError, match=r"1,048,576 (bytes|are read).*'max_image_bytes' allows more"),
    ):
        downloader(Download(f"{url}/{kind}/a.jpg", private=True))


def test_an_answer_that_ends_early_is_no_image(get, url):
    with pytest.raises(UnavailableError):
        get(f"{url}/short/a.jpg")


def test_a_slow_trickle_is_given_up(url):
    with (
        Downloader({"retries": 0, "timeout": 0.2}) as downloader,
        pytest.raises(UnavailableError, match="too long"),
    ):
        downloader(Download(f"{url}/drip/a.jpg", private=True))


def test_redirects_are_followed_but_not_for_ever(get, url):
    assert get(f"{url}/to/{url}/image/a.jpg") == DATA
    with pytest.raises(StoreError, match="more than 5 redirects"):
        get(f"{url}/around/a.jpg")


def test_the_placeholder_of_a_removed_photo_is_not_the_photo(get, url):
    with pytest.raises(NotFoundError, match="removed"):
        get(f"{url}/to/{url}/image/photo_unavailable.png")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_nowhere_but_to_the_web(get, url, target):
    with pytest.raises(StoreError, match="redirects to, an invalid URL"):
        get(f"{url}/to/{target}")


def test_a_port_without_a_server_is_unavailable(get):
    with pytest.raises(UnavailableError):
        get("http://127.0.0.1:9/a.jpg")


def test_an_unknown_host_is_not_retried(get):
    with pytest.raises((NotFoundError, UnavailableError), match=r"no such host|DNS"):
        get("http://nobody.invalid/a.jpg", private=False)


PRIVATE = [
    "127.0.0.1",
    "169.254.169.254",
    "::1",
    "10.1.2.3",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - it is refused
]
PRIVATE += [
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "224.0.0.1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_rejected_before_anything_is_sent(get, server, address):
    port = server.server_address[1]
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(DeniedError, match="not a public address"):
        get(f"http://{host}:{port}/image/a.jpg", private=False)
    assert not server.RequestHandlerClass.asked


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1"])
def test_a_name_of_a_private_address_is_rejected(get, address, monkeypatch, server):
    real = socket.getaddrinfo

    def answer(host, *args, **options):  # DNS that somebody else controls
        return real(address if host == "photos.example.com" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(DeniedError, match=address):
        get(f"http://photos.example.com:{server.server_address[1]}/image/a.jpg", private=False)
    assert not server.RequestHandlerClass.asked


def test_localhost_is_rejected(get, server):
    with pytest.raises(DeniedError, match="not a public address"):
        get(f"http://localhost:{server.server_address[1]}/image/a.jpg", private=False)


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
def test_a_redirect_to_a_private_address_is_rejected(url, server, target, monkeypatch):
    # The server plays a public one: its own address is let through, and no other.
    port = server.server_address[1]
    usual = module._open_socket
    first = iter([True])

    def open_socket(info):
        return socket.socket(*info[:3]) if next(first, False) else usual(info)

    monkeypatch.setattr(module, "_open_socket", open_socket)
    with Downloader(FAST) as downloader, pytest.raises(DeniedError, match="not a public address"):
        downloader(Download(f"{url}/to/http://{target}:{port + 1}/image/a.jpg"))
    assert list(server.RequestHandlerClass.asked) == [f"/to/http://{target}:{port + 1}/image/a.jpg"]


@given(st.ip_addresses())
def test_a_public_address_is_neither_private_nor_embeds_a_private_one(ip):
    if is_public(str(ip)):
        assert ip.is_global
        bad = ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_unspecified
        assert not any(bad)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_decides(ip):
    mapped = ipaddress.ip_address(f"::ffff:{ip}")
    assert (
        is_public(str(mapped))
        == is_public(str(ip))
        == is_public(str(ipaddress.ip_address("64:ff9b::") + int(ip)))
    )


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="#"), min_size=1), st.booleans())
def test_a_download_survives_its_url(path, private):
    download = Download(f"https://host/{path}", MD5, private)
    assert Download.parse(str(download)) == download


@pytest.mark.parametrize(
    "url",
    [
        *("file:///x", "s3://b/k", "https://", "host/x", "", "javascript:x"),
        *("http:///x", "http://[::1/x", "http://host:99999/x", "http://host:x/"),
    ],
)
def test_only_http_urls_are_downloaded(url):
    with pytest.raises(UsageError, match="no URL of http"):
        Download(url)


@pytest.mark.parametrize("md5", ["", "x", "d1269dfb1323dadb5733553c99e109d0", "AAAA"])
def test_an_md5_is_sixteen_bytes_in_base64(md5):
    with pytest.raises(UsageError, match="no MD5"):
        Download("https://host/x", md5)


def test_it_works_where_a_loop_runs_already_and_from_many_threads(url):
    import asyncio

    async def notebook():
        with Downloader(FAST) as downloader:
            return downloader(Download(f"{url}/image/a.jpg", private=True))

    assert asyncio.run(notebook()) == DATA


@pytest.mark.parametrize(
    ("number", "kind"), [(socket.EAI_AGAIN, UnavailableError), (socket.EAI_NONAME, NotFoundError)]
)
def test_dns_that_does_not_answer_is_not_a_host_that_is_gone(get, monkeypatch, number, kind):
    def fail(*_args, **_options):
        raise socket.gaierror(number, "from the test")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(kind, match="from the test"):
        get("http://photos.example.com/a.jpg", private=False)


def test_a_server_without_tls_is_named(get, server):
    with pytest.raises(StoreError, match="no secure connection"):
        get(f"https://127.0.0.1:{server.server_address[1]}/image/a.jpg")


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_that_asks_to_wait_is_asked_again_later(get, server, form):
    handler = server.RequestHandlerClass
    text = "1" if form == "seconds" else formatdate(time.time() + 2.5, usegmt=True)

    def answer(self, _):
        first = self.asked[self.path] == 1
        self.answer(status=503 if first else 200, **({"Retry_After": text} if first else {}))

    handler.answer_later = answer
    began = time.monotonic()
    assert get(f"http://127.0.0.1:{server.server_address[1]}/later/a.jpg") == DATA
    assert time.monotonic() - began >= 0.9


def test_without_aiohttp_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(MissingExtraError, match=r"wds-imagenet\[fetch\]"), Downloader(FAST):
        pass
