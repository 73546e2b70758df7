"""The Trainer of Transformers: a DataLoader of ours, a checkpoint, and a resume from it."""

import sys

import transformers
from common import CROP, EACH, OUT, URL, loss_of, network, notes, save_notes
from torch import nn
from torch.utils.data import DataLoader

from wds_imagenet.errors import UsageError
from wds_imagenet.torch import IterableDataset


class Model(nn.Module):
    def __init__(self, phase):
        super().__init__()
        self.phase, self.network, self.epoch = phase, network(), 0

    def forward(self, images, labels, keys):
        notes.append((self.phase, self.epoch, keys))
        return {"loss": loss_of(self.network, (images, labels))}


def inputs(batch):
    return {"images": batch.images, "labels": batch.labels, "keys": batch.keys}


class SetEpoch(transformers.TrainerCallback):
    def on_epoch_begin(self, args, state, control, model=None, train_dataloader=None, **_):
        train_dataloader.dataset.set_epoch(int(state.epoch))
        getattr(model, "module", model).epoch = int(state.epoch)


class Trainer(transformers.Trainer):
    def get_train_dataloader(self):
        dataset = IterableDataset(URL, CROP, self.args.per_device_train_batch_size, threads=1)
        return DataLoader(dataset, batch_size=None, collate_fn=inputs)


if __name__ == "__main__":
    arguments = transformers.TrainingArguments(
        f"{OUT}/checkpoints",
        per_device_train_batch_size=EACH,
        num_train_epochs=2,
        save_steps=10,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    if sys.argv[3] == "default":
        dataset = IterableDataset(URL, CROP, EACH, threads=1)
        try:
            transformers.Trainer(Model("first"), arguments, train_dataset=dataset).train()
        except UsageError as error:
            notes.append(str(error))
    else:
        Trainer(Model("first"), arguments, callbacks=[SetEpoch()]).train()
        again = Trainer(Model("second"), arguments, callbacks=[SetEpoch()])
        again.train(resume_from_checkpoint=f"{OUT}/checkpoints/checkpoint-10")
    save_notes()
