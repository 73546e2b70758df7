import json

import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet import read_devkit
from wds_imagenet.labels import LABELS, ClassNames, read_class_names
from wds_imagenet.sources import options_of


@pytest.fixture(scope="module")
def lists(photos):
    return photos / "class-names"


@pytest.fixture(scope="module")
def chinese(lists):
    return json.loads((lists / "cn.json").read_text())["imagenet1k"]


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, *args, **options):
        path = tmp_path / "names.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_class_names(str(path), *args, **options)

    return write_and_read


@pytest.mark.parametrize("language", ["en", "cn", "it", "jp", "ar"])
def test_clip_benchmarks_lists_are_in_the_order_of_labels(language, lists):
    found = read_class_names(str(lists / f"{language}.json"))
    assert isinstance(found, ClassNames)
    published = json.loads((lists / f"{language}.json").read_text())["imagenet1k"]
    assert list(found.names) == [name.strip() for name in published]
    assert found.numbering == "labels"


def test_a_list_by_ilsvrcs_ids_is_put_in_order_by_the_devkit(lists, devkit_tar):
    url = str(lists / "imagenet_2012_challenge_label_chinese_map.pbtxt")
    found = read_class_names(url, "zh", devkit=str(devkit_tar))
    lines = dict(line.split("\t") for line in (lists / url).read_text().splitlines())
    kit = read_devkit(str(devkit_tar))
    assert [lines[str(info.ilsvrc2012_id)] for info in kit.classes] == list(found.names)
    assert (found.names[0], found.names[278], found.numbering) == ("丁桂鱼", "狐狸", "ILSVRC2012_IDs")
    assert found.notes == ("7 names are shared by several classes",)
    with pytest.raises(
        SourceError, match="is in the order of ILSVRC2012_IDs, as tench is number 449: give the devkit"
    ):
        read_class_names(url)


FORMS = {
    "dict with both names": lambda n, name: f"{n}: 'word {n}, Wordus {n}',\u00a0{name}",
    "dict": lambda n, name: f" {n}: '{name}',",
    "tuple": lambda n, name: f"({n}, '{name}'),",
    "tab": lambda n, name: f"{n}\t{name}\r",
    "spaces": lambda n, name: f"{n}  {name}",
    "colon": lambda n, name: f"{n}: {name}",
}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("form", FORMS)
def test_the_anchor_and_not_the_length_decides_where_a_list_begins(form, first, chinese, read):
    text = "\n".join(FORMS[form](n, name) for n, name in enumerate(chinese, first))
    found = read(text)
    assert list(found.names) == chinese
    assert found.numbering == ("labels", "labels + 1")[first]


@pytest.mark.parametrize("form", ["dict", "tuple"])
def test_a_python_list_or_dict_in_one_line_is_read_too(form, chinese, read):
    text = " ".join(FORMS[form](n, name) for n, name in enumerate(chinese))
    assert list(read(f"[{text}]" if form == "tuple" else f"{{{text}}}").names) == chinese


def test_quotes_in_names_are_those_of_python(read):
    names = ["tench", "jack-o'-lantern", 'a "b"', "back\\slash"] + [f"c{n}" for n in range(996)]
    assert (
        list(read("{" + ",\n ".join(f"{n}: {name!r}" for n, name in enumerate(names)) + "}").names) == names
    )
    assert list(read("\n".join(f"({n}, {name!r})" for n, name in enumerate(names, 1))).names) == names


def test_json_is_read_by_place_or_by_number(chinese, read):
    assert list(read(json.dumps(chinese)).names) == chinese
    assert list(read(json.dumps({str(n): name for n, name in enumerate(chinese, 1)})).names) == chinese


