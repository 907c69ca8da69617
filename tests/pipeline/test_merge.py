from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from promptsci.errors import ModelError, PromptsciError, RunError
from promptsci.lm import read_adapter
from promptsci.pipeline import merge as story
from promptsci.pipeline.merge import MergeSettings, merge_adapter, prepare_merge
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

CATALOG = Catalog((Path.cwd(), shipped_root()))


@pytest.fixture
def merging(make_adapter: Callable, tmp_path: Path) -> Callable[..., Any]:
    """A function: the prepared merge of a new adapter of a kind, of a base; settings of the merge by name."""

    def prepare(kind: str, base: Path, **changes: Any) -> Any:
        settings = {"out": tmp_path / "merged", "model": str(base), "task": "citation-intent", **changes}
        return prepare_merge(MergeSettings(make_adapter(base, kind), **settings), CATALOG)

    return prepare


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
@pytest.mark.parametrize("base", ["tiny_lm_folder", "tiny_gpt2_folder"])
def test_a_merged_model_scores_as_its_adapter(
    kind: str, base: str, merging: Callable, request: pytest.FixtureRequest
) -> None:
    """Read back by transformers alone, the folder says what the adapter says, and not what the base says."""
    from transformers import AutoModelForCausalLM

    folder = request.getfixturevalue(base)
    result = merge_adapter(merging(kind, folder, limit=5))
    with torch.no_grad():
        plain, own = (
            AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)(torch.arange(20)[None]).logits
            for path in (result["model"], folder)
        )

    assert result["max_nats"] <= 1e-3 == result["tolerance_nats"]
    assert result["compared_on"] == "5 rows of citation-intent, test"
    assert float((plain - own).abs().max()) > 0.1
    assert not list(Path(result["model"]).glob("adapter_*"))
    assert not list(Path(result["model"]).parent.glob(".merged*"))


@pytest.mark.parametrize("kind", ["prefix", "prompt-tuning"])
def test_what_changes_no_weight_is_refused(kind: str, merging: Callable, tiny_lm_folder: Path) -> None:
    """A prefix and a soft prompt stand beside the weights; that is said before a model is loaded."""
    with pytest.raises(ModelError, match="no weight changes, so nothing can be merged") as caught:
        merging(kind, tiny_lm_folder)
    assert "adapter=" in str(caught.value.fix)


def test_a_merge_that_differs_is_not_kept(
    merging: Callable, tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merged model whose scores are not the adapter's is an error, and leaves nothing behind."""

    def wrong(loaded: Any, adapter: Any) -> Any:
        merged = merge(loaded, adapter)
        with torch.no_grad():
            next(merged.model.parameters()).mul_(1.5)
        return merged

    merge = story.merge
    monkeypatch.setattr(story, "merge", wrong)
    prepared = merging("lora", tiny_lm_folder, limit=2)

    with pytest.raises(ModelError, match="nats away from the adapter"):
        merge_adapter(prepared)
    assert not list(prepared.settings.out.parent.glob("*merged*"))


def test_an_adapter_made_elsewhere_is_compared_on_random_prompts(merging: Callable, tiny_lm_folder: Path) -> None:
    """Without a task there are no rows; PEFT's own words name the base, and the result says what was compared."""
    result = merge_adapter(merging("lora", tiny_lm_folder, task=None, model=None))

    assert (result["compared_on"], result["base"]) == ("random prompts", tiny_lm_folder.name)


def test_rows_that_cannot_be_read_are_said(merging: Callable, tiny_lm_folder: Path, make_adapter: Callable) -> None:
    """A card whose task is gone leaves random prompts, with a note; a task that was asked for is an error."""
    adapter = make_adapter(tiny_lm_folder, "lora", 1)
    (adapter / "promptsci.json").write_text(json.dumps({"task": "gone", "template": "gone/plain", "format": "plain"}))
    settings = MergeSettings(adapter, adapter.parent / "m", model=str(tiny_lm_folder))
    prepared = prepare_merge(settings, CATALOG)

    assert prepared.compared_on == "random prompts"
    assert "rows of gone cannot be compared" in prepared.notes[0]
    with pytest.raises(PromptsciError, match="gone"):
        merging("lora", tiny_lm_folder, task="gone")


def test_nothing_is_overwritten(merging: Callable, tiny_lm_folder: Path, tmp_path: Path) -> None:
    """A folder that is there already stays as it is."""
    (tmp_path / "merged").mkdir()

    with pytest.raises(RunError, match="there already"):
        merging("lora", tiny_lm_folder)


def test_an_adapter_that_names_no_base_asks_for_it(make_adapter: Callable, tiny_lm_folder: Path) -> None:
    """Where neither card nor PEFT's configuration names the base, the error says what to type."""
    path = make_adapter(tiny_lm_folder, "lora")
    config = json.loads((path / "adapter_config.json").read_text())
    (path / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": None}))

    with pytest.raises(ModelError, match="does not say which model") as caught:
        story.base_word(read_adapter(path))
    assert caught.value.fix == "Name it: model=NAME."
