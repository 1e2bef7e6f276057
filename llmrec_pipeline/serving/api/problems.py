"""Every error as `application/problem+json` (RFC 9457), whoever raises it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from llmrec_pipeline.domain.task_profile import RequestError
from llmrec_pipeline.serving.sentence_embedding import EmbeddingError
from llmrec_pipeline.storage.editions import EditionError
from llmrec_pipeline.storage.evidence_store.answers import UnknownId
from llmrec_pipeline.storage.evidence_store.opening import EvidenceStoreError

MEDIA_TYPE = "application/problem+json"
_NOT_TEXT = "body: is not JSON: its bytes are not UTF-8"
_A_BODY = '{"text": "a model for SQL"}'


class Problem(BaseModel):
    """What went wrong. `detail` names field, value and remedy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "topk: Input should be greater than or equal to 1",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    return Response(problem_body(status, detail), status, headers, MEDIA_TYPE)


def problem_body(status: int, detail: str) -> bytes:
    """A problem as JSON."""
    title = HTTPStatus(status).phrase
    return json.dumps(
        Problem(title=title, status=status, detail=detail).model_dump(), ensure_ascii=False
    ).encode()


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: these statuses as problems, and those that any route has."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses, 400, 401, 405, 413, 422, 429, 503})
    }


def install(app: FastAPI) -> None:
    """Let every error of the app end as a problem."""

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        # The framework's own words for bytes that are no text.
        is_no_text = error.status_code == 400 and isinstance(error.__cause__, UnicodeDecodeError)
        detail = _NOT_TEXT if is_no_text else str(error.detail)
        return problem(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def of_validation(_: Request, error: RequestValidationError) -> Response:
        return problem(422, "; ".join(map(_in_words, error.errors())))

    @app.exception_handler(UnknownId)
    async def of_id(_: Request, error: UnknownId) -> Response:
        return problem(404, str(error))

    @app.exception_handler(RequestError)
    async def of_request(_: Request, error: RequestError) -> Response:
        return problem(422, str(error))

    @app.exception_handler(EmbeddingError)
    async def of_embedding(_: Request, error: EmbeddingError) -> Response:
        # The request asks for what this server has not; asked the other way it is answered.
        return problem(422, f"understanding: {error}")

    @app.exception_handler(EditionError)
    async def of_edition(_: Request, error: EditionError) -> Response:
        return problem(503, str(error), {"Retry-After": "60"})

    @app.exception_handler(EvidenceStoreError)
    async def of_store(_: Request, error: EvidenceStoreError) -> Response:
        return problem(503, str(error), {"Retry-After": "10"})

    @app.exception_handler(OSError)
    async def of_disk(_: Request, error: OSError) -> Response:
        return problem(
            503, f"the answer cannot be recorded: {error.strerror}", {"Retry-After": "10"}
        )


def _in_words(error: dict[str, Any]) -> str:
    """`field: what is expected`, without the value, which may be a text that is no business of a
    log."""
    if error["type"] == "json_invalid":
        at, why = error["loc"][-1], error["ctx"]["error"]
        return f"body: is not JSON: {why} at character {at}; send an object such as {_A_BODY}"
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    return f"{place or 'body'}: {error['msg'].removeprefix('Value error, ')}"
