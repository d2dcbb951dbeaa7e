"""Messages of the Dataspace Protocol 2025-1: made, read, and held to the specification's own JSON Schemas.

They are plain JSON in the compact form that the protocol fixes, so no JSON-LD is processed. A message that breaks its schema
is told which part, never what was in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from warehouse.catalogue.settings import PROTOCOL
from warehouse.dataspace.states import Kind

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
VERSION, BASE = "2025-1", PROTOCOL
PULL = "HttpData-PULL"
HTTP = "https://w3id.org/idsa/v4.1/HTTP"  # the endpoint type of the specification's own examples
LARGEST = 256 * 1024  # bytes of a message
_DEEPEST = 40
_PID = re.compile(r"[!-~]{1,500}")
Message = dict[str, Any]

_FOLDERS = ("catalog", "common", "negotiation", "transfer")
_SCHEMA = "https://w3id.org/dspace/2025/1/{}-schema.json"
_EVENT = ("ContractNegotiationEventMessage", "negotiation/contract-negotiation-event-message")
TYPES: dict[Kind, dict[str, tuple[str, str]]] = {  # our word → its type, its schema
    "negotiation": {
        "request": ("ContractRequestMessage", "negotiation/contract-request-message"),
        "offer": ("ContractOfferMessage", "negotiation/contract-offer-message"),
        "agreement": ("ContractAgreementMessage", "negotiation/contract-agreement-message"),
        "verification": (
            "ContractAgreementVerificationMessage",
            "negotiation/contract-agreement-verification-message",
        ),
        "accepted": _EVENT,
        "finalized": _EVENT,
        "termination": (
            "ContractNegotiationTerminationMessage",
            "negotiation/contract-negotiation-termination-message",
        ),
    },
    "transfer": {
        "request": ("TransferRequestMessage", "transfer/transfer-request-message"),
        "start": ("TransferStartMessage", "transfer/transfer-start-message"),
        "completion": ("TransferCompletionMessage", "transfer/transfer-completion-message"),
        "suspension": ("TransferSuspensionMessage", "transfer/transfer-suspension-message"),
        "termination": ("TransferTerminationMessage", "transfer/transfer-termination-message"),
    },
}
STATE: dict[Kind, tuple[str, str]] = {
    "negotiation": ("ContractNegotiation", "negotiation/contract-negotiation"),
    "transfer": ("TransferProcess", "transfer/transfer-process"),
}
ERROR: dict[Kind, str] = {"negotiation": "ContractNegotiationError", "transfer": "TransferError"}


class Unreadable(ValueError):
    """What came is not the message it should be; the text names a place in it, and quotes nothing."""


@cache
def _schemas() -> Registry[Any]:
    root = files("warehouse") / "dataspace" / "schemas"
    texts = [file.read_text("utf-8") for folder in _FOLDERS for file in (root / folder).iterdir()]
    # three of the transfer's references lack a slash, and are none as they stand
    found = [json.loads(text.replace("json#definitions", "json#/definitions")) for text in texts]
    return Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in found)


@cache
def _validator(name: str) -> Draft201909Validator:
    return Draft201909Validator({"$ref": _SCHEMA.format(name)}, registry=_schemas())


def check(schema: str, value: Any) -> None:
    """Raise Unreadable unless a value is what a schema of the specification says, such as `catalog/catalog`."""
    wrong = next(iter(_validator(schema).iter_errors(value)), None)
    if wrong is not None:
        where = "/".join(map(str, wrong.absolute_path)) or "the message"
        raise Unreadable(f"{where}: not as {schema}-schema.json has it ({wrong.validator})")


def parse(body: bytes) -> Message:
    """Return the JSON object that a body is; Unreadable, for what cannot be kept too: odd numbers, half characters, abysses."""
    try:
        value = json.loads(body)
        canonical(value).encode()
        if _depth(body) > _DEEPEST:
            raise Unreadable("nested too deep")
    except (ValueError, RecursionError) as wrong:
        raise wrong if isinstance(wrong, Unreadable) else Unreadable("not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    for name in ("providerPid", "consumerPid"):
        pid = str(value.get(name, name))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if not _PID.fullmatch(pid) or pid in (".", ".."):
            raise Unreadable(f"{name}: 1 to 500 visible ASCII characters")
    return value  # pyright: ignore[reportUnknownVariableType]


def _depth(body: bytes) -> int:
    """Return how deep brackets nest, those within texts counted too."""
    depth = deepest = 0
    for byte in body:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    return deepest


def message(kind: Kind, word: str, **content: Any) -> Message:
    """Return a message; a None is left out."""
    if word in ("accepted", "finalized"):
        content["eventType"] = word.upper()
    return typed(TYPES[kind][word][0], **content)


def typed(name: str, **content: Any) -> Message:
    """Return a document of the protocol of that type; a None is left out."""
    return {"@context": [CONTEXT], "@type": name, **{key: value for key, value in content.items() if value is not None}}


def canonical(value: Any) -> str:
    """Return JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def fingerprint(sent: Message) -> str:
    """Return what a message is known again by."""
    return hashlib.sha256(canonical(sent).encode()).hexdigest()
