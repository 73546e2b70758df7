"""Torchdata's StatefulDataLoader, with and without workers."""

import json

from common import CROP, URL, notes, save_notes
from torchdata.stateful_dataloader import StatefulDataLoader

from wds_imagenet.torch import IterableDataset


def data_loader(workers, persistent):
    dataset = IterableDataset(URL, CROP, 48, threads=1)
    return StatefulDataLoader(
        dataset, batch_size=None, num_workers=workers, persistent_workers=persistent and workers > 0
    )


if __name__ == "__main__":
    for workers, persistent in ((0, False), (2, False), (2, True)):
        loader = data_loader(workers, persistent)
        state = None
        for epoch in range(2):
            for number, batch in enumerate(loader):
                notes.append(("first", epoch, batch.keys))
                if (epoch, number) == (1, 3):
                    state = json.dumps(loader.state_dict())
        loader = data_loader(workers, persistent)
        loader.load_state_dict(json.loads(state))
        notes.extend(("second", 1, batch.keys) for batch in loader)
        notes.extend(("third", 2, batch.keys) for batch in loader)
    save_notes()
