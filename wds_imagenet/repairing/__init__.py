"""Repair: mend the files of a damaged data set, or leave its damaged shards out.

- `api`         `repair`: find the damage, plan the steps, and take them in a safe order
- `steps`       one step: a file written, copied or removed, and checked afterwards
- `damage`      damaged shards and files, and the step that mends each
- `manifests`   the manifest of a data set or layer: intact, from another copy, or from the receipts
- `shards_alone`  the manifest of a data set without receipts, made by reading the shards
- `samples`     the samples of intact blocks
- `classes`     the class table, proven by the hash in the plan
- `layers`      the layers: mended, or fitted to a data set without some shards
- `quarantine`  a data set without its damaged shards
- `packers`     living packers, which a repair does not disturb
- `report`      the result
"""
