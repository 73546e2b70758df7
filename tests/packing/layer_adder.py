"""Label the data set of the first argument with the files of the second (JSON), a line for every tar done."""

import json
import sys

from wds_imagenet.packing.add_layer import add_layer


def main() -> None:
    url, files, workers = sys.argv[1:]

    def tell(done: int, _: int) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()

    add_layer(url, workers=int(workers), on_progress=tell, **json.loads(files))


if __name__ == "__main__":
    main()
