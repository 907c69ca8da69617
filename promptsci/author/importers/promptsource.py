"""Prompts of promptsource, read from its YAML; the package itself is never imported.

Source: promptsource 0.2.3, ``promptsource/templates/DATASET[/SUBSET]/templates.yaml`` and ``templates.py`` (apply).
"""

from __future__ import annotations

import importlib.util
import tarfile
from pathlib import Path
from typing import Any

import yaml

from promptsci.author.importers.draft import Draft
from promptsci.errors import SpecError, did_you_mean

BAR = "|||"
GET = "pip download promptsource==0.2.3 --no-deps --no-binary :all: --ignore-requires-python"


class _Loader(yaml.SafeLoader):
    """YAML whose two tags stand for plain mappings."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


for _tag in ("!Template", "!TemplateMetadata"):
    _Loader.add_constructor(_tag, _mapping)


def read_promptsource(name: str, package: Path | None = None) -> tuple[list[Draft], list[str]]:
    """The prompts of ``DATASET[/SUBSET][/TEMPLATE]``, and what is wrong with those that cannot be one.

    Args:
        name: of the data set, as promptsource has it, and of one prompt if only that is wanted.
        package: the package's folder or its ``.tar.gz``; None looks for an installed one.

    Raises:
        SpecError: the package is not there, or has no such data set or prompt.
    """
    files = _files(package)
    dataset = next((each for each in sorted(files, key=len, reverse=True) if f"{name}/".startswith(f"{each}/")), None)
    subsets = [each for each in files if each.startswith(f"{name}/")]
    if dataset is None and len(subsets) == 1:
        name = dataset = subsets[0]
    if dataset is None:
        fix = did_you_mean(name, files) if len(files) < 20 else did_you_mean(name, files).partition("Known")[0]
        raise SpecError(f"promptsource has no data set '{name}'", where=str(package or ""), fix=fix or None)
    found = yaml.load(files[dataset], Loader=_Loader)["templates"].values()  # noqa: S506 - a SafeLoader
    wanted = name[len(dataset) + 1 :]
    chosen = [each for each in found if not wanted or each["name"].strip() == wanted]
    if not chosen:
        names = [each["name"].strip() for each in found]
        raise SpecError(f"{dataset} has no prompt '{wanted}'", where="promptsource", fix=did_you_mean(wanted, names))
    drafts = [_draft(dataset, each) for each in chosen]
    return [each for each in drafts if isinstance(each, Draft)], [each for each in drafts if isinstance(each, str)]


def _draft(dataset: str, given: dict[str, Any]) -> Draft | str:
    name = given["name"].strip()
    parts = given["jinja"].split(BAR)
    if len(parts) != 2:
        return f"{name}: not carried over: it has {len(parts) - 1} '{BAR}' between prompt and answer, not one"
    choices = given.get("answer_choices") or ""
    if BAR in choices and choices.count("{{") != choices.count("}}"):
        return f"{name}: not carried over: its answer choices cannot be read: {choices}"
    reference = f" ({given['reference']})" if given.get("reference") else ""
    return Draft(
        name=name,
        where=f"promptsource {dataset}",
        input=parts[0],
        target=parts[1],
        choices=_choices(choices),
        instruction="",
        about=f"promptsource, {dataset}: {name}{reference}",
    )


def _choices(expression: str) -> tuple[str, ...]:
    """Jinja of each choice; a list that is made inside one expression, such as join("|||"), is one choice."""
    inside = 0
    parts, last = [], 0
    for place, character in enumerate(expression):
        pair = expression[place : place + 2]
        inside += (pair in ("{{", "{%")) - (pair in ("}}", "%}"))
        if not inside and expression.startswith(BAR, place) and character == "|" and place >= last:
            parts.append(expression[last:place])
            last = place + len(BAR)
    return tuple(part.strip() for part in [*parts, expression[last:]]) if expression else ()


def _files(package: Path | None) -> dict[str, str]:
    """Data set -> text of its YAML."""
    if package is None:
        spec = importlib.util.find_spec("promptsource")
        if spec is None or spec.origin is None:
            fix = f"Get it without installing it ({GET}) and add --package promptsource-0.2.3.tar.gz."
            raise SpecError("the package promptsource is not installed", fix=fix)
        package = Path(spec.origin).parent
    try:
        if package.is_dir():
            found = {path.as_posix(): path.read_text(encoding="utf-8") for path in package.rglob("templates.yaml")}
        else:
            found = _in_archive(package)
    except (OSError, tarfile.TarError) as error:
        raise SpecError(f"the package cannot be read: {error}", where=str(package), fix=f"Get it: {GET}.") from error
    files = {name.rpartition("/templates.yaml")[0].rpartition("templates/")[2]: text for name, text in found.items()}
    if not files:
        raise SpecError("there is no templates.yaml in it", where=str(package), fix=f"Get the package: {GET}.")
    return files


def _in_archive(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith("templates.yaml") else None
            if file is not None:
                found[member.name] = file.read().decode()
    return found
