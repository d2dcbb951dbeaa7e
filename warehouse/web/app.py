"""The hub's web server: releases come in by HTTPS, answers are read, the catalogue is shown. TLS stands before it.

    PUT   /releases/<id>/<sha256>          the texts, as a JSON object of name → text: checked before anything else is taken
    PATCH /releases/<id>/<sha256>/<path>   bytes of a file the manifest names; `Upload-Offset`, `Upload-Length` as in tus 1.0
    GET   /releases/<id>/<sha256>          what became of it: bytes that are there, or the decision and its reasons
    GET   /catalogue/…                     files of hub/catalogue/
    …     /dsp/2025-1/…                    the Dataspace Protocol, if the hub is a participant: `warehouse.dataspace.service`

`sha256` is the manifest's. There is no password: a release shows by its signature that a member sends it, and an answer is
found only by who knows the manifest. The last byte of the last file puts the whole into the inbox.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from privacy.delivery import ID, TEXT_LIMIT, Answer, Parcel, parcel, write_answer
from privacy.errors import Fault, VerificationRefusal, broken
from warehouse.arriving import TooMuch, answer, begin, begun, check, finish, has, part, settle
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.service import routes
from warehouse.folders import alone
from warehouse.governance import Hub
from warehouse.web.bodies import Limits, Stopped, body_of
from warehouse.web.headers import Strict

_SHA256 = re.compile(r"[0-9a-f]{64}")


def app(hub: Hub, limits: Limits | None = None, connector: Connector | None = None) -> Starlette:
    """Return the application; it may run in several processes and machines over the same folder."""
    limits = limits or Limits()
    uploads = _Uploads(hub, limits)
    one = "/releases/{name}/{digest}"
    catalogue = hub.folder / "catalogue"
    catalogue.mkdir(parents=True, exist_ok=True)
    return Starlette(
        routes=[
            Route(one, uploads.ask, methods=["GET"]),
            Route(one, uploads.begin, methods=["PUT"]),
            Route(one + "/{path:path}", uploads.append, methods=["PATCH"]),
            Mount("/catalogue", StaticFiles(directory=catalogue, html=True)),
            *(routes(connector, limits) if connector else ()),
        ],
        middleware=[Middleware(Strict)],
        exception_handlers={
            VerificationRefusal: _refused, Fault: _not_now, TooMuch: _full, TimeoutError: _slow, ClientDisconnect: _slow,
            Stopped: _stopped,
        },
    )  # fmt: skip


class _Uploads:
    def __init__(self, hub: Hub, limits: Limits) -> None:
        self._hub, self._limits, self._busy = hub, limits, Counter[str]()

    async def ask(self, request: Request) -> Response:
        name, digest = _named(request)
        told = await run_in_threadpool(answer, self._hub, name, digest)
        return _told(told, name, digest, 404 if told.state == "absent" else 200)

    async def begin(self, request: Request) -> Response:
        name, digest = _named(request)
        body = b"".join([chunk async for chunk in body_of(request, 3 * TEXT_LIMIT, self._limits)])
        told = await run_in_threadpool(self._begin, name, digest, body)
        return _told(told, name, digest, 201 if told.state == "arriving" else 200)

    def _begin(self, name: str, digest: str, body: bytes) -> Answer:
        try:
            texts: Any = json.loads(body)
            sent = parcel(name, {str(n): text.encode() for n, text in texts.items()})
        except (ValueError, AttributeError, RecursionError):
            raise broken("layout", "the texts cannot be read") from None
        if sent.digest != digest:
            raise broken("identity", "the digest is not the manifest's")
        check(self._hub, sent)
        if answer(self._hub, name, digest).state not in ("waiting", "accepted"):
            folder = begin(self._hub, sent)
            with alone(folder, wait=False) as ours:
                if ours:
                    finish(self._hub, sent, folder)  # of texts alone, or all there when a process was killed
        return answer(self._hub, name, digest)

    async def append(self, request: Request) -> Response:
        name, digest = _named(request)
        path, coming = str(request.path_params["path"]), await run_in_threadpool(begun, self._hub, name, digest)
        if coming is None or path not in coming[0].files:
            raise Stopped(404 if coming is None else 403)
        sent, folder = coming
        offset, length = (_number(request, header) for header in ("upload-offset", "upload-length"))
        if length > sent.files[path].limit:
            raise Stopped(413)
        if self._busy[sent.venue] >= self._limits.venue:
            raise Stopped(429, Retry_After="1")
        self._busy[sent.venue] += 1
        try:
            with alone(folder, wait=False) as ours:
                if not ours:
                    raise Stopped(423, Retry_After="1")
                await self._append(request, sent, folder, path, offset, length)
        finally:
            self._busy[sent.venue] -= 1
        return _told(await run_in_threadpool(answer, self._hub, name, digest), name, digest, 200)

    async def _append(self, request: Request, sent: Parcel, folder: Path, path: str, offset: int, length: int) -> None:
        there = has(folder, path)
        if offset != there or (folder / path).exists():
            raise Stopped(409, Upload_Offset=str(there))
        with part(folder, path).open("ab") as file:
            async for chunk in body_of(request, length - offset, self._limits):
                file.write(chunk)
        if has(folder, path) == length:
            await run_in_threadpool(settle, folder, path, sent)
            await run_in_threadpool(finish, self._hub, sent, folder)


def _named(request: Request) -> tuple[str, str]:
    name, digest = str(request.path_params["name"]), str(request.path_params["digest"])
    if not ID.fullmatch(name) or not _SHA256.fullmatch(digest):
        raise Stopped(404)
    return name, digest


def _number(request: Request, header: str) -> int:
    value = request.headers.get(header, "")
    if not re.fullmatch(r"\d{1,12}", value):
        raise Stopped(400)
    return int(value)


def _told(told: Answer, name: str, digest: str, status: int) -> Response:
    return Response(write_answer(told, name, digest), status, media_type="application/json")


def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, VerificationRefusal)
    told = {"state": "refused", "rule": refusal.rule, "en": refusal.en, "fr": refusal.fr}
    return Response(json.dumps(told, ensure_ascii=False), 422, media_type="application/json")


def _not_now(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Fault)
    told = json.dumps({"en": fault.en, "fr": fault.fr}, ensure_ascii=False)
    return Response(told, 503, {"Retry-After": "30"}, media_type="application/json")


def _full(_: Request, _full: Exception) -> Response:
    return Response(status_code=503, headers={"Retry-After": "60"})


def _slow(_: Request, _slow: Exception) -> Response:
    return Response(status_code=408, headers={"Connection": "close"})


def _stopped(_: Request, stopped: Exception) -> Response:
    assert isinstance(stopped, Stopped)
    return Response(status_code=stopped.status, headers=stopped.headers)
