"""governance.toml: who sees what, in tables a member can read; what is wrong is a sentence; commands keep what people wrote."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregations.founding import add_venue
from aggregations.signing import renew_key
from aggregations.venue import Venue, read_venue
from privacy.errors import Fault, GovernanceRefusal, VerificationRefusal
from privacy.policy import read_policy
from warehouse.amendments import add_partner, register, revoke_key, take_key
from warehouse.charter import Governance
from warehouse.governance import Hub, first_lines, governance, read
from warehouse.sentences import tell
from warehouse.sharing import access

POLICY = read_policy()
TODAY = date(2026, 11, 22)
VENUES = ("theatre", "opera", "museum", "radio")
TABLES = tuple(t.name for t in POLICY.tables)


def written(sharing: str = 'grant = ["all"]', more: str = "") -> str:
    """Four venues in two colleges, two partners; `sharing`: what all share; `more`: what comes after."""
    text = first_lines().replace('grant = ["all"]\nembargo_days = 0', sharing)
    for venue in VENUES:
        college = "media" if venue == "radio" else "producers"
        text += f'\n[venues.{venue}]\nname = "{venue.title()}"\nkind = "x"\ncommune = "75056"\nsince = 2026-01-01\n'
        text += f'public_key = "{"ab" * 32}"\ncollege = "{college}"\n'
    for partner, purpose in (("region", "evaluation"), ("agency", "campaign")):
        text += f'\n[partners.{partner}]\nname = "{partner.title()}"\npurpose = "{purpose}"\nuntil = 2027-08-31\n'
        text += 'tables = {grant = ["all"]}\nvenues = {grant = ["all"]}\n'
    return text + more


def agreed(sharing: str = 'grant = ["all"]', more: str = "") -> Governance:
    return read(written(sharing, more), POLICY)


def sees(told: Governance, who: str, venue: str, table: str = "family", on: date = TODAY) -> date | None:
    """The last day on which a period that is seen may have ended."""
    found = [s.until for s in access(told, who, on).shared if (s.venue, s.table) == (venue, table)]
    return found[0] if found else None


# what all share | what the opera says | who | of whom | sees it?
WHO_SEES = [
    ('grant = ["all"]', "", "region", "opera", True),
    ('grant = ["all"]', "", "radio", "opera", True),
    ("", "", "region", "opera", False),  # nothing said, nothing seen
    ("", "", "opera", "opera", True),  # but one's own
    ('grant = ["members"]', "", "region", "opera", False),
    ('grant = ["members"]', "", "radio", "opera", True),
    ('grant = ["partners"]', "", "radio", "opera", False),
    ('grant = ["college:producers"]', "", "theatre", "opera", True),
    ('grant = ["college:producers"]', "", "radio", "opera", False),
    ('grant = ["purpose:evaluation"]', "", "region", "opera", True),
    ('grant = ["purpose:evaluation"]', "", "agency", "opera", False),
    ('grant = ["all"]\ndeny = ["agency"]', "", "agency", "opera", False),
    ('grant = ["all"]', 'sharing = {deny = ["region"]}', "region", "opera", False),
    ('grant = ["all"]', 'sharing = {deny = ["region"]}', "region", "theatre", True),
    ('grant = ["all"]', 'sharing = {deny = ["all"]}', "opera", "opera", True),
    ('grant = ["all"]', 'sharing = {grant = ["members"]}', "region", "opera", False),  # the narrower grant counts
    ('grant = ["members"]', 'sharing = {grant = ["all"]}', "region", "opera", True),
    ('grant = ["all"]', 'sharing = {tables = {family = {grant = ["theatre"]}}}', "radio", "opera", False),
    ('grant = ["all"]', 'sharing = {tables = {family = {grant = ["theatre"]}}}', "theatre", "opera", True),
    ('grant = ["all"]', "sharing = {tables = {loyalty = {grant = []}}}", "region", "opera", True),
    # a wider denial stands, whatever a narrower line grants
    ('grant = ["all"]\ndeny = ["region"]', 'sharing = {grant = ["region"]}', "region", "opera", False),
    ('grant = ["all"]', 'sharing = {deny = ["radio"], tables = {family = {grant = ["radio"]}}}', "radio", "opera", False),
]  # fmt: skip


@pytest.mark.parametrize(("sharing", "opera", "who", "venue", "seen"), WHO_SEES)
def test_who_sees_what(sharing, opera, who, venue, seen):
    told = read(written(sharing).replace("[venues.opera]\n", f"[venues.opera]\n{opera}\n"), POLICY)
    assert (sees(told, who, venue) is not None) == seen


def test_figures_are_seen_once_their_embargo_is_over():
    text = written('grant = ["all"]\nembargo_days = 30')
    text = text.replace("[venues.opera]\n", "[venues.opera]\nsharing = {tables = {family = {embargo_days = 90}}}\n")
    told = read(text, POLICY)
    assert sees(told, "region", "theatre") == TODAY - timedelta(30)
    assert sees(told, "region", "opera", "loyalty") == TODAY - timedelta(30)
    assert sees(told, "region", "opera", "family") == TODAY - timedelta(90)
    assert sees(told, "opera", "opera", "family") == date.max


def test_a_partners_own_entry_bounds_what_is_shared_with_it(tmp_path):
    told = agreed(
        more="""
