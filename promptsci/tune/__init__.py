"""What is learned from labelled rows: majority, bag of words, classifier head."""

from __future__ import annotations

from promptsci.tune.bag_of_words import BagOfWords
from promptsci.tune.classifier import Classifier, Fitted, Labelled, Lessons
from promptsci.tune.majority import MajorityLabel

__all__ = ["BagOfWords", "Classifier", "Fitted", "Labelled", "Lessons", "MajorityLabel"]
