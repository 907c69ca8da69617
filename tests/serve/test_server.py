from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from promptsci.errors import DataError, PromptsciError
from promptsci.pipeline import LMs, load_transformers
from promptsci.pipeline.explain import ExplainSettings, explain, open_run
from promptsci.pipeline.predict import PredictSettings, predict, prepare_prediction
from promptsci.runs import RunFolder
from promptsci.serve import Address, Limits

FINE = {"text": "We follow the method of the cited work."}


def rows_of_test() -> list[dict[str, Any]]:
    """The bundled test rows without labels."""
    from promptsci.spec.catalog import shipped_root

    lines = (shipped_root() / "tasks" / "citation-intent" / "test.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "label"} for line in lines]


@pytest.mark.parametrize("rule", ["batch", "sum", "contextual"])
def test_answers_are_those_of_predict(prompted: Callable, start: Callable, tmp_path: Path, rule: str) -> None:
    """Asked one by one and together, over a warm prompt, rows get the very decisions that ``predict`` writes."""
    engine = prompted(rule=rule)
    rows = rows_of_test()[:24]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = PredictSettings(str(data), str(tmp_path / "out.jsonl"), prior="validation")
    predict(prepare_prediction(settings, engine.method, tmp_path))
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    server = start(engine)
    with ThreadPoolExecutor(8) as clients:
        alone = [reply.json["answers"][0] for reply in clients.map(server.predict, rows)]
    together = server.predict(*rows).json["answers"]

    assert engine.warm_tokens > 50
    for answers in (alone, together):
        for found, row in zip(answers, written, strict=True):
            assert found["error"] is None
            assert found["answer"]["label"] == row["label"]
            for name in ("probability", "calibrated_probability"):
                assert found["answer"][name] == pytest.approx(row[name], abs=1e-4)


def test_the_beginning_of_prompts_is_not_read_again(prompted: Callable) -> None:
    """A row behind a warm prompt costs fewer tokens than the prompt's beginning has."""
    engine = prompted()
    before = engine.computed
    engine.answer([FINE])

    assert 0 < engine.computed - before < engine.warm_tokens


def test_rows_that_cannot_be_answered_say_why_and_stop_no_other(prompted: Callable) -> None:
    """A missing column, no text, a text that is too long, half a character: an error each, and answers beside them."""
    bad = [{"txt": "x"}, {"text": " "}, {"text": "word " * 900}, {"text": "\ud800"}, {"text": None}]
    found = prompted().answer([FINE, *bad, FINE])

    assert [each["answer"] is None for each in found] == [False, *[True] * 5, False]
    said = ["no column 'text'", "no text", "tokens", "half of a character", "null"]
    assert all(word in each["error"] for word, each in zip(said, found[1:-1], strict=True))
    assert found[0]["answer"]["label"] == found[-1]["answer"]["label"]


def test_a_batch_rule_needs_labelled_rows(prompted: Callable) -> None:
    """Without them there are no others in whose light a row could be decided; another rule serves."""
    with pytest.raises(DataError, match="batch rule"):
        prompted(split="nowhere")
    answer = prompted(split="nowhere", rule="sum").answer([FINE])[0]["answer"]

    assert answer["label"]
    assert answer["label_set"] is None


def test_the_place_of_a_row_in_its_batch_decides_nothing(prompted: Callable, tmp_path: Path) -> None:
    """A pool may number its rows; a client's third row is not the pool's row 3, whose text no prompt would show."""
    labels = ("Background", "Uses", "Background", "Uses", "Background", "Uses")
    rows = [{"id": n, "text": f"We cite [{n}] here.", "label": label} for n, label in enumerate(labels)]
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = prompted(data=str(tmp_path), choose="first", rule="sum").answer([FINE] * 6)

    assert [each["answer"] for each in found] == [found[0]["answer"]] * 6


@pytest.mark.parametrize("rule", ["batch", "contextual"])
def test_explanations_are_those_of_explain(prompted: Callable, start: Callable, rule: str) -> None:
    """Over a warm prompt a row gets what ``promptsci explain`` says of it, for fewer tokens.

    So does a text that is no row of the run, and a label that was not decided.
    """
    engine = prompted(rule=rule)
    stored = open_run(RunFolder(engine.known_run), LMs(load_transformers), engine.method.prepared.catalog)
    (example,) = explain(stored, ExplainSettings(limit=1))["rows"]
    row, label = {"id": example["id"], "text": example["fields"]["text"]}, min(example["probabilities"])
    text = str(FINE["text"])
    expected = [
        example,
        *explain(stored, ExplainSettings(text=text))["rows"],
        *explain(stored, ExplainSettings(text=text, label=label))["rows"],
    ]
    server = start(engine)
    found = [*server.explain(row, FINE).json["explanations"], *server.explain(FINE, label=label).json["explanations"]]

    for known, each in zip(expected, found, strict=True):
        assert each["error"] is None
        mine = each["explanation"]
        assert mine["tokens"]["computed"] < known["tokens"]["computed"]
        told, said = (_flat({**each, "tokens": 0, "gold": 0}) for each in (mine, known))
        far = {at: (said[at], told.get(at)) for at in said if told.get(at) != pytest.approx(said[at], abs=1e-4)}
        assert (far, told.keys()) == ({}, said.keys())
        assert all(shot["change"] is not None for shot in mine["shots"])


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    """Place -> value of everything in nested JSON."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {at: each for name, part in parts for at, each in _flat(part, f"{place}/{name}").items()}
    return {place: value}


def test_what_decides_is_what_is_explained(prompted: Callable) -> None:
    """``/predict`` and ``/explain`` name the same label with the same probability, for an id of the pool too."""
    engine = prompted(rule="sum")
    row = {**FINE, "id": engine.method.dataset.splits["train"].examples[0].id}
    answer, why = engine.answer([row])[0]["answer"], engine.explain([(row, None)])[0]["explanation"]

    assert (why["decided"], why["id"]) == (answer["label"], row["id"])
    assert why["probabilities"][answer["label"]] == pytest.approx(answer["probability"], abs=1e-4)


def test_rows_that_cannot_be_explained_say_why(prompted: Callable, start: Callable) -> None:
    """An error each, and explanations beside them; a label that is none is said with those that are."""
    server = start(prompted())
    found = server.explain({"txt": "x"}, {"text": "word " * 900}, FINE).json["explanations"]

    assert [each["explanation"] is None for each in found] == [True, True, False]
    assert "no column 'text'" in found[0]["error"]
    assert "the row needs" in found[1]["error"]
    (wrong,) = server.explain(FINE, label="Usage").json["explanations"]
    assert "no label 'Usage'" in wrong["error"]
    assert "Uses" in wrong["error"]


def test_what_reads_no_prompt_has_no_explanations(learned: Any, start: Callable) -> None:
    """The path is not documented, and says why it answers nothing; so does the list of what answers."""
    server = start(learned)
    reply = server.explain(FINE)

    assert reply.status == 404
    assert "reads no prompt" in reply.json["detail"]
    assert "reads no prompt" in server.ask("GET", "/").json["no_explanations"]
    assert "/explain" not in server.ask("GET", "/openapi.json").json["paths"]


def test_explanations_cost_more_and_fewer_are_let_in(slow: Any, start: Callable) -> None:
    """More rows than may be are 422; those that wait count as many rows, and beyond the limit the answer is 429."""
    server = start(slow, Limits(rows=16, explained_rows=2, waiting_rows=16, batch_rows=1))

    assert server.explain(*[{"n": 1}] * 3).status == 422
    assert documented(server, "RowsToExplain")["maxItems"] == 2
    with ThreadPoolExecutor(4) as clients:
        first = clients.submit(server.predict, {"n": 0})
        while not slow.sizes:
            time.sleep(0.01)
        second = clients.submit(server.explain, {"n": 1}, {"n": 2})
        while b"promptsci_waiting_rows 16.0" not in server.ask("GET", "/metrics").body:
            time.sleep(0.01)
        refused = [server.explain({"n": 3}), server.predict({"n": 3})]
        slow.gate.set()
        replies = [first.result(), second.result()]

    assert [reply.status for reply in refused] == [429, 429]
    assert "counts as 8" in refused[0].json["detail"]
    assert [reply.status for reply in replies] == [200, 200]
    assert [each["explanation"] for each in replies[1].json["explanations"]] == [{"n": 1}, {"n": 2}]


def test_requests_that_wait_are_answered_together(slow: Any, start: Callable) -> None:
    """While one batch is answered the next collects; every client gets its own rows back."""
    server = start(slow, Limits(batch_rows=8))
    with ThreadPoolExecutor(12) as clients:
        asked = [clients.submit(server.predict, {"n": n}, {"n": -n}) for n in range(12)]
        while not slow.sizes:
            time.sleep(0.01)
        time.sleep(0.5)
        slow.gate.set()
        replies = [each.result().json["answers"] for each in asked]

    assert [[one["answer"]["n"] for one in reply] for reply in replies] == [[n, -n] for n in range(12)]
    assert sum(slow.sizes) == 24
    assert max(slow.sizes) == 8


def test_when_too_many_rows_wait_the_answer_is_429(slow: Any, start: Callable) -> None:
    """Beyond the limit a client is told to come again, and nobody before it is lost."""
    server = start(slow, Limits(waiting_rows=4, batch_rows=1))
    with ThreadPoolExecutor(12) as clients:
        asked = [clients.submit(server.predict, {"n": 0})]
        while not slow.sizes:  # it is being answered, and waits no more
            time.sleep(0.01)
        asked += [clients.submit(server.predict, {"n": n}) for n in range(1, 12)]
        while sum(each.done() for each in asked) < 12 - 5:
            time.sleep(0.01)
        slow.gate.set()
        replies = [each.result() for each in asked]
    statuses = [reply.status for reply in replies]

    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 5
    assert all(reply.headers["retry-after"] == "1" for reply in replies if reply.status == 429)
    assert [reply.json["answers"][0]["answer"]["n"] for reply in replies if reply.status == 200] == [
        n for n, status in enumerate(statuses) if status == 200
    ]


def documented(server: Any, model: str) -> Any:
    """What the OpenAPI document says of the rows of a body."""
    document = server.ask("GET", "/openapi.json").json
    return document["components"]["schemas"][model]["properties"]["rows"]


def test_what_is_too_long_is_refused(learned: Any, start: Callable) -> None:
    """A body beyond the limit, said or not said beforehand, and too many rows."""
    server = start(learned, Limits(body_bytes=2_000, rows=3))

    assert server.predict(FINE, FINE, FINE, FINE).status == 422
    assert documented(server, "Rows")["maxItems"] == 3
    assert server.predict({"text": "x" * 5_000}).status == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(6):
            raw.sendall(b"200\r\n" + b"x" * 512 + b"\r\n")
        assert raw.recv(4_096).startswith(b"HTTP/1.1 413")
    assert server.predict(FINE).status == 200


def test_a_body_that_does_not_arrive_is_408(learned: Any, start: Callable) -> None:
    """A client that sends half a body does not keep a place for ever."""
    server = start(learned, Limits(body_s=0.2))
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        raw.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        assert raw.recv(4_096).startswith(b"HTTP/1.1 408")


def test_with_a_token_only_its_bearer_is_let_in(learned: Any, start: Callable) -> None:
    """Every path but /health wants it, and the OpenAPI document says so."""
    server = start(learned, address=Address(port=0, token="a-token-of-many-letters"))
    with_it = {"Authorization": f"Bearer {server.TOKEN}"}

    assert server.ask("GET", "/health").json == {"status": "ready"}
    for verb, path in (("GET", "/"), ("GET", "/metrics"), ("GET", "/docs"), ("POST", "/predict"), ("GET", "/x")):
        refused = server.ask(verb, path)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert server.predict(FINE, Authorization="Bearer wrong").status == 401
    assert server.predict(FINE, **with_it).status == 200
    document = server.ask("GET", "/openapi.json", **with_it).json
    assert document["paths"]["/predict"]["post"]["security"] == [{"token": []}]


def test_other_machines_need_a_token() -> None:
    """An address that can be reached from outside is refused without one, and a short one is no token."""
    with pytest.raises(PromptsciError, match="a token is needed"):
        Address("0.0.0.0")
    with pytest.raises(PromptsciError, match="at least 16"):
        Address("0.0.0.0", token="short")
    assert Address("0.0.0.0", token="x" * 16)
    assert Address("::1").url(1) == "http://[::1]:1"


def test_a_name_that_points_here_from_elsewhere_is_refused(learned: Any, start: Callable) -> None:
    """Without a token the Host must be this machine, so that no page of another site can ask through a browser."""
    server = start(learned)

    assert server.ask("GET", "/", Host="evil.example").status == 400
    assert server.ask("GET", "/", Host="localhost:1").status == 200
    assert server.ask("GET", "/", Host="[::1]:1").status == 200


def test_what_is_no_request_is_told_so(learned: Any, start: Callable) -> None:
    """Broken JSON, no rows, rows that are no objects, half a character in a key: 4xx with a reason, never 500."""
    server = start(learned)
    bodies = [b"{", b"[]", b'{"rows": []}', b'{"rows": [1]}', b'{"rows": 1}', b"", b'{"rows": [{"\\ud800": 1}]}',
              b'{"x\\ud800": 1}', b"\xff", b"[" * 100_000, b'{"rows": [{"text": ' + b"9" * 6_000 + b"}]}"]  # fmt: skip
    for body in bodies:
        reply = server.ask("POST", "/predict", body)
        if reply.status == 200:
            assert reply.json["answers"][0]["error"]
        else:
            assert reply.status in (400, 422), (body[:40], reply)
            assert reply.json["detail"]


def test_metrics_count_what_happened(learned: Any, start: Callable) -> None:
    """Answers by path and status, rows by outcome, batches; paths that nobody serves are one."""
    server = start(learned)
    server.predict(FINE, {"x": 1})
    server.ask("GET", "/none")
    server.ask("GET", "/nowhere")
    found = dict(
        line.rsplit(" ", 1) for line in server.ask("GET", "/metrics").body.decode().splitlines() if line[0] != "#"
    )

    assert found['promptsci_responses_total{path="/predict",status="200"}'] == "1.0"
    assert found['promptsci_responses_total{path="other",status="404"}'] == "2.0"
    assert found['promptsci_rows_total{outcome="answer",path="/predict"}'] == "1.0"
    assert found['promptsci_rows_total{outcome="error",path="/predict"}'] == "1.0"
    assert found["promptsci_batch_rows_count"] == "1.0"
    assert found["promptsci_waiting_rows"] == "0.0"


def test_the_page_needs_no_network(learned: Any, start: Callable) -> None:
    """The page names what answers, and loads nothing from elsewhere."""
    text = start(learned).ask("GET", "/docs").body.decode()

    assert "citation-intent" in text
    assert "POST /predict" in text
    assert "http://" not in text
    assert "https://" not in text


def test_told_to_stop_it_answers_what_was_asked(slow: Any, start: Callable) -> None:
    """Requests under way are answered before the door closes, explanations too; later ones find it closed."""
    server = start(slow, Limits(batch_rows=1))
    with ThreadPoolExecutor(4) as clients:
        kinds = [server.predict, server.predict, server.explain]
        asked = [clients.submit(ask, {"n": n}) for n, ask in enumerate(kinds)]
        while not slow.sizes:
            time.sleep(0.01)
        time.sleep(0.3)
        stopping = clients.submit(server.stop)
        time.sleep(0.3)
        slow.gate.set()
        replies = [each.result() for each in asked]
        stopping.result()

    assert [reply.status for reply in replies] == [200] * 3
    with pytest.raises(OSError, match="refused"):
        server.predict({"n": 9})


def test_a_failure_of_the_model_reaches_those_who_asked(slow: Any, start: Callable) -> None:
    """When the model cannot answer, the requests of that batch get 503 with the reason, and later ones are answered."""
    slow.gate.set()
    answer, errors = slow.answer, [PromptsciError("memory ran out")]

    def fail_once(rows: Any) -> Any:
        if errors:
            raise errors.pop()
        return answer(rows)

    slow.answer = fail_once
    server = start(slow)
    reply = server.predict({"n": 1})

    assert (reply.status, reply.json) == (503, {"detail": "memory ran out"})
    assert server.predict({"n": 1}).status == 200


def spawn(tiny_lm_folder: Path, folder: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A server as a person starts it, and what it said when it was ready."""
    command = [
        *(
            sys.executable,
            "-m",
            "promptsci",
            "serve",
            "task=citation-intent",
            f"model={tiny_lm_folder}",
            "--shots",
            "2",
        ),
        *("--dtype", "float32", "--format", "plain", "--verify-sharing", "0", "--port", "0", "--json"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
                               env=environment)  # fmt: skip
    lines = []
    while not lines or lines[-1] != "}\n":
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        lines.append(line)
    return process, json.loads("".join(lines))


@pytest.mark.slow
def test_a_real_process_starts_answers_and_stops_on_sigterm(tiny_lm_folder: Path, tmp_path: Path) -> None:
    """``promptsci serve`` says where it listens, answers, and ends with 0 on SIGTERM without a word on stderr."""
    import urllib.request

    process, said = spawn(tiny_lm_folder, tmp_path)
    body = json.dumps({"rows": [FINE]}).encode()
    request = urllib.request.Request(f"{said['url']}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        answers = json.load(reply)["answers"]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert answers[0]["answer"]["label"]
    assert (process.returncode, err) == (0, "")


@pytest.mark.slow
def test_schemathesis_finds_nothing(prompted: Any, start: Callable, tmp_path: Path) -> None:
    """Generated and broken requests to every documented path get documented answers of the documented form."""
    server = start(prompted(), Limits(body_bytes=65_536))
    url = f"http://127.0.0.1:{server.port}/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--max-examples", "60", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