[partners.town]
name = "Ville"
purpose = "statistics"
until = 2026-12-31
tables = {grant = ["all"], deny = ["loyalty"]}
venues = {grant = ["theatre"]}
"""
    )
    assert {s.venue for s in access(told, "town", TODAY).shared} == {"theatre"}
    assert {s.table for s in access(told, "town", TODAY).shared} == {*TABLES, "reach"} - {"loyalty"}
    with pytest.raises(GovernanceRefusal, match="ended"):
        access(told, "town", date(2027, 1, 1))
    with pytest.raises(GovernanceRefusal, match="no partner"):
        access(told, "nobody", TODAY)


names = st.sampled_from(["all", "members", "partners", "region", "radio", "college:media", "purpose:campaign"])
lists = st.lists(names, max_size=3)


@given(lists, lists, st.none() | lists, lists, names)
def test_one_denial_more_never_shows_more(grant, deny, own_grant, own_deny, added):
    def text(more: list[str]) -> str:
        own = f"deny = {json.dumps(own_deny + more)}" + (f", grant = {json.dumps(own_grant)}" if own_grant else "")
        text = written(f"grant = {json.dumps(grant)}\ndeny = {json.dumps(deny)}")
        return text.replace("[venues.opera]\n", f"[venues.opera]\nsharing = {{{own}}}\n")

    before, after = read(text([]), POLICY), read(text([added]), POLICY)
    for who in (*VENUES, "region", "agency"):
        assert set(access(after, who, TODAY).shared) <= set(access(before, who, TODAY).shared)


WRONG = [
    ("[policy]\nk = 11", "[policy]\nk = 1", "policy.k"),
    ('k_rule = "certain"', 'k_rule = "never"', "policy.k_rule"),
    ('grant = ["all"]\n', 'grant = ["al"]\n', "sharing: nothing here is called al"),
    ('college = "media"', 'college = "medias"', "venues.radio.college"),
    ('purpose = "campaign"', 'purpose = "selling"', "partners.agency.purpose"),
    ("until = 2027-08-31", 'until = "soon"', "partners.region.until"),
    ('tables = {grant = ["all"]}', 'tables = {grant = ["all"], deny = ["loyalt"]}', "partners.region.tables"),
    (
        "[venues.radio]\n",
        "[venues.radio]\nsharing = {tables = {tariffs = {deny = []}}}\n",
        "venues.radio.sharing.tables",
    ),
    ("[venues.radio]\n", '[venues.radio]\napproval = "manual"\n', "venues.radio.approvers"),
    ("[venues.radio]\n", "[venues.radio]\nembargo = 3\n", "venues.radio.embargo"),
    ("[venues.radio]\n", "[venues.radio\n", "line"),
    ("[venues.radio]\n", "[venues.Radio]\n", "venues.Radio.id"),
    (f'"{"ab" * 32}"', '"ab"', "venues.theatre.public_key"),
]


@pytest.mark.parametrize(("before", "after", "told"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_guessed(before, after, told):
    text = written('grant = ["all"]\nembargo_days = 0')
    assert before in text
    with pytest.raises(Fault, match=r"governance\.toml") as fault:
        read(text.replace(before, after, 1), POLICY)
    assert told in fault.value.en
    assert told in fault.value.fr


def test_it_is_told_in_sentences():
    text = written('grant = ["members"]').replace(
        "[venues.opera]\n",
        '[venues.opera]\napproval = "manual"\napprovers = ["Claire Martin", "Yves Le Bras"]\n'
        'sharing = {embargo_days = 60, tables = {family = {grant = ["region"]}}}\n',
    )
    told = tell(read(text, POLICY), POLICY, date(2027, 8, 20))
    fr, en = ("\n".join(getattr(s, language) for s in told) for language in ("fr", "en"))
    assert "Une publication promet au moins 11 personnes par case (à coup sûr)" in fr
    assert "Lieux et festivals : Theatre, Opera et Museum." in fr
    assert "Chaque membre voit toutes les tables de : Theatre, Museum et Radio." in fr
    assert "Chaque membre voit toutes les tables sauf family de : Opera, 60 jours après la période." in fr
    assert (
        "Region, to “Evaluate cultural policy”, until 2027-08-31, sees the table family of Opera, 60 days after" in en
    )
    assert "sees nothing of Theatre, Museum and Radio." in en
    assert "Agency sees nothing at all." in en
    assert "The access of Region ends in 11 days." in en
    assert "A release of Opera waits for approval by Claire Martin or Yves Le Bras." in en
    assert "Une publication de Opera attend l’accord de Claire Martin ou Yves Le Bras." in fr
    assert {s.part for s in told} == {"heading", "fact", "warning"}


def test_what_would_refuse_everything_is_warned_of():
    weak = first_lines().replace("k = 11", "k = 40").replace('epsilon = "4"', 'epsilon = "1"')
    told = [s.en for s in tell(read(weak, POLICY), POLICY, TODAY) if s.part == "warning"]
    assert len(told) == 2
    assert all("refused" in sentence for sentence in told)


@pytest.fixture
def joined(tmp_path: Path) -> tuple[Hub, Venue]:
    """A hub whose file somebody has written in, and a member of it."""
    hub = Hub(tmp_path / "hub")
    venue = add_venue(Venue("theatre", "Théâtre du Port", "theatre", "75056", folder=tmp_path / "venues" / "theatre"))
    hub.folder.mkdir()
    hub.governance.write_text(first_lines() + "\n# agreed on 3 May\n", "utf-8")
    register(hub, id=venue.id, name=venue.name, kind=venue.kind, commune=venue.commune, public_key=venue.public_key)
    return hub, venue


def test_a_venue_renews_its_key_and_the_file_keeps_what_people_wrote(joined):
    hub, venue = joined
    old = venue.public_key
    statement = renew_key(venue)
    new = read_venue(venue.folder).public_key
    assert new != old
    assert (venue.folder / "keys" / "signing.key").stat().st_mode & 0o077 == 0
    for _ in range(2):
        member = take_key(hub, statement)
        assert member.public_key == new
        assert [(k.public_key, k.revoked) for k in member.former_keys] == [(old, False)]
    text = hub.governance.read_text("utf-8")
    assert "# agreed on 3 May" in text
    assert text.startswith(first_lines()[:200])
    assert member.former_keys[0].until == datetime.now(UTC).date()
    revoke_key(hub, "theatre", old)
    assert governance(hub).venues["theatre"].keys == (new,)
    again = renew_key(venue)
    assert len(take_key(hub, again).former_keys) == 2
    with pytest.raises(GovernanceRefusal, match="not the key of theatre now"):
        take_key(hub, statement)  # an old statement brings no old key back


def test_a_key_that_its_predecessor_did_not_sign_is_not_taken(joined, tmp_path):
    hub, venue = joined
    stranger = add_venue(Venue("other", "x", "x", "75056", folder=tmp_path / "venues" / "other"))
    told = json.loads(renew_key(stranger).read_bytes())
    forged = tmp_path / "forged.json"
    for change in (
        {"venue": {"id": "theatre"}},
        {"venue": {"id": "theatre"}, "old": venue.public_key},
        {"new": "00" * 32},
    ):
        forged.write_text(json.dumps(told | change, sort_keys=True, separators=(",", ":")))
        with pytest.raises((VerificationRefusal, GovernanceRefusal)):
            take_key(hub, forged)
    forged.write_text("no JSON")
    with pytest.raises(Fault, match="no statement"):
        take_key(hub, forged)
    with pytest.raises(GovernanceRefusal, match="no former key"):
        revoke_key(hub, "theatre", venue.public_key)
    with pytest.raises(GovernanceRefusal, match="not a member"):
        revoke_key(hub, "nobody", venue.public_key)
    assert governance(hub).venues["theatre"].public_key == venue.public_key


def test_a_renewal_that_was_killed_goes_on_with_the_same_key(joined):
    _, venue = joined
    (venue.folder / "keys" / "signing.key.new").write_text("5a" * 32)
    renew_key(venue)
    assert venue.signing_key == bytes.fromhex("5a" * 32)
    assert not (venue.folder / "keys" / "signing.key.new").exists()


def test_what_would_make_the_file_unreadable_is_not_written(joined):
    hub, _ = joined
    before = hub.governance.read_bytes()
    told = {"name": "x", "until": date(2027, 1, 1), "tables": {"grant": ("all",)}, "venues": {"grant": ("all",)}}
    with pytest.raises(Fault, match="purpose"):
        add_partner(hub, "someone", purpose="nothing", **told)
    with pytest.raises(Fault, match="lower-case"):
        add_partner(hub, "So", purpose="statistics", **told)
    assert hub.governance.read_bytes() == before
    add_partner(hub, "someone", purpose="statistics", **told)
    with pytest.raises(GovernanceRefusal, match="there already"):
        add_partner(hub, "someone", purpose="statistics", **told)
