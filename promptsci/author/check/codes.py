"""All codes that a finding can have: those of the rules, and those that reading a file raises."""

from __future__ import annotations

from typing import Any

from promptsci.author.check import choice_rules, data_rules, task_rules, template_rules, token_rules, trial_rules
from promptsci.author.check.rules import Code, Rule

RULES: tuple[Rule[Any], ...] = (
    *template_rules.RULES,
    *choice_rules.RULES,
    *trial_rules.RULES,
    *token_rules.RULES,
    *data_rules.RULES,
    *task_rules.RULES,
)

READING = (
    Code("PS001", "error", "a file cannot be read"),
    Code("PS002", "error", "not YAML"),
    Code("PS003", "error", "a key or value that cannot be meant"),
    Code("PS004", "error", "no front matter"),
    Code("PS005", "error", "not Jinja"),
    Code("PS006", "error", "what a template cannot have"),
    Code("PS007", "error", "a filter that works by chance"),
    Code("PS008", "warning", "a template that no task uses"),
    Code("PS009", "warning", "an ignore comment for a code that there is not"),
    Code("PS010", "error", "a task without a template"),
    Code("PS101", "error", "unknown field"),
    Code("PS102", "error", "a block uses what it cannot see"),
    Code("PS103", "error", "the target does not write the choice"),
    Code("PS201", "error", "words for a label that there is not"),
    Code("PS202", "error", "a label without words"),
    Code("PS203", "error", "two labels with the same words"),
    Code("PS212", "error", "numbers that cannot be scored"),
    Code("PS213", "error", "a setting of writing where choices are scored"),
    Code("PS309", "error", "the model's files refuse the prompt"),
    Code("PS401", "error", "data cannot be read"),
)
"""What is raised while tasks, templates, tokenizers and data are read, and found by going through the folders."""

CODES: dict[str, Code] = {code.code: code for code in sorted((*READING, *(rule.code for rule in RULES)), key=str)}
