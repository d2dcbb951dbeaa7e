"""The catalogue: valid by schemas nobody here wrote, in both languages, true of the lake, without a figure."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator, Draft202012Validator
from pyshacl import validate
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, ODRL2, RDF, RDFS, SH, SKOS
from referencing import Registry, Resource

from privacy.errors import Fault
from privacy.release import deliver
from tests.releases import sender, small_policy
from tests.servers import Backend
from tests.test_registry import SCHEMA
from warehouse.amendments import register
from warehouse.catalogue.build import write_catalogue
from warehouse.catalogue.contract import contract
from warehouse.catalogue.dcat import DCAT, graph
from warehouse.catalogue.products import read_catalogue
from warehouse.catalogue.settings import NOWHERE, Settings, read_settings
from warehouse.catalogue.terms import CONTEXT, library, offers
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query

STANDARDS = Path(__file__).parent / "standards"
BASE = "https://audiences.example.org/catalogue/"
TOML = f'base = "{BASE}"\npublisher = "Scènes du <littoral>"\nemail = "donnees@example.org"\nsql = "quack:sql.example.org:443"\ndataspace = "https://hub.example.org"\n'
TABLES = ("provenance", "family", "admissions")
LIST = "http://publications.europa.eu/resource/authority/"


def hub_of(home: Path, backend: Backend, people: int) -> Hub:
    """A theatre with a quarter and a season, a festival with a quarter of less, a member that is silent."""
    hub, policy = backend.hub(home / "hub"), small_policy(*TABLES)
    large = sender(home, name="Théâtre « du » Port", publishes=("transactions", "counts"), policy=policy)
    small = sender(home, "festival", name="Festival", kind="festival", policy=policy)
    for s, periods in ((large, ("2025-2026-T3", "2025-2026")), (small, ("2025-2026-T3",))):
        s.join(hub)
        for period in periods:
            deliver(s.release(period, people=people).folder, hub.inbox)
    register(hub, id="silent", name="Silencieux", kind="museum", commune="69123", public_key="00" * 32)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    (hub.folder / "catalogue.toml").write_text(TOML, "utf-8")
    return hub


def texts(hub: Hub, snapshot: int | None = None) -> dict[str, str]:
    written = write_catalogue(hub, snapshot=snapshot)
    return {p.relative_to(hub.folder / "catalogue").as_posix(): p.read_text("utf-8") for p in written}


pytestmark = pytest.mark.slow  # a hub of its own, and shapes of hundreds of rules


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Hub:
    return hub_of(tmp_path_factory.mktemp("home"), backend, 1500)


@pytest.fixture(scope="module")
def files(hub: Hub) -> dict[str, str]:
    return texts(hub)


@pytest.fixture(scope="module")
def told(files: dict[str, str]) -> Graph:
    return Graph().parse(data=files["catalogue.ttl"], format="turtle")


def shapes(name: str) -> tuple[Graph, int]:
    """DCAT-AP's shapes without the names of property shapes that the file does not describe, and how many those are."""
    read = Graph().parse(STANDARDS / "dcat-ap" / name)
    empty = [t for t in read.triples((None, SH.property, None)) if (t[2], None, None) not in read]
    for triple in empty:
        read.remove(triple)
    return read, len(empty)


def conforms(data: Graph, name: str) -> tuple[bool, str]:
    ok, _, report = validate(data, shacl_graph=shapes(name)[0], inference="none")
    return ok, report


def contracts(files: dict[str, str], folder: str = "contracts") -> dict[str, dict[str, Any]]:
    return {Path(n).stem: yaml.safe_load(text) for n, text in files.items() if n.startswith(folder)}


@pytest.mark.parametrize("name", ["dcat-ap-SHACL.ttl", "ranges.ttl"])
def test_it_conforms_to_dcat_ap(told: Graph, name: str) -> None:
    ok, report = conforms(told, name)
    assert ok, report


def test_only_two_of_the_official_shapes_are_left_out() -> None:
    read, left = shapes("dcat-ap-SHACL.ttl")
    assert left == 2
    assert len(set(read.objects(None, SH.property))) == 290


