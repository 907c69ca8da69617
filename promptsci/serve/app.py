"""The HTTP face: ``/predict``, ``/health``, ``/metrics``, what answers (``/``), and a page about it (``/docs``)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field, JsonValue

import promptsci
from promptsci.errors import PromptsciError
from promptsci.serve.batches import Batches, FullError, StoppingError
from promptsci.serve.engine import Engine
from promptsci.serve.guard import Guard
from promptsci.serve.limits import Address, Limits
from promptsci.serve.metrics import Metrics
from promptsci.serve.page import page

RETRY_S = "1"


class Rows(BaseModel):
    """Rows to be answered, each with the columns of the task."""

    rows: Annotated[list[dict[str, JsonValue]], Field(min_length=1, description="One object a row, column to value.")]


class Answered(BaseModel):
    """One row's answer, or why there is none."""

    answer: dict[str, Any] | None = Field(description="What predict writes: label, probability and the like.")
    error: str | None = Field(description="Why the row has no answer.")


class Answers(BaseModel):
    """The answers to all rows, in their order."""

    answers: list[Answered]


class Refusal(BaseModel):
    """Why a request was not answered."""

    detail: str


class Health(BaseModel):
    """Whether the server answers."""

    status: str


DOORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "No request that can be read."},
    401: {"model": Refusal, "description": "A token is needed."},
    408: {"model": Refusal, "description": "The body did not arrive in time."},
    413: {"model": Refusal, "description": "The body is too long."},
}
ASKED: dict[int | str, dict[str, Any]] = {
    **DOORS,
    413: {"model": Refusal, "description": "The body is too long, or has too many rows."},
    422: {"model": Refusal, "description": "The body is not what is asked for."},
    429: {"model": Refusal, "description": "Too many rows wait; ask again later."},
    503: {"model": Refusal, "description": "The server is stopping, or the model cannot answer."},
}


def build_app(engine: Engine, limits: Limits, address: Address, more: Sequence[APIRouter] = ()) -> FastAPI:
    """The application over a loaded method.

    Args:
        engine: answers rows.
        limits: of what is let in.
        address: with the token that clients need, if any.
        more: routes that other ways of asking bring along.
    """
    batches: Batches

    @asynccontextmanager
    async def living(_app: FastAPI) -> AsyncIterator[None]:
        batches.start()
        yield
        await batches.stop()

    app = FastAPI(
        title=f"promptsci: {engine.method.task.name}",
        version=promptsci.__version__,
        description=engine.method.task.title,
        docs_url=None,
        redoc_url=None,
        lifespan=living,
    )
    metrics = Metrics(lambda: batches.waiting, lambda: engine.computed)
    batches = Batches(engine.answer, limits.batch_rows, limits.waiting_rows, metrics.batch)
    for router in (predict_routes(engine, batches, metrics, limits), state_routes(app, engine, metrics), *more):
        app.include_router(router)
    _handle_errors(app)
    app.add_middleware(Guard, address=address, limits=limits, heard=metrics.answered)
    if address.token is not None:
        _say_token(app)
    return app


def predict_routes(engine: Engine, batches: Batches, metrics: Metrics, limits: Limits) -> APIRouter:
    """``POST /predict``."""
    router = APIRouter()
    example = {"rows": [dict.fromkeys(engine.method.task.fields.values(), "...")]}

    @router.post("/predict", responses=ASKED, response_model=Answers, openapi_extra={
        "requestBody": {"content": {"application/json": {"example": example}}}
    })  # fmt: skip
    async def predict(asked: Rows) -> Response:
        """The answers to rows: what ``promptsci predict --prior validation`` writes for them."""
        if len(asked.rows) > limits.rows:
            return refusal(413, f"{len(asked.rows)} rows in one request; {limits.rows} may be")
        start = time.perf_counter()
        answers = await batches.ask(asked.rows)
        n_errors = sum(answer["error"] is not None for answer in answers)
        metrics.rows(len(answers), n_errors, time.perf_counter() - start)
        return Response(json.dumps({"answers": answers}), media_type="application/json")

    return router


def state_routes(app: FastAPI, engine: Engine, metrics: Metrics) -> APIRouter:
    """What answers, how it fares, and the page about it."""
    router = APIRouter()

    @router.get("/", responses=DOORS)
    async def about() -> dict[str, Any]:
        """What answers, and what it rests on."""
        return engine.about()

    @router.get("/health", responses={name: DOORS[name] for name in (400, 408, 413)})
    async def health() -> Health:
        """``ready``, as soon as there is an answer at all: the model is loaded before the door opens."""
        return Health(status="ready")

    @router.get("/metrics", response_class=PlainTextResponse, responses=DOORS)
    async def counts() -> Response:
        """All counts, as Prometheus reads them."""
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The page about all this."""
        return HTMLResponse(page(app.openapi(), engine.about()))

    return router


def refusal(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says why there is none."""
    return Response(json.dumps({"detail": why}), status, headers, media_type="application/json")


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def misfit(_request: Request, error: RequestValidationError) -> Response:
        places = ("{}: {}".format(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()[:5])
        return refusal(422, "; ".join(places))

    @app.exception_handler(PromptsciError)
    async def trouble(_request: Request, error: PromptsciError) -> Response:
        if isinstance(error, FullError):
            return refusal(429, error.what, {"Retry-After": RETRY_S})
        return refusal(503, error.what, {"Retry-After": RETRY_S} if isinstance(error, StoppingError) else None)


def _say_token(app: FastAPI) -> None:
    """Says in the OpenAPI document that a token is needed."""
    plain = app.openapi

    def with_token() -> dict[str, Any]:
        found = plain()
        found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in found["paths"].items():
            for method in methods.values():
                method["security"] = [] if path == "/health" else [{"token": []}]
        return found

    app.openapi = with_token  # type: ignore[method-assign]
