"""Run SeaweedFS with all prepared data sets in its bucket until stdin ends.

    python -m stream.server PLACE CORE

Prints the environment for clients as one line of JSON when everything is uploaded.
"""

import json
import os
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store

from stream.source import BUCKET
from wds_imagenet.demo.s3_server import S3Server, serve


def main() -> None:
    """Start the server, upload, and wait."""
    place, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    with serve(place / "seaweed") as server:
        server.make_bucket(BUCKET)
        upload(server, place / BUCKET)
        print(json.dumps(server.environment()), flush=True)
        sys.stdin.read()


def upload(server: S3Server, folder: Path) -> None:
    """Upload each file of the formats that lie in the bucket, unless it is there."""
    store = S3Store(
        BUCKET,
        endpoint=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    there = {meta["path"]: meta["size"] for page in obstore.list(store) for meta in page}
    for part in ("shards", "litdata", "mds"):
        for path in sorted(folder.glob(f"*/{part}/**/*")):
            key = path.relative_to(folder).as_posix()
            if path.is_file() and there.get(key) != path.stat().st_size:
                obstore.put(store, key, path)


if __name__ == "__main__":
    main()
