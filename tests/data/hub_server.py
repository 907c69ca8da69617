"""The side of a hub that ``datasets`` speaks to when it loads plain files, over HTTP on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


@contextmanager
def serving(sets: Mapping[str, Mapping[str, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub with these data sets (id -> path -> bytes), and the requests that it was sent."""
    asked: list[str] = []

    class Handler(_Handler):
        files = sets
        log = asked

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, Mapping[str, bytes]]
    log: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        name, rest = self._split()
        if name is None or not rest.startswith("paths-info/"):
            self._send(404, b"{}")
            return
        wanted = json.loads(body)["paths"] if body.startswith("{") else []
        found = [_entry(path, self.files[name][path]) for path in wanted if path in self.files[name]]
        self._send_json(found)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests read ``log``."""

    def _split(self) -> tuple[str | None, str]:
        """The data set that the address is about, and what follows its name."""
        path = unquote(urlsplit(self.path).path)
        self.log.append(f"{self.command} {path}")
        path = path.removeprefix("/api").removeprefix("/datasets/")
        name = next((name for name in self.files if path == name or path.startswith(f"{name}/")), None)
        return name, path[len(name or "") + 1 :]

    def _answer(self, *, with_body: bool) -> None:
        name, rest = self._split()
        if name is None:
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}, with_body=with_body)
            return
        verb, _, rest = rest.partition("/")
        revision, _, path = rest.partition("/")
        if verb and revision not in (COMMIT, "main"):
            self._send(404, b'{"error": "Invalid rev"}', {"X-Error-Code": "RevisionNotFound"}, with_body=with_body)
        elif verb in ("", "revision"):
            siblings = [{"rfilename": file} for file in self.files[name]]
            self._send_json({"id": name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})
        elif verb == "tree":
            self._send_json(list(_tree(self.files[name], f"{path}/" if path else "")))
        elif verb == "resolve" and path in self.files[name]:
            body = self.files[name][path]
            about = {"ETag": f'"{_oid(body)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            self._send(200, body, about, with_body=with_body)
        else:
            self._send(404, b'{"error": "Entry not found"}', {"X-Error-Code": "EntryNotFound"}, with_body=with_body)

    def _send_json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _tree(files: Mapping[str, bytes], under: str) -> Iterator[dict[str, Any]]:
    """Yields what lies directly in a folder: files, and folders by name."""
    inside = {path[len(under) :]: body for path, body in files.items() if path.startswith(under)}
    for folder in dict.fromkeys(path.partition("/")[0] for path in inside if "/" in path):
        yield {"type": "directory", "path": under + folder, "size": 0, "oid": _oid(folder.encode())}
    yield from (_entry(under + path, body) for path, body in inside.items() if "/" not in path)


def _entry(path: str, body: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(body), "oid": _oid(body)}


def _oid(body: bytes) -> str:
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()
