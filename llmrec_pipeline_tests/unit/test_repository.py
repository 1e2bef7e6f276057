"""What is tracked holds no secret and no trace of a machine, is pinned, and loads nothing unsafely."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.yaml_section import _Loader

# By what they are; split where the pattern would find itself.
UNWANTED = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE" r" KEY",
    "key of OpenAI or Anthropic": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "key of AWS": r"\bAKIA[0-9A-Z]{16}\b",
    "key of Google": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,})",
    "token of GitLab": r"\bglpat-[\w-]{20,}",
    "token of Hugging Face": r"\bhf_[A-Za-z0-9]{30,}\b",
    "token of Slack": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "webhook of Slack": r"hooks\.slack\.com/services/T[0-9A-Z]{6,}/B",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.",
    "password in an address": r"\b(?:postgres(?:ql)?|https?)(?:\+\w+)?://[^\s:/@'\"]+:[^@\s{}<>'\"*]{9,}@",
    "token in a header": r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{20,}",
    "secret in a setting": r"(?i)(?:api_?key|token|secret|access_key|password)\b['\"]?\s*[=:]\s*"
    r"['\"]?[A-Za-z0-9+/_-]{20,}",
    "password in a setting": r"(?i)(?:password|passwd)\b['\"]?\s*[=:]\s*(['\"])[^\s'\"{}<>]{8,}\1",
    "package registry": r"--(?:extra-)?index-url[ =]\s*https?:|\bindex-url\s*=\s*[\"']?https?:",
    "path of a machine": r"(?<![\w.])/(?:home|Users)/[a-z]\w+/|(?<![\w.])/root/\w|(?<![\w.])/work/\w",
}
# What tests write instead.
_INVENTED = ("correct-horse", "/home/somebody/")
_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp"}
_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that git knows; skipped where the tree is no repository."""
    git = shutil.which("git")
    if git is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("no git repository; what is tracked is not known")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    return [path for name in listed.stdout.split("\0") if (path := PROJECT_ROOT / name).is_file()]


def test_no_tracked_file_holds_a_secret_or_a_machine(tracked: list[Path]) -> None:
    assert len(tracked) > 100
    patterns = {what: re.compile(pattern) for what, pattern in UNWANTED.items()}
    found = [
        f"{path.relative_to(PROJECT_ROOT)}: {what}: {match[0][:12]}"
        for path in tracked
        for what, pattern in patterns.items()
        for match in pattern.finditer(path.read_bytes().decode("utf-8", "replace"))
        if not any(invented in match[0] for invented in _INVENTED)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("private key", "-----BEGIN EC PRIVATE" + " KEY-----"),
        ("key of OpenAI or Anthropic", "sk-ant-" + "a1" * 20),
        ("token of GitHub", "ghp_" + "a" * 36),
        ("token of GitLab", "glpat-" + "a1_-" * 5),
        ("token of Hugging Face", "hf_" + "aB3" * 11),
        ("password in an address", "postgresql://user:" + "correct-horse@host/name"),
        ("password in an address", "postgresql://llm-user:" + "correct-horse@host/name"),
        ("token in a header", "Authorization: Bearer " + "a1B-_c" * 7),
        ("secret in a setting", "AA_API_KEY=" + "0a" * 16),
        ("secret in a setting", "LLM_STATS_API_KEY: '" + "0aB1" * 10 + "'"),
        ("secret in a setting", "aws_secret_access_key = " + "a/B+" * 10),
        ("password in a setting", "password = '" + "not-0ne-0f-us!" + "'"),
        ("secret in a setting", '"token": "' + "0aB_-" * 5 + '"'),
        ("package registry", "--index-url" + " https://example.org/simple"),
        ("path of a machine", "/ho" + "me/somebody/file"),
    ],
)
def test_the_scan_finds_what_it_looks_for(what: str, text: str) -> None:
    assert re.search(UNWANTED[what], text)


def test_no_data_of_runs_is_tracked(tracked: list[Path]) -> None:
    data = [path for path in tracked if path.is_relative_to(PROJECT_ROOT / "data")]
    assert {path.parent.name for path in data} <= {"fixtures", "pictures"}
    kept = {".env", ".pem", ".key", ".p12", ".sqlite3", ".duckdb", ".db"}
    assert [path for path in tracked if path.suffix in kept or path.name == ".env"] == []


def test_every_pin_of_the_lock_has_hashes() -> None:
    lock = (PROJECT_ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    pins = [line for line in lock.splitlines() if line.strip() and not line.startswith("#")]
    assert len(pins) > 50
    assert [pin for pin in pins if not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:", pin)] == []


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((PROJECT_ROOT / "llmrec_pipeline").rglob("*.py")):
        yield path.relative_to(PROJECT_ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def test_nothing_is_loaded_or_run_unsafely() -> None:
    assert issubclass(_Loader, (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    found = []
    loads = []
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = {alias.name.split(".")[0] for alias in node.names}
                modules = named if isinstance(node, ast.Import) else {str(node.module)}
                found += [f"{name}:{node.lineno}: {module}" for module in modules & _MODULES]
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                is_shell = any(
                    word.arg == "shell" and ast.unparse(word.value) != "False"
                    for word in node.keywords
                )
                if called in _CALLS or is_shell or re.search(r"unsafe_load|full_load", called):
                    found.append(f"{name}:{node.lineno}: {called}")
                if called in {"yaml.load", "yaml.load_all"}:
                    loads.append((name, ast.unparse(node.args[1])))
    assert found == []
    assert loads == [("llmrec_pipeline/yaml_section.py", "_Loader")]
