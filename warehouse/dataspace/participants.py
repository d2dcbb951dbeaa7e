"""Who is on the other side: a partner of `governance.toml` with `dataspace`, known by its token, called at its address only."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from warehouse.charter import Governance, Partner
from warehouse.governance import Hub
from warehouse.partners import tokens

_BEARER = "bearer "


def bearer(authorization: str) -> str:
    """Return the token of an Authorization header, empty without one."""
    return authorization[len(_BEARER) :] if authorization[: len(_BEARER)].lower() == _BEARER else ""


def caller(hub: Hub, agreed: Governance, token: str, now: datetime) -> tuple[Partner, tokens.Token] | None:
    """Return the participant that a token is of, while both hold."""
    found = tokens.find(hub, tokens.digest(token)) if 0 < len(token) < 200 else None
    if found is None or not found.holds(now):
        return None
    partner = agreed.partners.get(found.partner)
    return (partner, found) if partner and takes_part(partner, now) else None


def takes_part(partner: Partner, now: datetime) -> bool:
    """Return whether a partner is a participant today."""
    return partner.dataspace is not None and now.date() <= partner.until


def within(url: str, base: str) -> bool:
    """Return whether an address lies at or under a participant's own, to the letter: no other host, port, or way around."""
    if not url.isascii() or not url.isprintable() or any(c in url for c in "\\%?#@ "):
        return False
    try:
        asked, own = urlsplit(url), urlsplit(base)
    except ValueError:
        return False
    if (asked.scheme, asked.netloc.lower()) != (own.scheme, own.netloc.lower()):
        return False
    parts = asked.path.rstrip("/")
    return {".", ".."}.isdisjoint(parts.split("/")) and (parts + "/").startswith(own.path.rstrip("/") + "/")