@pytest.mark.parametrize(("subject", "predicate"), [
    (None, DCTERMS.title), (URIRef(f"{BASE}#catalogue"), DCTERMS.publisher), (None, DCAT.accessURL),
    (URIRef(f"{BASE}#service"), DCTERMS.title), (None, FOAF.name),
])  # fmt: skip
def test_a_spoilt_catalogue_does_not_conform(told: Graph, subject: URIRef | None, predicate: URIRef) -> None:
    spoilt = Graph() + told
    spoilt.remove((subject, predicate, None))
    assert len(spoilt) < len(told)
    assert not conforms(spoilt, "dcat-ap-SHACL.ttl")[0]


def test_turtle_and_json_ld_say_the_same(files: dict[str, str], told: Graph, hub: Hub) -> None:
    other = Graph().parse(data=files["catalogue.jsonld"], format="json-ld")
    assert set(other) == set(told) == set(graph(read_catalogue(hub)))
    assert not [node for triple in told for node in triple if isinstance(node, BNode)]


def test_everything_a_reader_meets_is_in_french_and_english(told: Graph) -> None:
    said = {DCTERMS.title, DCTERMS.description, RDFS.label, SKOS.prefLabel, SKOS.definition, DCAT.keyword}
    ours = [(s, p) for s, p, _ in told if p in said and str(s).startswith(BASE)]
    assert len(ours) > 100
    for subject, predicate in ours:
        languages = {o.language for o in told.objects(subject, predicate) if isinstance(o, Literal)}
        assert languages == {"fr", "en"}, (subject, predicate)


def test_a_product_tells_what_a_portal_asks(told: Graph) -> None:
    product = URIRef(f"{BASE}#product-family")
    assert set(told.objects(URIRef(f"{BASE}#catalogue"), DCAT.dataset)) == {
        URIRef(f"{BASE}#product-{t}") for t in TABLES
    }
    assert Literal("Genres attended, by origin", lang="en") in set(told.objects(product, DCTERMS.title))
    for predicate, value in (
        (DCTERMS.accessRights, "access-right/RESTRICTED"), (DCTERMS.accrualPeriodicity, "frequency/QUARTERLY"),
        (DCAT.theme, "data-theme/EDUC"), (DCTERMS.spatial, "country/FRA"),
    ):  # fmt: skip
        assert URIRef(LIST + value) in set(told.objects(product, predicate))
    periods = {str(p).rpartition("#")[2]: p for p in told.objects(product, DCTERMS.temporal)}
    assert set(periods) == {"period-2025-2026-T3", "period-2025-2026"}
    season = [told.value(periods["period-2025-2026"], edge) for edge in (DCAT.startDate, DCAT.endDate)]
    assert [edge.toPython() for edge in season if isinstance(edge, Literal)] == [date(2025, 9, 1), date(2026, 8, 31)]
    assert {str(told.value(v, FOAF.name)) for v in told.objects(product, DCTERMS.creator)} == {
        "Théâtre « du » Port",
        "Festival",
    }
    ways = ("extract-family-csv", "extract-family-parquet", "sql-family", "pull-family")
    assert set(told.objects(product, DCAT.distribution)) == {URIRef(f"{BASE}#{way}") for way in ways}
    assert set(told.objects(product, ODRL2.hasPolicy)) == {URIRef(f"{BASE}#terms-{t.name}") for t in library()}
    promise = told.value(product, DCTERMS.provenance)
    (said,) = [str(o) for o in told.objects(promise, RDFS.label) if isinstance(o, Literal) and o.language == "en"]
    assert said.startswith("Differentially private: ε = 4 and δ = 1e-07 at most, per person, venue and season")
    assert "At least 11 people a cell" in said
    assert "Without people who may be minors." in said
    assert not re.search("anonym", "".join(map(str, told.objects())), re.IGNORECASE)


