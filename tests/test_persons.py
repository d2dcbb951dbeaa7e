"""Direct identifiers: one person whatever the spelling, unrelated numbers elsewhere, no contact under exemption."""

from __future__ import annotations

import hmac

import polars as pl
import pytest
from ascii import rows as table_of
from hypothesis import given
from hypothesis import strategies as st

from aggregations.persons import buyer_is, check_regime, contact, keyed_ref, phone
from privacy.errors import GovernanceRefusal

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Ana@Example.ORG", "ana@example.org"),
        ("  ana@example.org ", "ana@example.org"),
        ("ana @example.org", "ana@example.org"),
        ("ana+opera@example.org", "ana@example.org"),
        ("a+b+c@example.org", "a@example.org"),
        ("Ana Ruiz <Ana@example.org>", "ana@example.org"),
        ("mailto:ana@example.org", "ana@example.org"),
        ("ana@example.org;", "ana@example.org"),
        ("ａna@example.org", "ana@example.org"),  # as some keyboards write it
        ("C-00017", "c-00017"),  # a vendor's own number of a person
        ("", None),
        ("-", None),
        ("n/a", None),
        (None, None),
    ],
)
def test_a_contact_is_one_person_however_it_is_written(written: str | None, read: str | None) -> None:
    frame = pl.DataFrame({"email": [written]}, schema={"email": pl.String})
    assert frame.select(contact(pl.col("email"))).item() == read


@pytest.mark.parametrize(
    ("written", "country", "read"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("0033612345678", "FR", "+33612345678"),
        ("612345678", "FR", "+33612345678"),  # a spreadsheet ate the zero
        ("0690 12 34 56", "GP", "+590690123456"),
        ("+1 514 555 0123", "FR", "+15145550123"),
        ("12", "FR", None),
        ("à demander", "FR", None),
        ("", "FR", None),
        (None, "FR", None),
    ],
)
def test_a_telephone_is_one_however_it_is_written(written: str | None, country: str, read: str | None) -> None:
    frame = pl.DataFrame({"phone": [written]}, schema={"phone": pl.String})
    assert frame.select(phone(pl.col("phone"), country)).item() == read


def test_the_address_of_a_group_a_school_or_a_reseller_is_told() -> None:
    spec = table_of("""
        address                       | group | school | reseller
        cse@usine.example             | yes   | no     | no
        billets.cse-nord@example.org  | yes   | no     | no
        mairie@lac.example            | yes   | no     | no
        groupes@example.org           | yes   | no     | no
        accueil@cse-usine.example     | yes   | no     | no
        nina.blanc@ac-grenoble.fr     | no    | yes    | no
        cdi@example.org               | no    | yes    | no
        x@lycee-stendhal.example      | no    | yes    | no
        contrat@fnacspectacles.com    | no    | no     | yes
        nina@billetreduc.com          | no    | no     | yes
        celine.cdiaz@example.org      | no    | no     | no
        assollant@example.org         | no    | no     | no
        marie-anne@fnac.com.example   | no    | no     | no
        c-00017                       | no    | no     | no
        -                             | no    | no     | no
    """)
    emails = pl.LazyFrame({"email": [r["address"] for r in spec]}).select(contact(pl.col("email")))
    for flag in ("group", "school", "reseller"):
        told = emails.select(buyer_is(pl.col("email"), flag)).collect().to_series()
        assert told.to_list() == [r[flag] == "yes" for r in spec], flag


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=20), st.binary(min_size=1, max_size=100))
def test_the_number_is_the_first_eight_bytes_of_the_hmac(texts: list[str | None], key: bytes) -> None:
    numbers = keyed_ref(pl.Series("email", texts, dtype=pl.String), key, "contact")
    expected = [
        None if t is None else int.from_bytes(hmac.digest(key, b"contact\0" + t.encode(), "sha256")[:8], "big")
        for t in texts
    ]
    assert numbers.to_list() == expected
    assert numbers.dtype == pl.UInt64
    assert numbers.name == "email"


def test_venues_and_domains_do_not_share_numbers() -> None:
    person = pl.Series(["ana@example.org"])
    numbers = {
        keyed_ref(person, KEY, "contact").item(),
        keyed_ref(person, KEY, "visitor").item(),
        keyed_ref(person, KEY[::-1], "contact").item(),
    }
    assert len(numbers) == 3


def test_an_exempt_source_with_a_contact_is_refused() -> None:
    check_regime("exempt_audience", ["visitor"], "Matomo")
    check_regime("consent", ["contact"], "Brevo")
    with pytest.raises(GovernanceRefusal, match="exempt_audience"):
        check_regime("exempt_audience", ["visitor", "contact"], "Matomo")
