"""``promptsci serve`` under load: no lost answer, the decisions of offline scoring, throughput over it, flat memory.

    python scripts/bench/serve_load.py [--clients 32] [--minutes 10] [--rows 2000] [--model MODEL]

A tiny random model and rows of random words unless others are named. Offline is ``predict`` on the same rows with the
same method on the same machine, model loading and calibration left out; each client asks for the rows in an order of
its own, one row a request.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
from predict_kills import make_job

NEAR_TIE = 1e-3
"""Probabilities so near to another label's may turn with rounding; such rows are counted apart."""


def main() -> None:
    """Prints statuses, differing decisions, throughput on both roads, and memory by tenths of the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--model", help="instead of a tiny random one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, rows = make_job(folder, args.rows)
        words = [
            *("task=citation-intent", f"labelled={folder / 'labelled'}", f"model={args.model or model}", "--shots"),
            *(str(args.shots), "--dtype", args.dtype, "--format", "plain", "--runs", str(folder / "runs")),
        ]
        known, offline = predicted(words, rows, folder)
        print(f"offline: {len(known):,} rows, {offline:.1f} rows/s")
        load(words, known, offline, args)


def predicted(words: list[str], rows: Path, folder: Path) -> tuple[list[tuple[dict, dict]], float]:
    """Rows with what ``predict`` decided, and its rows a second."""
    out = folder / "labels.jsonl"
    command = [*promptsci("predict"), *words, f"data={rows}", f"--out={out}", "--prior", "validation", "--json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    asked = [json.loads(line) for line in rows.read_text().splitlines()]
    return list(zip(asked, found, strict=True)), len(found) / said["seconds"]["answer"]


def promptsci(verb: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "promptsci", verb]


def load(words: list[str], known: list[tuple[dict, dict]], offline: float, args: argparse.Namespace) -> None:
    """Asks a server until the time is over, stops it, and prints what came of it."""
    command = [*promptsci("serve"), *words, "--port", "0", "--json", "--max-waiting", str(4 * args.clients)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = [""]
    while lines[-1] != "}\n":
        lines.append(server.stdout.readline())
        if not lines[-1]:
            sys.exit("the server did not start")
    host = json.loads("".join(lines))["url"].removeprefix("http://")
    until = time.monotonic() + 60 * args.minutes
    counts, memory = Counter(), []
    clients = [threading.Thread(target=ask, args=(host, known, until, counts, n)) for n in range(args.clients)]
    start = time.monotonic()
    for client in clients:
        client.start()
    watched = psutil.Process(server.pid)
    while any(client.is_alive() for client in clients):
        memory.append(watched.memory_info().rss / 2**20)
        time.sleep(0.5)
    seconds = time.monotonic() - start
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    tenth = max(1, len(memory) // 10)
    rate = counts["answered"] / seconds
    print(f"{args.clients} clients, {seconds:.0f} s: {dict(counts)}; the server ended with {code}")
    print(f"served: {rate:.1f} rows/s, {rate / offline:.2f} of offline")
    print(f"memory by tenths, MiB: {[round(max(memory[at : at + tenth])) for at in range(0, len(memory), tenth)]}")
    sys.exit(bool(counts["other decision"] or counts["lost"] or counts["refused"] or code))


def ask(host: str, known: list[tuple[dict, dict]], until: float, counts: Counter, seed: int) -> None:
    """One client: row after row on one connection, each answer compared."""
    rng = random.Random(seed)
    connection = http.client.HTTPConnection(host, timeout=120)
    while time.monotonic() < until:
        row, decided = rng.choice(known)
        try:
            connection.request("POST", "/predict", json.dumps({"rows": [row]}), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            body = json.loads(reply.read())
        except (OSError, ValueError, http.client.HTTPException):
            counts["lost"] += 1
            connection.close()
            continue
        if reply.status != 200:
            counts["refused"] += 1
            continue
        counts["answered"] += 1
        answer = body["answers"][0]["answer"]
        if answer["label"] != decided["label"]:
            near = abs(answer["probability"] - decided["probability"]) < NEAR_TIE
            counts["near tie" if near else "other decision"] += 1


if __name__ == "__main__":
    main()
