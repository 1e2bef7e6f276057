"""The routes. Each is a few lines over `Desk`; what blocks runs in a worker thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from llmrec_pipeline.domain.task_profile import RequestError, resolve_providers, unknown_name
from llmrec_pipeline.serving.answering import Prepared, Question, as_json
from llmrec_pipeline.serving.api import problems
from llmrec_pipeline.serving.api import schemas as s
from llmrec_pipeline.serving.api.desk import Desk, ServedEdition, with_id
from llmrec_pipeline.serving.api.gate import Gate, Metrics
from llmrec_pipeline.serving.api.personal import matches_of, question_of_user
from llmrec_pipeline.serving.feedback import feedback_record, score_of
from llmrec_pipeline.serving.history import replay_answer, served_answer
from llmrec_pipeline.serving.source_rows import source_rows
from llmrec_pipeline.storage.evidence_store.answers import (
    GivenFeedback,
    UserProfile,
    add_feedback,
    find_answer,
    find_user,
    history,
    put_user,
)
from llmrec_pipeline.storage.evidence_store.models import User

_API = "/api/v1"
_JSON = "application/json"
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}

Work = TypeVar("Work")
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
UserIdPath = Annotated[s.UserId, Path()]
NameQuery = Annotated[s.Name | None, Query()]


def create_app(
    desk: Desk,
    metrics: Metrics,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """The API over a desk."""
    app = FastAPI(
        title="llmrec",
        summary="Which LLM to use for a job, and the evidence.",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    _add_service_routes(app, desk, metrics)
    _add_answer_routes(app, desk)
    _add_edition_routes(app, desk)
    _add_user_routes(app, desk)
    _document_problems(app)
    app.add_middleware(Gate, config=desk.config, metrics=metrics)
    return app


def _document_problems(app: FastAPI) -> None:
    """The document names the problem's schema, which no route gives as its answer."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        content = plain()
        schemas = content.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = problems.Problem.model_json_schema()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return content

    app.openapi = document  # type: ignore[method-assign]


