"""What a publisher, or who stands in its place, may send."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from llmrec_pipeline.settings import load_settings
from llmrec_pipeline.sources import publisher
from llmrec_pipeline.sources.http import PublisherClient
from llmrec_pipeline.sources.pull import InvalidStructure, PullFailed
from llmrec_pipeline_tests.faults.outcome import Outcome, Setting
from llmrec_pipeline_tests.publisher_facts import MODELS_DEV

_OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
_GB = 1_000_000_000
_BUDGET_S = 4
# What a pull may add to the memory of a process whose limit of a body is 64 MB.
_MEMORY_MB = 250

Send = Callable[[socket.socket], None]


@contextmanager
def served(send: Send, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of a server on loopback that sends this to each who asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, send, tls), daemon=True).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


def _serve(listener: socket.socket, send: Send, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
            with tls.wrap_socket(connection, server_side=True) if tls else connection as asked:
                asked.recv(65_536)
                send(asked)
        except OSError:
            # Closed, or a client that gave up.
            if listener.fileno() < 0:
                return


def pull(url: str) -> str:
    """Why a pull from there failed, or `landed`."""
    settings = load_settings(
        {
            f"LLMREC_SOURCES__{MODELS_DEV.upper()}__BASE_URL": url,
            "LLMREC_PIPELINE__HTTP__BUDGET_S": str(_BUDGET_S),
            "LLMREC_PIPELINE__HTTP__READ_S": "1",
            "LLMREC_PIPELINE__HTTP__ATTEMPTS": "2",
        }
    )
    source, module = settings.sources[MODELS_DEV], publisher(MODELS_DEV)
    with PublisherClient(MODELS_DEV, source, settings.pipeline.http) as client:
        try:
            module.parse([client.get("page")], source)
        except (PullFailed, InvalidStructure) as error:
            return str(error)
    return "landed"


def _pulled_aside(url: str) -> tuple[str, float, int]:
    """The same in a process of its own: why it failed, the seconds it took, the MiB it added."""
    said = subprocess.run(
        [sys.executable, "-m", __spec__.name, url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told, seconds, grown = json.loads(said.stdout)
    return told, seconds, grown


def lying_publishers(setting: Setting) -> Outcome:
    """Each is given up within the budget and a bound of memory, for a reason that is told."""
    outcome = Outcome()
    certificate = self_signed(setting.folder)
    cases: dict[str, tuple[Send, ssl.SSLContext | None, str]] = {
        "slow": (_slow, None, f"no whole answer within {_BUDGET_S} s"),
        "2 GB": (_huge, None, "the body exceeds 64 MB"),
        "nested": (_nested, None, "nested too deeply"),
        "gzip bomb": (_bomb, None, "the body exceeds 64 MB"),
        "redirect to another host": (_redirect("https://example.org/x"), None, "redirect_hosts"),
        "redirect to loopback": (_redirect("http://127.0.0.1:9/x"), None, "redirect_hosts"),
        "redirect to a link-local address": (
            _redirect("http://169.254.169.254/x"),
            None,
            "redirect_hosts",
        ),
        "bad certificate": (_redirect("/"), certificate, "CERTIFICATE_VERIFY_FAILED"),
    }
    names = list(cases)
    for name in names[4:] if setting.is_short else names:
        send, tls, needed = cases[name]
        with served(send, tls) as url:
            told, seconds, grown = _pulled_aside(url)
        outcome.refusal(told, needed)
        if told == "landed" or seconds > _BUDGET_S + 10 or grown > _MEMORY_MB:
            outcome.lost += 1
            outcome.tell(f"{name}: {told}, {seconds:.0f} s, {grown} MiB")
        outcome.tell(f"{name}: {grown} MiB") if grown > 20 else None
    return outcome


def _slow(connection: socket.socket) -> None:
    connection.sendall(f"{_OK}Content-Length: 1000000\r\n\r\n".encode())
    while True:
        connection.sendall(b"[")
        time.sleep(0.2)


def _huge(connection: socket.socket) -> None:
    connection.sendall(f"{_OK}Content-Length: {2 * _GB}\r\n\r\n".encode())
    part = b" " * 1_000_000
    for _ in range(2_000):
        connection.sendall(part)


def _nested(connection: socket.socket) -> None:
    body = b'{"a":' * 5_000_000
    connection.sendall(f"{_OK}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _bomb(connection: socket.socket) -> None:
    body = gzip.compress(bytes(100_000_000), 9) * 20
    head = f"{_OK}Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def _redirect(target: str) -> Send:
    def send(connection: socket.socket) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())

    return send


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate of this address that nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "publisher.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    before, started = _peak_mb(), time.monotonic()
    reason = pull(sys.argv[1])
    figures = (reason, time.monotonic() - started, _peak_mb() - before)
    sys.stdout.write(json.dumps(figures))