def test_babels_partial_lists_leave_gaps(chinese, read):
    some = [0, *range(2, 886)]
    text = json.dumps({"EN": [[0], ["tench"]], "ZH": [some, [chinese[n] for n in some]]})
    found = read(text, "zh")
    assert (found.names[0], found.names[1], found.names[885], found.names[999]) == (
        chinese[0],
        None,
        chinese[885],
        None,
    )
    assert "115 classes have no name" in found.notes
    with pytest.raises(
        SourceError, match=r"choose one of its languages, as option 'names\.language': 'EN', 'ZH'"
    ):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("[]", "it is empty"),
        ("0\ttench\n0\tcat", "number 0 is listed twice"),
        ("0\ttench\ncat", "line 2 has 1 columns, but line 1 has 2"),
        ("0\t\n1\ttench", "line 1 has 1 columns|line 2 has 2 columns"),
        ('["tench", 7]', "entry 2 is 7, not a name"),
        ('{"imagenet1k": "x"}', "it is 'x', not a list"),
        ('{"a": ["tench"]}', "choose one of its languages, as option 'names.language': 'a'"),
        ('["tench", ""]', "entry 2 has the name ''"),
        ('["tench", "a\\u0000"]', "entry 2 has the name 'a"),
        (b"0\ttench\n1\t\xff", "utf-8"),
        ("0\tcat\n1\tdog", "none of its classes 0, 1 and 449 is called tench .* but 0 'cat', 1 'dog'"),
        ("5\ttench", "is called tench .* but nothing"),
        ("0\ttench\n1\ttench", "0 and 1 are both called tench"),
        ("0\ttench\n1000\tcat", "its classes 0 to 1000, but tench is 0, so the numbers must be 0 to 999"),
        ("1\ttench\n0\tcat", "its classes 0 to 1, but tench is 1, so the numbers must be 1 to 1000"),
    ],
)
def test_a_list_whose_order_is_not_certain_is_refused(text, message, read):
    with pytest.raises(SourceError, match=r"names\.txt") as caught:
        read(text)
    caught.match(message)


def test_the_order_of_labels_taken_for_that_of_ids_would_be_wrong_everywhere(chinese, devkit_tar):
    kit = read_devkit(str(devkit_tar))
    naive = [chinese[info.ilsvrc2012_id - 1] for info in kit.classes]
    assert sum(a == b for a, b in zip(naive, chinese, strict=True)) < 5


def test_names_become_a_field_of_every_class(lists):
    labels = LABELS["names"](str(lists / "cn.json"), language="zh")
    assert labels.classes[0] == {"name_zh": "丁鲷"}
    assert len(labels.classes) == 1000
    assert labels.find("n01440764_1") is None
    with pytest.raises(UsageError, match="give the language"):
        LABELS["names"](str(lists / "cn.json"))


def test_names_need_every_class(tmp_path):
    (tmp_path / "a").write_text("0\ttench\n2\tshark")
    with pytest.raises(SourceError, match="lacks the names of 998 classes, the first is label 1"):
        LABELS["names"](str(tmp_path / "a"), language="en")


def test_another_language_brings_its_own_anchor(tmp_path):
    (tmp_path / "a").write_text(
        "".join(f"{n}\t{'Schleie' if n == 1 else f'Tier {n}'}\n" for n in range(1, 1001))
    )
    labels = LABELS["names"](str(tmp_path / "a"), language="de-AT", anchor="schleie")
    assert labels.classes[999] == {"name_de_at": "Tier 1000"}


def test_every_label_source_describes_its_options():
    for name, source in LABELS.items():
        assert source.__name__ == name
        assert source.__doc__.partition("\n")[0].endswith((".", ","))
        assert all(option.help for option in options_of(source))


@pytest.fixture(scope="module")
def wnids(ilsvrc):
    return (ilsvrc / "imagenet_synsets.txt").read_text().split()


