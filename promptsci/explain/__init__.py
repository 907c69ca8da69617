"""Why a row was decided so: what its shots and its words do to the log-odds, and whether the explanation is true."""

from promptsci.explain.faithful import Faithful
from promptsci.explain.gradients import Attribution, Target, attributions
from promptsci.explain.odds import Odds, RunOdds
from promptsci.explain.reading import Asker
from promptsci.explain.row import Request, RowExplanation, explain_row
from promptsci.explain.shot_map import Help, shot_map
from promptsci.explain.shots import ShotEffect, shot_ends
from promptsci.explain.words import WordEffect

__all__ = [
    "Asker",
    "Attribution",
    "Faithful",
    "Help",
    "Odds",
    "Request",
    "RowExplanation",
    "RunOdds",
    "ShotEffect",
    "Target",
    "WordEffect",
    "attributions",
    "explain_row",
    "shot_ends",
    "shot_map",
]
