"""`llmrec` as a process of its own, with nothing in its environment but what a test puts there."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from llmrec_pipeline.domain.timestamps import iso, parse_iso
from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline.serving.cli import main
from llmrec_pipeline.serving.cli.app import app
from llmrec_pipeline.storage.editions import current_edition, file_entry, sealed

TIMEOUT_S = 120
COMMAND = (sys.executable, "-m", "llmrec_pipeline.serving.cli")


def base_environment(home: Path) -> dict[str, str]:
    """PATH and a home folder of its own; the package is found where the tests found it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(PROJECT_ROOT),
    }


def signals_as_in_a_terminal() -> None:
    """A test runner that was started in the background ignores what ends a command, and what it
    starts inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def signals_as_in_the_background() -> None:
    """As a shell without job control starts `command &`."""
    signals_as_in_a_terminal()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass
class Answer:
    """What a finished command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Llmrec:
    """The command on one data folder; `environment` comes on top of PATH and HOME."""

    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = COMMAND

    def __call__(self, *arguments: str, **more: str) -> Answer:
        """Run to the end and return what it said, whatever the exit code."""
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            self.kill(process)
            raise
        return Answer(process.returncode, out, err)

    def well(self, *arguments: str, **more: str) -> Any:
        """Run, demand exit code 0, and return the JSON."""
        answer = self(*arguments, **more)
        assert answer.code == 0, answer.err or answer.out
        return answer.json

    @property
    def here(self) -> LlmrecHere:
        """The command on the same data, in this process."""
        return LlmrecHere(self.data, self.environment)

    def start(
        self,
        *arguments: str,
        preexec_fn: Callable[[], None] = signals_as_in_a_terminal,
        **more: str,
    ) -> subprocess.Popen[str]:
        """A running command, leader of a process group of its own."""
        return subprocess.Popen(
            [*self.command, *arguments],
            env=self.variables(more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=preexec_fn,
        )

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of the command."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        return {
            **base_environment(self.data.parent),
            "LLMREC_DATA_DIR": str(self.data),
            **self.environment,
            **(more or {}),
        }

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> None:
        """Kill the command and what it started, without a chance to tidy up."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def editions(self) -> list[str]:
        """Names of the published editions, oldest first."""
        folder = self.data / "published"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if path.name[0].isdigit())

    def current(self) -> str | None:
        edition = current_edition(self.data / "published")
        return edition.name if edition else None

    def states(self) -> dict[str, dict[str, Any]]:
        """The sources' state files."""
        return {
            path.stem: json.loads(path.read_text("utf-8"))
            for path in (self.data / "state").glob("*.json")
        }

    def age(self, hours: float, *, wait_s: float | None = None) -> None:
        """Let time have passed since the sources were last seen, in their states and in the
        current edition; `wait_s` is what the edition tells of the configured wait."""
        for path in (self.data / "state").glob("*.json"):
            _rewrite(path, lambda state: _earlier(state, hours))
        folder = self.data / "published" / str(self.current())

        def age_ranking(ranking: dict[str, Any]) -> None:
            for origin in ranking["origins"].values():
                _earlier(origin, hours)
            if wait_s is not None:
                ranking["schedule"]["wait_s"] = wait_s

        def age_manifest(manifest: dict[str, Any]) -> None:
            for source in manifest["sources"].values():
                _earlier(source, hours)
            manifest["files"]["ranking.json"] = file_entry(folder / "ranking.json")
            manifest.update(sealed(manifest))

        _rewrite(folder / "ranking.json", age_ranking)
        _rewrite(folder / "edition.json", age_manifest)


class LlmrecHere(Llmrec):
    """The command in this process, for tests of what it says: a process of its own would spend most
    of its time on imports. It sees nothing of our environment either, and reads `stdin`."""

    stdin = ""

    def __call__(self, *arguments: str, **more: str) -> Answer:
        out, err = _stream(), _stream()
        with (
            patch.dict(os.environ, self.variables(more), clear=True),
            patch.object(sys, "argv", ["llmrec", *arguments]),
            patch.object(sys, "stdin", _stream(getattr(self, "stdin", ""))),
            redirect_stdout(out),
            redirect_stderr(err),
            # A call leaves only its own commands on the application.
            patch.object(app, "registered_commands", app.registered_commands),
            patch.object(app, "registered_groups", app.registered_groups),
        ):
            code = _code_of(main)
        return Answer(code, _said(out), _said(err))


def _stream(text: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", write_through=True)


def _said(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _code_of(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("the command did not tell an exit code")


def _earlier(entry: dict[str, Any], hours: float) -> None:
    for name in ("last_verified_at", "last_attempt_at", "verified_at"):
        if entry.get(name):
            entry[name] = iso(parse_iso(entry[name]) - timedelta(hours=hours))


def _rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def one_line(answer: Answer, code: int) -> str:
    """The single line on stderr of a command that ended with that exit code."""
    assert answer.code == code, (answer.code, answer.err, answer.out[:500])
    lines = answer.err.splitlines()
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("llmrec: ")
    assert "Traceback" not in answer.err
    return lines[0]


def all_live(origins: Mapping[str, Mapping[str, Any]], sources: Sequence[str]) -> bool:
    """Whether exactly these sources are live; nothing serves for one that is switched off."""
    return {
        name: entry["origin"] for name, entry in origins.items() if entry["origin"] != "none"
    } == dict.fromkeys(sources, "live")
