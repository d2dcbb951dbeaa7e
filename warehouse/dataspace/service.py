"""The Dataspace Protocol's endpoints, as provider and consumer, on the hub's web server.

    GET  /.well-known/dspace-version              anybody
    …    /dsp/2025-1/catalog/…, negotiations/…, transfers/…   participants, by `Authorization: Bearer <their token>`
    GET  /dsp/2025-1/data/<transfer>[/totals]     who has the token of a transfer

Whoever is not known, and whatever is another's, gets 404. Both sides of a process have one address each, so `callbackAddress` is the
base itself. Every message and every file is a line of the audit trail, with its type and our identifier, and no word of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from privacy.errors import Fault, Refusal
from warehouse.charter import Partner
from warehouse.dataspace import initiate, messages, offers
from warehouse.dataspace.connector import Connector, TooMany, Unknown
from warehouse.dataspace.messages import BASE, ERROR, LARGEST, STATE, TYPES, VERSION, Message, Unreadable, typed
from warehouse.dataspace.offers import Unmet
from warehouse.dataspace.participants import bearer, caller
from warehouse.dataspace.process import Illegal, Process
from warehouse.dataspace.states import NEW, Kind
from warehouse.partners.tokens import Token
from warehouse.partners.trail import Asked, Trail, instant
from warehouse.web.bodies import Limits, body_of

_PATHS: dict[Kind, dict[str, str]] = {  # below /<kind>s/<pid>/ → our word; an event says itself which
    "negotiation": {
        "request": "request", "offers": "offer", "agreement": "agreement", "agreement/verification": "verification",
        "events": "", "termination": "termination",
    },
    "transfer": {word: word for word in ("start", "completion", "suspension", "termination")},
}  # fmt: skip
_FIRST: dict[Kind, dict[str, str]] = {
    "negotiation": {"request": "request", "offers": "offer"},
    "transfer": {"request": "request"},
}
_Answering = Callable[[Request], Any]


def routes(connector: Connector, limits: Limits) -> list[BaseRoute]:
    """Return the routes of a hub that is a participant."""
    s = _Service(connector, limits)
    made: list[BaseRoute] = [
        Route("/.well-known/dspace-version", s.version),
        Route(f"{BASE}/catalog/request", s.catalog, methods=["POST"]),
        Route(f"{BASE}/catalog/datasets/{{name:path}}", s.dataset),
        Route(f"{BASE}/data/{{pid}}", s.data),
        Route(f"{BASE}/data/{{pid}}/totals", s.data),
    ]
    for kind in STATE:
        made += [Route(f"{BASE}/{kind}s/{p}", s.first(kind, w), methods=["POST"]) for p, w in _FIRST[kind].items()]
        made.append(Route(f"{BASE}/{kind}s/{{pid}}", s.state(kind)))
        made += [
            Route(f"{BASE}/{kind}s/{{pid}}/{p}", s.next(kind, w), methods=["POST"]) for p, w in _PATHS[kind].items()
        ]
    return [*made, *(initiate.routes(connector, limits) if connector.scenarios else ())]


class _Service:
    def __init__(self, connector: Connector, limits: Limits) -> None:
        self._connector, self._limits, self._trail = connector, limits, Trail(connector.hub)
        connector.hub.partners.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def version(self, _: Request) -> Response:
        return JSONResponse({"protocolVersions": [{"version": VERSION, "path": BASE, "binding": "HTTPS"}]})

    async def catalog(self, request: Request) -> Response:
        body = await _body(request, self._limits)

        def answer(_: Partner) -> Response:
            came = messages.parse(body)
            messages.check("catalog/catalog-request-message", came)
            if came.get("filter"):
                raise Unreadable("filter: this hub has none to offer; ask without")
            told = offers.catalog(self._connector.catalogue())
            if self._connector.scenarios:
                told = initiate.widened(self._connector, told)
            return JSONResponse(told)

        return await run_in_threadpool(self._answered, request, "catalog/request", answer, _catalog_error)

    async def dataset(self, request: Request) -> Response:
        name = str(request.path_params["name"])

        def answer(_: Partner) -> Response:
            scenarios = self._connector.scenarios
            if scenarios and name in scenarios.datasets:
                return JSONResponse(initiate.dataset(self._connector, name))
            found = offers.dataset(self._connector.catalogue(), name)
            if found is None:
                raise Unknown
            return JSONResponse(found)

        return await run_in_threadpool(self._answered, request, "catalog/dataset", answer, _catalog_error)

    def state(self, kind: Kind) -> _Answering:
        async def get(request: Request) -> Response:
            pid = str(request.path_params["pid"])

            def answer(partner: Partner) -> Response:
                one = self._connector.find(kind, pid, partner)
                if one.state == NEW:  # its request is not acknowledged: it is not there yet
                    raise Unknown
                return JSONResponse(one.told(STATE[kind][0]))

            return await run_in_threadpool(self._answered, request, f"{kind} {pid}", answer, _error(kind, {}, pid))

        return get

    def first(self, kind: Kind, word: str) -> _Answering:
        async def post(request: Request) -> Response:
            body = await _body(request, self._limits)
            pids: Message = {}

            def answer(partner: Partner) -> Response:
                came, _ = _read(kind, word, body, pids)
                if kind == "negotiation" and "callbackAddress" not in came:
                    raise Illegal("a first message has a callbackAddress")
                one = self._connector.begin(kind, word, partner, came)
                return _acknowledged(one, 201)

            return await run_in_threadpool(self._answered, request, f"{kind}/{word}", answer, _error(kind, pids, ""))

        return post

    def next(self, kind: Kind, word: str) -> _Answering:
        async def post(request: Request) -> Response:
            body, pid = await _body(request, self._limits), str(request.path_params["pid"])
            pids: Message = {}

            def answer(partner: Partner) -> Response:
                came, said = _read(kind, word, body, pids)
                return _acknowledged(self._connector.receive(kind, pid, said, partner, came), 200)

            what = f"{kind}/{word or 'event'} {pid[:80]}"
            return await run_in_threadpool(self._answered, request, what, answer, _error(kind, pids, pid))

        return post

    async def data(self, request: Request) -> Response:
        return await run_in_threadpool(self._data, request)

    def _data(self, request: Request) -> Response:
        start, token = time.perf_counter(), bearer(request.headers.get("authorization", ""))
        pid = str(request.path_params["pid"])
        part = "_totals" if request.url.path.endswith("/totals") else ""
        try:
            one, file = self._connector.file(pid, token, part)
        except (Unknown, Unmet, Refusal):
            self._written(None, None, f"data {pid[:80]}", 404, 0, start)
            return Response(status_code=404)
        except Fault:  # the lake is being written; or its state is gone, withdrawn or too old, as the Fault says
            self._written(None, None, f"data {pid[:80]}", 503, 0, start)
            raise
        what = f"data{part} {pid} of {one.about['agreement']}"
        self._written(self._connector.governance().partners[one.partner], None, what, 200, file.rows, start)
        return Response(file.data, media_type="application/vnd.apache.parquet")

    def _answered(
        self, request: Request, what: str, answer: Callable[[Partner], Response], error: Callable[[str, str], Message]
    ) -> Response:
        """Answer a participant, or say in the protocol's words why not; either is written down first."""
        start, connector = time.perf_counter(), self._connector
        known = caller(
            connector.hub, connector.governance(), bearer(request.headers.get("authorization", "")), datetime.now(UTC)
        )
        missing = JSONResponse(error("404", "not found"), 404)
        try:
            response = answer(known[0]) if known else missing
        except Unknown:
            response = missing
        except (Unreadable, Illegal) as wrong:
            response = JSONResponse(error("400", str(wrong)), 400)
        except TooMany:
            response = JSONResponse(error("429", "too much that is not over"), 429, {"Retry-After": "60"})
        except Fault:
            response = JSONResponse(error("503", "the lake cannot be read now"), 503, {"Retry-After": "30"})
        partner, token = known or (None, None)
        begun = response.headers.get("location", "").rpartition("/")[2]
        self._written(partner, token, f"{what} {begun}".rstrip(), response.status_code, 0, start)
        return response

    def _written(
        self, partner: Partner | None, token: Token | None, what: str, status: int, rows: int, start: float
    ) -> None:
        outcome, rule = ("answered", None) if status < 400 else ("refused", f"dataspace {status}")
        now, ms = instant(datetime.now(UTC)), int(1000 * (time.perf_counter() - start))
        self._trail.write(
            Asked(now, partner.id if partner else None, token.name if token else None, "dataspace", what, outcome, rule,
                  rows, ms, self._connector.governance().digest)
        )  # fmt: skip


async def _body(request: Request, limits: Limits) -> bytes:
    return b"".join([chunk async for chunk in body_of(request, LARGEST, limits)])


def _read(kind: Kind, word: str, body: bytes, pids: Message) -> tuple[Message, str]:
    """Return a message that is as its schema says, and our word for it; what it says of `pids` is for errors."""
    came = messages.parse(body)
    pids |= {name: came[name] for name in ("providerPid", "consumerPid") if isinstance(came.get(name), str)}
    messages.check(TYPES[kind][word or "accepted"][1], came)
    return came, word or str(came["eventType"]).lower()


def _acknowledged(one: Process, status: int) -> Response:
    where = {"Location": f"{BASE}/{one.kind}s/{one.pid}"} if status == 201 else None
    return JSONResponse(one.told(STATE[one.kind][0]), status, where)


def _error(kind: Kind, pids: Message, pid: str) -> Callable[[str, str], Message]:
    """Return what makes an error: with the identifiers that the asker gave, never others."""
    return lambda code, why: typed(
        ERROR[kind], **{"providerPid": pid, "consumerPid": pid} | pids, code=code, reason=[why]
    )


def _catalog_error(code: str, why: str) -> Message:
    return typed("CatalogError", code=code, reason=[why])
