"""Real trainers on real ranks: each sample once per epoch, and an exact resume in the midst of an epoch."""

import re


def test_torchrun(train, two_epochs_and_a_resume):
    assert train("plain", "torchrun") == two_epochs_and_a_resume


def test_mp_spawn_and_a_loader_that_was_made_before_it_is_an_error(train, two_epochs_and_a_resume):
    error, *notes = train("plain", "spawn", launcher="")
    assert error.startswith(" after init_process_group, in the process that iterates it")
    assert notes == two_epochs_and_a_resume


def test_torchdatas_stateful_data_loader(train, steps, two_epochs_and_a_resume):
    third = [("third", 2, keys) for keys in steps[2]]
    notes = train("with_torchdata", needs=["torchdata"], ranks=1)
    assert notes == [*two_epochs_and_a_resume, *third] * 3


def test_lightning_and_its_data_loaders_that_set_no_epoch(train, two_epochs_and_a_resume):
    notes = train("with_lightning", needs=["lightning"])
    first = [note for note in two_epochs_and_a_resume if note[0] == "first"]
    assert notes == two_epochs_and_a_resume + [("workers", *note[1:]) for note in first]


def test_accelerate_with_a_loader_and_what_it_would_split_is_an_error(train, two_epochs_and_a_resume):
    *notes, skip, dispatch, shard = train("with_accelerate", "loader", needs=["accelerate"])
    assert notes == two_epochs_and_a_resume
    assert re.match("a Loader has no 'sampler', which is DataLoader's: .* load_state_dict", skip)
    assert dispatch == shard
    assert dispatch.startswith("Accelerate's prepare() would share the batches of this rank among all ranks")


def test_accelerate_with_a_stateful_data_loader(train, steps, two_epochs_and_a_resume):
    for workers in ("0", "2"):
        *notes, error = train("with_accelerate", workers, needs=["accelerate", "torchdata"], ranks=1)
        whole = [("whole", 0, keys) for keys in steps[0]]
        rest = [("rest", 0, keys) for keys in steps[0][4:]]
        assert notes == [*two_epochs_and_a_resume, *whole, *rest]
        assert error.startswith("Accelerate cannot cut a Batch: pass Accelerator(dataloader_config=")


def test_the_trainer_of_transformers(train, two_epochs_and_a_resume):
    assert train("with_transformers", "own", needs=["transformers", "accelerate"]) == two_epochs_and_a_resume


def test_the_trainers_own_data_loader_is_an_error_that_names_ours(train):
    (error,) = train("with_transformers", "default", needs=["transformers", "accelerate"], ranks=1)
    assert error.startswith(
        "this DataLoader would join 48 batches into one: pass DataLoader(dataset, batch_size=None)"
    )
