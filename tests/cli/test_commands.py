"""The command line: its output and its exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from wds_imagenet.cli import commands as module
from wds_imagenet.cli.doctor import _advice
from wds_imagenet.cli.shared_options import Size
from wds_imagenet.format import manifest as manifests
from wds_imagenet.format import samples
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.images import native_engine, resize


def run(*arguments, cwd=None, env=None):
    """Run the installed command in a process of its own."""
    command = [sys.executable, "-m", "wds_imagenet", *map(str, arguments)]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three class folders of four pictures each."""
    root = tmp_path_factory.mktemp("pictures") / "folder"
    for number in range(12):
        name = root / ("cat", "dog", "eel")[number % 3] / f"p{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + number, 30), (number * 20, 0, 0)).save(name)
    return root


@pytest.fixture(scope="module")
def packed(folder):
    dest = folder.parent / "pets" / "train"
    result = run("pack", "imagefolder", folder, dest)
    assert result.returncode == 0, result.stderr
    assert "packed 12 samples in 1 shard" in result.stdout
    return dest


def test_pack_names_the_shards_after_the_destination(packed):
    assert [path.name for path in packed.glob("*.tar")] == ["pets-train-000000.tar"]


def test_packing_again_changes_nothing(packed, folder):
    before = {path: path.stat().st_mtime_ns for path in packed.rglob("*") if path.is_file()}
    result = run("pack", "imagefolder", folder, packed)
    assert result.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in packed.rglob("*") if path.is_file()} == before


def test_another_plan_for_the_same_destination_is_refused_with_the_difference(packed, folder):
    result = run("pack", "imagefolder", folder, packed, "--seed", "5")
    assert result.returncode == 2
    assert "seed was 0 there, is 5 now" in result.stderr


def test_a_dry_run_writes_nothing(folder, tmp_path):
    result = run("pack", "imagefolder", folder, tmp_path / "out", "--dry-run")
    assert result.returncode == 0
    assert "would pack 12 samples" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_info_prints_the_facts_of_the_data_set(packed):
    facts = json.loads(run("info", packed, "--json").stdout)
    assert (facts["samples"], facts["shards"], facts["split"]) == (12, 1, "train")
    assert [(c["name"], c["samples"]) for c in facts["classes"]] == [("cat", 4), ("dog", 4), ("eel", 4)]
    assert "12, each cls, image, json" in run("info", packed).stdout


def test_ls_and_cat_show_the_samples(packed, folder):
    keys = run("ls", packed).stdout.split()
    assert sorted(keys) == sorted(f"p{number}" for number in range(12))
    shown = run("cat", packed, "p4").stdout
    assert "label    1" in shown
    image = subprocess.run(
        [sys.executable, "-m", "wds_imagenet", "cat", packed, "p4", "--image"],
        capture_output=True,
        check=True,
    ).stdout
    assert image == (folder / "dog" / "p4.jpg").read_bytes()
    assert keys[3] in run("cat", packed, "#3").stdout


def test_a_closed_pipe_prints_no_error(packed):
    command = f"{sys.executable} -m wds_imagenet ls {packed} | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stderr == ""


def test_output_that_cannot_be_written_is_one_line(packed):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "wds_imagenet", "ls", str(packed)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "error: [Errno 28] No space left on device\n"


