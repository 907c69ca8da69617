"""What is learned from labelled rows: adapters and weights on the road of prompting, bags of words, and heads."""

from __future__ import annotations

from promptsci.tune.bag_of_words import BagOfWords
from promptsci.tune.classifier import Classifier, Fitted, Labelled, Lessons
from promptsci.tune.dictionary import Dictionary
from promptsci.tune.extracts import Lead, WeighedTerms
from promptsci.tune.majority import MajorityLabel
from promptsci.tune.recipe import METHODS, Method, Recipe, recipe_for, value_names

__all__ = [
    "METHODS",
    "BagOfWords",
    "Classifier",
    "Dictionary",
    "Fitted",
    "Labelled",
    "Lead",
    "Lessons",
    "MajorityLabel",
    "Method",
    "Recipe",
    "WeighedTerms",
    "recipe_for",
    "value_names",
]
