"""Images whose URLs stand in a table, behind a signed URL, or in files that are not what was listed."""

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.scripted_server import Reply, ScriptedServer, scripted_server

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import ImageError, SourceError, WdsImagenetError
from wds_imagenet.storage import open_store

SIGNATURE = "X-Amz-Signature=canary-signature"
FAST = {"retries": 1, "timeout": 2}


def jpeg(seed: int, size: int = 32) -> bytes:
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (size, size, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


IMAGES = {f"p{i}.jpg": jpeg(i) for i in range(3)}


@pytest.fixture
def server():
    with scripted_server() as server:
        server.objects |= {f"/i/{name}": data for name, data in IMAGES.items()}
        yield server


def write_table(folder: Path, urls: list[str]) -> str:
    (folder / "t.csv").write_text("".join(f"{line}\n" for line in ["url", *urls]))
    return str(folder / "t.csv")


def packed(dest: Path) -> list[bytes]:
    return [sample.image for sample in Dataset.open(str(dest)).samples()]


def reasons(dest: Path) -> str:
    return open_store(str(dest)).read(".wds-imagenet/report.jsonl").data.decode()


def pack_table(url: str, dest: Path, **options: object):
    return pack("table", url, dest=str(dest), workers=1, source_storage_options=FAST, **options)


class TestAddressesInATable:
    def test_this_machine_is_reached_if_the_user_says_so(
        self, server: ScriptedServer, tmp_path: Path
    ) -> None:
        table = write_table(tmp_path, [f"{server.url}/i/{name}" for name in IMAGES])
        pack_table(table, tmp_path / "out", allow_private_networks=True, shuffle=False)
        assert packed(tmp_path / "out") == list(IMAGES.values())

    @pytest.mark.parametrize(
        "host",
        [
            *["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "[::1]", "0.0.0.0"],  # noqa: S104
            *["[::ffff:127.0.0.1]", "[::127.0.0.1]", "169.254.169.254", "10.0.0.1", "[fe80::1]"],
            *["user:password@127.0.0.1", "[64:ff9b::7f00:1]", "100.64.0.1"],
        ],
    )
    def test_nothing_is_sent_to_it_otherwise(self, server: ScriptedServer, tmp_path: Path, host: str) -> None:
        table = write_table(tmp_path, [f"http://{host}:{server.server_address[1]}/i/p0.jpg"])
        with pytest.raises(WdsImagenetError, match=r"allow_private_networks|no such host|invalid"):
            pack_table(table, tmp_path / "out")
        assert not server.asked

    def test_a_redirect_there_is_refused_too(
        self, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from wds_imagenet.storage import http_download

        public = http_download.is_public
        monkeypatch.setattr(http_download, "is_public", lambda a: a == "127.0.0.1" or public(a))
        server.always = Reply(302, b"", {"Location": "http://127.0.0.2:9/latest/meta-data"})
        table = write_table(tmp_path, [f"{server.url}/i/p0.jpg"])
        with pytest.raises(ImageError, match=r"127\.0\.0\.2, which is not a public address"):
            pack_table(table, tmp_path / "out")

    def test_no_option_of_the_store_goes_to_hosts_in_a_table(
        self, server: ScriptedServer, tmp_path: Path
    ) -> None:
        table = write_table(tmp_path, [f"{server.url}/i/p0.jpg"])
        options = {**FAST, "headers": {"Authorization": "canary"}}
        pack("table", table, dest=str(tmp_path / "out"), workers=1, allow_private_networks=True,
             source_storage_options=options)  # fmt: skip
        assert "canary" not in str(server.asked)

    @pytest.mark.parametrize(
        "url",
        [
            *["az://c@evil/x.jpg", "abfs://c@evil.dfs.core.windows.net/x.jpg", "abfss://c@127.0.0.1:9/x.jpg"],
            *["hf://datasets/evil/x/x.jpg", "memory://a/x.jpg", "adl://evil/x.jpg", "sftp://10.0.0.1/x.jpg"],
            *["ftp://h/x.jpg", "hdfs://h/x.jpg", "webhdfs://h/x.jpg", "smb://h/x.jpg", "zip://x::http://h/a"],
        ],
    )
    @pytest.mark.parametrize("root", [None, "az://c@mine/i"])
    def test_no_store_is_opened_that_the_user_did_not_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, root: str | None
    ) -> None:
        from wds_imagenet.storage import opener

        def fail(*args: object) -> None:
            raise AssertionError(args)

        monkeypatch.setattr(opener, "RemoteStore", fail)
        table = write_table(tmp_path, [url])
        with pytest.raises(WdsImagenetError, match=r"option 'root'|not supported|not opened") as caught:
            pack_table(table, tmp_path / "out", **({} if root is None else {"root": root}))
        assert url in str(caught.value)

    def test_one_that_fails_is_left_out_and_listed(self, server: ScriptedServer, tmp_path: Path) -> None:
        urls = [
            f"{server.url}/i/p0.jpg",
            f"{server.url}/i/dead.jpg?{SIGNATURE}",
            "http://169.254.169.254/x.jpg",
        ]
        table = write_table(tmp_path, urls)
        report = pack_table(table, tmp_path / "out", allow_private_networks=True, on_bad="skip")
        assert (report.samples, report.skipped) == (1, 2)
        assert "HTTP 404" in reasons(tmp_path / "out")
        assert "canary" not in reasons(tmp_path / "out")


@pytest.mark.parametrize("kind", ["imagefolder", "webdataset"])
def test_a_tar_behind_a_signed_url_is_read_with_its_query(
    server: ScriptedServer, tmp_path: Path, kind: str
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in IMAGES.items():
            info = tarfile.TarInfo(f"cat/{name}" if kind == "imagefolder" else name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    server.objects["/d/a.tar"] = buffer.getvalue()
    server.only = lambda method, path: SIGNATURE not in path or method == "HEAD"  # signed for GET alone
    server.always = Reply(403, b"")
    dest = tmp_path / "out"
    report = pack(kind, f"{server.url}/d/a.tar?{SIGNATURE}", dest=str(dest), shuffle=False, workers=1,
                  source_storage_options=FAST)  # fmt: skip
    assert packed(dest) == list(IMAGES.values())
    texts = [path.read_bytes() for path in dest.rglob("*") if path.is_file()]
    assert not any(b"canary" in text for text in [*texts, repr(report).encode()])


class TestFilesThatAreNotAsListed:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "in" / "cat").mkdir(parents=True)
        for name, data in IMAGES.items():
            (tmp_path / "in" / "cat" / name).write_bytes(data)
        return tmp_path / "in"

    def run(self, folder: Path, **options: object):
        dest = folder.parent / "out"
        report = pack("imagefolder", str(folder), dest=str(dest), workers=1, shuffle=False, **options)
        return report, dest

    def test_a_sparse_giant_is_not_read(self, folder: Path, little_memory) -> None:
        with (folder / "cat" / "giant.jpg").open("wb") as file:
            os.truncate(file.fileno(), 10 << 30)
        with little_memory(200 << 20), pytest.raises(SourceError, match="max_image_bytes"):
            self.run(folder)
        with little_memory(200 << 20):
            report, dest = self.run(folder, on_bad="skip")
        assert (report.samples, report.skipped) == (3, 1)
        assert "10,737,418,240 bytes" in reasons(dest)

    def test_the_limit_is_an_option(self, folder: Path) -> None:
        with pytest.raises(SourceError, match="at most 100 are read: option 'max_image_bytes'"):
            self.run(folder, max_image_bytes=100)
        with pytest.raises(WdsImagenetError, match="'max_image_bytes' must be at least 1"):
            self.run(folder, max_image_bytes=0)

    @pytest.mark.parametrize("change", ["grew", "shrank", "went"])
    def test_one_that_changed_since_it_was_listed_is_left_out(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        from wds_imagenet.packing import pack_dataset

        plan = pack_dataset.plan_listing

        def change_after(*args: object):
            planned = plan(*args)
            file = folder / "cat" / "p1.jpg"
            if change == "went":
                file.unlink()
            else:
                file.write_bytes(IMAGES["p1.jpg"] + b"more" if change == "grew" else IMAGES["p1.jpg"][:-5])
            return planned

        monkeypatch.setattr(pack_dataset, "plan_listing", change_after)
        with pytest.raises(ImageError, match=r"were listed|no such file"):
            self.run(folder)
        (folder / "cat" / "p1.jpg").write_bytes(IMAGES["p1.jpg"])
        report, dest = self.run(folder, on_bad="skip")
        assert (report.samples, report.skipped) == (2, 1)
        assert json.loads(reasons(dest))["key"].endswith("p1")

    def test_a_disk_that_went_away_is_no_data_set_of_bad_images(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from wds_imagenet.packing import pack_dataset
        from wds_imagenet.packing.build import fetch

        plan = pack_dataset.plan_listing
        monkeypatch.setattr(fetch, "_OUTAGE", 3)

        def rename_after(*args: object):
            planned = plan(*args)
            (folder / "cat").rename(folder / "gone")
            return planned

        monkeypatch.setattr(pack_dataset, "plan_listing", rename_after)
        with pytest.raises(SourceError, match="3 files in a row are gone"):
            self.run(folder, on_bad="skip")
