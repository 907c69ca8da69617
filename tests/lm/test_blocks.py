from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.integrations import sdpa_attention

from promptsci.lm import blocks
from promptsci.lm import trie as plan
from promptsci.lm.blocks import NAME, divide, use_blocks
from promptsci.lm.trie import Asked, Trie


def asked() -> Trie:
    """Twelve prompts behind one instruction, two choices each."""
    random = torch.Generator().manual_seed(0)
    opening = torch.randint(0, 97, (9,), generator=random)
    prompts = [torch.cat([opening, torch.randint(0, 97, (5 + n,), generator=random)]).int().numpy() for n in range(12)]
    return plan.build([Asked(prompt, ((3, 4), (5, 6, 7))) for prompt in prompts])


def mask_of(trie: Trie) -> torch.Tensor:
    """[1, 1, N, N] a node sees its ancestors and itself."""
    index, ends = torch.arange(len(trie)), torch.as_tensor(trie.ends)
    visible = (index[None, :] <= index[:, None]) & (index[:, None] < ends[None, :])
    return torch.zeros(1, 1, len(trie), len(trie)).masked_fill_(~visible, torch.finfo(torch.float32).min)


@pytest.fixture
def model() -> Any:
    """A tiny random Llama."""
    torch.manual_seed(0)
    config = CONFIG_MAPPING["llama"](
        vocab_size=97, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, initializer_range=0.4,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


def read(model: Any, trie: Trie, mask: torch.Tensor) -> torch.Tensor:
    """[N, V] logits of all nodes."""
    tokens, depths = (torch.as_tensor(each).long()[None] for each in (trie.tokens, trie.depths))
    return model(input_ids=tokens, attention_mask=mask, position_ids=depths, use_cache=False).logits[0].detach()


def test_each_block_sees_what_the_whole_mask_shows(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logits of every node are those of the whole mask within 1e-4, and far fewer pairs are multiplied."""
    trie = asked()
    expected = read(model, trie, mask_of(trie))
    use_blocks(model)
    monkeypatch.setattr(blocks, "BLOCK_TOKENS", 24)
    mask = mask_of(trie)
    divide(mask, trie)
    pairs = []
    fused = sdpa_attention.sdpa_attention_forward
    monkeypatch.setattr(
        blocks, "sdpa_attention_forward",
        lambda module, query, key, *rest, **more: pairs.append(query.shape[2] * key.shape[2])
        or fused(module, query, key, *rest, **more),
    )  # fmt: skip
    found = read(model, trie, mask)

    assert (found - expected).abs().max() < 1e-4
    assert 2 * sum(pairs) / model.config.num_hidden_layers < len(trie) ** 2


def test_a_mask_that_is_not_divided_is_read_whole(model: Any) -> None:
    """Without a note on the mask the fused kernel's very numbers come out."""
    trie = asked()
    expected = read(model, trie, mask_of(trie))
    use_blocks(model)

    assert model.config._attn_implementation == NAME
    assert torch.equal(read(model, trie, mask_of(trie)), expected)


def test_the_way_of_reading_is_not_saved(model: Any, tmp_path: Any) -> None:
    """A saved model asks for no attention of promptsci's: anyone can load it."""
    use_blocks(model)
    model.save_pretrained(tmp_path)

    assert NAME not in (tmp_path / "config.json").read_text()


def test_nodes_behind_others() -> None:
    """Behind n virtual tokens every node is n deeper, sees them first, and keeps its subtree and targets."""
    trie = asked()
    moved = plan.behind(trie, 3)

    assert moved.tokens.tolist() == [-1, -1, -1, *trie.tokens.tolist()]
    for node in (0, 10, len(trie) - 1):
        assert moved.ancestors(node + 3).tolist() == [0, 1, 2, *(trie.ancestors(node) + 3).tolist()]
        assert moved.depths[node + 3] == trie.depths[node] + 3
    assert [target.node - 3 for target in moved.targets] == [target.node for target in trie.targets]
