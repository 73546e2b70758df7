"""A secret in a URL, an option or the environment reaches no output, log, file, repr, state or process."""

import contextlib
import io
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.scripted_server import ERROR, Reply, ScriptedServer, scripted_server

from wds_imagenet import Dataset, Loader, ResizeCenterCrop
from wds_imagenet.cli.commands import VERBS, run
from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.sources import SOURCES
from wds_imagenet.storage import open_store

CANARY = "canaryCANARY0123"
OPTIONS = ["retries=0", "timeout=1", f"headers={CANARY}", f"password={CANARY}"]
REPLIES = {
    "refused": Reply(403, ERROR),
    "missing": Reply(404, b""),
    "garbage": Reply(200, b"\x1b[2Jgarbage\n" * 40, {"ETag": '"x"'}),
    "broken": Reply(200, b"short", {"Content-Length": "100"}),
    "elsewhere": Reply(302, b"", {"Location": f"http://u:{CANARY}@127.0.0.1:9/x?sig={CANARY}"}),
}


def call(arguments: list[str]) -> None:
    """Run a command, whatever its exit code."""
    try:
        run(["--debug", *arguments])
    except SystemExit:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


def commands(url: str, tmp: Path) -> list[list[str]]:
    """Return a command line for every verb and source, with the URL in every place that takes one."""
    options = [word for option in OPTIONS for word in ("--storage-option", option)]
    source = [word for option in OPTIONS for word in ("--source-storage-option", option)]
    out = str(tmp / "out")
    packs = [["pack", name, url, out, *source] for name in SOURCES]
    packs += [["pack", "imagefolder", str(tmp), url, *options]]
    packs += [["pack", "imagenet", str(tmp), out, "--devkit", url, *source]]
    for option in ("--captions", "--labels=real", "--labels=kaggle", "--class-names=zh"):
        value = (
            [option, url]
            if "=" not in option
            else [f"{option.replace('=', ' ').split()[0]}", f"{option.partition('=')[2]}={url}"]
        )
        packs.append(["pack", "imagefolder", str(tmp / "in"), out, *value, *source])
    for option in ("--classes", "--root"):
        packs.append(["pack", "table", str(tmp / "t.csv"), out, option, url, *source])
    guesses = ["evaluate", str(tmp / "guesses.csv"), "--convention=sorted-index"]
    others = [
        ["add-layer", url, "--layer", "real", "--labels", f"real={url}", *options],
        ["index", url, *options],
        ["verify", url, *options],
        ["repair", url, "--from", url, "--dry-run", *options],
        ["repair", str(tmp / "in"), "--from", url, *options],
        ["info", url, "--json", *options],
        ["ls", url, *options],
        ["cat", url, "a", *options],
        ["view", url, "--page", str(tmp / "page.html"), *options],
        ["bench", url, *options],
        ["evaluate", url, "--labels", url, *options],
        *([*guesses, "--labels", f"{name}={url}", *options[:4]] for name in ("dataset", "real")),
        ["doctor", "--json"],
        ["nothing", url],
        ["info", url, url],
    ]
    return packs + others


PLACES = [(kind, "both") for kind in (*REPLIES, "down")]


@pytest.mark.parametrize(("kind", "place"), [*PLACES, ("missing", "query"), ("missing", "userinfo")])
def test_no_command_shows_a_secret_of_its_urls(
    server: ScriptedServer, tmp_path: Path, kind: str, place: str, shown: Callable[[], str]
) -> None:
    server.always = REPLIES.get(kind)
    base = "http://127.0.0.1:9" if kind == "down" else server.url
    if place != "query":
        base = base.replace("http://", f"http://user:{CANARY}@")
    query = "" if place == "userinfo" else f"?X-Amz-Signature={CANARY}&sig={CANARY}#{CANARY}"
    url = f"{base}/d/x.tar{query}"
    (tmp_path / "in" / "cat").mkdir(parents=True)
    (tmp_path / "in" / "cat" / "a.jpg").write_bytes(jpeg())
    (tmp_path / "t.csv").write_text(f"url\n{url}\n")
    (tmp_path / "guesses.csv").write_text("key,labels\na,0\n")
    for arguments in commands(url, tmp_path):
        call(arguments)
        text = shown()
        assert CANARY not in text, (arguments, text)
        assert "\x1b" not in text, (arguments, text)
    (tmp_path / "t.csv").unlink()
    found = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert not found


MISSPELLED = [
    f"http:/user:{CANARY}@h/i.jpg?sig={CANARY}",
    f"https//user:{CANARY}@h/i.jpg?{CANARY}",
    f"fetch+https//{CANARY}@h/i.jpg",
    f"//user:{CANARY}@h/i.jpg",
    f"htps:///user:{CANARY}@h/i.jpg",
    f"user:{CANARY}@h:/i.jpg?sig={CANARY}",
    f"user:{CANARY}@h",
    f"h/i.jpg%3Fsig={CANARY}",
    f"http://h.invalid/i.jpg;token={CANARY}",
    f"http://h.invalid/i.jpg%3Ftoken={CANARY}",
]


