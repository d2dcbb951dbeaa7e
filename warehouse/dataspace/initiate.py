"""For conformance kits only: the two addresses at which a kit has this hub begin as consumer, and datasets without a product.

    POST /test/negotiations   {"providerId", "offerId", "datasetId", "connectorAddress"}
    POST /test/transfers      {"providerId", "agreementId", "format", "connectorAddress"}

They exist only while `jauge serve --scenarios` runs, and begin with participants of `governance.toml` only, at their address.
"""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warehouse.catalogue.terms import offers
from warehouse.dataspace import messages
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.messages import LARGEST, PULL, Message, Unreadable, typed
from warehouse.dataspace.offers import service
from warehouse.dataspace.participants import within
from warehouse.dataspace.states import Kind
from warehouse.web.bodies import Limits, body_of


def routes(connector: Connector, limits: Limits) -> list[BaseRoute]:
    """Return the two routes."""

    def begin(kind: Kind) -> Any:
        async def post(request: Request) -> Response:
            body = b"".join([chunk async for chunk in body_of(request, LARGEST, limits)])
            return await run_in_threadpool(_begun, connector, kind, body)

        return post

    return [Route(f"/test/{kind}s", begin(kind), methods=["POST"]) for kind in ("negotiation", "transfer")]


def _begun(connector: Connector, kind: Kind, body: bytes) -> Response:
    try:
        asked = {key: str(value) for key, value in messages.parse(body).items()}
        address = asked["connectorAddress"]
        partner = next(
            p.id
            for p in connector.governance().partners.values()
            if p.dataspace and within(address, p.dataspace.address)
        )
        if kind == "negotiation":
            offer = {
                "@id": asked["offerId"],
                "@type": "Offer",
                "target": asked["datasetId"],
                "permission": [{"action": "use"}],
            }
            one = connector.ask(kind, partner, offer=offer)
        else:
            one = connector.ask(kind, partner, agreementId=asked["agreementId"], format=asked["format"])
    except (Unreadable, KeyError, StopIteration):
        return Response(status_code=400)
    return JSONResponse({"pid": one.pid}, 201)


def widened(connector: Connector, catalog: Message) -> Message:
    """Return the catalogue with the datasets of the scenarios."""
    names = connector.scenarios.datasets if connector.scenarios else ()
    own = [{key: v for key, v in dataset(connector, name).items() if key != "@context"} for name in names]
    return catalog | {"dataset": [*catalog.get("dataset", []), *own]}


def dataset(connector: Connector, name: str) -> Message:
    """Return a dataset of a scenario, under the catalogue's terms."""
    return typed(
        "Dataset", hasPolicy=offers(connector.settings), **{"@id": name},
        distribution=[{"@type": "Distribution", "format": PULL, "accessService": service(connector.settings)}],
    )  # fmt: skip
