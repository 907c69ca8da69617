"""The story of ``predict``: rows of a file of any size -> answers on disk, chunk by chunk -> a labelled file."""

from promptsci.pipeline.predict.methods import LearnedMethod, Method, PromptMethod
from promptsci.pipeline.predict.predict import PreparedPrediction, predict, prepare_prediction
from promptsci.pipeline.predict.prepare import head_method, learned_method, prompt_method
from promptsci.pipeline.predict.settings import PredictSettings

__all__ = [
    "LearnedMethod",
    "Method",
    "PredictSettings",
    "PreparedPrediction",
    "PromptMethod",
    "head_method",
    "learned_method",
    "predict",
    "prepare_prediction",
    "prompt_method",
]
