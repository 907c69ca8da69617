"""What a server lets in, and from where."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from promptsci.errors import PromptsciError

LEAST_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """How much is let in.

    Attributes:
        body_bytes: the longest body of a request; beyond it the answer is 413.
        rows: in one request; beyond it the answer is 422, as the OpenAPI document says.
        explained_rows: the same where explanations are asked for, each of which costs as much as many rows.
        waiting_rows: of all requests that wait; beyond it the answer is 429.
        batch_rows: answered together.
        body_s: seconds for a body to arrive; beyond them the answer is 408.
        stop_s: seconds that requests under way have when the server is told to stop.
    """

    body_bytes: int = 1_048_576
    rows: int = 256
    explained_rows: int = 8
    waiting_rows: int = 1_024
    batch_rows: int = 64
    body_s: float = 30.0
    stop_s: float = 30.0

    @property
    def explained_weight(self) -> int:
        """As how many rows a row to be explained waits: as many as a request may have more of the others."""
        return max(1, self.rows // self.explained_rows)


@dataclass(frozen=True)
class Address:
    """Where a server listens, and the token that its clients need, if any.

    Raises:
        PromptsciError: others than this machine would reach it without a token, or the token is easy to guess.
    """

    host: str = "127.0.0.1"
    port: int = 8040
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is None and not self.is_loopback:
            raise PromptsciError(
                f"{self.host} can be reached from other machines, so that a token is needed",
                fix="Set PROMPTSCI_TOKEN to a long random word, or leave --host out.",
            )
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii()):
            raise PromptsciError(
                f"a token has at least {LEAST_TOKEN} ASCII characters", fix="Make one with: openssl rand -hex 32"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def url(self, port: int) -> str:
        """The address as a browser wants it."""
        return f"http://[{self.host}]:{port}" if ":" in self.host else f"http://{self.host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
