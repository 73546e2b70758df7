"""The whole way on one machine, without data and without a network.

tour.py      the way itself
pictures.py  draws labelled, captioned pictures
server.py    starts and stops a real S3 server
training.py  a small network that learns from a loader
- `pictures`  Pictures that are drawn, labelled and captioned: data for those who have none at hand.
- `server`  A real S3 server on this machine: SeaweedFS, one process, for the demo, the tests and the
  benchmarks.
- `tour`  The whole way, on this machine: draw, serve, pack, verify, stream, train.
- `training`  A small network that learns from a loader, to show that what arrives is what was packed.
"""
