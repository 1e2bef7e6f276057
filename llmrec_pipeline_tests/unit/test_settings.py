"""Settings: what the files hold, what a variable changes, and one line for every mistake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from llmrec_pipeline.locations import PROJECT_ROOT, read_locations
from llmrec_pipeline.settings import Settings, SettingsError, load_settings

AA = "artificial_analysis"
Edit = tuple[str, str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the project's configuration that a test may spoil."""
    return Path(shutil.copytree(PROJECT_ROOT / "config", tmp_path / "config"))


@pytest.fixture
def edited(config: Path) -> Callable[[str, Edit], dict[str, str]]:
    """Replaces the first occurrence of a text in one file; gives the environment that reads it."""

    def edit(name: str, change: Edit) -> dict[str, str]:
        path = config / name
        old, new = change
        content = path.read_text("utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1), "utf-8")
        return {"LLMREC_CONFIG_DIR": str(config)}

    return edit


def _refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment)
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    assert refused.value.__cause__ is None
    return message


def test_the_projects_own_files_load() -> None:
    settings = load_settings({})
    assert list(settings.sources) == [
        AA,
        "llm_stats",
        "lmarena",
        "epoch",
        "models_dev",
        "openrouter",
        "litellm",
        "genai_prices",
    ]
    assert settings.enabled_sources == tuple(settings.sources)
    assert settings.publisher_order == (AA, "llm_stats", "lmarena", "epoch")
    assert not settings.sources[AA].fixture
    assert settings.pipeline.schedule.live_hours == 9
    assert settings.locations == read_locations({})
    assert settings.key_of(AA) is None


@pytest.mark.parametrize(
    ("variable", "value", "read", "expected"),
    [
        (
            "SOURCES__ARTIFICIAL_ANALYSIS__BASE_URL",
            "http://127.0.0.1:8123",
            lambda s: s.sources[AA].base_url,
            "http://127.0.0.1:8123",
        ),
        (
            "SOURCES__LMARENA__BASE_URL",
            "http://127.0.0.1:8123/mirror/",
            lambda s: s.sources["lmarena"].base_url,
            "http://127.0.0.1:8123/mirror",
        ),
        (
            "SOURCES__MODELS_DEV__ENABLED",
            "false",
            lambda s: s.enabled_sources[3:5],
            ("epoch", "openrouter"),
        ),
        ("SOURCES__LMARENA__ENABLED", "0", lambda s: s.sources["lmarena"].enabled, False),
        ("SOURCES__LMARENA__TITLE", "An arena: ours", lambda s: s.sources["lmarena"].title, None),
        (
            "SOURCES__LMARENA__REDIRECT_HOSTS",
            "[cdn.example.org]",
            lambda s: s.sources["lmarena"].redirect_hosts,
            ("cdn.example.org",),
        ),
        (
            "SOURCES__MODELS_DEV__FIELDS__RELEASE_DATE__PATH",
            "released",
            lambda s: s.sources["models_dev"].fields["release_date"].path,
            "released",
        ),
        (
            "SOURCES__LMARENA__QUOTA",
            "{requests: 7, window_hours: 1}",
            lambda s: s.sources["lmarena"].quota.requests,
            7,
        ),
        ("PIPELINE__HTTP__READ_S", "1.5", lambda s: s.pipeline.http.read_s, 1.5),
        ("PIPELINE__SCHEDULE__CRON", "*/5 * * * *", lambda s: s.pipeline.schedule.cron, None),
        (
            "TASKS__TASK_TYPES__MATH__COLUMNS",
            "[math_index]",
            lambda s: list(s.tasks["task_types"]["math"]["columns"]),
            ["math_index"],
        ),
        ("IDENTITY__REGIONS", "[us, eu]", lambda s: s.identity.regions, ("us", "eu")),
        ("DATA_DIR", "/somewhere/data", lambda s: s.locations.data, Path("/somewhere/data")),
        ("OFFLINE", "1", lambda s: s.locations.offline, True),
        ("OFFLINE", "no", lambda s: s.locations.offline, False),
    ],
)
def test_a_variable_overrides(
    variable: str, value: str, read: Callable[[Settings], object], expected: object
) -> None:
    assert read(load_settings({f"LLMREC_{variable}": value})) == (
        value if expected is None else expected
    )


def test_variables_fill_what_the_file_leaves_out() -> None:
    start = "LLMREC_SOURCES__LMARENA__QUOTA__"
    settings = load_settings({f"{start}REQUESTS": "5", f"{start}WINDOW_HOURS": "2"})
    quota = settings.sources["lmarena"].quota
    assert quota is not None
    assert (quota.requests, quota.window_hours) == (5, 2)


