"""All tests of a wording: its golden renders and the cases of its front matter."""

from __future__ import annotations

from promptsci.author.expect import expectations
from promptsci.author.golden import SHOTS, golden_outcome, golden_path
from promptsci.author.outcome import Outcome
from promptsci.author.render import Renderer
from promptsci.spec import Task, Template


def outcomes_of(task: Task, template: Template, *, update: bool = False) -> list[Outcome]:
    """How the golden renders and the ``expect`` cases of a wording come out.

    A wording with neither fails: nothing would notice a change of it.

    Args:
        task: what is asked.
        template: how it is said.
        update: whether golden files are written anew instead.
    """
    renderer = Renderer(task)
    cases = expectations(renderer, template)
    wanted = [k for k in SHOTS if update or not cases or golden_path(template, task, k).exists()]
    return [*(golden_outcome(renderer, template, k, update=update) for k in wanted), *cases]
