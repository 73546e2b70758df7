"""Everything from packing to training on one machine, without data and without a network.

- `run`        the demo: draw, serve, pack, verify, stream, train
- `pictures`   draw labelled pictures with captions
- `s3_server`  start and stop a real S3 server; the tests and the benchmarks use it too
- `training`   train a small network from a loader
"""
