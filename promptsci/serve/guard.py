"""The door: who may ask, how long a body may be and how long it may take, before anything else sees a request."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from promptsci.serve.limits import Address, Limits, is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN = ("/health",)
"""Paths that need no token."""


class Guard:
    """An ASGI application before another.

    Args:
        app: what answers those let in.
        address: with the token, if any.
        limits: of bodies.
        heard: hears path and status of each answer.
    """

    def __init__(self, app: ASGIApp, address: Address, limits: Limits, heard: Callable[[str, int], None]) -> None:
        self.app = app
        self.address = address
        self.limits = limits
        self.heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or answers why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.heard(scope["path"], message["status"])
            await send(message)

        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope["path"], headers)
        if refusal is None:
            body = await self._body(receive, headers)
            if isinstance(body, bytes):
                await self.app(scope, _replayed(body, receive), told)
                return
            refusal = body
        await _refuse(told, *refusal)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self.address.is_loopback and self.address.token is None and not is_loopback(name):
            # A page of another site may have had its name point here.
            return 400, "this server answers to the names of this machine only"
        token = self.address.token
        if token is not None and path not in OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                return 401, "a token is needed: Authorization: Bearer TOKEN"
        return None

    async def _body(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes | tuple[int, str]:
        most = self.limits.body_bytes
        too_long = 413, f"a body of more than {most:,} bytes is not read"
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > most:
            return too_long
        try:
            return await asyncio.wait_for(_read(receive, most), self.limits.body_s) or too_long
        except asyncio.TimeoutError:
            return 408, f"the body did not arrive in {self.limits.body_s:g} seconds"


class _Body(bytes):
    """A body that was read; an empty one is one too."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None where it is longer than may be."""
    parts: list[bytes] = []
    n = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _Body(b"".join(parts))
        parts.append(message.get("body", b""))
        n += len(parts[-1])
        if n > most:
            return None
        if not message.get("more_body", False):
            return _Body(b"".join(parts))


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body at once, then what the server says."""
    is_told = False

    async def again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"detail": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