def test_it_names_only_those_who_published_and_what_they_published(files: dict[str, str]) -> None:
    assert not any("ilencieux" in text or "69123" in text for text in files.values())
    held = {
        name: {
            (h["venue"], h["period"]) for p in made["customProperties"] if p["property"] == "held" for h in p["value"]
        }
        for name, made in contracts(files).items()
    }
    theatre = {("theatre", "2025-2026"), ("theatre", "2025-2026-T3")}
    assert held == {
        "provenance": theatre | {("festival", "2025-2026-T3")},
        "family": theatre | {("festival", "2025-2026-T3")},
        "admissions": theatre,
    }


def test_versions_are_states_of_the_lake_and_can_be_told_again(hub: Hub, files: dict[str, str], told: Graph) -> None:
    version = int(str(told.value(URIRef(f"{BASE}#product-family"), DCAT.version)))
    register(hub, id="later", name="Plus tard", kind="opera", commune="75056", public_key="11" * 32)
    assert texts(hub, snapshot=version) == files
    assert texts(hub)["catalogue.ttl"] != files["catalogue.ttl"]  # another state, the same holdings


def test_a_catalogue_holds_no_figure(hub: Hub, files: dict[str, str], tmp_path: Path, backend: Backend) -> None:
    """A fifth of the audience, which shows other cells and other numbers, is told by the same bytes."""
    other = hub_of(tmp_path, backend, 300)
    shown = [query(h, "select count(*) from family where published").item() for h in (hub, other)]
    assert shown[0] > shown[1]
    now = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")

    def still(made: dict[str, str]) -> dict[str, str]:
        numbers = now.sub("NOW", made["catalogue.ttl"]), now.sub("NOW", made["catalogue.jsonld"])
        return made | {"catalogue.ttl": numbers[0], "catalogue.jsonld": numbers[1]}

    assert still(texts(other)) == still(files)


def test_no_value_of_the_lake_is_in_it(hub: Hub, files: dict[str, str]) -> None:
    everything = set(re.findall(r"\d+(?:\.\d+)?", "\n".join(files.values())))
    values: set[float] = set()
    with open_lake(hub, read_only=True) as lake:
        for table, measure in (("provenance", "people"), ("family", "tickets"), ("admissions", "admissions")):
            for view in (table, f"{table}_totals"):
                rows = lake.execute(f"select {measure}, {measure}_se from {view} where {measure} > 100").fetchall()
                values |= {value for row in rows for value in row}
    assert len(values) > 50
    for value in values:
        assert not {str(value), f"{value:.1f}", f"{value:.2f}"} & everything


def schema(path: str) -> dict[str, Any]:
    return json.loads((STANDARDS / path).read_text("utf-8"))


def test_contracts_fit_the_open_data_contract_standard(files: dict[str, str]) -> None:
    validator = Draft201909Validator(schema("odcs/odcs-json-schema-v3.1.0.json"))
    made = contracts(files)
    assert set(made) == set(TABLES)
    for one in made.values():
        validator.validate(one)
    assert not validator.is_valid(made["family"] | {"kind": "Promise"})
    assert not validator.is_valid(made["family"] | {"slaProperties": [{"property": "frequency"}]})
    spoilt = made["family"]["schema"][0] | {"quality": [{"metric": "beauty", "mustBe": 0}]}
    assert not validator.is_valid(made["family"] | {"schema": [spoilt]})


def test_contracts_describe_the_views_as_they_are(hub: Hub, files: dict[str, str]) -> None:
    with open_lake(hub, read_only=True) as lake:
        for name, made in contracts(files).items():
            assert [view["name"] for view in made["schema"]] == [name, f"{name}_totals"]
            for view in made["schema"]:
                types = {row[0]: row[1] for row in lake.execute(f"describe {view['name']}").fetchall()}
                assert {p["name"]: p["physicalType"] for p in view["properties"]} == types
                assert all(" / " in p["description"] for p in view["properties"])


