"""What `governance.toml` may say: its parts, held to each other. `governance` reads it, `sharing` draws the conclusions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from warehouse.catalogue.terms import library

ID = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
KEY = re.compile(r"^[0-9a-f]{64}$")
ALL, GROUPS = "all", ("all", "members", "partners")
_Id = Annotated[str, StringConstraints(pattern=ID.pattern)]
_Key = Annotated[str, StringConstraints(pattern=KEY.pattern)]
_Text = Annotated[str, StringConstraints(min_length=1)]
_Names = tuple[str, ...]
_LIBRARY = {terms.name: terms for terms in library()}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class College(_Part):
    """Members who decide together, for readers."""

    fr: _Text
    en: _Text


class Loss(_Part):
    """The most one unit of privacy may risk in a season; exact decimals, written as text."""

    epsilon: Fraction
    delta: Fraction


class Floor(_Part):
    """The least protection. `person`, `admission`: largest loss of a season by unit of privacy."""

    k: int = Field(ge=2)
    k_rule: Literal["certain", "probable"]
    person: Loss | None = None
    admission: Loss | None = None

    @property
    def losses(self) -> dict[str, tuple[Fraction, Fraction]]:
        """Unit of privacy → (epsilon, delta)."""
        units = {"person": self.person, "admission": self.admission}
        return {unit: (loss.epsilon, loss.delta) for unit, loss in units.items() if loss}


class Rule(_Part):
    """Names granted and names denied; what is denied is not allowed, whatever is granted."""

    grant: _Names = ()
    deny: _Names = ()

    def allows(self, name: str) -> bool:
        """Return whether a name is granted and not denied."""
        granted, denied = ({name, ALL} & set(names) for names in (self.grant, self.deny))
        return bool(granted) and not denied

    def of(self, names: Iterable[str]) -> _Names:
        """Return those of the names that are allowed, in their order."""
        return tuple(name for name in names if self.allows(name))


class Sharing(_Part):
    """Who may see figures, and how long after their period has ended. None: as what is said more widely.

    Recipients are `all`, `members`, `partners`, `college:<id>`, `purpose:<id>`, or the id of a partner or venue.
    """

    grant: _Names | None = None
    deny: _Names = ()
    embargo_days: int | None = Field(default=None, ge=0)


class VenueSharing(Sharing):
    """What a venue says itself: of all its tables, and of some of them."""

    tables: dict[str, Sharing] = {}


class FormerKey(_Part):
    """A key a venue has signed with. Releases it signed count if dated `until` then at the latest; revoked, none that is new."""

    public_key: _Key
    until: date
    revoked: bool = False


def departement_of(commune: str) -> str:
    """Return the département of an INSEE code (never of a postal code): its first two characters, three overseas."""
    return commune[:3] if commune.startswith(("97", "98")) else commune[:2]


class Member(_Part):
    """A venue whose releases the hub takes; `public_key`: Ed25519, 64 hex digits."""

    id: _Id
    name: _Text
    kind: _Text
    commune: str
    public_key: _Key
    since: date
    former_keys: tuple[FormerKey, ...] = ()
    college: str | None = None
    approval: Literal["automatic", "manual"] = "automatic"
    approvers: _Names = ()  # who may approve a release, by name, if it is manual
    sharing: VenueSharing = VenueSharing()

    @property
    def keys(self) -> _Names:
        """The keys whose word counts: the present one, and former ones that are not revoked."""
        return self.public_key, *(key.public_key for key in self.former_keys if not key.revoked)


class Participant(_Part):
    """How a partner is found in a dataspace. `id`: as its own catalogue has it; `address`: where its endpoints begin.

    This hub calls no other address of theirs. Plain HTTP is for hubs on one machine.
    """

    id: str = Field(pattern=r"^\S{1,500}$")
    address: str = Field(
        pattern=r"^(https://[\w-]+(\.[\w-]+)*|http://(localhost|127\.0\.0\.1))(:\d{1,5})?(/[\w~-]+(\.[\w~-]+)*)*$"
    )


class Partner(_Part):
    """Someone who may ask: `until` is the last day; `tables` are the policy's, `venues` the members'.

    One with the id of a venue is that member; one with `dataspace` may also agree and fetch by the Dataspace Protocol.
    """

    id: _Id
    name: _Text
    purpose: str
    until: date
    tables: Rule = Rule()
    venues: Rule = Rule()
    dataspace: Participant | None = None


class Governance(_Part):
    """All of `governance.toml`, held together. `text`: as written; `tables`: names of the network's policy."""

    text: str
    known_tables: _Names
    policy: Floor
    colleges: dict[_Id, College] = {}
    purposes: _Names = ()  # of the library of terms, those this hub agrees to
    sharing: Sharing = Sharing()
    venues: dict[str, Member] = {}
    partners: dict[str, Partner] = {}

    @model_validator(mode="before")
    @classmethod
    def _names(cls, told: dict[str, Any]) -> dict[str, Any]:
        for kind in ("venues", "partners"):
            told[kind] = {i: {**one, "id": i} for i, one in told.get(kind, {}).items()}
        return told

    @model_validator(mode="after")
    def _together(self) -> Governance:
        for where, name, known in self._references():
            if name not in known:
                raise ValueError(f"{where}: nothing here is called {name}")
        for venue in self.venues.values():
            if venue.approval == "manual" and not venue.approvers:
                raise ValueError(f"venues.{venue.id}.approvers: nobody may approve")
        for partner in self.partners.values():
            if _LIBRARY[partner.purpose].members_only and partner.id not in self.venues:
                raise ValueError(f"partners.{partner.id}.purpose: {partner.purpose} is for members")
        return self

    def _references(self) -> Iterator[tuple[str, str, Iterable[str]]]:
        """Name every word that must be known, where it stands, and what is known there."""
        recipients = {*GROUPS, *self.venues, *self.partners}
        recipients |= {f"college:{c}" for c in self.colleges} | {f"purpose:{p}" for p in self.purposes}
        said: list[tuple[str, Sharing]] = [("sharing", self.sharing)]
        for v in self.venues.values():
            own = f"venues.{v.id}"
            yield from ((f"{own}.college", c, self.colleges) for c in (v.college,) if c is not None)
            yield from ((f"{own}.sharing.tables", table, self.known_tables) for table in v.sharing.tables)
            said += [(f"{own}.sharing", v.sharing)]
            said += [(f"{own}.sharing.tables.{table}", own_terms) for table, own_terms in v.sharing.tables.items()]
        yield from (("purposes", purpose, _LIBRARY) for purpose in self.purposes)
        for where, told in said:
            yield from ((where, name, recipients) for name in (*(told.grant or ()), *told.deny))
        for p in self.partners.values():
            yield f"partners.{p.id}.purpose", p.purpose, self.purposes
            for kind, rule, known in (("tables", p.tables, self.known_tables), ("venues", p.venues, self.venues)):
                yield from ((f"partners.{p.id}.{kind}", n, (ALL, *known)) for n in (*rule.grant, *rule.deny))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file as written, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()