def _add_service_routes(app: FastAPI, desk: Desk, metrics: Metrics) -> None:
    @app.get("/", response_model=s.Welcome, responses=problems.responses())
    async def welcome() -> Any:
        """Say what this is, and where to go."""
        routes = [path for path in app.openapi()["paths"] if path != "/"]
        return {
            "name": "llmrec: which LLM to use for a job, and the evidence",
            "edition": desk.edition_name,
            "routes": routes,
            "documentation": "/docs",
        }

    @app.get("/healthz", response_model=s.Health, responses=problems.responses())
    async def healthz() -> Any:
        """200 where an edition is served, else 503."""
        return {"status": "ok", "edition": desk.served.edition.name}

    @app.get(
        "/metrics",
        response_class=Response,
        responses={**problems.responses(), 200: {"content": {"text/plain": {}}}},
    )
    async def prometheus() -> Response:
        """Metrics for Prometheus."""
        metrics.waiting.set(desk.spool.waiting_bytes)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The routes as a page that fetches nothing from elsewhere."""
        from llmrec_pipeline.serving.api.docs import docs_page

        return HTMLResponse(docs_page(app.openapi()))


def _add_answer_routes(app: FastAPI, desk: Desk) -> None:
    @app.post(
        f"{_API}/recommend",
        response_model=s.RecommendAnswer,
        responses=problems.responses(404),
    )
    async def recommend(asked: s.RecommendRequest) -> Response:
        """Rank models for a job described in words."""
        question, served = asked.question(desk.config.understanding), desk.served
        if not desk.knows_user(asked.user_id):
            await _aside(lambda: desk.require_user(asked.user_id))
        ready = await _prepared(served, question)
        answer_id = desk.record(served, ready, asked.user_id)
        return Response(with_id(answer_id, ready.text), media_type=_JSON)

    @app.get(
        f"{_API}/recommend/{{user_id}}",
        response_model=s.UserRecommendAnswer,
        responses=problems.responses(404),
    )
    async def recommend_to(
        user_id: UserIdPath,
        topk: Annotated[int, Query(ge=1, le=100)] = 5,
        understanding: Annotated[s.Understanding | None, Query()] = None,
    ) -> Response:
        """Rank models for a stored profile, with what it is most like."""
        means = understanding or desk.config.understanding
        return await _aside(lambda: _for_user(desk, user_id, topk, means))

    @app.get(f"{_API}/history", response_model=s.HistoryPage, responses=problems.responses(404))
    async def answers(
        user_id: Annotated[s.UserId, Query()], limit: Limit = 20, offset: Offset = 0
    ) -> Any:
        """The answers given to a user, newest first and whole."""
        return await _aside(lambda: _history(desk, user_id, limit, offset))

    @app.get(
        f"{_API}/history/{{answer_id}}/replay",
        response_model=s.Replay,
        responses=problems.responses(404),
    )
    async def replay(answer_id: Annotated[s.Name, Path()]) -> Any:
        """Make an answer anew from its edition, and say whether it is the same."""
        return await _aside(lambda: _replay(desk, answer_id))


async def _aside(work: Callable[[], Work]) -> Work:
    """Reading or working out, in a thread; one that takes too long is left to end by itself."""
    return await to_thread.run_sync(work, abandon_on_cancel=True)


async def _prepared(served: ServedEdition, question: Question) -> Prepared:
    known = served.known(question)
    if known is not None:
        return known
    return await _aside(lambda: served.prepare(question))


def _for_user(desk: Desk, user_id: str, topk: int, understanding: str) -> Response:
    served = desk.served
    with desk.store.reading() as session:
        user = UserProfile.of(find_user(session, user_id))
        matches = matches_of(desk, served, session, user)
    ready = served.answer(question_of_user(served, user_id, user, topk, understanding))
    answer_id = desk.record(served, ready, user_id)
    more = as_json({"user_id": user_id, "matches": matches})
    text = f"{ready.text[:-1]},{more[1:]}"
    return Response(with_id(answer_id, text), media_type=_JSON)


def _history(desk: Desk, user_id: str, limit: int, offset: int) -> dict[str, Any]:
    desk.drain()
    with desk.store.reading() as session:
        rows, total = history(session, user_id, limit, offset)
    if not total:
        desk.require_user(user_id)
    return {
        **_bounds(total, limit, offset, desk.edition_name),
        "items": [served_answer(row) for row in rows],
    }


def _replay(desk: Desk, answer_id: str) -> dict[str, Any]:
    desk.drain()
    with desk.store.reading() as session:
        row = find_answer(session, answer_id)
    return replay_answer(row, desk.settings.locations.published)


def _add_edition_routes(app: FastAPI, desk: Desk) -> None:
    @app.get(
        f"{_API}/categories/{{category}}/top",
        response_model=s.CategoryTop,
        responses={**problems.responses(), **_NOT_MODIFIED},
    )
    async def category_top(
        request: Request,
        category: s.Category,
        top_n: Annotated[int, Query(ge=1, le=100)] = 3,
        providers: Annotated[str | None, Query(max_length=2000, examples=["openai,google"])] = None,
    ) -> Response:
        """The best models of a category by blended scores."""
        names = None if providers is None else _listed(providers)
        if names == []:
            raise RequestError("providers: names nobody; leave it out for all providers")
        return _cached(desk, request, lambda served: served.top(category, names, top_n))

    @app.get(
        f"{_API}/rankings",
        response_model=s.RankingsPage,
        responses={**problems.responses(), **_NOT_MODIFIED},
    )
    async def rankings(
        request: Request,
        category: s.Category | None = None,
        provider: NameQuery = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Category rankings, by category and rank."""

        def page(served: ServedEdition) -> dict[str, Any]:
            rows = served.rankings(category, provider)
            shown = rows[offset : offset + limit]
            return {
                **_bounds(len(rows), limit, offset, served.edition.name),
                "items": shown,
                "attribution": served.categories.attribution(shown),
            }

        return _cached(desk, request, page)

    @app.get(
        f"{_API}/models",
        response_model=s.ModelsPage,
        responses={**problems.responses(), **_NOT_MODIFIED},
    )
    async def models(
        request: Request,
        search: Annotated[str | None, Query(max_length=200)] = None,
        listed_only: bool = True,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Models with price, context, speed and measures."""

        def page(served: ServedEdition) -> dict[str, Any]:
            rows = served.models(search, listed_only=listed_only)
            shown = rows[offset : offset + limit]
            return {
                **_bounds(len(rows), limit, offset, served.edition.name),
                "items": shown,
                "attribution": served.attribution(shown),
            }

        return _cached(desk, request, page)

    @app.get(f"{_API}/sources", response_model=list[s.SourceState], responses=problems.responses())
    async def sources() -> Any:
        """State, age and quota use of every source. It changes between editions, as time passes and
        pulls are tried, and so has no ETag: ask again."""
        return await _aside(lambda: source_rows(desk.settings))


def _cached(
    desk: Desk, request: Request, content: Callable[[ServedEdition], dict[str, Any]]
) -> Response:
    """An answer that is the same as long as the edition is."""
    served = desk.served
    headers = {"ETag": served.etag, "Cache-Control": "no-cache"}
    told = _listed(request.headers.get("if-none-match"))
    if served.etag in told or "*" in told:
        return Response(status_code=304, headers=headers)
    return Response(as_json(content(served)), headers=headers, media_type=_JSON)


def _listed(text: str | None) -> Sequence[str]:
    return [part.strip().removeprefix("W/") for part in (text or "").split(",") if part.strip()]


def _bounds(total: int, limit: int, offset: int, edition: str | None) -> dict[str, Any]:
    end = offset + limit
    return {
        "total": total,
        "limit": limit,
        "offset": offset,
        "next_offset": end if end < total else None,
        "edition": edition,
    }


def _add_user_routes(app: FastAPI, desk: Desk) -> None:
    @app.put(
        f"{_API}/users/{{user_id}}",
        response_model=s.UserOut,
        responses={**problems.responses(), 201: {"model": s.UserOut, "description": "Created"}},
    )
    async def put(user_id: UserIdPath, told: s.UserIn) -> Response:
        """Store a user or team: 201 where it is new, else 200."""
        return await to_thread.run_sync(lambda: _put_user(desk, user_id, told))

    @app.post(
        f"{_API}/feedback",
        response_model=s.FeedbackOut,
        status_code=201,
        responses=problems.responses(404),
    )
    async def feedback(told: s.FeedbackIn) -> Any:
        """Report one outcome of a model. It re-ranks later answers; it switches nothing."""
        return await to_thread.run_sync(lambda: _add_feedback(desk, told))


def _put_user(desk: Desk, user_id: str, told: s.UserIn) -> Response:
    served = desk.served
    aliases = served.payload["provider_aliases"]
    profile = UserProfile(
        told.profile_text,
        told.constraints.stated(),
        resolve_providers(told.available_providers, aliases),
    )
    # What could not be answered is not stored.
    served.answer(question_of_user(served, user_id, profile, 1, desk.config.understanding))
    with desk.store.writing() as session:
        is_new = put_user(session, user_id, profile, desk.clock())
        user = user_out(find_user(session, user_id))
    return JSONResponse(user.model_dump(mode="json"), 201 if is_new else 200)


def user_out(row: User) -> s.UserOut:
    """A stored user."""
    return s.UserOut(**{name: getattr(row, name) for name in s.UserOut.model_fields})


def _add_feedback(desk: Desk, told: s.FeedbackIn) -> dict[str, Any]:
    model = desk.served.model_id(told.model)
    if model is None:
        raise unknown_name("model", told.model, desk.served.keys)
    desk.require_user(told.user_id)
    source, score = _score(told, desk)
    given = GivenFeedback(
        told.use_case, model, source, score, told.user_id, told.answer_id, told.comment
    )
    if told.answer_id is not None:
        desk.drain()
    with desk.store.writing() as session:
        row = add_feedback(session, given, desk.clock())
        return {**feedback_record(row), "given_at": row.given_at}


def _score(told: s.FeedbackIn, desk: Desk) -> tuple[str, Decimal]:
    try:
        return score_of(told.rating, told.success, told.score, desk.learning.rating)
    except ValueError as error:
        raise RequestError(str(error)) from None
