from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptsci.data.findings import Findings
from promptsci.data.formats import file_sha256, read_rows
from promptsci.errors import DataError, PromptsciError

Write = Callable[[str, "str | bytes"], str]
NASTY = [
    "plain",
    'with "quotes"',
    "a,b\tc",
    "two\nlines",
    "two\r\nlines",
    "é αβγ 中文 \U0001f9ec",
    "\u2028 \x0b",
    " blank ",
]


def rows(name: str) -> list[tuple[int, dict]]:
    """All (line, row) of a file, or its error."""
    findings = Findings(name)
    found = list(read_rows(Path(name), findings))
    findings.raise_any()
    return found


def as_csv(texts: list[str], delimiter: str) -> str:
    """The texts under a header, as the csv module writes them."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows([["id", "text"], *enumerate(texts)])
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson", "a.txt", "b.json", "a.csv", "a.tsv", "a.parquet"])
def test_text_comes_back_as_it_was_written(name: str, write: Write) -> None:
    """Quotes, delimiters, line breaks and all of Unicode survive in every format."""
    if name.endswith("parquet"):
        pa = pytest.importorskip("pyarrow")
        write(name, b"")
        pytest.importorskip("pyarrow.parquet").write_table(pa.table({"text": NASTY}), name)
    elif name == "b.json":
        write(name, json.dumps([{"text": text} for text in NASTY], indent=2))
    elif name.endswith(("csv", "tsv")):
        write(name, as_csv(NASTY, "," if name == "a.csv" else "\t"))
    else:
        write(name, "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in NASTY))

    assert [row["text"] for _, row in rows(name)] == NASTY


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_csv_and_json_lines_agree(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Whatever text the csv and json modules can write, both readers give back."""
    folder = tmp_path_factory.mktemp("agree")
    (folder / "a.csv").write_bytes(as_csv(texts, ",").encode())
    lines = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts)
    (folder / "a.jsonl").write_bytes(lines.encode())

    assert [row["text"] for _, row in rows(str(folder / "a.csv"))] == texts
    assert [row["text"] for _, row in rows(str(folder / "a.jsonl"))] == texts


def test_nul_stays(write: Write) -> None:
    """A NUL in JSON is text like any other."""
    write("a.jsonl", '{"text": "a\\u0000b"}')

    assert rows("a.jsonl") == [(1, {"text": "a\0b"})]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_byte_order_mark_and_crlf(name: str, ending: str, write: Write) -> None:
    """A byte order mark and Windows line ends change neither names, text nor line numbers; empty lines are no rows."""
    lines = {
        "a.jsonl": ['{"text": "x"}', "", '{"text": "y"}', ""],
        "a.csv": ["text", "x", "", "y", ""],
        "a.json": ["[", '{"text": "x"},', "", '{"text": "y"}', "]"],
    }[name]
    first = 1 if name == "a.jsonl" else 2
    write(name, b"\xef\xbb\xbf" + ending.join(lines).encode())

    assert rows(name) == [(first, {"text": "x"}), (first + 2, {"text": "y"})]


def test_quoted_newlines_count_as_lines(write: Write) -> None:
    """A CSV row is numbered by the line it starts on, however many lines the rows before it fill."""
    write("a.csv", 'id,text\n1,"a\nb\nc"\n2,d\n')

    assert [line for line, _ in rows("a.csv")] == [2, 5]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_megabyte_of_text_is_fine(name: str, write: Write) -> None:
    """Cells larger than the csv module's own limit are read."""
    text = "word " * 200_000
    write(name, as_csv([text], ",") if name == "a.csv" else json.dumps({"text": text}))

    assert rows(name)[0][1]["text"] == text


def test_json_values_stay_what_they_are(write: Write) -> None:
    """Numbers, lists and objects are not turned into text."""
    value = {"n": 1, "f": 0.5, "list": ["a", 2], "object": {"a": None}, "yes": True}
    write("a.jsonl", json.dumps(value))

    assert rows("a.jsonl") == [(1, value)]


