"""The HTTP face: ``/predict``, ``/explain``, ``/health``, ``/metrics``, what answers (``/``), a page (``/docs``)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field, JsonValue

import promptsci
from promptsci.errors import PromptsciError
from promptsci.serve.batches import Batches, FullError, StoppingError, Work
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


class RowsToExplain(Rows):
    """Rows whose decisions are to be explained."""

    label: str | None = Field(None, description="Explain this label instead of the decided one.")


class Explained(BaseModel):
    """Why one row was decided so, or why that is not known."""

    explanation: dict[str, Any] | None = Field(description="What promptsci explain --json says of a row.")
    error: str | None = Field(description="Why the row has no explanation.")


class Explanations(BaseModel):
    """The explanations of all rows, in their order."""

    explanations: list[Explained]


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
    422: {"model": Refusal, "description": "The body is not what is asked for."},
    429: {"model": Refusal, "description": "Too many rows wait; ask again later."},
    503: {"model": Refusal, "description": "The server is stopping, or the model cannot answer."},
}


def build_app(engine: Engine, limits: Limits, address: Address) -> FastAPI:
    """The application over a loaded method.

    Args:
        engine: answers rows.
        limits: of what is let in.
        address: with the token that clients need, if any.
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
    batches = Batches(limits.waiting_rows)
    desk = Desk(batches, metrics)
    for router in (
        predict_routes(engine, limits, desk),
        explain_routes(engine, limits, desk),
        state_routes(app, engine, metrics),
    ):
        app.include_router(router)
    _handle_errors(app)
    app.add_middleware(Guard, address=address, limits=limits, heard=metrics.answered)
    _complete_document(app, limits, token=address.token is not None)
    return app


@dataclass(frozen=True)
class Desk:
    """Where rows are handed in, and counted when they are answered."""

    batches: Batches
    metrics: Metrics

    async def answers(self, path: str, work: Work, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """The answers to the rows of one request."""
        start = time.perf_counter()
        found = await self.batches.ask(work, rows)
        self.metrics.rows(path, found, time.perf_counter() - start)
        return found


def predict_routes(engine: Engine, limits: Limits, desk: Desk) -> APIRouter:
    """``POST /predict``."""
    router = APIRouter()
    work = Work(engine.answer, limits.batch_rows, heard=desk.metrics.batch)

    @router.post("/predict", responses=ASKED, response_model=Answers, openapi_extra=_example(engine))
    async def predict(asked: Rows) -> Response:
        """The answers to rows: what ``promptsci predict --prior validation`` writes for them."""
        if len(asked.rows) > limits.rows:
            return refusal(422, f"{len(asked.rows)} rows in one request; {limits.rows} may be")
        answers = await desk.answers("/predict", work, asked.rows)
        return Response(json.dumps({"answers": answers}), media_type="application/json")

    return router


def explain_routes(engine: Engine, limits: Limits, desk: Desk) -> APIRouter:
    """``POST /explain``; where answers cannot be explained it is not among the documented paths, and says why."""
    router = APIRouter()
    if engine.explainer is None:

        @router.post("/explain", include_in_schema=False)
        async def unexplained() -> Response:
            return refusal(404, f"there are no explanations: {engine.unexplained}")

        return router
    work = Work(engine.explain, batch_rows=1, weight=limits.explained_weight)

    @router.post("/explain", responses=ASKED, response_model=Explanations, openapi_extra=_example(engine))
    async def explain(asked: RowsToExplain) -> Response:
        """Why rows are decided as they are: what ``promptsci explain --json`` says of each, shots and words."""
        if len(asked.rows) > limits.explained_rows:
            return refusal(422, f"{len(asked.rows)} rows to explain in one request; {limits.explained_rows} may be")
        found = await desk.answers("/explain", work, [(row, asked.label) for row in asked.rows])
        return Response(json.dumps({"explanations": found}), media_type="application/json")

    return router


def _example(engine: Engine) -> dict[str, Any]:
    """What OpenAPI shows as a body."""
    example = {"rows": [dict.fromkeys(engine.method.task.fields.values(), "...")]}
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


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


def _say_limits(document: dict[str, Any], limits: Limits) -> None:
    """Says in an OpenAPI document how many rows a request may have."""
    schemas = document["components"]["schemas"]
    for model, most in ((Rows, limits.rows), (RowsToExplain, limits.explained_rows)):
        if model.__name__ in schemas:
            schemas[model.__name__]["properties"]["rows"]["maxItems"] = most


def _say_token(document: dict[str, Any]) -> None:
    """Says in an OpenAPI document that a token is needed."""
    document.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for method in methods.values():
            method["security"] = [] if path == "/health" else [{"token": []}]


def _complete_document(app: FastAPI, limits: Limits, *, token: bool) -> None:
    """Adds to the OpenAPI document what the routes cannot say."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        found = plain()
        _say_limits(found, limits)
        if token:
            _say_token(found)
        return found

    app.openapi = complete  # type: ignore[method-assign]
