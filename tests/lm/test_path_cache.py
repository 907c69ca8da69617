from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from promptsci.lm.path_cache import PathCache, PathLayer
from promptsci.lm.trie import Asked, Trie, build, cut, needed

CPU = torch.device("cpu")
SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=10)


def keys_of(nodes: list[int]) -> torch.Tensor:
    """[1, 1, T, 2] keys that tell which node they belong to."""
    return torch.tensor(nodes, dtype=torch.float32).view(1, 1, -1, 1).expand(1, 1, -1, 2)


def trie_of(sequences: list[list[int]]) -> Trie:
    """The Trie whose nodes are the beginnings of these sequences."""
    return build([Asked(np.asarray(ids, dtype=np.int32), [(9,)]) for ids in sequences])


@settings(max_examples=60)
@given(SEQUENCES, st.integers(1, 6), st.data())
def test_each_needed_pack_finds_its_path(sequences: list[list[int]], budget: int, data: st.DataObject) -> None:
    """Reading needed packs only, a layer sees the ancestors of the pack's first node, in order, then the pack."""
    trie = trie_of(sequences)
    packs = cut(trie, budget)
    wanted = data.draw(st.sets(st.sampled_from(range(len(packs)))))
    cache = PathCache(2, int(trie.depths.max()) + 1 + budget)
    last = np.zeros(int(trie.depths.max()) + 2, dtype=np.int32)
    for index in needed(trie, packs, wanted):
        start, stop = packs[index]
        cache.move_to(last[: trie.depths[start]].copy(), CPU)
        cache.pack_start = start
        for layer in range(2):
            keys, values = cache.update(keys_of(list(range(start, stop))), -keys_of(list(range(start, stop))), layer)
            expected = [*trie.ancestors(start).tolist(), *range(start, stop)]
            assert keys[0, 0, :, 0].tolist() == expected
            assert values[0, 0, :, 0].tolist() == [-node for node in expected]
        last[trie.depths[start:stop]] = np.arange(start, stop, dtype=np.int32)


def test_buffers_are_allocated_once() -> None:
    """However far the path moves, keys and values stay in the memory of the first pack."""
    trie = trie_of([[0, 1, 2, 3], [0, 1, 4], [5, 6]])
    cache = PathCache(1, 12)
    places = set()
    for start, stop in cut(trie, 3):
        cache.move_to(trie.ancestors(start), CPU)
        cache.pack_start = start
        keys, _ = cache.update(keys_of(list(range(start, stop))), keys_of(list(range(start, stop))), 0)
        places.add(keys.data_ptr())

    assert len(places) == 1


def test_sizes_are_those_of_path_and_buffer() -> None:
    """What transformers asks a layer: tokens of the path, what attention sees, slots, bytes of a slot."""
    layer = PathLayer(10)
    assert layer.slot_bytes == 0
    layer.update(keys_of([1, 2, 3]), keys_of([1, 2, 3]))
    layer.keep(0, torch.tensor([0, 2]))

    assert layer.keys[0, 0, :2, 0].tolist() == [1, 3]
    assert (layer.get_seq_length(), layer.get_mask_sizes(4), layer.get_max_length()) == (2, (6, 0), 10)
    assert layer.get_max_cache_shape() == 10
    assert layer.slot_bytes == 2 * 2 * 4


def test_it_knows_how_many_layers_were_written() -> None:
    """Layers that a model never writes to are seen: it keeps its memory elsewhere."""
    cache = PathCache(3, 4)
    cache.update(keys_of([0]), keys_of([0]), 1)

    assert cache.n_filled == 1


@pytest.mark.parametrize("width", [1, 5])
def test_keys_and_values_may_differ_in_width(width: int) -> None:
    """Buffers take the shapes that the model writes."""
    layer = PathLayer(4)
    keys, values = layer.update(keys_of([1, 2]), torch.ones(1, 1, 2, width))

    assert (keys.shape, values.shape) == ((1, 1, 2, 2), (1, 1, 2, width))
