"""`python -m llmrec_pipeline_tests.benchmarks.audit_speed`: how long an audit of a large tree takes.

The tree is this package's own code, copied under other names until it has the lines, once with a
model string at the end of every twentieth file, and once of every file. Prints the seconds of the
whole command.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from llmrec_pipeline.locations import PROJECT_ROOT
from llmrec_pipeline_tests.benchmarks.figure import Figure

_PER_FOLDER = 50
_EVERY = (20, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the tree in a temporary folder, audit it twice, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the tree")
    chosen = parser.parse_args(arguments)
    for every in _EVERY:
        files, lines, seconds = _measured(chosen.lines, every)
        sys.stdout.write(
            f"{files} files, {lines} lines, a model in 1 of {every} files: {seconds:.1f} s\n"
        )
    sys.stdout.write(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}.\n"
    )


def figures(lines: int = 1_000_000) -> list[Figure]:
    """The whole command, by how many files hold a model."""
    found = []
    for every in _EVERY:
        _, _, seconds = _measured(lines, every)
        what = f"audit of {lines:,} lines, a model in 1 of {every} files"
        found.append(Figure(what, seconds, "s"))
    return found


def _measured(wanted: int, every: int) -> tuple[int, int, float]:
    """Files, lines, and seconds of the audit."""
    with tempfile.TemporaryDirectory(prefix="llmrec-bench-") as folder:
        files, lines = _build(Path(folder), wanted, every)
        return files, lines, _audit(Path(folder))


def _build(root: Path, wanted: int, every: int) -> tuple[int, int]:
    """Files and lines that were written."""
    package = PROJECT_ROOT / "llmrec_pipeline"
    sources = [path.read_text("utf-8") for path in sorted(package.rglob("*.py"))]
    lines = 0
    for number in count():
        if lines >= wanted:
            return number, lines
        text = sources[number % len(sources)]
        text += 'MODEL = "claude-opus-4-5"\n' if number % every == 0 else ""
        folder = root / f"part_{number // _PER_FOLDER}"
        folder.mkdir(exist_ok=True)
        (folder / f"module_{number}.py").write_text(text, "utf-8")
        lines += text.count("\n")
    raise AssertionError("count never ends")


def _audit(root: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "llmrec_pipeline.serving.cli", "audit", str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=PROJECT_ROOT,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
