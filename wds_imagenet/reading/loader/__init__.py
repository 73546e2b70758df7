"""loader.

- `arguments`  Arguments of the loader that cannot be meant: refused at once, and by name. Pure.
- `batch`  Batches: what a training step is given, and how one is made.
- `batch_builder`  A batch that is being filled: by several threads, each its own rows, straight in the
  batch's memory.
- `epochs`  A data set's epochs as one rank reads them: any part of any of them, as batches.
- `iteration`  An iteration that anyone may end, whoever waits for its next item.
- `loader`  The loader: a data set's epochs as batches, in an exact, resumable, elastic order.
- `pipeline`  From an order to filled batches: what is fetched when, what is kept how long, who decodes it.
- `soft_labels`  Soft labels: of each crop that is drawn, from the label map that lies beside its image.
- `stats`  What a loader has done so far, and where its time went.
"""