@pytest.mark.parametrize("url", MISSPELLED)
@pytest.mark.parametrize("on_bad", ["stop", "skip"])
def test_no_misspelled_url_shows_its_secret(
    url: str, on_bad: str, tmp_path: Path, shown: Callable[[], str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    table = tmp_path / "t.csv"
    table.write_text(f'url\na.jpg\n"{url}"\n')
    options = ["--source-storage-option", "retries=0", "--on-bad", on_bad]
    call(["pack", "table", str(table), str(tmp_path / "out"), *options])
    if ";" not in url and "invalid" not in url:
        call(["info", url])
        call(["pack", "table", url, str(tmp_path / "more")])
    assert CANARY not in shown()
    table.unlink()
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


@pytest.fixture
def shown(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Return a function that returns what was printed and logged, and Python's own tracebacks of errors."""
    traces: list[str] = []

    def keep(_kind: object, error: BaseException, _trace: object) -> None:
        if isinstance(error, WdsImagenetError):
            traces.append("".join(traceback.format_exception(error)))

    monkeypatch.setattr("wds_imagenet.cli.commands.print_traceback", keep)
    caplog.set_level(logging.DEBUG, "wds_imagenet")

    def take() -> str:
        out, err = capfd.readouterr()
        text = "".join([out, err, caplog.text, *traces])
        traces.clear()
        return text

    return take


def test_every_verb_is_among_them(tmp_path: Path) -> None:
    verbs = {arguments[0] for arguments in commands("x", tmp_path)}
    assert verbs >= VERBS.keys() - {"demo"}  # which takes no URL


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the temporary folder of the commands, whose path is short enough for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="c") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_credentials_reach_no_output_file_state_or_process(
    s3_server, s3_url: str, tmp_path: Path, temporary: Path
) -> None:
    for number in range(40):
        folder = tmp_path / "in" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(jpeg())
    secret = s3_server.secret_key
    arguments = [
        "pack",
        "imagefolder",
        str(tmp_path / "in"),
        s3_url,
        "--workers",
        "2",
        "--samples-per-shard",
        "3",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "wds_imagenet", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path, start_new_session=True,
    ) as process:  # fmt: skip
        seen, files = set(), set()
        while process.poll() is None:
            seen |= command_lines(os.getpgid(process.pid)) if process.poll() is None else set()
            files |= set(texts(temporary))
            time.sleep(0.005)
        output = process.stdout.read() if process.stdout else b""
    assert process.returncode == 0, output
    assert len(seen) > 1
    stored = [open_store(s3_url).read(info.path).data for info in open_store(s3_url).list_objects()]
    dataset = Dataset.open(s3_url)
    loader = Loader(s3_url, batch_size=4, transform=ResizeCenterCrop(8, 8), storage_options={
        "key": s3_server.access_key, "secret": secret})  # fmt: skip
    next(iter(loader))
    shown = [repr(one).encode() for one in (dataset, loader, dataset.store, loader.state_dict())]
    shown.append(pickle.dumps(loader.state_dict()))
    assert not [text for text in [output, *seen, *files, *stored, *shown] if secret.encode() in text]


def command_lines(group: int) -> set[bytes]:
    """Return the command lines of all processes of a group."""
    found = set()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and os.getpgid(int(folder.name)) == group:
                found.add(folder.joinpath("cmdline").read_bytes())
        except (OSError, ProcessLookupError):
            continue
    return found


def texts(folder: Path) -> Iterator[bytes]:
    """Return the content of all files below a folder, in which another process works."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                yield Path(parent, name).read_bytes()


def test_an_uncaught_exception_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    from wds_imagenet.cli.commands import print_traceback

    cause = KeyError(f"http://h/x?sig={CANARY}")
    error = ValueError(f"http://u:{CANARY}@h/x?{CANARY}")
    error.__cause__ = cause
    print_traceback(ValueError, error, None)
    shown = capsys.readouterr().err
    assert "ValueError: http://h/x" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("url", ["s3://b/x", "http://127.0.0.1:9/x", "{tmp}/none"])
@pytest.mark.parametrize(
    "values",
    [
        *([CANARY], [f"={CANARY}"], [f"secret:{CANARY}"], [f"{CANARY}="], [f"{CANARY}=="], [f"k:{CANARY}=x"]),
        *([f"{CANARY}=a", f"{CANARY}=b"], [f"timeout={CANARY}"], [f"engine={CANARY}"]),
        *([f"endpoint_url=host/{CANARY}"], [f"client_kwargs={CANARY}"]),
    ],
)
def test_a_mistake_in_a_storage_option_shows_no_secret(
    url: str, values: list[str], tmp_path: Path, shown: Callable[[], str]
) -> None:
    url = url.format(tmp=tmp_path)
    for option, command in [
        ("--storage-option", ["info", url]),
        ("--source-storage-option", ["pack", "table", f"{url}/t.csv", str(tmp_path / "out")]),
        ("--copy-storage-option", ["repair", str(tmp_path), "--from", url]),
    ]:
        options = [word for value in [*values, "retries=0"] for word in (option, value)]
        call([*command, *options])
        text = shown()
        assert CANARY not in text
        assert "rror: " in text
