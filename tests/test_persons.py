"""Direct identifiers: one person whatever the spelling, unrelated numbers elsewhere, no contact under exemption."""

from __future__ import annotations

import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregations.persons import check_regime, contact, keyed_ref
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
