"""URLs without secrets, and names without control characters, in every error and line of output."""

import json
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import MissingExtraError, StoreError, UsageError
from wds_imagenet.shown import shown_json, shown_name, shown_text, shown_url

SECRET = "canaryCANARY"
URLS = [
    (f"http://user:{SECRET}@host/a/x.csv", "http://host/a/x.csv"),
    (f"https://{SECRET}@host:8080/x", "https://host:8080/x"),
    (f"http://user:it's{SECRET}@host/x", "http://host/x"),
    (f"http://user:a@{SECRET}@host/x", "http://host/x"),
    (f"http://user:a/{SECRET}@host/x", "http://…"),
    (f"http://user:a?{SECRET}@host/x", "http://…"),
    (f"http://user:a#{SECRET}@host/x", "http://…"),
    (f"HTTPS://host/x?X-Amz-Signature={SECRET}", "HTTPS://host/x"),
    (f"https://host/x#{SECRET}", "https://host/x"),
    (f"https://[::1]:9/x?{SECRET}", "https://[::1]:9/x"),
    (f"fetch+https://host/x?sig={SECRET}#md5=1", "https://host/x"),
    (f"https:/user:{SECRET}@host/x?sig={SECRET}", "https:/…"),
    (f"http:user:{SECRET}@host/x", "http:…"),
    (f"s3://key:{SECRET}@bucket/x", "s3://bucket/x"),
    (f"az://container@account/x?sv=1&sig={SECRET}", "az://container@account/x"),
    (f"http:\\\\user:{SECRET}@host/x", "http:\\…"),
    (f"//user:{SECRET}@host/x?t={SECRET}", "//…"),
    (f"https//user:{SECRET}@host/x?sig={SECRET}", "https//…@host/x…"),
    (f"https//{SECRET}@host/x", "https//…@host/x"),
    (f"fetch+https//user:{SECRET}@host/x", "fetch+https//…@host/x"),
    (f"htps:///user:{SECRET}@host/x", "htps:///…@host/x"),
    (f"http:///user:{SECRET}@host/x", "http://…"),
    (f"http:/user:{SECRET}", "http:/…"),
    (f"http:/host/x?{SECRET}", "http:/host/x…"),
    (f"/user:{SECRET}@host/x", "/…@host/x"),
    (f"user:{SECRET}@host:80/x?sig={SECRET}", "…@host:80/x?…"),
    (f"host/x%3Fsig={SECRET}", "host/x?…"),
    (f"http://host/x%3fsig%3D{SECRET}", "http://host/x?…"),
    (f"http://host/x;token={SECRET}/y", "http://host/x;token=…/y"),
    (f"http://host/http://user:{SECRET}@host/y", "http://host/…@host/y"),
    (f"file://u:{SECRET}@/x", "file://…"),
    (f"zip://x::http://user:{SECRET}@host/a.zip", "zip://x::http://host/a.zip"),
    (f"simplecache::http://user:{SECRET}@host/x", "simplecache::http://host/x"),
]
PLAIN = ["/data/what? #1.jpg", "s3://b/what?.jpg#1", "az://c@account/x", "hf://datasets/a/b@main/x", "x", ""]
PLAIN += [
    "a@2x.jpg",
    "/d/2024-01-02T12:30:00@a.jpg",
    "localhost:80/x",
    "http://h/what%3F.jpg",
    "a;b.jpg",
    "t.csv:3",
]


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_a_url_is_shown_without_userinfo_query_and_fragment(url, shown):
    assert shown_url(url) == shown
    assert shown_text(f"there is nothing at {url}: no file, and '{url}', ({url}).") == (
        f"there is nothing at {shown}: no file, and '{shown}', ({shown})."
    )


@pytest.mark.parametrize("url", PLAIN)
def test_a_url_without_them_is_shown_as_it_is(url):
    assert shown_url(url) == shown_text(url) == url


def test_errors_and_their_notes_show_no_secret_and_no_control_character():
    for kind in (StoreError, UsageError, MissingExtraError):
        error = kind(f"http://u:{SECRET}@h/x?a={SECRET}: \x1b[2J\u202e")
        error.add_note(f"while reading http://h/x?{SECRET} \r")
        assert str(error) == "http://h/x: \\x1b[2J\\u202e"
        assert error.__notes__ == ["while reading http://h/x \\r"]
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_signature_without_its_url_is_left_out():
    assert shown_text(f"GET /x?X-Amz-Signature={SECRET}&sig={SECRET}") == "GET /x?…"
    assert shown_text(f"X-Amz-Signature={SECRET}&sig={SECRET}") == "X-Amz-Signature=…&sig=…"


@given(st.text())
def test_a_shown_name_is_one_printable_line(text):
    shown = shown_name(text)
    assert shown.splitlines() in ([shown], [])
    assert not set(shown) & {*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e", "\u2028"}
    assert shown_name(shown) == shown


@given(st.text())
def test_showing_a_text_twice_changes_nothing_more(text):
    shown = shown_text(f"http://{text}?{text} {text}")
    assert shown_text(shown) == shown


@given(st.text("http:/\\@?;=%3Fau'\"(, .", max_size=30))
def test_showing_an_address_twice_changes_nothing_more(text):
    for show in (shown_text, shown_url):
        assert show(show(text)) == show(text)


def test_showing_a_long_text_takes_linear_time():
    start = time.perf_counter()
    for part in ("a", "://", "a:", "?", "//x:", "http:x", ";a", "'a", "%3F", "a@:"):
        shown_text(part * (200_000 // len(part)))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "name", ["Bildschirmfoto 10.02\u202fPM", "\u0645\u06cc\u200c\u062e", "👩\u200d🔬", "a\\x1b", "猫"]
)
def test_letters_of_every_language_stay(name):
    assert shown_name(name) == shown_text(name) == shown_json(name) == name


@given(st.text())
def test_shown_json_is_ascii_where_it_must_be_and_has_the_same_value(text):
    shown = shown_json(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(shown) == {"a": text}
    assert not set(shown) & {"\x1b", "\x9b", "\u202e", "\u2028"}
