"""The house as docs and design describe it: who may know whom, what loads when, and how large a thing may grow."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "promptsci"
# From the ground up: each room may know those before it.
ROOMS = (
    "errors runs spec data prompt score lm compare report tune explain rewrite author pipeline study serve cli"
).split()
COMPUTE = {"prompt", "lm", "tune"}
JUDGE = ("score", "compare", "report")
HEAVY = ("torch", "transformers", "datasets", "evaluate", "sklearn", "pandas", "peft", "bm25s", "scipy")
CATCH_ALLS = {"Exception", "BaseException"}
FACELESS = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
MAX_FUNCTION_LINES = 50  # ratchets: they may only go down
MAX_MODULE_LINES = 330

MODULES = sorted(PACKAGE.rglob("*.py"))
ROOM_FOLDERS = sorted({PACKAGE / room for room in ROOMS if any((PACKAGE / room).glob("**/*.py"))})
TREES = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in MODULES}


def room_of(path: Path) -> str:
    """The room that a file of the package is in; '' for the package's own ``__init__`` and ``__main__``."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first.startswith("__") else first


def imported_names(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, wherever it stands; relative ones are made absolute."""
    package = ["promptsci", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def imported_rooms(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, room) of every import of another room."""
    for line, name in imported_names(path):
        parts = name.split(".")
        if parts[0] == "promptsci" and len(parts) > 1 and parts[1] in ROOMS and parts[1] != room_of(path):
            yield place(path, line), parts[1]


def place(path: Path, line: int) -> str:
    """``promptsci/room/file.py:12``, as an editor wants it."""
    return f"{path.relative_to(PACKAGE.parent)}:{line}"


def test_every_module_is_in_a_known_room() -> None:
    """A new room is a decision: it gets its place in ROOMS before it gets code."""
    unknown = [str(path) for path in MODULES if room_of(path) not in {"", *ROOMS}]

    assert unknown == []


def test_imports_go_down_only() -> None:
    """A room imports only rooms below it; only ``python -m promptsci`` knows the command line."""
    wrong = []
    for path in MODULES:
        room = room_of(path)
        allowed = set(ROOMS[: ROOMS.index(room)]) if room in ROOMS else {"errors"}
        if path.name == "__main__.py":
            allowed = {"cli"}
        wrong += [f"{where} imports {other}" for where, other in imported_rooms(path) if other not in allowed]

    assert wrong == []


def test_judging_never_reaches_computing() -> None:
    """No chain of imports leads from score, compare or report to prompt, lm or tune: judging needs no model."""
    knows = {room: set() for room in ROOMS}
    for path in MODULES:
        if room_of(path) in knows:
            knows[room_of(path)] |= {other for _, other in imported_rooms(path)}
    for _ in ROOMS:
        for room, others in knows.items():
            knows[room] = others.union(*(knows[other] for other in others))

    assert {room: knows[room] & COMPUTE for room in JUDGE} == {room: set() for room in JUDGE}


def test_lm_knows_tokens_never_tasks() -> None:
    """The language model side can be used without a task: it imports neither spec, data nor score."""
    wrong = [
        f"{where} imports {other}"
        for path in MODULES
        if room_of(path) == "lm"
        for where, other in imported_rooms(path)
        if other in {"spec", "data", "score"}
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "arguments",
    [["-c", "import promptsci"], *(["-m", "promptsci", *verb, "--help"] for verb in ([], ["run"], ["tune"]))],
    ids=["import", "help", "run-help", "tune-help"],
)
def test_start_up_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """``import promptsci`` and ``--help`` answer at once: torch and its like are not loaded."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        check=False,
    )
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}

    assert done.returncode == 0, done.stderr.rpartition("import time:")[2]
    assert loaded >= {"promptsci"}
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize("room", ROOM_FOLDERS, ids=lambda room: room.name)
def test_a_room_says_what_it_is_for_and_what_it_shows(room: Path) -> None:
    """A folder's ``__init__`` has a docstring and an ``__all__`` whose names exist; it shows all it gathers."""
    init = room / "__init__.py"
    own = f"promptsci.{room.name}"
    module = importlib.import_module(own)
    shown = list(module.__all__)
    imported = {
        alias.asname or alias.name
        for node in TREES[init].body
        if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith(own))
        for alias in node.names
    }

    assert module.__doc__
    assert [name for name in shown if not hasattr(module, name)] == []
    assert sorted(set(shown)) == sorted(shown)
    assert {name for name in imported if not name.startswith("_")} - set(shown) == set()


def test_modules_have_names_that_say_something() -> None:
    """No drawer is labelled utils, common, helpers or manager."""
    faceless = [str(path) for path in MODULES if FACELESS & set(path.relative_to(PACKAGE).with_suffix("").parts)]

    assert faceless == []


def test_functions_fit_a_page() -> None:
    """No function is longer than MAX_FUNCTION_LINES."""
    long = [
        f"{place(path, node.lineno)} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert long == []


def test_modules_fit_a_sitting() -> None:
    """No module is longer than MAX_MODULE_LINES."""
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {path: lines for path, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def _swallows_anything(handler: ast.ExceptHandler) -> bool:
    if isinstance(handler.body[-1], ast.Raise):
        return handler.type is None
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in CATCH_ALLS) for kind in kinds)


def test_nothing_is_caught_blindly() -> None:
    """No bare except; ``except Exception`` only to translate what a library raises so bare, never to go on."""
    blind = [
        place(path, node.lineno)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _swallows_anything(node)
    ]

    assert blind == []


def test_nothing_is_left_for_later() -> None:
    """No TODO or FIXME: what is missing is an issue, not a comment."""
    later = [
        place(path, number)
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX)\b", line)
    ]

    assert later == []
