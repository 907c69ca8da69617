"""The stories, a page each: how settings become a Run on disk and a result."""

from promptsci.pipeline.augment import Augmented, AugmentSettings, augment, write_made
from promptsci.pipeline.classifier import METHODS, ClassifierSettings, classifier_named, prepare_classifier
from promptsci.pipeline.classify import classifier_folder, classify
from promptsci.pipeline.judge import judge, read_result
from promptsci.pipeline.prepare import Prepared, prepare
from promptsci.pipeline.reproduce import Reproduction, reproduce
from promptsci.pipeline.run import LMs, Watcher, folder_of, load_transformers, run
from promptsci.pipeline.settings import DEFAULT_MODEL, Result, Settings
from promptsci.pipeline.stage import Stage
from promptsci.pipeline.tune import plan, tune
from promptsci.pipeline.tuning import PreparedTune, TuneSettings, prepare_tune

__all__ = [
    "DEFAULT_MODEL",
    "METHODS",
    "AugmentSettings",
    "Augmented",
    "ClassifierSettings",
    "LMs",
    "Prepared",
    "PreparedTune",
    "Reproduction",
    "Result",
    "Settings",
    "Stage",
    "TuneSettings",
    "Watcher",
    "augment",
    "classifier_folder",
    "classifier_named",
    "classify",
    "folder_of",
    "judge",
    "load_transformers",
    "plan",
    "prepare",
    "prepare_classifier",
    "prepare_tune",
    "read_result",
    "reproduce",
    "run",
    "tune",
    "write_made",
]
