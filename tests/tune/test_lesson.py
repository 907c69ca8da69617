from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from promptsci.tune.lesson import epoch, epoch_length, steps


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


def shared(lessons: list, **sizes: int) -> list:
    """So many lessons of each task, which take equal shares."""
    return [
        replace(lessons[n % len(lessons)], id=f"{task}/{n}", share=task)
        for task, size in sizes.items()
        for n in range(size)
    ]


def test_a_share_of_one_task_is_all_of_it(lessons: list) -> None:
    """One task that takes equal shares with no other has the very steps that it has alone."""
    alone = [replace(one, share="a") for one in lessons]

    assert steps(alone, batch=3, epochs=3, seed=4) == steps(lessons, batch=3, epochs=3, seed=4)


def test_tasks_take_turns(lessons: list) -> None:
    """Every step has as many lessons of a small task as of a large one; an epoch is as long as all lessons."""
    mixed = shared(lessons, large=20, small=4)
    made = steps(mixed, batch=4, epochs=2, seed=0)

    assert epoch_length(mixed) == 24
    assert [Counter(mixed[number].share for number in step) for step in made] == [{"large": 2, "small": 2}] * 12


def test_no_row_of_a_task_comes_again_before_all_have_come(lessons: list) -> None:
    """Over epochs a small task begins again when it is through, and a large one goes on where it stopped."""
    mixed = shared(lessons, large=20, small=5)
    seen = [mixed[number].id for step in steps(mixed, batch=5, epochs=4, seed=0) for number in step]
    large = [one for one in seen if one.startswith("large")]
    small = [one for one in seen if one.startswith("small")]

    assert (len(large), len(small)) == (52, 52)
    assert len(set(large[:20])) == len(set(large[20:40])) == 20
    assert all(len(set(small[start : start + 5])) == 5 for start in range(0, 50, 5))


def test_kept_rows_come_once_an_epoch(lessons: list) -> None:
    """Lessons without a share are seen once an epoch beside those that take turns, spread over it."""
    mixed = [*shared(lessons, a=6, b=6), *(replace(one, id=f"old/{one.id}") for one in lessons[:3])]
    epochs = [epoch(mixed, number, 0) for number in range(2)]

    for order in epochs:
        assert sorted(number for number in order if number >= 12) == [12, 13, 14]
        assert len(order) == epoch_length(mixed) == 15
        assert any(number >= 12 for number in order[:5])
        assert any(number >= 12 for number in order[10:])
