"""PS1xx: how a template says its task, seen in its syntax tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from jinja2 import nodes

from promptsci.author.check.branches import Branches
from promptsci.author.check.findings import Hit
from promptsci.author.check.rules import rule, rules_of
from promptsci.author.check.sources import Wording
from promptsci.data import Example
from promptsci.errors import PromptsciError
from promptsci.prompt.answers import answers_of
from promptsci.spec.fit import allowed_variables

OPENING = "([{<«“\u2018"
ONE_LINE = ("labels", "number", "phrases")
"""Forms of answers that are written on one line."""
QUOTES = "\"'`"
"""Quotes open where an odd number of them stands in the block."""


@rule("PS104", "error", "the gold label reaches the input")
def gold_in_input(wording: Wording) -> Iterator[Hit]:
    """The model is shown the answer it is asked for: scores would be near perfect and mean nothing."""
    for field, column in wording.task.fields.items():
        line = wording.flows["input"].written.get(field)
        if column in wording.asked.gold_columns and line is not None:
            yield Hit(
                wording.at(line, field),
                f"the input shows '{field}', which is column '{column}': the gold label",
                "Take it out of the input block, and what is computed from it.",
            )


@rule("PS105", "error", "the input shows no field")
def no_field(wording: Wording) -> Iterator[Hit]:
    """Every row would be asked the same question."""
    if not set(wording.flows["input"].written) & set(wording.task.variables):
        fields = " or ".join(f"{{{{ {field} }}}}" for field in wording.task.variables)
        yield Hit(wording.at_start("input"), "the input block shows no field of the row", f"Write {fields} there.")


@rule("PS106", "warning", "a field is never used")
def unused_field(wording: Wording) -> Iterator[Hit]:
    """What the task says to be part of the question is not shown to the model: forgotten, or set and never written."""
    used = {field for flow in wording.flows.values() for field in flow.written} & set(wording.task.variables)
    for field in wording.task.variables if used else ():
        if field not in used and wording.task.fields.get(field) not in wording.asked.gold_columns:
            yield Hit(
                wording.at_start("input"),
                f"the template never shows the field '{field}' of task {wording.task.name}",
                f"Write {{{{ {field} }}}} in the input block, or take the field out of task.yaml.",
            )


@rule("PS107", "warning", "a branch is never written")
def dead_branch(wording: Wording) -> Iterator[Hit]:
    """Text that no row can show was meant to be shown; the test holds a slip."""
    try:
        answers = answers_of(wording.task, wording.template)
    except PromptsciError:
        return  # a JSON Schema that cannot be read: told where the wording is tried out
    each = list(answers.choices(Example("any", {})).values()) if answers.same else []
    for block, always in allowed_variables(wording.task).items():
        cases = [{**answers.shown, **one} for one in each if block == "target"]
        for dead in Branches(wording.template, block, cases or [dict(answers.shown)], frozenset(always)).dead():
            yield Hit(wording.at(dead.line), dead.why, "Mend the test, or remove the branch.")


@rule("PS108", "warning", "the prompt ends in white space that is not cut")
def odd_end(wording: Wording) -> Iterator[Hit]:
    """Plain spaces at a block's end are cut; a no-break space or zero-width mark stays, as a token of its own."""
    for block in ("instruction", "input"):
        text = _last_text(wording.template.trees[block]).rstrip(" \t\r\n")
        if text and _is_invisible(text[-1]):
            yield Hit(
                wording.at_end(block),
                f"the {block} block ends in U+{ord(text[-1]):04X} ({unicodedata.name(text[-1], 'unnamed')})",
                "Delete it: the one space before the answer is written by the program.",
            )


@rule("PS109", "warning", "an opening mark stands before the answer")
def opening_mark(wording: Wording) -> Iterator[Hit]:
    """Plain prompts write a space between input and answer, so an answer in quotes or brackets would start with it."""
    tree = wording.template.trees["input"]
    text = _last_text(tree).rstrip()
    if text and (text[-1] in OPENING or (text[-1] in QUOTES and _count(tree, text[-1]) % 2)):
        yield Hit(
            wording.at_end("input"),
            f"the input block ends in {text[-1]}, and a space follows it before the answer",
            f"Move the {text[-1]} to the start of the target block.",
        )


@rule("PS110", "warning", "every answer begins with the same words")
def words_in_target(wording: Wording) -> Iterator[Hit]:
    """What stands before {{ choice }} in the target is scored with every choice and tells them apart in none.

    Where each label is asked by itself, its question is what stands there, and it is no fault.
    """
    tree = wording.template.trees["target"]
    if not wording.is_scored or wording.template.asks_each(wording.task):
        return
    first = next((node for node in tree.body if isinstance(node, nodes.Output)), None)
    lead = first.nodes[0] if first is not None and first.nodes else None
    if isinstance(lead, nodes.TemplateData) and len(lead.data.split()) > 1:
        yield Hit(
            wording.at(lead.lineno),
            f"the target begins with '{' '.join(lead.data.split())}', which every answer shares",
            "Move it to the end of the input block.",
        )


@rule("PS111", "warning", "texts are cut by characters")
def cut_text(wording: Wording) -> Iterator[Hit]:
    """A cut text may have lost what decides; whether it fits is a matter of tokens, which a run counts and says."""
    tree = wording.template.trees["input"]
    cuts = [node for node in tree.find_all(nodes.Filter) if node.name == "truncate"]
    slices = [node for node in tree.find_all(nodes.Getitem) if isinstance(node.arg, nodes.Slice)]
    for node in (*cuts, *slices):
        names = {name.name for name in (node, *node.find_all(nodes.Name)) if isinstance(name, nodes.Name)}
        cut = sorted(names & set(wording.task.variables))
        if cut:
            what = f"'{cut[0]}' is cut by characters, whatever the model can hold"
            yield Hit(wording.at(node.lineno, cut[0]), what, "Show it whole: a run says which rows do not fit.")


@rule("PS113", "warning", "missing stop")
def missing_stop(wording: Wording) -> Iterator[Hit]:
    """A model that has given its answer goes on: with the next question, or with what stands behind it in the shots."""
    if wording.is_scored:
        return
    stops, tail = wording.template.front.stop, _last_text(wording.template.trees["target"]).strip()
    if tail and not any(stop.strip() and stop.strip() in tail for stop in stops):
        what, stop = f"'{tail}' stands behind the answer, and no stop ends the writing there", tail
    elif wording.task.form in ONE_LINE and not tail and not any("\n" in stop for stop in stops):
        what, stop = "the answer is one line, and no stop ends the writing at the line's end", "\\n"
    else:
        return
    yield Hit(wording.at(1), what, f'Add a line stop: ["{stop}"] to the front matter.')


def _last_text(tree: nodes.Template) -> str:
    """The text that a block always ends in; empty where it ends in something computed."""
    last = tree.body[-1] if tree.body else None
    part = last.nodes[-1] if isinstance(last, nodes.Output) and last.nodes else None
    return part.data if isinstance(part, nodes.TemplateData) else ""


def _count(tree: nodes.Template, mark: str) -> int:
    return sum(part.data.count(mark) for part in tree.find_all(nodes.TemplateData))


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")


RULES = rules_of(globals())
OF_A_FITTING = (no_field, unused_field, words_in_target)
"""Rules that would only repeat what is said of a template that does not fit its task."""