def test_folders_default_to_the_projects_and_are_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_locations({}).data == PROJECT_ROOT / "data"
    monkeypatch.setenv("HOME", "/home/somebody")
    locations = read_locations({"LLMREC_DATA_DIR": "~/d", "LLMREC_CONFIG_DIR": "c"})
    assert locations.data == Path("/home/somebody/d")
    assert locations.config == Path.cwd() / "c"
    assert locations.fixture.is_relative_to(PROJECT_ROOT)


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ({"AA_API_KEY": "first"}, "first"),
        ({"ARTIFICIAL_ANALYSIS_API_KEY": "second"}, "second"),
        ({"AA_API_KEY": "first", "ARTIFICIAL_ANALYSIS_API_KEY": "second"}, "first"),
        ({"AA_API_KEY": " \n", "ARTIFICIAL_ANALYSIS_API_KEY": " second\n"}, "second"),
    ],
)
def test_the_key_is_read_from_the_first_variable_set(environment: dict[str, str], key: str) -> None:
    secret = load_settings(environment).key_of(AA)
    assert secret is not None
    assert secret.get_secret_value() == key


def test_the_key_shows_nowhere() -> None:
    settings = load_settings({"AA_API_KEY": "s3cr3t-value"})
    printed = (
        repr(settings),
        str(settings),
        f"{settings.keys}",
        str(settings.model_dump()),
        settings.model_dump_json(),
        settings.content_hash,
    )
    assert not any("s3cr3t" in text for text in printed)


def test_the_key_is_in_no_refusal() -> None:
    message = _refusal({"AA_API_KEY": "s3cr3t-value", "LLMREC_SOURCES__LMARENA__MAX_PAGES": "0"})
    assert "s3cr3t" not in message


def test_content_hash_tells_content_from_circumstance() -> None:
    usual = load_settings({}).content_hash
    circumstance = {
        "LLMREC_SOURCES__LMARENA__BASE_URL": "http://127.0.0.1:1",
        "LLMREC_PIPELINE__HTTP__READ_S": "1",
        "LLMREC_DATA_DIR": "/elsewhere",
        "AA_API_KEY": "x",
    }
    assert load_settings(circumstance).content_hash == usual
    for variable, value in {
        "SOURCES__LMARENA__ENABLED": "false",
        "PIPELINE__MERGE__PRICE": "[artificial_analysis, models_dev]",
        "TASKS__MINIMUM_MEASURED": "5",
    }.items():
        assert load_settings({f"LLMREC_{variable}": value}).content_hash != usual


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SOURCES__LMARENA__ENABLED", "maybe", ['"maybe"', "true or false"]),
        ("SOURCES__LMARENA__BASE_URL", "ftp://x", ['"ftp://x"', "http:// or https://"]),
        ("SOURCES__LMARENA__BASE_URL", "http://", ['"http://"', "a host"]),
        ("SOURCES__LMARENA__ENABLD", "true", ["unknown key", "enabled"]),
        ("SOURCES__LMARNA__ENABLED", "true", ["LMARNA", "LMARENA", "MODELS_DEV"]),
        ("SOURCES__LMARENA__REDIRECT_HOSTS", "a.org", ['"a.org"', "a list"]),
        ("SOURCES__LMARENA__KEY_VARIABLES", "[X]", ["key_header"]),
        ("SOURCES__LMARENA", "5", ["5", "a mapping"]),
        ("SOURCES__", "5", ["a key is empty"]),
        ("SOURCES__LMARENA__", "5", ["a key is empty"]),
        ("SOURCES__MODELS_DEV__FIELDS__PRICE__PATH", "cost", ["'price'", "price_input_per_1m"]),
        ("SOURCES__LMARENA__CATEGORIES__OVERALL", "best", ["'best'", "quality_index"]),
        ("PIPELINE__HTTP__READ_S", "ten", ['"ten"', "a number"]),
        ("PIPELINE__HTTP__READ_S", "true", ["true", "a number"]),
        ("PIPELINE__HTTP__READ_S", "-1", ["-1", "greater than 0"]),
        ("PIPELINE__HTTP__READ_S", ".inf", ["Infinity", "finite"]),
        ("PIPELINE__HTTP__ATTEMPTS", "1.5", ["1.5", "a whole number"]),
        ("PIPELINE__HTTP__READ__S", "1", ["unknown key", "read_s"]),
        ("PIPELINE__HTTP__READ_S__X", "1", ["READ_S", "15"]),
        ("PIPELINE__SCHEDULE__CRON", "now", ['"now"', "five fields"]),
        ("PIPELINE__MERGE__PRICE", "[nobody]", ["'nobody'", "models_dev"]),
        ("PIPELINE__MERGE__PRICES", "[lmarena]", ["unknown key", "price"]),
        ("TASKS__TASK_TYPES__MATH__COLUMNS", "[maths]", ["maths", "math_index"]),
        ("TASKS__TASK_TYPES__MATH__COLUMN", "[math_index]", ["unknown key", "columns"]),
        ("TASKS__SCORER", "foo", ["'foo'", "single_measure_v1", "weighted_v1"]),
        ("TASKS__MISSING_POLICY", "nope", ["'nope'", "neutral", "penalize"]),
        ("IDENTITY__REGIONS", "[US]", ['"US"', "a-z"]),
        ("IDENTIY__REGIONS", "[us]", ["IDENTIY", "IDENTITY"]),
        ("OFFLINE", "perhaps", ["'perhaps'", "1 or 0"]),
        ("DATA_DIR", "~nobody-at-all/x", ["~nobody-at-all"]),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(
    variable: str, value: str, told: list[str]
) -> None:
    message = _refusal({f"LLMREC_{variable}": value})
    assert f"LLMREC_{variable}" in message
    for part in told:
        assert part in message


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("sources.yaml", ("title: LMArena", "titel: LMArena"), ["lmarena.titel", "title"]),
        ("sources.yaml", ("enabled: true", "enabled: perhaps"), ['"perhaps"', "true or false"]),
        ("sources.yaml", ("offers_at: creator", "offers_at: moon"), ['"moon"', "'creator'"]),
        ("sources.yaml", ("{path: release_date}", "{pth: release_date}"), ["pth", "path"]),
        ("sources.yaml", ("lmarena:", "LM-Arena:"), ["'LM-Arena'", "lower case"]),
        ("sources.yaml", ("lmarena:", "5:"), ["5", "a text as key"]),
        ("sources.yaml", ("title: LMArena", "title: 2024-13-45"), ["month must be in 1..12"]),
        ("pipeline.yaml", ("read_s: 15", "read_s: soon"), ["http.read_s", '"soon"', "a number"]),
        ("pipeline.yaml", ("read_s: 15", "rd_s: 15"), ["http.rd_s", "unknown key", "read_s"]),
        ("pipeline.yaml", ("  read_s: 15", ""), ["http.read_s", "missing"]),
        ("pipeline.yaml", ("max_lost_share: 0.20", "max_lost_share: 20"), ["20", "less than"]),
        ("pipeline.yaml", ("[openrouter, mod", "[nobody, mod"), ["merge.price", "'nobody'"]),
        ("tasks.yaml", ("budget_shift: 0.15", "budget_shift: 5"), ["budget_shift", "5", "0 to 1"]),
        ("anchors.yaml", ("  ttft_s:", "  ttfs:"), ["anchors.ttfs", "unknown key", "ttft_s"]),
        ("anchors.yaml", ("high: 40.0", "high: 0.1"), ["anchors.price_per_1m.high", "0.1"]),
        ("consensus.yaml", ("method: two_way_fit", "method: mean"), ["method", '"mean"']),
        ("consensus.yaml", ("{source: epoch,", "{source: epch,"), ["9.source", "'epch'", "epoch"]),
        ("consensus.yaml", ("[coding, agent]", "[cooking]"), ["task_types", "'cooking'", "coding"]),
        ("identity.yaml", ("names: [claude]", "nams: [claude]"), ["nams", "names"]),
        ("identity.yaml", ("{id: anthropic,", "{id: openai,"), ["'openai' stands twice"]),
    ],
)
def test_a_wrong_file_is_named_with_key_and_value(
    edited: Callable[[str, Edit], dict[str, str]], file: str, change: Edit, told: list[str]
) -> None:
    message = _refusal(edited(file, change))
    for part in (file, *told):
        assert part in message


