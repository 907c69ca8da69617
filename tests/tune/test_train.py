from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from promptsci.errors import TuneError
from promptsci.tune import trainer as training
from promptsci.tune.methods import make_trainable
from promptsci.tune.pack import packs
from promptsci.tune.recipe import recipe_for
from promptsci.tune.train import Course, Trained, examined, last_checkpoint, train

VALUES = {"epochs": "3", "batch": "3", "lr": "1e-2", "dropout": "0.1", "rank": "4", "tokens": "5"}


class Rising:
    """Examinations whose main metric is given beforehand."""

    def __init__(self, *mains: float) -> None:
        self.mains = list(mains)

    def __call__(self, _loaded: Any) -> dict[str, float]:
        return {"main": self.mains.pop(0) if len(self.mains) > 1 else self.mains[0]}


class Stopping:
    """A watcher that presses Ctrl-C when so many steps are done."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.started: list[tuple[int, int]] = []

    def start(self, n_steps: int, n_done: int) -> None:
        self.started.append((n_steps, n_done))

    def step(self, _n_lessons: int, _n_tokens: int) -> None:
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt

    def told(self, news: Any) -> None:
        pass


@pytest.fixture
def teach(fresh: Callable, lessons: list) -> Callable[..., Trained]:
    """A function: trains a tiny Llama on the lessons in a folder; values of the recipe may be given."""

    def run(folder: Path, *, method: str = "lora", watcher: Any = None, examine: Any = None, **values: str) -> Trained:
        recipe = recipe_for(method, 0, VALUES | values)
        loaded = make_trainable(fresh("llama"), recipe, seed=0)
        course = Course(lessons, recipe, 0, 200, False, folder)
        return train(loaded, course, examine or Rising(0.1, 0.2, 0.3), watcher)

    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """What a checkpoint holds."""
    from safetensors.torch import load_file

    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def same(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same weights bit for bit."""
    some, others = weights(one), weights(other)
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


@pytest.mark.parametrize(("kind", "passes"), [("fgm", 2), ("pgd", 3), ("freelb", 2)])
def test_training_against_an_adversary_learns(kind: str, passes: int, teach: Callable, tmp_path: Path) -> None:
    """The loss falls, every pass is counted, and what comes out is not what training without an adversary gives."""
    plain = teach(tmp_path / "plain", dropout="0.0")
    found = teach(tmp_path / kind, adversarial=kind, steps="2", epsilon="0.1", dropout="0.0")

    losses = [line["loss"] for line in found.log if "loss" in line]
    assert losses[-1] < losses[0]
    assert found.tokens == passes * plain.tokens
    assert not same(found.best, plain.best)


def test_training_learns(teach: Callable, tmp_path: Path) -> None:
    """The loss falls, tokens are counted, and the checkpoint of the best examination is the one that is kept."""
    trained = teach(tmp_path, examine=Rising(0.2, 0.5, 0.4), lr="1e-2", epochs="3", dropout="0")
    losses = [one["loss"] for one in trained.log if "loss" in one]

    assert sum(losses[-3:]) < sum(losses[:3])
    assert (trained.n_steps, trained.best_step, trained.best_metric) == (9, 6, 0.5)
    assert [one["main"] for one in examined(trained.log)] == [0.2, 0.5, 0.4]
    assert trained.best == tmp_path / "checkpoint-6"
    assert trained.tokens > 0
    assert trained.why_padded is None


def test_the_first_epoch_learns_where_it_is_one_step(teach: Callable, tmp_path: Path) -> None:
    """A warm-up begins at rate 0; where weights are examined after that very step there is none, and they change."""
    course = {"batch": "100", "epochs": "2", "warmup": "0.5", "dropout": "0", "examine": Rising(0.3, 0.2)}
    found = teach(tmp_path / "usual", **course)
    still = teach(tmp_path / "still", **course | {"lr": "1e-30"})

    assert (found.n_steps, found.best_step) == (2, 1)
    assert not same(found.best, still.best)


@pytest.mark.parametrize("method", ["lora", "prefix", "full"])
def test_an_interrupted_training_ends_with_the_same_weights(teach: Callable, tmp_path: Path, method: str) -> None:
    """Ctrl-C in the second epoch, the same call again: the weights are those of a training in one go, bit for bit."""
    whole = teach(tmp_path / "whole", method=method)
    watcher = Stopping(5)
    with pytest.raises(KeyboardInterrupt):
        teach(tmp_path / "parts", method=method, watcher=watcher)
    watcher.after = 100
    again = teach(tmp_path / "parts", method=method, watcher=watcher)

    assert watcher.started == [(9, 0), (9, 3)]
    assert same(again.best, whole.best)
    assert again.tokens == whole.tokens


