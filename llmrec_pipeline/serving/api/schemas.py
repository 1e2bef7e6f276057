"""What the routes take and give. An answer of `recommend` is documented as far as SPEC fixes it;
further fields may come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from llmrec_pipeline.domain.categories_config import CATEGORIES
from llmrec_pipeline.domain.scorers import SCORERS
from llmrec_pipeline.domain.scoring.weighted import MISSING_NORMS
from llmrec_pipeline.domain.task_model import UNDERSTANDINGS
from llmrec_pipeline.domain.task_profile import PRIORITIES, QUALITY_BASES
from llmrec_pipeline.serving.answering import Question
from llmrec_pipeline.serving.api import examples

# No control characters: PostgreSQL stores no NUL, and a log or a terminal obeys some others.
_PLAIN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
UserId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", examples=["team-search"])
]
Text = Annotated[str, Field(max_length=20_000, pattern=_PLAIN)]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank; say it in words")
    return value


SaidText = Annotated[Text, AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_PLAIN)]
Category = Literal[CATEGORIES]  # type: ignore[valid-type]
Understanding = Literal[UNDERSTANDINGS]  # type: ignore[valid-type]
Names = Annotated[list[Name], Field(max_length=100)]


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Input should be a valid number")
    return value


_Price = Annotated[
    float, BeforeValidator(_no_truth_value), Field(ge=0, le=1_000_000, allow_inf_nan=False)
]
_Tokens = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Constraints(_In):
    """What is stated beside a text; what is left out, the text decides. Providers are creators, by id
    or name."""

    task_type: Name | None = None
    priority: Literal[PRIORITIES] | None = None  # type: ignore[valid-type]
    max_price_per_1m: _Price | None = Field(default=None, description="USD per 1M input tokens.")
    min_context: _Tokens | None = Field(default=None, description="Tokens.")
    provider_allowlist: Names | None = None
    provider_denylist: Names | None = None
    host: Name | None = None
    capabilities: Names | None = None
    missing_policy: Literal[tuple(MISSING_NORMS)] | None = None  # type: ignore[valid-type]
    scorer: Literal[tuple(SCORERS)] | None = None  # type: ignore[valid-type]
    quality_basis: Literal[QUALITY_BASES] | None = None  # type: ignore[valid-type]
    use_case: Name | None = Field(
        default=None, description="Whose outcomes count; else the task type."
    )

    def stated(self) -> dict[str, Any]:
        """What was stated, as JSON."""
        return self.model_dump(include=set(Constraints.model_fields), exclude_none=True)


class RecommendRequest(Constraints):
    """A job in words."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "I need a model for python debugging, prefer quality, budget $5/1M",
                    "topk": 3,
                }
            ]
        }
    )

    text: SaidText = Field(min_length=1, description="What the model is for.")
    topk: Annotated[int, Field(ge=1, le=100, strict=True)] = 5
    understanding: Understanding | None = Field(
        default=None,
        description="By what means the text is read; else as the server is configured. `full` adds"
        " a sentence embedding.",
    )
    user_id: UserId | None = Field(default=None, description="In whose history the answer is kept.")

    def question(self, understanding: str) -> Question:
        """The question that is asked, read by that means where it names none."""
        return Question.from_mapping(
            {
                "text": self.text,
                "topk": self.topk,
                "understanding": self.understanding or understanding,
                **self.stated(),
            }
        )


def _shown(example: Mapping[str, Any]) -> JsonDict:
    return {"examples": [dict(example)]}


class Recommendation(BaseModel):
    """One model at one offering; `provider` is its creator. `metrics` are its values (quality on the
    scale of the basis, prices in USD per 1M tokens, tokens/s, s, tokens), `normalized` the norms that
    the weights make into the score."""

    model_config = ConfigDict(extra="allow")

    model_name: str
    provider: str
    canonical_model_key: str
    offering_key: str | None
    score: float
    metrics: dict[str, Any]
    normalized: dict[str, float]
    justification: str


class RecommendAnswer(BaseModel):
    """The ranking and what it rests on."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_shown(examples.ANSWER))

    answer_id: str
    task_profile: dict[str, Any]
    edition: str
    snapshot_ts: str | None
    origins: dict[str, Any]
    scorer: str
    basis: dict[str, Any]
    recommendations: list[Recommendation]
    not_measured: list[dict[str, Any]]
    excluded: dict[str, int]
    attribution: dict[str, str]


class MatchedText(BaseModel):
    """Something like the profile: cosine similarity from -1 to 1."""

    id: str
    similarity: float


class PastRequest(MatchedText):
    """A past request like the profile, and how its models did."""

    text: str
    outcomes: list[dict[str, Any]]


class Matches(BaseModel):
    """What a profile is most like, and by which embedding."""

    embedding: str
    models: list[MatchedText]
    use_cases: list[MatchedText]
    past_requests: list[PastRequest]


class UserRecommendAnswer(RecommendAnswer):
    """An answer for a stored profile."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.USER_ANSWER))

    user_id: str
    matches: Matches