PUBLISHED = {
    "number, English, Chinese": "{n}\t{en}\t{zh}",
    "number, WNID, Chinese": "{n} {wnid} {zh}",
    "WNID, Chinese": "{wnid} {zh}",
    "WNID, colon": "{wnid}: {zh}",
    "WNID, English, Chinese": "{wnid}\t{en}\t{zh}",
    "Chinese, English, number": "{zh}\t{en}\t{n}",
    "CSV": '{n},{wnid},"{en}",{zh}',
    "CSV, semicolons": '{n};{wnid};"{en}";{zh}',
    "names alone": "{zh}",
    "synonyms after a number": "{n},{zh}{more}",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", PUBLISHED)
def test_the_columns_of_published_lists_are_distinguished(form, end, chinese, wnids, read):
    rows = [
        PUBLISHED[form].format(
            n=n,
            wnid=wnid,
            en="tench, Tinca" if n == 0 else f"animal {n}",
            zh=chinese[n],
            more=", 鱼" * (n % 3),
        )
        for n, wnid in enumerate(wnids)
    ]
    found = read("\ufeff" + end.join([*rows, "", ""]), "zh")
    assert [name.partition(",")[0] for name in found.names] == [c.partition(",")[0] for c in chinese]
    reversed_rows = [rows[0], *rows[:0:-1]]  # by number or WNID, the order of the lines does not matter
    if form != "names alone":
        assert read("\n".join(reversed_rows), "zh").names == found.names


VALUES = {
    "number: [WNID, name]": lambda row: (str(row[0]), [*row[1:]]),
    "number: name": lambda row: (str(row[0]), row[2]),
    "WNID: name": lambda row: (row[1], row[2]),
    "WNID: [English, Chinese]": lambda row: (row[1], ["fish" if row[0] else "tench", row[2]]),
    "objects": lambda row: dict(zip(("id", "wnid", "zh", "en"), (*row, "tench"), strict=True)),
    "arrays": list,
    "names": lambda row: row[2],
    "synonyms": lambda row: [row[2], "鱼"][: 1 + row[0] % 2],
}


@pytest.mark.parametrize("write", [json.dumps, repr, lambda value: repr(value).replace("], ", "],\n")])
@pytest.mark.parametrize("form", VALUES)
def test_json_and_python_hold_the_same_lists(form, write, chinese, wnids, read):
    entries = [VALUES[form]((n, wnid, chinese[n])) for n, wnid in enumerate(wnids)]
    value = dict(entries) if isinstance(entries[0], tuple) else entries
    assert [name.partition(",")[0] for name in read(write(value), "zh").names] == list(chinese)


def test_a_dict_of_numbers_by_name_is_turned_round(read):
    names = {"tench": 0, **{f"c{n}": n for n in range(1, 1000)}}
    assert list(read(json.dumps(names)).names) == list(names)


@pytest.mark.parametrize("first", ["background", "name_zh", "class"])
def test_a_line_before_the_first_class_is_no_class(first, chinese, read):
    assert list(read("\n".join(["x_" + first, *chinese]), "zh").names) == chinese


def test_lines_in_the_order_of_ids_need_the_devkit(lists, read, devkit_tar):
    lines = (lists / "imagenet_2012_challenge_label_chinese_map.pbtxt").read_text().splitlines()
    text = "\n".join(line.split("\t")[1] for line in lines)
    with pytest.raises(SourceError, match="tench is number 449: give the devkit"):
        read(text, "zh")
    found = read(text, "zh", devkit=str(devkit_tar))
    assert (found.names[0], found.names[278]) == ("丁桂鱼", "狐狸")


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        (
            "0 tench 丁鲷\n1 goldfish 金鱼",
            "zh",
            "line 1: 'tench 丁鲷' has the English name, too: separate the",
        ),
        (
            "0\ttench\t丁鲷\tテンチ",
            "zh",
            r"columns of names are 1, 2, 3; line 1 has .*: give option 'names\.column'",
        ),
        ("0\ttench\ttench, Tinca", "en", r"give option 'names\.column'"),
        ("n01440764 丁鲷", "zh", "its 1 WNIDs? are not the thousand of ILSVRC2012"),
        ("n01440764 丁鲷\n金鱼", "zh", "line 2 has no WNID, but others have: '金鱼'"),
        ("n01440764 丁鲷\nn01440764 金鱼", "zh", "line 2: n01440764 is listed twice"),
        ("n01440764\nn01443537", "zh", "it has WNIDs and no names"),
        ("{'0': 'tench', 0: 'cat'}", "en", "neither JSON nor a Python list or dict"),
        ("{0: open('x')}", "en", "neither JSON nor a Python list or dict"),
    ],
)
def test_uncertain_columns_are_refused_with_the_option_that_helps(text, language, message, read):
    with pytest.raises(SourceError, match=message):
        read(text, language)


def test_a_column_can_be_named_or_counted(read):
    rows = ["id\ta\tb\tc", "0\ttench\t丁鲷\tテンチ", *(f"{n}\te{n}\t鱼{n}\tサ{n}" for n in range(1, 1000))]
    assert read("\n".join(rows), "zh", column="b").names[7] == "鱼7"
    assert read("\n".join(rows), "ja", column="3").names[7] == "サ7"
    with pytest.raises(SourceError, match="no column of names '4', its columns of names are 1"):
        read("\n".join(rows), "zh", column="4")


def test_numbers_that_contradict_the_wnids_are_refused_by_line(wnids, read):
    rows = [f"{n} {wnid} name {n}" for n, wnid in enumerate(wnids)]
    rows[7], rows[8] = rows[7].replace("7 ", "8 ", 1), rows[8].replace("8 ", "7 ", 1)
    with pytest.raises(SourceError, match="line 8: the number 8 is not that of "):
        read("\n".join(rows), "en")
