"""DistributedDataParallel, under torchrun or mp.spawn."""

import sys

import torch
from common import CROP, URL, loss_of, network, notes, save_notes
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from wds_imagenet import Loader
from wds_imagenet.errors import UsageError


def train(rank, rendezvous, early):
    if rendezvous:
        distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
        try:
            next(iter(early))
        except UsageError as error:
            notes.append(str(error).partition("make the loader")[2])
    else:
        distributed.init_process_group("gloo")
    model = DistributedDataParallel(network())
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    state = None
    for phase in ("first", "second"):
        loader = Loader(URL, CROP, 24, threads=1)
        if state is not None:
            loader.load_state_dict(state)
        for epoch in range(loader.epoch, 2):
            for number, batch in enumerate(loader):
                loss_of(model, batch).backward()
                optimizer.step()
                optimizer.zero_grad()
                notes.append((phase, epoch, batch.keys))
                if (phase, epoch, number) == ("first", 1, 3):
                    state = loader.state_dict()
    save_notes(distributed.get_rank())
    distributed.destroy_process_group()


if __name__ == "__main__":
    if sys.argv[3] == "spawn":
        early = Loader(URL, CROP, 24, threads=1)
        multiprocessing.spawn(train, (f"file://{sys.argv[2]}/rendezvous", early), nprocs=2)
    else:
        train(0, "", None)
