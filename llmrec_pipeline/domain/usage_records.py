"""The schema of usage events: our own calls to models, one row a call.

Columns are named as OpenTelemetry's conventions for generative AI name them; tokens are counts,
times seconds, costs USD. A value outside its bounds has another unit, or is no figure.
"""

from __future__ import annotations

from llmrec_pipeline.domain.table_schema import Column, Kind, Table, real, text, timestamp


def _tokens(name: str, description: str) -> Column:
    return Column(name, Kind.INTEGER, description, "tokens", minimum=0, maximum=1_000_000_000_000)


CALL_STATUSES = ("ok", "error")
# No call lasts longer, costs more or stands for more: what says so has another unit, or is no figure.
# Within these bounds, sums over any number of events that fits on a disk stay within 64 bits.
_LONGEST_CALL_S = 7 * 24 * 3_600
_DEAREST_CALL_USD = 1_000_000
_MOST_CALLS = 1_000_000_000
_MOST_RETRIES = 1_000_000


def _call_time(name: str, description: str) -> Column:
    return real(name, description, "s", minimum=0, maximum=_LONGEST_CALL_S)


USAGE_EVENTS = Table(
    name="usage_events",
    description="Our own calls to models, one row a call, named as OpenTelemetry names them. "
    "What was asked and answered is never kept",
    columns=(
        text("source", "The kind of log that the event was imported from", required=True),
        text("event_id", "Id within that log; the same id again is the same event", required=True),
        timestamp("started_at", "When the call was made", required=True),
        text("operation_name", "gen_ai.operation.name, such as chat"),
        text("provider_name", "gen_ai.provider.name: who served the call"),
        text("request_model", "gen_ai.request.model: the name that was asked for"),
        text("response_model", "gen_ai.response.model: the name that answered"),
        _tokens("input_tokens", "Input, cached input included"),
        _tokens("output_tokens", "Output, reasoning included"),
        _tokens("cache_read_input_tokens", "Part of the input that was read from a cache"),
        _tokens("cache_creation_input_tokens", "Part of the input that was written to a cache"),
        _tokens("reasoning_output_tokens", "Part of the output that was reasoning"),
        _tokens("total_tokens", "Input and output; all that is known where a log has no more"),
        _call_time("time_to_first_chunk_s", "Until the first chunk came"),
        _call_time("duration_s", "Until the answer was whole"),
        text("finish_reasons", "gen_ai.response.finish_reasons, a JSON list"),
        text("conversation_id", "gen_ai.conversation.id"),
        text("agent_name", "gen_ai.agent.name"),
        text("role", "The use case or role that the call was made in"),
        text("task_type", "One of the task types of config/tasks.yaml"),
        text("status", "ok or error; unknown where the log does not say"),
        text("error_type", "What kind of error it was"),
        Column(
            "retries",
            Kind.INTEGER,
            "Tries before this one",
            "calls",
            minimum=0,
            maximum=_MOST_RETRIES,
        ),
        text("evaluation_name", "gen_ai.evaluation.name: what was judged"),
        real("evaluation_score", "gen_ai.evaluation.score.value", "the evaluation's own scale"),
        text("evaluation_label", "gen_ai.evaluation.score.label"),
        real("cost_usd", "What the log says it cost", "USD", minimum=0, maximum=_DEAREST_CALL_USD),
        text("user_hash", "Hash of the user's id, with a salt of this installation"),
        Column(
            "calls",
            Kind.INTEGER,
            "Calls that the row stands for: more than one where a log has totals only",
            "calls",
            required=True,
            minimum=1,
            maximum=_MOST_CALLS,
        ),
    ),
    key=("source", "event_id"),
)
