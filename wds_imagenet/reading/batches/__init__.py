"""Epochs as batches, made by threads of one process.

The contract:

- `batch`  The batch that a training step gets.
- `decoded_sample`  One sample as a transform is called with it.
- `seeded`  Random numbers of other libraries, drawn from a sample's own.
- `transform`  The contract of a transform, and the facts about one that decide how a batch is filled.
- `batch_spec`  The options that decide how samples become batches.
- `stats`  The work done so far, and the time that each stage took.

From an order to tensors:

- `epochs`  Any part of any epoch as batches; `BatchSource` is the protocol that a loader reads from.
- `batch_plan`  The block and the sample of each row, and the moment to fetch each block.
- `prefetch`  The schedule of fetching ahead and decoding.
- `batch_builder`  A batch under construction, whose rows several threads fill.
- `soft_labels`  The label of each crop that is drawn, from the label map beside its image.
- `torch_extra`  Torch, imported when the first loader is made.
"""
