"""The server as a process: a socket, the application over it, and a graceful end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from promptsci.errors import PromptsciError
from promptsci.serve.engine import Engine
from promptsci.serve.limits import Address, Limits

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI


def serve(engine: Engine, address: Address, limits: Limits, ready: Callable[[str], None]) -> None:
    """Nothing, when told to stop (SIGTERM or Ctrl-C) and everything that was asked before is answered.

    Args:
        engine: answers rows.
        address: where to listen; port 0 takes a free one.
        limits: of what is let in.
        ready: hears the server's address when it can be asked.

    Raises:
        PromptsciError: the port is taken, or the packages of the extra ``serve`` are not installed.
    """
    check_installed()
    import uvicorn

    from promptsci.serve.app import build_app

    listener = _listen(address)
    server = uvicorn.Server(config_of(build_app(engine, limits, address), limits))
    with listener, suppress(KeyboardInterrupt):  # raised again by uvicorn once it has stopped
        ready(address.url(listener.getsockname()[1]))
        server.run(sockets=[listener])


def config_of(app: FastAPI, limits: Limits) -> uvicorn.Config:
    """How the server runs: quietly, and with an end that waits for those who have asked."""
    import uvicorn

    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(limits.stop_s),
    )


def check_installed() -> None:
    """Nothing when the extra is installed.

    Raises:
        PromptsciError: it is not.
    """
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise PromptsciError(
            f"the server needs a package that is not installed: {error.name}",
            fix="Install it with: pip install 'promptsci[serve]'",
        ) from error


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise PromptsciError(
            f"cannot listen on {address.host}, port {address.port}: {error.strerror or error}",
            fix="Take another --port; 0 takes a free one.",
        ) from error
    return listener