def test_a_finished_training_is_not_done_again(teach: Callable, tmp_path: Path) -> None:
    """Called once more on its last checkpoint, training takes no step and names the same best weights."""
    first, again = teach(tmp_path), teach(tmp_path, watcher=Stopping(1))

    assert (again.best, again.n_steps, again.tokens) == (first.best, first.n_steps, first.tokens)


def test_a_checkpoint_that_was_not_finished_is_passed_over(tmp_path: Path) -> None:
    """What kill -9 leaves of a checkpoint in the making does not count; the one before it does."""
    for step in (3, 6, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    (tmp_path / "checkpoint-12" / "trainer_state.json").write_text('{"global_st')
    (tmp_path / "checkpoint-15").mkdir()

    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-6"
    assert last_checkpoint(tmp_path / "nowhere") is None


def test_patience_ends_a_training_that_gets_no_better(teach: Callable, tmp_path: Path) -> None:
    """With patience=1, training stops after the first examination that is not better than the best."""
    trained = teach(tmp_path, examine=Rising(0.5, 0.5, 0.9), patience="1")

    assert (trained.n_steps, trained.best_step) == (6, 3)


def test_a_loss_that_is_no_number_stops_and_names_its_examples(teach: Callable, tmp_path: Path) -> None:
    """A rate far too high ends in an error with the batch, not in a model of NaNs."""
    with pytest.raises(TuneError, match=r"the loss became (nan|inf) on the examples row-\d"):
        teach(tmp_path, method="full", lr="1e30", clip="0", warmup="0", optimizer="sgd")


def test_an_optimizer_that_does_not_exist_is_an_error(teach: Callable, tmp_path: Path) -> None:
    """A name that transformers does not know is the user's input, not a fault."""
    with pytest.raises(TuneError, match="adamm"):
        teach(tmp_path, optimizer="adamm")


def test_a_tracker_that_is_not_installed_is_an_error(fresh: Callable, lessons: list, tmp_path: Path) -> None:
    """``--log-to`` a tracker that is not there says so before anything is trained."""
    recipe = recipe_for("lora", 0, VALUES)
    course = Course(lessons, recipe, 0, 200, False, tmp_path, ("no-such-tracker",))

    with pytest.raises(TuneError, match="no-such-tracker"):
        train(make_trainable(fresh("llama"), recipe, seed=0), course, Rising(0.1))


@pytest.mark.parametrize("method", ["lora", "prefix"])
def test_frozen_weights_may_be_shorter(method: str, fresh: Callable, lessons: list, tmp_path: Path) -> None:
    """On bfloat16 weights the adapter stays float32, learns, and is resumed to the same weights."""
    recipe = recipe_for(method, 0, VALUES)

    def run(folder: Path, watcher: Any = None) -> Trained:
        base = fresh("llama")
        base.model.to(torch.bfloat16)
        loaded = make_trainable(base, recipe, seed=0)
        return train(loaded, Course(lessons, recipe, 0, 200, False, folder), Rising(0.1, 0.2, 0.3), watcher)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", Stopping(5))

    assert whole.why_padded is None
    assert all(part.dtype == torch.float32 for part in weights(whole.best).values())
    assert same(run(tmp_path / "parts").best, whole.best)


def test_passes_do_not_change_what_is_learned(teach: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step read in one pass or lesson by lesson ends with nearly the same weights."""

    def one_by_one(learner: Any, lessons: list) -> list:
        return [pack for lesson in lessons for pack in packs([lesson], learner.aim.objective, 10)]

    one = teach(tmp_path / "one", dropout="0")
    monkeypatch.setattr(training.Learner, "batches", one_by_one)
    many = teach(tmp_path / "many", dropout="0")
    some, others = weights(one.best), weights(many.best)

    assert max(float((some[name] - others[name]).abs().max()) for name in some) < 1e-3


SCRIPT = """
import json, os, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from conftest import build, make_lessons
from promptsci.tune.methods import make_trainable
from promptsci.tune.recipe import recipe_for
from promptsci.tune.train import Course, train
folder, recipe = Path({folder!r}), recipe_for("lora", 0, {values!r})
course = Course(make_lessons(), recipe, 0, 200, False, folder)
trained = train(make_trainable(build("llama"), recipe, seed=0), course, lambda _: {{"main": 0.0}})
if os.environ["RANK"] == "0":
    (folder / "losses.json").write_text(json.dumps([one["loss"] for one in trained.log if "loss" in one]))
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Two gloo processes with the same global batch have the loss curve of one, the odd last step included."""
    values = VALUES | {"dropout": "0"}
    curves = []
    for n in (1, 2):
        folder = tmp_path / str(n)
        folder.mkdir()
        script = folder / "script.py"
        script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), values=values, folder=str(folder)))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={n}", str(script)]
        here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        curves.append(json.loads((folder / "losses.json").read_text()))

    assert len(curves[0]) == 9
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)