def test_verify_of_a_missing_shard_reports_no_bytes_read(packed, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", packed, copy], check=True)
    (copy / "pets-train-000000.tar").unlink()
    result = run("verify", copy)
    assert result.returncode == 3
    bad, verdict = result.stdout.splitlines()
    assert bad.startswith("bad: pets-train-000000.tar: ")
    assert "; 0 of 12 samples are whole; 0 B of " in verdict


def test_pack_of_a_damaged_data_set_names_the_check_that_repairs_it(packed, folder, tmp_path):
    copy = tmp_path / "pets" / "train"
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", packed, copy], check=True)
    (copy / "pets-train-000000.tar").unlink()
    result = run("pack", "imagefolder", folder, copy)
    assert result.returncode == 3
    assert "again with --check" in result.stderr
    assert run("pack", "imagefolder", folder, copy, "--check").returncode == 0
    assert (copy / "pets-train-000000.tar").read_bytes() == (packed / "pets-train-000000.tar").read_bytes()
    assert run("verify", copy).returncode == 0


def test_help_lists_every_exit_code():
    text = " ".join(run("--help").stdout.split())
    assert "0 done, 1 failed, 2 wrong usage, 3 bad data, 130 interrupted, 143 terminated" in text


def test_verify_exits_with_3_and_prints_the_fault(packed, tmp_path):
    assert run("verify", packed, "--deep").returncode == 0
    assert "the limit of --max-pixels is 1" in run("verify", packed, "--deep", "--max-pixels", "1").stdout
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", packed, copy], check=True)
    shard = copy / "pets-train-000000.tar"
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[2000] ^= 4
    shard.write_bytes(data)
    result = run("verify", copy)
    assert result.returncode == 3
    assert "bad: pets-train-000000.tar, offset 0" in result.stdout
    assert json.loads(run("verify", copy, "--json").stdout)["ok"] is False


@pytest.mark.parametrize("options", [[], ["--process"]])
def test_bench_names_the_bottleneck(packed, options):
    result = run("bench", packed, "--seconds", "0.3", "--batch-size", "4", "--crop", "16", *options)
    assert result.returncode == 0, result.stderr
    assert "images/s" in result.stdout
    assert "bottleneck" in result.stdout.splitlines()[-1]


def test_index_makes_other_peoples_shards_readable(packed, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    subprocess.run(["cp", packed / "pets-train-000000.tar", theirs / "shard-0.tar"], check=True)
    result = run("index", theirs, "--name", "theirs")
    assert result.returncode == 0, result.stderr
    assert "indexed 12 samples in 1 shard" in result.stdout
    assert run("verify", theirs).returncode == 0
    assert run("ls", theirs).stdout == run("ls", packed).stdout


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("nowhere", 2, "there is nothing at .*/nowhere: no file"),
        ("nowhere/1.tar", 2, r"there is nothing at .*/nowhere/1\.tar: no file"),
        ("texts/1.tar", 2, r"there is nothing at .*/texts/1\.tar: no file"),
        ("empty", 3, "there is nothing in .*/empty: it is a folder without files"),
        ("texts", 3, r"there is no \.tar .* file in .*/texts: found 1 \.txt"),
    ],
)
def test_index_distinguishes_nothing_from_a_folder_without_shards(tmp_path, what, code, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    result = run("index", tmp_path / what)
    assert result.returncode == code, result.stderr
    assert re.search(message, result.stderr)


def test_index_of_a_prefix_without_objects_is_a_mistake_and_without_a_bucket_a_failure(s3_url):
    result = run("index", f"{s3_url}/nowhere")
    assert (result.returncode, "there is nothing at s3://" in result.stderr) == (2, True)
    assert run("index", "s3://no-such-bucket/x").returncode == 1


def test_doctor_prints_the_installed_parts():
    result = run("doctor")
    assert result.returncode == 0
    assert "simplejpeg" in result.stdout
    facts = json.loads(run("doctor", "--json").stdout)
    in_use = {"decoder": native_engine.engine(), "resizer": resize.engine(), "walker": samples.walk_engine()}
    assert {name: facts[name] for name in in_use} == in_use


def test_doctor_explains_how_to_install_the_native_engines():
    versions = dict.fromkeys(("obstore", "s3fs", "torch"), "1")
    assert list(_advice(versions, dict.fromkeys(("decoder", "resizer", "walker"), "native"))) == []
    decoder, resizer, walker = _advice(
        versions, {"decoder": "simplejpeg", "resizer": "Pillow", "walker": "Python"}
    )
    assert all(word in decoder for word in ("libjpeg-dev", "libjpeg-turbo-devel", "jpeg-turbo", "optimize"))
    assert all("pip install --force-reinstall" in line for line in (decoder, resizer, walker))


@pytest.mark.parametrize("verb", list(module.VERBS))
def test_every_verb_has_help(verb):
    result = CliRunner().invoke(module.commands, [verb, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


def test_completion_is_offered():
    result = run(env={"_WDS_IMAGENET_COMPLETE": "bash_source"})
    assert "complete" in result.stdout


@pytest.mark.parametrize(
    ("text", "size"), [("2097152", 2097152), ("2MiB", 2097152), ("500MB", 500_000_000), ("1.5gi", 1610612736)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize(
    ("dest", "name"),
    [
        ("s3://b/in1k/train", "in1k"),
        ("s3://b", "b"),
        ("out", "out"),
        ("/a/my data/", "my_data"),
        ("train", "train"),
    ],
)
def test_the_name_comes_from_the_destination(dest, name):
    assert default_name(dest, "train") == name


def one_line_error(result, code):
    assert result.returncode == code, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith(("Usage", "listing "))]
    assert line.startswith(("error: ", "Error: "))
    assert "Traceback" not in result.stderr
    return line


class TestMistakes:
    """A mistake ends in one line with the fault, its location, and the remedy."""

    def test_an_input_that_is_not_there(self, tmp_path):
        line = one_line_error(run("pack", "imagefolder", tmp_path / "none", tmp_path / "out"), 2)
        assert "there is nothing at" in line

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "empty").mkdir()
        line = one_line_error(run("pack", "imagefolder", tmp_path / "empty", tmp_path / "out"), 3)
        assert "there is nothing in" in line
        assert not (tmp_path / "out").exists()

    def test_a_folder_of_text_files(self, tmp_path):
        (tmp_path / "text" / "a").mkdir(parents=True)
        (tmp_path / "text" / "a" / "notes.txt").write_text("hello")
        line = one_line_error(run("pack", "imagefolder", tmp_path / "text", tmp_path / "out"), 3)
        assert "txt" in line

    def test_images_without_labels(self, tmp_path):
        (tmp_path / "flat").mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / "flat" / "a.jpg")
        line = one_line_error(run("pack", "imagefolder", tmp_path / "flat", tmp_path / "out"), 3)
        assert "sidecars" in line

    def test_two_files_with_one_key(self, tmp_path):
        (tmp_path / "twice" / "a").mkdir(parents=True)
        for suffix in ("jpg", "png"):
            Image.new("RGB", (8, 8)).save(tmp_path / "twice" / "a" / f"x.{suffix}")
        line = one_line_error(run("pack", "imagefolder", tmp_path / "twice", tmp_path / "out"), 3)
        assert "x.jpg" in line
        assert "x.png" in line

    def test_an_image_that_is_cut_off(self, tmp_path, folder):
        (tmp_path / "in" / "a").mkdir(parents=True)
        data = (folder / "cat" / "p0.jpg").read_bytes()
        (tmp_path / "in" / "a" / "cut.jpg").write_bytes(data[:-40])
        line = one_line_error(run("pack", "imagefolder", tmp_path / "in", tmp_path / "out"), 3)
        assert "cut.jpg" in line
        assert "skip" in line
        assert not (tmp_path / "out" / manifests.MANIFEST_PATH).exists()

    def test_a_destination_that_is_a_file(self, tmp_path, folder):
        (tmp_path / "out").write_text("a file")
        line = one_line_error(run("pack", "imagefolder", folder, tmp_path / "out"), 1)
        assert str(tmp_path / "out") in line

    def test_a_destination_that_may_not_be_written(self, folder):
        line = one_line_error(run("pack", "imagefolder", folder, "/proc/wds-imagenet"), 1)
        assert "/proc/wds-imagenet" in line

    def test_a_data_set_that_is_not_there(self, tmp_path):
        line = one_line_error(run("info", tmp_path / "none"), 3)
        assert "no data set" in line

    def test_a_manifest_of_a_newer_version(self, tmp_path, packed):
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-r", packed, copy], check=True)
        path = copy / manifests.MANIFEST_PATH
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9', 1))
        assert "upgrade wds-imagenet" in one_line_error(run("info", copy), 3)

    def test_a_key_that_is_not_there(self, packed):
        assert "'ls' lists the keys" in one_line_error(run("cat", packed, "nobody"), 1)

    def test_a_scheme_that_no_store_has(self, folder):
        one_line_error(run("pack", "imagefolder", folder, "zip://x.zip::file://y"), 2)

    def test_an_unknown_option(self, folder, tmp_path):
        result = run("pack", "imagefolder", folder, tmp_path / "out", "--jpeg", "smaller")
        assert "keep, optimize, resize=256" in one_line_error(result, 2)

    @pytest.mark.usefixtures("s3_url")
    def test_no_such_bucket(self, folder):
        line = one_line_error(run("pack", "imagefolder", folder, "s3://no-such-bucket-at-all/x"), 1)
        assert "bucket" in line

    def test_wrong_credentials(self, folder, s3_url):
        environment = {"AWS_SECRET_ACCESS_KEY": "wrong"}
        line = one_line_error(run("pack", "imagefolder", folder, s3_url, env=environment), 1)
        assert "credentials" in line
        assert "wrong" not in line.replace("wrong,", "").replace("are wrong", "")

    def test_a_full_disk(self, folder):
        full = Path("/dev/shm/wds-imagenet-full")  # noqa: S108 - a file system that can be limited
        program = (
            "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
            "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            f"sys.argv = ['wds-imagenet', 'pack', 'imagefolder', {str(folder)!r}, {str(full)!r}];"
            "from wds_imagenet.cli import main; main()"
        )
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        try:
            one_line_error(result, 1)
            assert not (full / manifests.MANIFEST_PATH).exists()
        finally:
            subprocess.run(["rm", "-rf", full], check=True)


def test_debug_shows_the_traceback(tmp_path):
    result = run("--debug", "info", tmp_path / "none")
    assert "Traceback" in result.stderr
    assert result.returncode == 3


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("verb", ["verify", "info"])
def test_a_closed_output_or_a_full_error_stream_fails_no_command(packed, verb, closed):
    command = ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "wds_imagenet", verb, str(packed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, "Traceback" in result.stderr) == (0, False)


def test_a_full_error_stream_fails_no_pack(folder, tmp_path):
    command = [sys.executable, "-m", "wds_imagenet", "pack", "imagefolder", str(folder), str(tmp_path / "x")]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, stdout=subprocess.DEVNULL, stderr=full, check=False).returncode == 0


def test_a_full_output_is_an_error(packed):
    command = [sys.executable, "-m", "wds_imagenet", "ls", str(packed)]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, "No space left" in result.stderr) == (1, True)