def brief(value: object) -> str:
    """A test id of bearable length."""
    return repr(value)[:30]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"text": "a"}\n{"text": "a" "label": 1}',
            r"^a\.jsonl:2: broken JSON: Expecting ',' delimiter at column 14\n  Write one JSON object per line\.$",
        ),
        ("a.jsonl", '{"text": "a"', r"^a\.jsonl:1: broken JSON: Expecting ',' delimiter at column 13\n"),
        ("a.jsonl", '{"a": 1} {"a": 2}', r"^a\.jsonl:1: broken JSON: Extra data at column 10\n"),
        (
            "a.jsonl",
            '\n["a"]',
            r"^a\.jsonl:2: expected a JSON object, found a list\n  Write one JSON object per line\.$",
        ),
        ("a.jsonl", "3", r"^a\.jsonl:1: expected a JSON object, found a number\n"),
        ("a.jsonl", "true", r"^a\.jsonl:1: expected a JSON object, found true or false\n"),
        ("a.jsonl", "null", r"^a\.jsonl:1: expected a JSON object, found null\n"),
        ("a.jsonl", '"a"', r"^a\.jsonl:1: expected a JSON object, found a string\n"),
        (
            "a.jsonl",
            '{"text": 1, "text": 2}',
            r"^a\.jsonl:1: the key 'text' is given twice\n  Remove one of them\.$",
        ),
        (
            "a.jsonl",
            b'{"text": "a"}\n{"text": "\xe9"}',
            r"^a\.jsonl:2: the line is not UTF-8\n  Save the file as UTF-8\.$",
        ),
        ("a.jsonl", "[" * 100_000, r"^a\.jsonl:1: JSON that cannot be read: "),
        ("a.jsonl", '{"n": ' + "9" * 5000 + "}", r"^a\.jsonl:1: JSON that cannot be read: "),
        ("a.jsonl", "", r"^a\.jsonl: the file is empty$"),
        ("a.json", '[\n{"a": 1}\n{"a": 2}]', r"^a\.json:3: broken JSON: expected ',' or '\]' after an object$"),
        ("a.json", '[{"a": 1},\n{"a" 2}]', r"^a\.json:2: broken JSON: Expecting ':' delimiter at column 6$"),
        (
            "a.json",
            '[\n{"a": 1},\n3]',
            r"^a\.json:3: expected a JSON object, found a number\n  Write a list of objects",
        ),
        ("a.json", '[\n{"a": 1, "a": 2}]', r"^a\.json:2: the key 'a' is given twice$"),
        ("a.json", '[{"a": 1}', r"^a\.json:1: broken JSON: expected ',' or '\]' after an object$"),
        ("a.json", b'[{"a": 1},\n\n{"a": "\xe9"}]', r"^a\.json:3: the line is not UTF-8\n  Save the file as UTF-8\.$"),
        ("a.json", "[" * 100_000, r"^a\.json:1: JSON that cannot be read: "),
        ("a.csv", "id,text\n1\n", r"^a\.csv:2: the row has 1 cell, the header 2$"),
        ("a.csv", "id,text\n1,a,b\n", r"^a\.csv:2: the row has 3 cells, the header 2$"),
        ("a.csv", "id,id\n1,2\n", r"^a\.csv:1: the column 'id' stands twice in the header$"),
        (
            "a.csv",
            'id,text\n1,"a\nb"\n2,"c" d\n',
            r"^a\.csv:4: broken CSV: ',' expected after '\"'\n  Put a cell with a quote in quotes and double the quote",
        ),
        ("a.tsv", 'id\ttext\n1\t"a\n2\tb\n', r"^a\.tsv:2: broken TSV: unexpected end of data\n"),
        ("a.csv", b"id,text\n1,a\n2,\xe9\n", r"^a\.csv:3: the line is not UTF-8\n  Save the file as UTF-8\.$"),
        ("a.csv", "", r"^a\.csv: the file is empty$"),
        ("a.parquet", "no", r"^a\.parquet: broken Parquet: "),
        (
            "a.jsonlines",
            "{}",
            r"^a\.jsonlines: files of type '\.jsonlines' cannot be read\n  Did you mean '\.jsonl'\?$",
        ),
        ("a.xlsx", "x", r"^a\.xlsx: files of type '\.xlsx' cannot be read\n  Known: \.jsonl, \.json, \.csv, \.tsv, "),
        ("data", "{}", r"^data: a data file needs an ending\n  Known: \.jsonl, "),
    ],
    ids=brief,
)
def test_bad_files(name: str, content: str | bytes, message: str, write: Write) -> None:
    """What is wrong with a file is said in one sentence, with its line and what to do."""
    write(name, content)

    with pytest.raises(PromptsciError, match=message) as caught:
        rows(name)
    assert type(caught.value) is DataError


def test_good_rows_go_on_after_a_bad_line(write: Write) -> None:
    """One broken line does not hide the rows, and the problems, after it."""
    write("a.jsonl", '{"n": 1}\n{\n{"n": 3}\n')
    findings = Findings("a.jsonl")

    assert [line for line, _ in read_rows(Path("a.jsonl"), findings)] == [1, 3]
    assert findings.total == 1


def test_nothing_heavy_is_loaded_for_lines_of_text() -> None:
    """JSON lines, JSON, CSV and TSV need neither pandas, datasets nor pyarrow."""
    import subprocess

    code = "import promptsci.data, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"torch", "transformers", "datasets", "pandas", "pyarrow", "numpy"} & set(loaded) == set()


def test_file_hash_is_that_of_the_bytes(write: Write) -> None:
    """The SHA-256 is the one that sha256sum prints, also over several blocks."""
    content = b"0123456789" * 300_000
    write("a.bin", content)

    assert file_sha256(Path("a.bin")) == hashlib.sha256(content).hexdigest()
