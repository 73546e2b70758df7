"""order.

- `epoch_order`  The order of an epoch: a pure function of the manifest's counts, the seed, the epoch and
  the lanes.
- `ranks`  Which process of how many this is, and its share of the CPUs.
- `state`  The state of a loader: which sequence, and how many of its samples have been given out.
"""