def test_the_quality_that_contracts_promise_holds_of_the_lake(hub: Hub, files: dict[str, str]) -> None:
    must: list[str] = []
    for view in (view for made in contracts(files).values() for view in made["schema"]):
        name, rules = view["name"], view["quality"]
        never_empty = [p["name"] for p in view["properties"] if p.get("quality")]
        assert {"venue", "period", "published"} <= set(never_empty)
        must += [f"select count(*) from {name} where {column} is null" for column in never_empty]
        keys = ", ".join(rules[0]["arguments"]["properties"])
        must.append(f"select count(*) from (select {keys} from {name} group by all having count(*) > 1)")
        must += [rule["query"] for rule in rules[1:]]
    with open_lake(hub, read_only=True) as lake:
        assert {sql: lake.execute(sql).fetchone() for sql in must} == dict.fromkeys(must, (0,))


def test_privacy_records_fit_the_registry_and_are_of_their_product(files: dict[str, str]) -> None:
    made = contracts(files, "privacy")
    units = {name: one["deployment"]["privacy_loss"]["privacy_unit"] for name, one in made.items()}
    assert units == dict.fromkeys(("provenance", "family"), "person-venue-season") | {
        "admissions": "admission-venue-season"
    }
    assert "genres attended" in made["family"]["deployment"]["basic"]["description"]
    assert len({one["url_slug"] for one in made.values()}) == len(TABLES)
    if not SCHEMA.exists():
        pytest.skip("the registry's schema is not beside this repository")
    for one in made.values():
        Draft202012Validator(
            yaml.safe_load(SCHEMA.read_text("utf-8")), format_checker=Draft202012Validator.FORMAT_CHECKER
        ).validate(one)


@pytest.fixture(scope="module")
def offer() -> Draft201909Validator:
    """The Dataspace Protocol's own schema of an offer within a catalogue."""
    known = [schema(f"dsp/{name}-schema.json") for name in ("contract", "dataset", "context")]
    registry = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in known)
    return Draft201909Validator({"$ref": f"{known[0]['$id']}#/definitions/Offer"}, registry=registry)


def test_terms_are_offers_of_the_dataspace_protocol(offer: Draft201909Validator) -> None:
    made = offers(Settings(base=BASE))
    assert [o["@id"] for o in made] == [
        f"{BASE}#terms-{t}" for t in ("comparison", "evaluation", "statistics", "campaign")
    ]
    for one in made:
        offer.validate(one)
        assert not offer.is_valid(one | {"target": BASE})
        assert not offer.is_valid({k: v for k, v in one.items() if k not in ("permission", "prohibition")})


def test_terms_mean_the_same_in_the_protocols_context(told: Graph) -> None:
    """What a dataspace reads in its own context is in our graph: no word of it is lost or means something else."""
    context = schema("dsp/odrl.jsonld")["@context"]
    read = Graph().parse(
        data=json.dumps({"@context": context, "@graph": offers(Settings(base=BASE))}), format="json-ld"
    )
    assert len(read) > 100
    assert set(read) <= set(told)
    assert {p for _, p, _ in told if p in ODRL2} - {p for _, p, _ in read} == {
        ODRL2.conflict,
        ODRL2.includedIn,
        ODRL2.hasPolicy,
    }


def test_every_word_of_odrl_is_odrls(told: Graph) -> None:
    words = {node for triple in told for node in triple if str(node).startswith(CONTEXT["odrl"])}
    assert len(words) > 20
    assert all(word in ODRL2 for word in words)
    assert URIRef(f"{CONTEXT['odrl']}reidentify") not in ODRL2


def test_all_terms_forbid_singling_out_and_ask_for_margins(told: Graph) -> None:
    for terms in library():
        one = URIRef(f"{BASE}#terms-{terms.name}")
        forbidden = {told.value(rule, ODRL2.action) for rule in told.objects(one, ODRL2.prohibition)}
        assert {URIRef(f"{BASE}#action-single-out"), URIRef(f"{BASE}#action-enrich"), ODRL2.sell} <= forbidden
        due = {told.value(rule, ODRL2.action) for rule in told.objects(one, ODRL2.obligation)}
        assert {URIRef(f"{BASE}#action-tell-margins"), ODRL2.attribute, ODRL2.inform} <= due
        assert (ODRL2.distribute in forbidden) == (terms.name in ("comparison", "campaign"))
        for permission in told.objects(one, ODRL2.permission):
            only = told.value(permission, ODRL2.constraint)
            assert told.value(only, ODRL2.leftOperand) == ODRL2.purpose
            assert told.value(only, ODRL2.rightOperand) == URIRef(f"{BASE}#purpose-{terms.name}")
    for action in told.subjects(RDF.type, ODRL2.Action):
        assert told.value(action, ODRL2.includedIn) in ODRL2


