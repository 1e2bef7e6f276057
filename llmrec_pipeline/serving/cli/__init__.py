"""`llmrec`: parsing and printing. Each command imports what it needs when it runs, so that a
recommendation does not pay for Dagster.

Exit codes: 0 done; 1 a job failed or something is wrong; 2 the call or its input is wrong;
3 nothing is left to recommend; 4 no edition, or a damaged one; 5 a setting is wrong;
6 another process is in the way.
"""

from __future__ import annotations

import sys

OK, FAILED, USAGE, NOTHING_LEFT, NO_EDITION, BAD_SETTING, BUSY = range(7)


def main() -> None:
    """Run the command line; every mistake of a user ends in one line on stderr."""
    import typer

    from llmrec_pipeline.serving.cli.app import app
    from llmrec_pipeline.serving.cli.errors import exit_code_of

    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        code = _say(str(error), getattr(error, "exit_code", USAGE))
    except (typer.Abort, KeyboardInterrupt):
        code = _say("interrupted", 130)
    except BrokenPipeError:
        # The reader of a pipe has seen enough.
        sys.stderr.close()
        code = OK
    except Exception as error:
        known = exit_code_of(error)
        if known is None:
            raise
        code = _say(str(error), known)
    sys.exit(code or OK)


def _say(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"llmrec: {line}\n")
    return code
