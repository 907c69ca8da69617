"""A file at a URL, fetched once into the user's cache and checked on every use."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from promptsci.data.cache import cache_home, held
from promptsci.data.formats import file_sha256
from promptsci.errors import DataError
from promptsci.spec.task import RemoteFile

TRIES = 3
PAUSE_S = 1.0
TIMEOUT_S = 30.0
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class _CutError(Exception):
    """The body ended early or the server was busy; another try may help."""


def fetch(remote: RemoteFile) -> Path:
    """The local file with the bytes of a URL. A file in the cache that was cut or changed is fetched again.

    Raises:
        DataError: the server cannot be reached or has no such file, or sends other bytes than those pinned.
    """
    path = _place(remote)
    with held(path.parent, remote.url):
        if not path.is_file() or _difference(path, remote):
            _download(remote, path)
    return path


def _place(remote: RemoteFile) -> Path:
    """Where the file stands in the cache: named by its pinned hash, or by its URL, and ending as the URL does."""
    key = remote.sha256 or hashlib.sha256(remote.url.encode()).hexdigest()
    name = urllib.parse.unquote(urllib.parse.urlsplit(remote.url).path).rpartition("/")[2]
    return cache_home() / "data" / key / (re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-100:] or "data")


def _difference(path: Path, remote: RemoteFile) -> str | None:
    """How the file differs from what was pinned; None when it does not."""
    size = path.stat().st_size
    if remote.bytes is not None and size != remote.bytes:
        return f"{size} bytes came, {remote.bytes} were expected"
    if remote.sha256 is not None:
        found = file_sha256(path)
        if found != remote.sha256:
            return f"its sha256 is {found[:12]}…, expected {remote.sha256[:12]}…"
    return None


def _download(remote: RemoteFile, path: Path) -> None:
    """Puts the file in place whole or not at all."""
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        for left in reversed(range(TRIES)):
            try:
                _receive(remote.url, part, path)
                break
            except _CutError as error:
                if not left:
                    raise DataError(f"{error} ({TRIES} tries)", where=remote.url, fix="Try again later.") from error
                time.sleep(PAUSE_S)
        difference = _difference(part, remote)
        if difference:
            fix = "The file at this address has changed since it was pinned: check it, then pin its new size and hash."
            raise DataError(f"the file is not the one expected: {difference}", where=remote.url, fix=fix)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _receive(url: str, part: Path, path: Path) -> None:
    """One try: the body of the answer, in the file ``part``; ``path`` is where it is looked for.

    Raises:
        DataError: trying again will not help.
        _CutError: it may.
    """
    # S310 warns of file:// and the like
    if not url.lower().startswith(("http://", "https://")):
        raise DataError("only http and https addresses can be read", where=url)
    request = urllib.request.Request(url, headers={"User-Agent": "promptsci", "Accept-Encoding": "identity"})  # noqa: S310
    offline = f"Check the network; or download the file elsewhere and put it at {path}; or give your own data=PATH."
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            if answer.headers.get_content_type() == "text/html":
                fix = "Give the address of the raw file."
                raise DataError("the address leads to a web page, not to a data file", where=url, fix=fix)
            expected = answer.length
            received = _copy(answer, part)
    except urllib.error.HTTPError as error:
        what = f"the server answers {error.code} {error.reason}"
        error.close()
        if error.code in TRY_AGAIN:
            raise _CutError(what) from error
        raise DataError(what, where=url, fix="Check the address.") from error
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise DataError(f"the server cannot be reached: {reason}", where=url, fix=offline) from error
    except http.client.InvalidURL as error:
        raise DataError(f"this is not an address: {error}", where=url) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _CutError(f"the connection broke: {error}") from error
    if expected is not None and received != expected:
        raise _CutError(f"the file was cut: {received} of {expected} bytes came")


def _copy(answer: http.client.HTTPResponse, part: Path) -> int:
    """The number of bytes copied from the answer to the file."""
    received = 0
    with part.open("wb") as file:
        while block := answer.read(1 << 16):
            received += file.write(block)
    return received
