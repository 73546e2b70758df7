import inspect

from wds_imagenet.sources import SOURCES, options_of


def test_every_source_is_called_as_its_name_says_and_described_in_a_line():
    assert list(SOURCES) == [
        *("imagenet", "imagenet21k", "imagenet21k-p", "imagenet-v2", "open-images"),
        *("imagefolder", "table", "sidecars", "webdataset", "huggingface"),
    ]
    for name, source in SOURCES.items():
        assert source.__name__.replace("_", "-") == name
        assert source.__doc__.splitlines()[0].startswith(("List ", "Stream "))
        assert source.__doc__.splitlines()[0].endswith(".")


def test_options_are_the_keyword_parameters_with_their_help():
    assert [option.name for option in options_of(SOURCES["imagenet"])] == [
        *("split", "devkit", "classes", "solution")
    ]
    for source in SOURCES.values():
        parameters = inspect.signature(source).parameters
        for option in options_of(source):
            assert parameters[option.name].default is None
            assert option.help
            assert not option.help.endswith(".")


def test_the_sources_are_light_to_import():
    import subprocess
    import sys

    program = (
        "import sys, wds_imagenet.sources; "
        "print([m for m in ('numpy', 'pyarrow', 'scipy', 'fsspec', 'obstore', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
