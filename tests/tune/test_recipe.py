from __future__ import annotations

import pytest

from promptsci.errors import PromptsciError, SpecError
from promptsci.tune.recipe import FOLDER, METHODS, Recipe, read_recipe_file, recipe_for, value_names


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_parameters", [10**8, 8 * 10**9])
def test_every_method_has_a_whole_recipe(method: str, n_parameters: int) -> None:
    """A recipe leaves nothing open, whatever the size of the model."""
    assert recipe_for(method, n_parameters).method == method


def test_every_file_is_sound() -> None:
    """Recipes name only values that exist, and state the ranges of a search over them."""
    for path in FOLDER.glob("*.yaml"):
        found = read_recipe_file(path)
        assert found.about
        for values in (found.values, found.ranges, *found.larger.values()):
            assert set(values) <= set(value_names())


def test_larger_models_learn_more_slowly() -> None:
    """The values that a file states for larger models replace the others from that size on."""
    assert recipe_for("lora", 10**9).lr < recipe_for("lora", 10**9 - 1).lr


def test_any_value_can_be_given() -> None:
    """A value of the command line replaces the recipe's own, converted to its type."""
    recipe = recipe_for("lora", 0, {"lr": "2e-4", "epochs": "7", "targets": "q_proj v_proj"})

    assert (recipe.lr, recipe.epochs, recipe.targets) == (2e-4, 7, "q_proj v_proj")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epoch": "3"}, "Did you mean 'epochs'?"),
        ({"epochs": "many"}, "expected a whole number"),
        ({"epochs": "0"}, "greater than or equal to 1"),
        ({"lr": "-1"}, "greater than 0"),
        ({"objective": "choise"}, "Did you mean 'choice'?"),
        ({"method": "full"}, "Write --full."),
    ],
)
def test_a_value_that_cannot_be_meant_is_an_error(values: dict, words: str) -> None:
    """Unknown names get the nearest spelling, and values that do not fit say what would."""
    with pytest.raises(PromptsciError, match=r".") as caught:
        recipe_for("lora", 0, values)

    assert isinstance(caught.value, SpecError)
    assert words in caught.value.text()


def test_values_are_described() -> None:
    """Each value of a recipe is explained where it is defined."""
    assert [name for name in Recipe.model_fields if f"{name}: " not in str(Recipe.__doc__)] == []
