"""`run_job`: the one door by which the command line runs jobs.

Imported lazily, since it brings Dagster. Runs go to the persistent instance, in-process, so they
show in the UI beside those of the schedule and the sensor.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmrec_pipeline.locations import SettingsError, read_locations
from llmrec_pipeline.orchestration.run_summary import RunSummary
from llmrec_pipeline.settings import Settings, load_settings
from llmrec_pipeline.storage.files import write_bytes

if TYPE_CHECKING:
    from dagster import DagsterInstance

# As config/dagster.postgres.yaml names it.
POSTGRES_VARIABLE = "DAGSTER_POSTGRES_URL"
_STDOUT, _STDERR = 1, 2


class DagsterStorageError(Exception):
    """Dagster cannot write down what a run does. One line."""


def prepare_home() -> Path:
    """DAGSTER_HOME, `data/dagster` by default, with an instance configuration in it.

    Our own folder follows config/dagster.yaml, or config/dagster.postgres.yaml where
    DAGSTER_POSTGRES_URL is set; a folder that somebody else chose keeps the dagster.yaml that it
    has."""
    locations = read_locations()
    own = locations.data / "dagster"
    home = Path(os.environ.get("DAGSTER_HOME") or own).expanduser().absolute()
    home.mkdir(parents=True, exist_ok=True)
    name = "dagster.postgres.yaml" if _is_in_postgresql() else "dagster.yaml"
    source, target = locations.config / name, home / "dagster.yaml"
    if source.is_file() and (home == own or not target.exists()):
        wanted = source.read_bytes()
        if not target.is_file() or target.read_bytes() != wanted:
            write_bytes(target, wanted)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _is_in_postgresql() -> bool:
    return bool(os.environ.get(POSTGRES_VARIABLE, "").strip())


def run_job(
    name: str,
    settings: Settings,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> RunSummary:
    """Run one of the jobs to its end; `on_step` hears the name of each step as it is done. The caller
    holds the run lock. Raises SettingsError where Dagster's storage cannot be opened,
    DagsterStorageError where it fails on the way; a step that fails is told in the summary."""
    prepare_home()
    _end_when_asked()
    from llmrec_pipeline.orchestration.abandoned import command_tags, end_abandoned
    from llmrec_pipeline.orchestration.build import build_defs
    from llmrec_pipeline.orchestration.ending import asked_again
    from llmrec_pipeline.orchestration.running import execute, quiet_logging

    quiet_logging()
    with asked_again(), _streams_given_back(), _instance() as instance:
        end_abandoned(instance, settings.locations)
        job = build_defs(settings).resolve_job_def(name)
        return execute(job, instance, on_step=on_step, tags=command_tags(settings.locations))


def _end_when_asked() -> None:
    """A shell starts background commands with SIGINT ignored, and Dagster hands SIGTERM to whatever
    handles SIGINT: without this, neither would end such a run."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _streams_given_back() -> Iterator[None]:
    """Dagster turns the process's streams to a file while a step runs, and leaves them there where
    its storage fails meanwhile: nobody would hear why."""
    kept = {stream: os.dup(stream) for stream in (_STDOUT, _STDERR)}
    try:
        yield
    finally:
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)


@contextmanager
def _instance() -> Iterator[DagsterInstance]:
    """The persistent instance; raises SettingsError where the PostgreSQL that was named for it
    cannot be used, DagsterStorageError where its storage fails otherwise. No message of those that
    are passed on holds the address."""
    from dagster import DagsterInstance
    from sqlalchemy.exc import SQLAlchemyError

    with ExitStack() as stack:
        try:
            instance = stack.enter_context(DagsterInstance.get())
        except ImportError as error:
            raise SettingsError(
                f"{POSTGRES_VARIABLE}: {error.name} is not installed; "
                f"pip install 'llmrec-pipeline[postgres]'"
            ) from None
        except _storage_errors() as error:
            if not _is_in_postgresql():
                raise _storage_failed(error) from None
            raise SettingsError(
                f"{POSTGRES_VARIABLE}: Dagster's storage cannot be opened there: "
                f"{str(error).splitlines()[0]}; name one such as "
                f"postgresql+psycopg2://user@host/dagster, or unset it"
            ) from None
        try:
            yield instance
        except SQLAlchemyError as error:
            raise _storage_failed(error) from None


def _storage_failed(error: Exception) -> DagsterStorageError:
    place = POSTGRES_VARIABLE if _is_in_postgresql() else os.environ["DAGSTER_HOME"]
    return DagsterStorageError(
        f"{place}: Dagster's storage cannot be used: {str(error).splitlines()[0]}; "
        f"once it can be, run again"
    )


def _storage_errors() -> tuple[type[Exception], ...]:
    """What Dagster's storage in a PostgreSQL raises where it cannot be opened."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return (SQLAlchemyError,)
    return (SQLAlchemyError, DagsterPostgresException)


def _main(arguments: Sequence[str]) -> int:
    """`python -m llmrec_pipeline.orchestration.launch`: prepare DAGSTER_HOME and say where it is
    (`home`), or start the UI on it (`dev`)."""
    from llmrec_pipeline.orchestration.dev_server import PORT, DevServerError, serve

    parser = ArgumentParser(prog="python -m llmrec_pipeline.orchestration.launch")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("home", help="prepare DAGSTER_HOME, and print it")
    dev = verbs.add_parser("dev", help="the Dagster UI on this machine, until Ctrl+C")
    dev.add_argument("--port", type=int, default=PORT, help="default: %(default)s")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        load_settings()
        home = prepare_home()
        if asked.verb == "home":
            _say(str(home))
            return 0
        return serve(asked.port, os.environ, _say)
    except (SettingsError, DevServerError) as error:
        sys.stderr.write(f"{asked.verb}: {error}\n")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
