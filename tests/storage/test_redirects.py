"""A redirect is followed to another origin, and the user's headers and cookies are not sent there."""

import json
from collections.abc import Iterator

import pytest
from support.scripted_server import Reply, ScriptedServer, scripted_server

from wds_imagenet.errors import StoreError
from wds_imagenet.storage import open_store

SECRET = "canaryCANARY"
OPTIONS = [
    {"headers": {"X-Api-Key": SECRET}},
    {"headers": json.dumps({"Authorization": SECRET})},
    {"cookies": {"session": SECRET}},
    {"params": {"token": SECRET}},
    {"client_kwargs": {"cookies": {"session": SECRET}}},
    {"client_kwargs": {"headers": {"X-Api-Key": SECRET}, "trust_env": True}},
]


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedServer, ScriptedServer]]:
    """Return the server that the user names, and another one."""
    with scripted_server() as named, scripted_server() as other:
        other.objects["/y/a"] = b"0123456789"
        named.objects["/z/a"] = b"0123456789"
        yield named, other


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("options", OPTIONS)
def test_no_header_and_cookie_follows_a_redirect_to_another_origin(servers, options, status):
    named, other = servers
    named.always = Reply(status, b"", {"Location": f"{other.url}/y/a"})
    user = "" if "Authorization" in str(options) else f"user:{SECRET}@"
    store = open_store(f"{named.url.replace('://', f'://{user}')}/d?sig={SECRET}", options)
    assert store.read("a", 2, 5).data == b"234"
    assert store.info("a").size == 10
    assert SECRET in str(named.asked)
    assert SECRET not in str(other.asked)
    assert {headers["Accept-Encoding"] for _, _, headers in other.asked} == {"identity"}
    assert other.asked[0][2]["Range"] == "bytes=2-4"


@pytest.mark.parametrize("location", ["/z/a", "{url}/z/a", "../z/a"])
def test_headers_and_userinfo_stay_on_the_origin(servers, location):
    named, _ = servers
    named.script.append(Reply(302, b"", {"Location": location.format(url=named.url)}))
    url = named.url.replace("://", f"://user:{SECRET}@")
    store = open_store(f"{url}/d", {"headers": {"X-Api-Key": SECRET}})
    assert store.read("a", 2, 5).data == b"234"
    (_, _, first), (_, path, second) = named.asked
    assert path == "/z/a"
    assert first == second
    assert second["X-Api-Key"] == SECRET
    assert second["Authorization"].startswith("Basic ")


def test_no_header_returns_from_another_origin(servers):
    named, other = servers
    named.script.append(Reply(302, b"", {"Location": f"{other.url}/y/a"}))
    other.always = Reply(302, b"", {"Location": f"{named.url}/z/a"})
    store = open_store(f"{named.url}/d", {"headers": {"X-Api-Key": SECRET}})
    assert store.read("a", 2, 5).data == b"234"
    assert ["X-Api-Key" in headers for _, _, headers in named.asked] == [True, False]


def test_redirects_end(servers):
    named, _ = servers
    named.always = Reply(302, b"", {"Location": "/d/a"})
    with pytest.raises(StoreError, match="redirects too often"):
        open_store(f"{named.url}/d", {"retries": 0}).read("a", 2, 5)
    assert len(named.asked) == 11


@pytest.mark.parametrize("location", ["ftp://h/x", "file:///etc/passwd", "http://[", "http://h:99999/x"])
def test_a_redirect_leads_to_the_web_alone(servers, location):
    named, _ = servers
    named.always = Reply(302, b"", {"Location": location})
    with pytest.raises(StoreError, match="no web URL"):
        open_store(f"{named.url}/d", {"retries": 0}).read("a", 2, 5)
