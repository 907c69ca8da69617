"""Training on the same road as prompting: recipes, methods, objectives, and packs that read each token once."""

from __future__ import annotations

from promptsci.tune.recipe import METHODS, Method, Recipe, recipe_for, value_names

__all__ = ["METHODS", "Method", "Recipe", "recipe_for", "value_names"]
