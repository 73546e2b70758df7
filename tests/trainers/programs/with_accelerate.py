"""Accelerate: a loader beside prepare, and a DataLoader in it."""

import sys

import torch
from accelerate import Accelerator, skip_first_batches
from accelerate.utils import DataLoaderConfiguration
from common import CROP, EACH, URL, loss_of, network, notes, save_notes
from torch.utils.data import DataLoader

from wds_imagenet import Loader
from wds_imagenet.errors import UsageError
from wds_imagenet.torch import IterableDataset


def data_loader(workers=0):
    dataset = IterableDataset(URL, CROP, EACH, threads=1)
    return DataLoader(dataset, batch_size=None, num_workers=workers)


def note_error(function):
    try:
        function()
    except UsageError as error:
        notes.append(str(error))


def train(accelerator, make):
    state, model = None, network()
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.01))
    for phase in ("first", "second"):
        loader = make()
        if state is not None:
            loader.load_state_dict(state)
        for epoch in range(1 if state else 0, 2):
            loader.set_epoch(epoch)
            for number, batch in enumerate(loader):
                accelerator.backward(loss_of(model, batch.to(accelerator.device)))
                optimizer.step()
                optimizer.zero_grad()
                notes.append((phase, epoch, batch.keys))
                if (phase, epoch, number) == ("first", 1, 3):
                    state = loader.state_dict()
    return loader


if __name__ == "__main__":
    if sys.argv[3] == "loader":
        accelerator = Accelerator(cpu=True)
        loader = train(accelerator, lambda: accelerator.prepare(Loader(URL, CROP, EACH, threads=1)))
        note_error(lambda: skip_first_batches(loader, 3))
        note_error(lambda: next(iter(accelerator.prepare(data_loader()))))
        accelerator.dataloader_config.dispatch_batches = False
        note_error(lambda: next(iter(accelerator.prepare(data_loader()))))
    else:
        options = DataLoaderConfiguration(dispatch_batches=False, use_stateful_dataloader=True)
        accelerator = Accelerator(cpu=True, dataloader_config=options)
        train(accelerator, lambda: accelerator.prepare(data_loader(int(sys.argv[3]))))
        accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(dispatch_batches=False))
        prepared = accelerator.prepare(data_loader())
        for phase, loader in (("whole", prepared), ("rest", skip_first_batches(prepared, 4))):
            notes.extend((phase, 0, batch.keys) for batch in loader)
        note_error(lambda: next(iter(Accelerator(cpu=True).prepare(data_loader()))))
    save_notes()
    accelerator.end_training()
