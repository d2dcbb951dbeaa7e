"""A vendor's interface on this machine: answers by a function of the test, and remembers what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request: where, with what (its query, or the form it posted), under which headers."""

    method: str
    path: str
    address: str  # path and query, as logs keep it
    what: dict[str, str]
    headers: dict[str, str]
    posted: str = ""  # its body, as it came


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` bytes are promised and not sent."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut: int = 0


@dataclass
class Vendor:
    """A running server."""

    url: str
    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list[Asked])

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def vendor(answer: Callable[[Asked], Answer], tls: ssl.SSLContext | None = None) -> Iterator[Vendor]:
    """Serve while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            posted = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            what = parts.query or posted
            asked = Asked(self.command, parts.path, self.path, dict(parse_qsl(what)), dict(self.headers), posted)
            said.asked.append(asked)
            given = said.answer(asked)
            body = given.content if isinstance(given.content, bytes) else json.dumps(given.content).encode()
            self.send_response_only(given.status)
            for name, value in ({"Date": self.date_time_string()} | given.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - given.cut])

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    said = Vendor(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()
