from __future__ import annotations

import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptsci.data import read_dataset, remote
from promptsci.data.cache import cache_home
from promptsci.data.remote import fetch
from promptsci.errors import DataError
from promptsci.spec import Task
from promptsci.spec.task import RemoteFile

BODY = b'{"text": "a", "label": "method"}\n{"text": "b", "label": "result"}\n'
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server:
    """A web server on this machine: what it answers can be changed, and it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = [200]
        self.cut = [False]
        self.kind = "text/plain"
        self.body = BODY
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                status, cut = (
                    answers.pop(0) if len(answers) > 1 else answers[0] for answers in (server.status, server.cut)
                )
                self.send_response(status)
                self.send_header("Content-Type", server.kind)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body[:20] if cut else server.body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running Server; tries follow each other at once."""
    monkeypatch.setattr(remote, "PAUSE_S", 0.0)
    running = Server()
    running.thread.start()
    yield running
    running.http.shutdown()
    running.http.server_close()
    running.thread.join()


def test_home_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PROMPTSCI_HOME is where fetched files go; without it the user cache."""
    assert cache_home() == Path(os.environ["PROMPTSCI_HOME"])
    monkeypatch.delenv("PROMPTSCI_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_home().name == "promptsci"


def test_a_file_is_fetched_once(server: Server) -> None:
    """The second call reads the cache; the file stands under its hash, with its own ending."""
    pinned = RemoteFile(url=f"{server.url}/data/dev.txt?x=1", sha256=SHA256, bytes=len(BODY))
    path = fetch(pinned)

    assert path == cache_home() / "data" / SHA256 / "dev.txt"
    assert path.read_bytes() == BODY
    assert fetch(pinned) == path
    assert server.asked == ["/data/dev.txt?x=1"]
    assert sorted(found.name for found in path.parent.iterdir() if found.name != ".lock") == ["dev.txt"]


def test_unpinned_files_are_kept_apart_by_address(server: Server) -> None:
    """Two addresses that end alike do not share a file."""
    one, two = (fetch(RemoteFile(url=f"{server.url}/{folder}/test.jsonl")) for folder in "ab")

    assert one != two
    assert one.name == two.name == "test.jsonl"


@pytest.mark.parametrize("damaged", [BODY[:-5], BODY.replace(b"a", b"z"), b""])
def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server, damaged: bytes) -> None:
    """A pinned file that was cut or changed in the cache is mended."""
    pinned = RemoteFile(url=f"{server.url}/a.jsonl", sha256=SHA256)
    fetch(pinned).write_bytes(damaged)

    assert fetch(pinned).read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_cut_body_is_fetched_again(server: Server) -> None:
    """One connection that breaks is not the end."""
    server.cut = [True, False]

    assert fetch(RemoteFile(url=f"{server.url}/a.jsonl")).read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_body_that_stays_cut_is_an_error(server: Server) -> None:
    """After three tries the error tells how much came, and nothing is left in the cache."""
    server.cut = [True]
    cut = r"the (file was cut: 20 of 66 bytes came|connection broke: .*) \(3 tries\)\n  Try again later\.$"

    with pytest.raises(DataError, match=rf"^{server.url}/a\.jsonl: {cut}"):
        fetch(RemoteFile(url=f"{server.url}/a.jsonl"))
    assert len(server.asked) == 3
    assert [path for path in (cache_home() / "data").rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_busy_server_is_asked_again(server: Server) -> None:
    """503 passes; 503 three times is an error."""
    server.status = [503, 200]
    assert fetch(RemoteFile(url=f"{server.url}/a.jsonl")).read_bytes() == BODY

    server.status = [503]
    with pytest.raises(
        DataError, match=r"/b\.jsonl: the server answers 503 Service Unavailable \(3 tries\)\n  Try again"
    ):
        fetch(RemoteFile(url=f"{server.url}/b.jsonl"))


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ({"sha256": "0" * 64}, f"its sha256 is {SHA256[:12]}…, expected 000000000000…"),
        ({"sha256": "0" * 64, "bytes": 66}, f"its sha256 is {SHA256[:12]}…, expected 000000000000…"),
        ({"bytes": 65}, "66 bytes came, 65 were expected"),
    ],
)
def test_other_bytes_than_pinned(server: Server, pin: dict, message: str) -> None:
    """A whole file that is not the pinned one is an error at once, and is not kept."""
    with pytest.raises(DataError, match=rf"/a\.jsonl: the file is not the one expected: {message}\n  The file at this"):
        fetch(RemoteFile(url=f"{server.url}/a.jsonl", **pin))
    assert len(server.asked) == 1
    assert list((cache_home() / "data").rglob("a.jsonl")) == []


def test_no_such_file(server: Server) -> None:
    """404 is told as it is, without another try."""
    server.status = [404]

    with pytest.raises(
        DataError, match=rf"^{server.url}/a\.jsonl: the server answers 404 Not Found\n  Check the address\.$"
    ):
        fetch(RemoteFile(url=f"{server.url}/a.jsonl"))
    assert len(server.asked) == 1


def test_a_web_page_is_no_data(server: Server) -> None:
    """The page that shows a file is not the file."""
    server.kind = "text/html; charset=utf-8"

    with pytest.raises(
        DataError, match=r"leads to a web page, not to a data file\n  Give the address of the raw file\.$"
    ):
        fetch(RemoteFile(url=f"{server.url}/a.jsonl"))


def test_no_server() -> None:
    """Nobody listening is told with what to do without a network."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a.jsonl"

        with pytest.raises(
            DataError, match=rf"^{url}: the server cannot be reached: Connection refused\n  Check the netw"
        ):
            fetch(RemoteFile(url=url))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/passwd", r"^file:///etc/passwd: only http and https addresses can be read$"),
        ("http://127.0.0.1:port/a", r"^http://127\.0\.0\.1:port/a: this is not an address: nonnumeric port: 'port'$"),
    ],
)
def test_what_is_no_address(url: str, message: str) -> None:
    """Only the web is read: no local file through a task's urls."""
    with pytest.raises(DataError, match=message):
        fetch(RemoteFile(url=url))


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home that is a file is told with how to move it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PROMPTSCI_HOME", str(tmp_path / "file"))

    with pytest.raises(
        DataError, match=r"cannot write to the cache: Not a directory\n  Set PROMPTSCI_HOME to a folder"
    ):
        fetch(RemoteFile(url="http://127.0.0.1/a.jsonl"))


