"""Lightning: DDP, a checkpoint in the midst of an epoch, and a resume from it."""

import lightning
import torch
from common import CROP, EACH, OUT, URL, loss_of, network, notes, save_notes
from torch.utils.data import DataLoader

from wds_imagenet import Loader
from wds_imagenet.torch import IterableDataset


class Model(lightning.LightningModule):
    def __init__(self, phase):
        super().__init__()
        self.phase = phase
        self.network = network()

    def training_step(self, batch, _):
        notes.append((self.phase, self.trainer.current_epoch, batch.keys))
        return loss_of(self.network, batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Data(lightning.LightningDataModule):
    def train_dataloader(self):
        return Loader(URL, CROP, EACH, threads=1)


class Workers(lightning.LightningDataModule):
    def train_dataloader(self):
        dataset = IterableDataset(URL, CROP, EACH, threads=1)
        return DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="fork")


class Save(lightning.Callback):
    def on_train_batch_end(self, trainer, module, *_):
        if module.phase == "first" and trainer.global_step == 10:
            trainer.save_checkpoint(f"{OUT}/middle.ckpt")


def fit(phase, data, epochs=2, checkpoint=None):
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=epochs,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Save()],
    )
    trainer.fit(Model(phase), data, ckpt_path=checkpoint)


fit("first", Data())
fit("second", Data(), checkpoint=f"{OUT}/middle.ckpt")
fit("workers", Workers())
save_notes()
