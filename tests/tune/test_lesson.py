from __future__ import annotations

import random

from promptsci.tune.lesson import steps


def test_every_epoch_has_every_lesson_once(lessons: list) -> None:
    """Steps of three lessons, the last of an epoch with what is left; each epoch in another order."""
    made = steps(lessons, batch=3, epochs=2, seed=0)
    epochs = [[number for step in half for number in step] for half in (made[:3], made[3:])]

    assert [len(step) for step in made] == [3, 3, 1, 3, 3, 1]
    assert [sorted(epoch) for epoch in epochs] == [list(range(7))] * 2
    assert epochs[0] != epochs[1]
    assert made != steps(lessons, batch=3, epochs=2, seed=1)


def test_the_order_of_the_file_does_not_matter(lessons: list) -> None:
    """The same examples come in the same steps wherever their rows stand."""
    mixed = random.Random(0).sample(lessons, len(lessons))
    ours = [[lessons[number].id for number in step] for step in steps(lessons, batch=3, epochs=2, seed=0)]
    theirs = [[mixed[number].id for number in step] for step in steps(mixed, batch=3, epochs=2, seed=0)]

    assert ours == theirs