def test_the_page_is_for_people(files: dict[str, str]) -> None:
    page = files["index.html"]
    assert "Scènes du &lt;littoral&gt;" in page
    assert "<littoral>" not in page
    assert "<script" not in page
    for name in re.findall(r'href="([^"#:]+)"', page):
        assert name in files
    for terms in library():
        assert f'id="terms-{terms.name}"' in page
        assert all(rule.text[0] in page and rule.text[1] in page for rule in terms.rules)


def test_mining_is_reserved_unless_the_hub_says_otherwise(hub: Hub, files: dict[str, str], told: Graph) -> None:
    tdm = URIRef("http://www.w3.org/ns/tdmrep#reservation")
    entries = {*told.subjects(RDF.type, DCAT.Dataset), *told.subjects(RDF.type, DCAT.Catalog)}
    assert set(told.subjects(tdm, Literal(1))) >= entries
    assert len(entries) > 3
    assert '<meta name="tdm-reservation" content="1">' in files["index.html"]
    settings = hub.folder / "catalogue.toml"
    settings.write_text(f'{TOML}\ntext_and_data_mining = "allowed"\n', "utf-8")
    (said,) = json.loads(texts(hub)[".well-known/tdmrep.json"])
    settings.write_text(TOML, "utf-8")
    assert (said["tdm-reservation"], said["location"][-1]) == (0, "*")


def test_a_hub_that_holds_nothing_has_a_valid_catalogue(tmp_path: Path) -> None:
    made = texts(Hub(tmp_path / "hub"))
    assert set(made) == {"index.html", "catalogue.ttl", "catalogue.jsonld", ".well-known/tdmrep.json"}
    assert conforms(Graph().parse(data=made["catalogue.ttl"]), "dcat-ap-SHACL.ttl")[0]
    assert NOWHERE in made["catalogue.ttl"]
    assert "n’est pas donnée dans catalogue.toml" in made["index.html"]


def test_an_old_catalogue_stays_until_the_new_one_is_whole(
    hub: Hub, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = texts(hub)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("warehouse.catalogue.build.swap", dies)
    with pytest.raises(KeyboardInterrupt):
        write_catalogue(hub)
    assert {n: (hub.folder / "catalogue" / n).read_text("utf-8") for n in files} == before


@pytest.mark.parametrize("line", [
    'base = "https://example.org/no-slash"', 'base = "ftp://example.org/"', 'base = "https://example.org/?q=1/"',
    'email = "nobody"', 'sql = "https://example.org"', 'licence = "free"', "publisher = ", 'theme = "culture"',
])  # fmt: skip
def test_a_wrong_line_of_catalogue_toml_is_named_and_not_quoted(tmp_path: Path, line: str) -> None:
    (tmp_path / "catalogue.toml").write_text(line, "utf-8")
    with pytest.raises(Fault) as fault:
        read_settings(Hub(tmp_path))
    assert "catalogue.toml" in fault.value.en
    assert ("Invalid value" if line.endswith("= ") else line.split(maxsplit=1)[0]) in fault.value.fr
    assert '"' not in line or line.split('"')[1] not in fault.value.en


def test_without_a_server_or_an_address_none_is_told(hub: Hub) -> None:
    catalogue = read_catalogue(hub)
    bare = type(catalogue)(
        Settings(base=BASE),
        *(getattr(catalogue, n) for n in ("snapshot", "policy", "members", "products", "keep_days")),
    )
    made = graph(bare)
    assert conforms(made, "dcat-ap-SHACL.ttl")[0]
    assert not set(made.subjects(RDF.type, DCAT.DataService))
    assert not set(made.objects(None, DCAT.contactPoint))
    assert not {"servers", "support"} & set(contract(bare, bare.products[0]))