@pytest.mark.parametrize(
    "file",
    [
        f"{name}.yaml"
        for name in ("anchors", "consensus", "identity", "pipeline", "sources", "tasks")
    ],
)
def test_what_is_no_mapping_in_yaml_is_told_with_its_line(config: Path, file: str) -> None:
    environment = {"LLMREC_CONFIG_DIR": str(config)}
    path = config / file
    good = path.read_text("utf-8")
    lines = len(good.splitlines())
    for content, told in {
        good + "\nbroken: [1, 2": "line ",
        good + "\ntwice: 1\ntwice: 2\n": f"line {lines + 3}, column 1: 'twice' stands twice",
        good + "\nnested: {a: 1, a: 2}\n": f"line {lines + 2}, column 16: 'a' stands twice",
        "- a list\n": "holds a list; a mapping is expected",
        "": "holds nothing; a mapping is expected",
        "\x00": "fix the YAML",
    }.items():
        path.write_text(content, "utf-8")
        message = _refusal(environment)
        assert str(path) in message
        assert told in message
    path.write_bytes(b"a: \xff")
    assert str(path) in _refusal(environment)
    path.unlink()
    assert "LLMREC_CONFIG_DIR" in _refusal(environment)
    path.mkdir()
    assert str(path) in _refusal(environment)


def test_a_variable_and_a_file_are_not_mixed_up(
    edited: Callable[[str, Edit], dict[str, str]],
) -> None:
    environment = edited("pipeline.yaml", ("read_s: 15", "read_s: -1"))
    message = _refusal({**environment, "LLMREC_PIPELINE__HTTP__ATTEMPTS": "2"})
    assert "pipeline.yaml: http.read_s" in message
    assert "LLMREC_" not in message
