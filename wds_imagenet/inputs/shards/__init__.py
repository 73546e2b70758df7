"""WebDataset shards of any program: one reader for `index` and for the source `webdataset`.

- `member_rules`   the meaning of a sample's members: image, label, key
- `shard_reader`   reads the headers and small members of one shard, sample by sample
- `content`        a sample's image, label, caption and JSON, or the reason why it has none
- `member_notes`   notes on ignored members, and on members that look like labels
- `split_choice`   the shards of one split, told apart by their names or by `_info.json`
- `numbering`      notes on gaps in the numbers of shards
- `begun_pack`     refuses the shards of a pack that was not finished
"""