def test_two_at_once_fetch_once(server: Server) -> None:
    """Two workers that start together share one download."""
    pinned = RemoteFile(url=f"{server.url}/a.jsonl", sha256=SHA256)
    workers = [threading.Thread(target=fetch, args=(pinned,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(server.asked) == 1


def test_a_task_with_urls(server: Server, make_task: Callable[..., Task]) -> None:
    """A source with urls is read like files; dev is validation, ids are made up, and only what is needed is fetched."""
    task = make_task(
        data={
            "web": {
                "urls": {"train": {"url": f"{server.url}/d/train.txt"}, "dev": {"url": f"{server.url}/d/dev.txt"}},
                "revision": "abc",
                "about": "From the web.",
            }
        }
    )
    dataset = read_dataset(task, needed=["validation"])

    assert (dataset.source, dataset.origin, dataset.revision) == ("web", f"{server.url}/d", "abc")
    assert dataset.about == "From the web."
    assert list(dataset.splits) == ["validation"]
    split = dataset.splits["validation"]
    assert [example.id for example in split.examples] == ["validation-0", "validation-1"]
    assert (split.sha256, split.origin) == (SHA256, f"{server.url}/d/dev.txt")
    assert server.asked == ["/d/dev.txt"]


def test_an_address_as_data(server: Server, task: Task) -> None:
    """A URL to a file is its split by name, or test; its rows' errors name the URL."""
    assert list(read_dataset(task, f"{server.url}/train.jsonl").splits) == ["train"]
    assert list(read_dataset(task, f"{server.url}/mine.jsonl").splits) == ["test"]

    server.body = b"{"
    with pytest.raises(DataError, match=rf"^{server.url}/bad\.jsonl:1: broken JSON: "):
        read_dataset(task, f"{server.url}/bad.jsonl")
