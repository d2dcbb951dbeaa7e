"""What one sender may take of the web server, and bodies read within that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sender may take: seconds for the next bytes and for a whole request, requests of a venue at once."""

    silence: float = 30
    request: float = 300
    venue: int = 4
    connections: int = 128


class Stopped(Exception):
    """A request that is not answered as asked: its status and, maybe, headers."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


async def body_of(request: Request, most: int, limits: Limits) -> AsyncIterator[bytes]:
    """Yield what comes, as it comes; no more than `most` bytes, and no slower than the limits allow."""
    chunks, end = aiter(request.stream()), time.monotonic() + limits.request
    while True:
        try:
            left = min(limits.silence, end - time.monotonic())
            chunk = await asyncio.wait_for(anext(chunks), max(0.0, left))
        except StopAsyncIteration:
            return
        most -= len(chunk)
        if most < 0:
            raise Stopped(413)
        yield chunk
