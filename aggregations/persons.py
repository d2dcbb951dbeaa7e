"""Direct identifiers end here: a contact goes in, a keyed number comes out.

The number is the first 8 bytes of HMAC-SHA-256(key, domain + 0x00 + text). The key is the venue's own and
stays with it: the same contact has unrelated numbers at two venues, and nobody without the key can test
a guess. Domains keep numbers of different things apart; a visitor number never meets a contact's.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import polars as pl

from privacy.errors import GovernanceRefusal

Domain = Literal[
    "contact", "phone", "account", "visitor", "order", "performance", "event", "row", "label", "forgotten", "match"
]
# What ties a record to someone: an address, a telephone, or the number one system gives them (two systems number alike).
CONTACTS: tuple[Domain, ...] = ("contact", "phone", "account")
SEPARATOR = "\x1f"  # between the parts of an identity
_BLOCK = 64  # bytes of a SHA-256 block


def contact(text: pl.Expr) -> pl.Expr:
    """Normalise an e-mail (or a vendor's own number of a person); null when there is none.

    Lower case, no spaces, no name around it, and no `+suffix` before the @: `Ana+Opera@x.fr` and `Ana <ana@x.fr> ` are
    one person.
    A text without a letter or a digit (`-`, `?`) is no contact.
    """
    plain = text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s|\u200b", "")
    plain = plain.str.replace(r"^(?:mailto:|.*<)([^<>]+@[^<>]+)>?$", "$1").str.strip_chars(",;.")
    plain = plain.str.replace(r"^([^+@]+)\+[^@]*@", "$1@")
    return pl.when(plain.str.contains(r"[\p{L}\p{N}]") & ~plain.is_in(["n/a", "na", "none", "null"])).then(plain)


def phone(text: pl.Expr, country: str) -> pl.Expr:
    """Write telephone numbers in international form (E.164); null where it can be none.

    `country`: ISO 3166 code of where numbers without a prefix are from. `06 12 34 56 78` and `+33612345678` are one.
    """
    return text.map_batches(
        lambda texts: pl.Series(texts.name, [_international(one, country) for one in texts], pl.String),
        return_dtype=pl.String(),
        is_elementwise=True,
    )


def _international(text: str | None, country: str) -> str | None:
    if text is None:
        return None
    import phonenumbers  # where there are telephones only

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def buyer_is(email: pl.Expr, flag: str) -> pl.Expr:
    """Tell whether a normalised address is a group's, a school's or a reseller's, by `reference/buyers.toml`; never null."""
    return email.str.contains(_buyers()[flag]).fill_null(False)


@cache
def _buyers() -> dict[str, str]:
    """One pattern a flag: a word of the local part, or the end of the domain."""
    tables = tomllib.loads((files("aggregations") / "reference" / "buyers.toml").read_text("utf-8"))
    return {
        flag: "|".join(
            [rf"(?:^|[._-])(?:{'|'.join(table['words'])})(?:[._-][^@]*)?@"] * bool(table["words"])
            + [rf"[@.](?:{'|'.join(table['domains'])})$"] * bool(table["domains"])
        )
        for flag, table in tables.items()
    }


# How a contact is written in one way, by the domain of its numbers, and where it is from: all that someone may give as
# theirs, and the same in all systems of a venue.
WRITTEN: dict[Domain, Callable[[pl.Expr, str], pl.Expr]] = {"contact": lambda text, _: contact(text), "phone": phone}
_OWN: tuple[Domain, ...] = ("account", "visitor")  # numbers that one system gives, so told with the system


def numbers_of(texts: Sequence[str], key: bytes, country: str, source: str | None = None) -> pl.DataFrame:
    """Return (asked, person): the numbers that each contact can have here, or a number that `source` gives someone.

    `asked` is the place in `texts`. A text that is no contact has none.
    """
    given = pl.DataFrame({"asked": range(len(texts)), "text": texts}, schema={"asked": pl.Int64, "text": pl.String})
    own = dict.fromkeys(_OWN, lambda text, _: sourced(str(source), text.str.strip_chars()))
    forms = WRITTEN if source is None else own
    found = [
        given.select("asked", person=keyed(form(pl.col("text"), country), key, name)) for name, form in forms.items()
    ]
    return pl.concat(found).drop_nulls().unique(maintain_order=True)


def sourced(source: str, text: pl.Expr) -> pl.Expr:
    """Put the source before a vendor's own number: number 12 of two systems is not one order."""
    return pl.concat_str(pl.lit(source), text, separator=SEPARATOR)


def keyed_ref(values: pl.Series, key: bytes, domain: str) -> pl.Series:
    """Hash a text series into UInt64 of the same length and name; null stays null.

    Work is done once a distinct value; about two seconds a million of them.
    """
    # HMAC by its definition (RFC 2104) with both key blocks hashed once: three times quicker than `hmac`
    # a value; `tests/test_persons.py` holds it equal to the standard library.
    block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + domain.encode() + b"\0")
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in block))
    distinct = values.drop_nulls().unique()
    if distinct.is_empty():
        return pl.Series(values.name, [None] * len(values), dtype=pl.UInt64)
    heads: list[bytes] = []
    for text in distinct.to_list():
        first, second = inner.copy(), outer.copy()
        first.update(text.encode())
        second.update(first.digest())
        heads.append(second.digest()[:8])
    numbers = pl.Series("number", np.frombuffer(b"".join(heads), ">u8").astype(np.uint64))
    return values.replace_strict(distinct, numbers, default=None, return_dtype=pl.UInt64)


def keyed(text: pl.Expr, key: bytes, domain: Domain) -> pl.Expr:
    """Hash a text expression as `keyed_ref` does, batch by batch, so that a scan keeps streaming."""
    return text.map_batches(lambda values: keyed_ref(values, key, domain), return_dtype=pl.UInt64, is_elementwise=True)


def check_regime(regime: str, domains: Iterable[str], source: str) -> None:
    """Refuse records under the audience-measurement exemption that would be tied to a contact.

    The exemption from consent holds only without any cross-checking with other processing: such records
    may carry a visitor's number of their own, never a contact.
    """
    if regime == "exempt_audience" and set(CONTACTS) & set(domains):
        raise GovernanceRefusal(
            f"{source}: records under exempt_audience cannot be joined to a contact; remove the contact column, "
            "or state the consent you hold in [consent] of venue.toml.",
            f"{source} : des enregistrements sous exempt_audience ne peuvent être rattachés à un contact ; retirez la "
            "colonne de contact, ou indiquez le consentement recueilli dans [consent] de venue.toml.",
        )
