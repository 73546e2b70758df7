"""Every label file may lie on S3: read there when images are packed, and when they are labelled later."""

import csv
import http.server
import io
import json
import threading

import numpy as np
import pytest

from wds_imagenet import Dataset, add_layer, pack
from wds_imagenet.storage import open_store

VAL = [f"ILSVRC2012_val_{number:08d}" for number in (1, 2, 4)]
HASHES = [f"{number:040x}" for number in range(3)]
SOURCES = ["captions", "real", "imagenetv2", "relabel", "boxes", "kaggle", "blacklist"]
XML = (
    "<annotation><size><width>50</width><height>40</height></size><object><name>n01751748</name><bndbox>"
    "<xmin>{}</xmin><ymin>2</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


class Released:
    """Each method returns files of a label source, three keys, options, a getter, and expected labels."""

    def __init__(self, world):
        self.world = world
        self.train = [f"{wnid}_{7 * i}" for i, wnid in enumerate(world.wnids[:3])]

    def captions(self):
        told = [{"filename": f"{k}.JPEG", "wnid": k[:9], "title": f"photo {k}"} for k in self.train]
        told = [{**entry, "tags": ["é"], "description": ""} for entry in told]
        expected = [f"photo {key} é" for key in self.train]
        return {"c.json": json.dumps(told)}, self.train, {}, lambda s: s.caption, expected

    def real(self):
        files = {"real.json": self.world.read("real/real.json")}
        return files, VAL, {}, lambda s: s.json["real_labels"], [[], [970, 795], [809]]

    def imagenetv2(self):
        images = [[key, self.world.wnids[label]] for key, label in zip(HASHES, (2, 10, 100), strict=True)]
        files = {"v2.json": json.dumps({"image_filenames": images})}
        files["class_info.json"] = self.world.read("imagenet-v2/class_info.json")
        options = {"imagenetv2.class_info": "class_info.json"}
        return files, HASHES, options, lambda s: s.label, [2, 10, 100]

    def relabel(self):
        torch = pytest.importorskip("torch")
        files = {}
        for place, key in enumerate(self.train):
            out = io.BytesIO()
            values = torch.full((2, 5, 15, 15), float(place)).half()
            values[1] = torch.arange(5)[:, None, None]
            torch.save(values, out)
            files[f"relabel_imagenet/{key[:9]}/{key}.pt"] = out.getvalue()

        def score(sample):
            return np.load(io.BytesIO(sample.members["relabel.npy"]))[0, 0, 0, 0]

        return {"relabel_imagenet.tar": self.world.tar(files)}, self.train, {}, score, [0, 1, 2]

    def boxes(self):
        files = {f"val/{key}.xml": XML.format(place + 1).encode() for place, key in enumerate(VAL)}
        archive = {"ILSVRC2012_bbox_val_v3.tgz": self.world.gz(files)}
        return archive, VAL, {}, lambda s: s.json["boxes"][0]["xmin"], [1, 2, 3]

    def kaggle(self):
        truth = {key: self.world.truth[int(key[-8:]) - 1] for key in VAL}
        rows = "".join(f"{key},{wnid} 1 2 3 4 \n" for key, wnid in reversed(truth.items()))
        files = {"LOC_val_solution.csv": f"ImageId,PredictionString\n{rows}"}
        files["synsets.txt"] = "".join(f"{wnid} a name\n" for wnid in self.world.wnids)
        expected = [self.world.wnids.index(wnid) for wnid in truth.values()]
        return files, VAL, {"kaggle.synsets": "synsets.txt"}, lambda s: s.label, expected

    def blacklist(self):
        files = {"blacklist.txt": "".join(f"{number}\n" for number in range(2, 1764))}
        return files, VAL, {}, lambda s: s.json["blacklisted"], [False, True, True]


def put(store, files):
    for path, content in files.items():
        store.put(path, content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("source", SOURCES)
def test_labels_are_read_on_s3_for_packing_and_for_labelling_later(world, s3_url, source):
    files, keys, options, told, expected = getattr(Released(world), source)()
    store = open_store(s3_url)
    put(store, {f"labels/{path}": content for path, content in files.items()})
    put(store, {f"images/{key}.JPEG": world.photos[i][1] for i, key in enumerate(keys)})
    labels = {
        "labels": {source: f"{s3_url}/labels/{next(iter(files))}"},
        "label_options": {name: f"{s3_url}/labels/{file}" for name, file in options.items()},
    }
    pack("sidecars", f"{s3_url}/images", dest=f"{s3_url}/at-once", workers=1, **labels)
    pack("sidecars", f"{s3_url}/images", dest=f"{s3_url}/later", workers=1)
    add_layer(f"{s3_url}/later", workers=1, **labels)
    for dataset in (
        Dataset.open(f"{s3_url}/at-once"),
        Dataset.open(f"{s3_url}/later", layers=[source]),
    ):
        assert {s.key: told(s) for s in dataset.samples()} == dict(zip(keys, expected, strict=True))


def test_class_names_are_read_on_s3(world, s3_url):
    store = open_store(s3_url)
    put(
        store,
        {
            "l.txt": world.read("ilsvrc2012/imagenet_synsets.txt"),
            "cn.json": world.read("class-names/cn.json"),
        },
    )
    put(store, {f"images/{wnid}/{wnid}_1.JPEG": data for wnid, data in world.photos[:3]})
    pack("imagefolder", f"{s3_url}/images", dest=f"{s3_url}/out", workers=1, classes=f"{s3_url}/l.txt",
         class_names={"zh": f"{s3_url}/cn.json"})  # fmt: skip
    classes = Dataset.open(f"{s3_url}/out").manifest.classes
    names = json.loads(world.read("class-names/cn.json"))["imagenet1k"]
    assert [item["name_zh"] for item in classes] == names


@pytest.fixture
def web(world):
    """A server of this machine that has the photos: 0.jpg, 1.jpg, ...."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = world.photos[int(self.path.strip("/").partition(".")[0])][1]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


def test_images_of_the_web_are_fetched_by_a_table_on_s3_to_s3(world, web, s3_url):
    table, labels = io.StringIO(newline=""), io.StringIO(newline="")
    ids = [f"{number:016x}" for number in range(3)]
    csv.writer(table).writerows(
        [["ImageID", "OriginalURL", "Title"], *([i, f"{web}/{n}.jpg", "a, b"] for n, i in enumerate(ids))]
    )
    csv.writer(labels).writerows(
        [["ImageID", "Source", "LabelName", "Confidence"], *([i, "machine", "/m/0", "0.5"] for i in ids)]
    )
    put(open_store(s3_url), {"images.csv": table.getvalue(), "labels.csv": labels.getvalue()})
    pack("open-images", f"{s3_url}/images.csv", dest=f"{s3_url}/out", workers=1, fetch="original",
         allow_private_networks=True, image_labels=f"{s3_url}/labels.csv")  # fmt: skip
    samples = {s.key: s for s in Dataset.open(f"{s3_url}/out").samples()}
    assert {key: s.image for key, s in samples.items()} == {i: world.photos[n][1] for n, i in enumerate(ids)}
    assert {(s.json["title"], s.json["machine"][0]["id"]) for s in samples.values()} == {("a, b", "/m/0")}
