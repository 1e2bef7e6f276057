"""Spark Connect servers for tests: a light one in this process, and a standalone cluster."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

_PATIENCE_S = 120
_WORKERS = 2


@contextmanager
def light_server() -> Iterator[str]:
    """The address of a server that ends with the block."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start()
    host, port = server.listening_address
    yield f"sc://{host}:{port}"
    server.stop()


def java_is_there() -> bool:
    """Whether a standalone cluster can run here."""
    return shutil.which("java") is not None


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a Spark Connect server on a standalone cluster: a master and two workers, each a
    process of its own, with their logs in a folder."""
    import pyspark

    home = Path(pyspark.__file__).parent
    master, connect = _free_port(), _free_port()
    command = str(home / "bin" / "spark-class")
    with ExitStack() as stack:

        def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(_running(folder / name, home, arguments))

        deploy = "org.apache.spark.deploy"
        first = start(
            "master",
            *(command, f"{deploy}.master.Master", "--host", "127.0.0.1"),
            *("--port", str(master), "--webui-port", "0"),
        )
        _wait_for(master, first, folder / "master.log")
        for number in range(_WORKERS):
            start(
                f"worker-{number}",
                *(command, f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--cores", "1"),
                *("--memory", "1g", "--webui-port", "0", f"spark://127.0.0.1:{master}"),
            )
        server = start(
            "connect",
            *(str(home / "bin" / "spark-submit"), "--master", f"spark://127.0.0.1:{master}"),
            *("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false"),
            *("--conf", "spark.executor.memory=512m", "--conf", "spark.executor.cores=1"),
            *("--conf", f"spark.connect.grpc.binding.port={connect}"),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
            "spark-internal",
        )
        _wait_for(connect, server, folder / "connect.log")
        yield f"sc://127.0.0.1:{connect}"


@contextmanager
def _running(
    folder: Path, home: Path, arguments: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_WORKER_DIR": str(folder),
    }
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            arguments,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", errors="replace")[-2_000:])
