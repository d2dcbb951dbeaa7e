"""The web server in a thread, beside the one that answers SQL."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from privacy.errors import Fault
from warehouse.dataspace.connector import Connector
from warehouse.governance import Hub
from warehouse.web.app import app
from warehouse.web.bodies import Limits


class Web:
    """Serves while its `with` block lasts; `host` other than localhost needs TLS before it."""

    def __init__(
        self, hub: Hub, host: str = "localhost", port: int = 9480, limits: Limits | None = None,
        connector: Connector | None = None,
    ) -> None:  # fmt: skip
        self.host, self.port, limits = host, port, limits or Limits()
        self._server = uvicorn.Server(
            uvicorn.Config(
                app(hub, limits, connector), http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, proxy_headers=False, limit_concurrency=limits.connections, timeout_keep_alive=15,
                timeout_graceful_shutdown=5, h11_max_incomplete_event_size=16_384,
            )
        )  # fmt: skip
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Open the port; a Fault if that cannot be done."""
        try:
            listening = socket.create_server((self.host, self.port))
        except OSError:
            raise Fault(
                f"{self.host}:{self.port} cannot be served: the port is taken, or the address is not this machine's.",
                f"{self.host}:{self.port} ne peut être servi : port pris, ou adresse d’une autre machine.",
            ) from None
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Let what is running end, five seconds at most, and close the port."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join(10)
