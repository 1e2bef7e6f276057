"""`llmrec`: parsing and printing. Each command imports what it needs when it runs, so that a
recommendation does not pay for Dagster.

Exit codes: 0 done; 1 a job failed or something is wrong; 2 the call or its input is wrong;
3 nothing is left to recommend; 4 no edition, or a damaged one; 5 a setting is wrong;
6 another process is in the way.

The function behind a command returns its exit code, or raises an error of the project, which
`errors` maps to one; `main` prints it as one line.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    import typer

OK, FAILED, USAGE, NOTHING_LEFT, NO_EDITION, BAD_SETTING, BUSY = range(7)


def main() -> None:
    """Run the command line; every mistake of a user ends in one line on stderr."""
    import click
    import typer

    from llmrec_pipeline.serving.cli.app import app
    from llmrec_pipeline.serving.cli.errors import exit_code_of
    from llmrec_pipeline.serving.cli.output import ReaderGoneError

    _keep_only_what_is_called(app, sys.argv[1:2])
    if sys.argv[1:2] == ["recommend"]:
        # It ends with its answer, before anything can be collected of what an edition holds.
        gc.disable()
    # The name of a file need not be text; JSON tells it by escapes.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _require_text(sys.argv[1:])
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        code = _misused(error)
    except (typer.Abort, KeyboardInterrupt):
        code = _say("interrupted", 130)
    except (BrokenPipeError, ReaderGoneError):
        # The reader of a pipe has seen enough. What is left in the buffer goes nowhere, or the
        # interpreter would complain of it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OK
    except Exception as error:
        known = exit_code_of(error)
        if known is None:
            raise
        code = _say(str(error), known)
    sys.exit(code or OK)


def _keep_only_what_is_called(app: typer.Typer, called: list[str]) -> None:
    """Reading the flags of all commands would take longer than an answer. A name that is no command
    leaves them all, for the message to choose from."""
    commands = [c for c in app.registered_commands if (c.name or _name(c.callback)) in called]
    groups = [group for group in app.registered_groups if group.name in called]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups


def _require_text(arguments: Sequence[str]) -> None:
    """Raises RequestError for an argument that is no text in UTF-8, naming the option."""
    from llmrec_pipeline.domain.outside_text import is_encodable
    from llmrec_pipeline.domain.task_profile import RequestError

    option = ""
    for place, argument in enumerate(arguments, 1):
        name, _, value = (
            argument.partition("=") if argument.startswith("--") else ("", "", argument)
        )
        if not is_encodable(argument):
            told = name or option or f"argument {place}"
            raise RequestError(f"{told}: {value!a} is no text in UTF-8")
        option = name


def _name(function: object) -> str:
    return str(getattr(function, "__name__", ""))


def _misused(error: click.ClickException) -> int:
    if len(sys.argv) == 1:
        # Nothing was asked: the message is the help.
        sys.stderr.write(f"{error.format_message()}\n")
        return USAGE
    return _say(error.format_message(), getattr(error, "exit_code", USAGE))


def _say(message: str, code: int) -> int:
    from llmrec_pipeline.domain.outside_text import harmless

    line = " ".join(harmless(message).split())
    sys.stderr.write(f"llmrec: {line}\n")
    return code