class UserIn(_In):
    """A user or team."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "profile_text": "We triage support tickets in German and write short replies.",
                    "constraints": {"max_price_per_1m": 2, "min_context": 64000},
                    "available_providers": ["openai", "mistral"],
                }
            ]
        }
    )

    profile_text: SaidText = Field(min_length=1, description="What the user works on.")
    constraints: Constraints = Field(default_factory=lambda: Constraints())
    available_providers: Names = Field(
        default_factory=list, description="Whom the user can call; none: anybody."
    )


class UserOut(BaseModel):
    """A stored user."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.USER))

    user_id: str
    profile_text: str
    constraints: dict[str, Any]
    available_providers: list[str]
    created_at: datetime
    updated_at: datetime


class FeedbackIn(_In):
    """One outcome of a model: exactly one of `rating`, `success` and `score`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "openai/gpt-5-4", "use_case": "coding", "rating": 4, "user_id": "team-a"}
            ]
        }
    )

    model: Name = Field(description="A canonical model key.")
    use_case: Name = Field(description="A use case of yours, or a task type.")
    rating: Annotated[int, Field(strict=True)] | None = Field(default=None, description="1 to 5.")
    success: Annotated[bool, Field(strict=True)] | None = None
    score: Annotated[float, BeforeValidator(_no_truth_value), Field(ge=0, le=1)] | None = None
    user_id: UserId | None = None
    answer_id: Name | None = Field(default=None, description="Which served answer it is about.")
    comment: Text | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> FeedbackIn:
        told = [name for name in ("rating", "success", "score") if getattr(self, name) is not None]
        if len(told) != 1:
            raise ValueError("exactly one of rating, success and score is needed")
        return self


class FeedbackOut(BaseModel):
    """A stored outcome."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.FEEDBACK))

    id: int
    given_at: datetime
    use_case: str
    model: str
    source: str
    score: float


class HistoryItem(BaseModel):
    """An answer as it was served."""

    answer_id: str
    served_at: datetime
    channel: str
    user_id: str | None
    question: dict[str, Any]
    way: dict[str, Any]
    edition: str
    scorer: str
    config_hash: str
    answer: dict[str, Any]


class Replay(BaseModel):
    """An answer made anew from its edition, its profile and what had been learned by then."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.REPLAY))

    answer_id: str
    edition: str
    same: bool
    answer: dict[str, Any]
    replayed: dict[str, Any]


class Page(BaseModel):
    """A part of a list; `next_offset` is null at its end."""

    total: int
    limit: int
    offset: int
    next_offset: int | None
    edition: str | None


class HistoryPage(Page):
    """A user's answers, newest first."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.HISTORY))

    items: list[HistoryItem]


class ModelsPage(Page):
    """Models of the edition, with the attribution of their sources. Prices are USD per 1M tokens,
    speeds tokens/s, times s, contexts tokens."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.MODELS))

    items: list[dict[str, Any]]
    attribution: dict[str, str]


class RankingsPage(Page):
    """Rows of `category_rankings`, by category and rank, with the attribution of their sources. A score
    is from 0 to 100; of its metadata `speed` is tokens/s, `cost_per_token` USD per input token."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.RANKINGS))

    items: list[dict[str, Any]]
    attribution: dict[str, str]


class CategoryTop(BaseModel):
    """The best models of a category, as in `RankingsPage`."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.CATEGORY_TOP))

    category: str
    edition: str
    rankings: list[dict[str, Any]]
    attribution: dict[str, str]


class Welcome(BaseModel):
    """Where to go from here."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.WELCOME))

    name: str
    edition: str | None
    routes: list[str]
    documentation: str


class Health(BaseModel):
    """Whether the server can answer."""

    model_config = ConfigDict(json_schema_extra=_shown(examples.HEALTH))

    status: Literal["ok"]
    edition: str


class SourceState(BaseModel):
    """A source: what it serves, how old that is, and what is used of its quota."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_shown(examples.SOURCE))

    source: str
    enabled: bool
    origin: str
    quota: str | None
    last_error: str | None
    licence: str
    attribution: str
