"""The plan of shared-prefix scoring: token sequences -> trie -> packs, each node in one pack.

The sequences to be read are each prompt followed by all but the last token of each choice (the last token of a choice
is predicted, never read). Sorted, they are the preorder of a trie: every node is a token behind one particular history.
A pack is a run of consecutive nodes of that preorder, so whatever a pack's nodes need is either in the pack or on the
one path from the root to the pack's first node. A model can therefore read the trie pack by pack with one cached path,
each node once.

No torch here: positions, ancestors and packs are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
NOTHING: Ints = np.empty(0, dtype=np.int32)


class Asked(NamedTuple):
    """Token ids of a prompt ``[T]`` and of each of its choices."""

    prompt: Ints
    choices: Sequence[Sequence[int]]


class Target(NamedTuple):
    """A token whose log-likelihood is asked: the node behind which it is predicted, and whose it is."""

    node: int
    token: int
    query: int
    choice: int
    place: int


class Pack(NamedTuple):
    """Nodes ``start`` to ``stop`` of the preorder, read in one pass behind the path to node ``start``."""

    start: int
    stop: int


@dataclass(frozen=True)
class Trie:
    """All sequences of one scoring call, each distinct node once, in preorder.

    Attributes:
        tokens: [N] token of each node.
        depths: [N] its position in every sequence it belongs to.
        ends: [N] index behind the last node of its subtree.
        targets: what is asked, sorted by node.
        n_distinct: nodes of the trie of all whole sequences, with the last tokens that need not be read.
        n_unshared: tokens that scoring every (prompt, choice) pair alone would read.
    """

    tokens: Ints
    depths: Ints
    ends: Ints
    targets: tuple[Target, ...]
    n_distinct: int
    n_unshared: int

    def __len__(self) -> int:
        return len(self.tokens)

    def ancestors(self, node: int) -> Ints:
        """[depth] the nodes on the path from the root to a node, without itself."""
        return np.flatnonzero(self.ends[:node] > node).astype(np.int32)

    def sequence(self, node: int) -> Ints:
        """[depth + 1] tokens from the root to a node."""
        return self.tokens[[*self.ancestors(node), node]]


def behind(trie: Trie, n: int) -> Trie:
    """The same nodes below a chain of n others, which stand for no token (-1)."""
    above = np.arange(n, dtype=np.int32)
    return Trie(
        tokens=np.append(np.full(n, -1, dtype=np.int32), trie.tokens),
        depths=np.append(above, n + trie.depths),
        ends=np.append(np.full(n, n + len(trie), dtype=np.int32), n + trie.ends),
        targets=tuple(target._replace(node=n + target.node) for target in trie.targets),
        n_distinct=trie.n_distinct,
        n_unshared=trie.n_unshared,
    )


def build(asked: Sequence[Asked], first: Sequence[int] = ()) -> Trie:
    """The Trie of all (prompt, choice) sequences; the order of asking changes only the queries' numbers in it.

    Prompts have a token at least and a choice at least, choices a token at least. Among siblings those on the way to
    the queries in ``first`` stand first, the others by token.
    """
    assert all(len(one.prompt) and len(one.choices) and all(map(len, one.choices)) for one in asked)
    owners = _owners(asked)
    path = np.empty(max(map(len, owners), default=0), dtype=np.int64)
    fresh: list[Ints] = []
    starts: list[int] = []
    closed: list[tuple[NDArray[np.int64], int]] = []
    targets: list[Target] = []
    previous, n = NOTHING, 0
    for key in sorted(owners, key=_ranking([asked[query].prompt for query in first])):
        sequence = np.frombuffer(key, dtype=">u4").astype(np.int32)
        shared = _common_prefix(previous, sequence)
        closed.append((path[shared : len(previous)].copy(), n))
        path[shared : len(sequence)] = np.arange(n, n + len(sequence) - shared)
        fresh.append(sequence[shared:])
        starts.append(shared)
        n += len(sequence) - shared
        targets += _targets(asked, owners[key], path, len(sequence))
        previous = sequence
    closed.append((path[: len(previous)].copy(), n))
    tokens = np.concatenate([NOTHING, *fresh])
    runs = (np.arange(s, s + len(f), dtype=np.int32) for s, f in zip(starts, fresh, strict=True))
    depths = np.concatenate([NOTHING, *runs])
    ends = np.empty(n, dtype=np.int32)
    for nodes, end in closed:
        ends[nodes] = end
    targets.sort()
    unread = sum(not _is_read(tokens, ends, node, token) for node, token in {target[:2] for target in targets})
    n_unshared = sum(len(one.prompt) + len(ids) - 1 for one in asked for ids in one.choices)
    return Trie(tokens, depths, ends, tuple(targets), n + unread, n_unshared)


def _owners(asked: Sequence[Asked]) -> dict[bytes, list[tuple[int, int]]]:
    """Sequence as big-endian bytes (which sort as lists of tokens do) -> the (query, choice) pairs that read it."""
    owners: dict[bytes, list[tuple[int, int]]] = {}
    for query, one in enumerate(asked):
        head = one.prompt.astype(">u4").tobytes()
        for choice, ids in enumerate(one.choices):
            key = head + np.asarray(ids[:-1], dtype=">u4").tobytes()
            owners.setdefault(key, []).append((query, choice))
    return owners


def _ranking(favoured: Sequence[Ints]) -> Callable[[bytes], bytes]:
    """A sort key of sequences that is a preorder of their trie: at every depth the favoured tokens come first."""
    if not favoured:
        return bytes

    def rank(key: bytes) -> bytes:
        sequence = np.frombuffer(key, dtype=">u4")
        ranks = sequence + np.uint32(len(favoured))
        # Each depth has one order of tokens whatever stands before, so equal prefixes stay together.
        for place in range(len(favoured) - 1, -1, -1):
            n = min(len(sequence), len(favoured[place]))
            ranks[:n][sequence[:n] == favoured[place][:n]] = place
        return bytes(ranks.astype(">u4").tobytes())

    return rank


def _targets(
    asked: Sequence[Asked], owners: Iterable[tuple[int, int]], path: NDArray[np.int64], length: int
) -> list[Target]:
    return [
        Target(int(path[length - len(asked[query].choices[choice]) + place]), int(token), query, choice, place)
        for query, choice in owners
        for place, token in enumerate(asked[query].choices[choice])
    ]


def _common_prefix(a: Ints, b: Ints) -> int:
    n = min(len(a), len(b))
    differs = np.flatnonzero(a[:n] != b[:n])
    return int(differs[0]) if len(differs) else n


def _is_read(tokens: Ints, ends: Ints, node: int, token: int) -> bool:
    """Whether a token is among the read children of a node."""
    child = node + 1
    while child < ends[node]:
        if tokens[child] == token:
            return True
        child = int(ends[child])
    return False


def cut(trie: Trie, budget: int) -> list[Pack]:
    """Packs of at most ``budget`` nodes that hold every node once, in order.

    A subtree that fits a pack is never divided: its nodes share one pass, and what follows needs only the path above
    it.
    """
    sizes = trie.ends - np.arange(len(trie), dtype=np.int32)
    branches = np.diff(trie.depths, prepend=-1) <= 0
    turns = np.append(np.flatnonzero((sizes <= budget) | branches), len(trie))
    packs: list[Pack] = []
    begin = node = 0
    while node < len(trie):
        size = int(sizes[node])
        room = budget - (node - begin)
        if size <= room:
            node += size
        elif node > begin and (size <= budget or branches[node] or room == 0):
            packs.append(Pack(begin, node))
            begin = node
        else:  # a chain too long for one pack: on to where something fits, the trie branches, or the pack is full
            node = min(int(turns[np.searchsorted(turns, node, side="right")]), begin + budget)
    if node > begin:
        packs.append(Pack(begin, node))
    return packs


def needed(trie: Trie, packs: Sequence[Pack], wanted: Iterable[int]) -> list[int]:
    """Indices of the packs to read so that the wanted ones see the very numbers they see when all are read."""
    above: list[NDArray[np.int64]] = []
    owner = np.zeros(int(trie.depths.max(initial=-1)) + 1, dtype=np.int64)
    for index, pack in enumerate(packs):
        # The last node of each lesser depth before a node is its ancestor, so the pack that read it is needed.
        above.append(np.unique(owner[: trie.depths[pack.start]]))
        owner[trie.depths[pack.start : pack.stop]] = index
    found = set(wanted)
    for index in range(len(packs) - 1, -1, -1):
        if index in found:
            found.update(above[index].tolist())
    return sorted(found)


def attachments(depths: Ints) -> Ints:
    """[T] how many tokens of the path each node of a pack sees: the depth of its topmost ancestor in the pack."""
    # A node less deep than all before it hangs on the path itself; so does what stands below it.
    return np.minimum.accumulate(depths)
