"""The catalogue in DCAT-AP 3.0.1, with its terms in ODRL: one RDF graph, of which Turtle and JSON-LD are two spellings.

Everything has an IRI, none is a blank node, so that the same state of the lake gives the same bytes. Concepts of
the EU's lists are typed as the profile asks, and no more is said of them than its validation reads.
"""

from __future__ import annotations

import json
from typing import Any

from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, FOAF, ODRL2, RDF, RDFS, SKOS, XSD

from warehouse.catalogue.products import Catalogue, Product
from warehouse.catalogue.terms import CONTEXT, actions, library, offers
from warehouse.catalogue.words import Both, about, joined, promise, say

DCAT = Namespace("http://www.w3.org/ns/dcat#")  # rdflib's own is of DCAT 2
_EU = Namespace("http://publications.europa.eu/resource/authority/")
_ADMS = Namespace("http://www.w3.org/ns/adms#")
_TDM = Namespace("http://www.w3.org/ns/tdmrep#")
_VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
_THEMES, _CULTURE = _EU["data-theme"], _EU["data-theme/EDUC"]
_LISTED: dict[str, tuple[URIRef, URIRef]] = {  # what is from the EU's lists, and its class
    "language": (_EU["language/FRA"], DCTERMS.LinguisticSystem),
    "english": (_EU["language/ENG"], DCTERMS.LinguisticSystem),
    "country": (_EU["country/FRA"], DCTERMS.Location),
    "frequency": (_EU["frequency/QUARTERLY"], DCTERMS.Frequency),
    "access": (_EU["access-right/RESTRICTED"], DCTERMS.RightsStatement),
}
_FORMS = {"Parquet": ("PARQUET", "application/vnd.apache.parquet"), "CSV": ("CSV", "text/csv")}
_KEYWORDS = {"service": ("SQL", "SQL"), "dataspace": ("Dataspace Protocol", "Dataspace Protocol")}
_MEDIA = "https://www.iana.org/assignments/media-types/"
_PROFILE = URIRef("https://semiceu.github.io/DCAT-AP/releases/3.0.1")


_PREFIXES = {
    "adms": _ADMS,
    "dcat": DCAT,
    "dct": DCTERMS,
    "foaf": FOAF,
    "odrl": ODRL2,
    "rdfs": RDFS,
    "skos": SKOS,
    "tdm": _TDM,
    "vcard": _VCARD,
    "xsd": XSD,
}


class _Writing:
    """The graph while it is made."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.of, self.graph = catalogue, Graph(bind_namespaces="none")

    def iri(self, kind: str, name: str = "") -> URIRef:
        return URIRef(self.of.settings.iri(kind, name))

    def add(self, thing: URIRef, kind: URIRef | None, *told: tuple[URIRef, Any]) -> URIRef:
        """Say things of one thing; a pair of texts is said in both languages."""
        if kind is not None:
            self.graph.add((thing, RDF.type, kind))
        for predicate, value in told:
            if isinstance(value, tuple):
                for text, language in zip(value, ("fr", "en"), strict=True):
                    self.graph.add((thing, predicate, Literal(text, lang=language)))
            else:
                self.graph.add((thing, predicate, value if isinstance(value, URIRef) else Literal(value)))
        return thing

    def listed(self, name: str) -> URIRef:
        """Return a concept of the EU's lists, with its class."""
        return self.add(*_LISTED[name])


def graph(catalogue: Catalogue) -> Graph:
    """Return the whole catalogue as RDF."""
    w, settings = _Writing(catalogue), catalogue.settings
    publisher = w.add(w.iri("publisher"), FOAF.Organization, (RDF.type, FOAF.Agent), (FOAF.name, settings.publisher))
    common: list[tuple[URIRef, Any]] = [
        (DCTERMS.publisher, publisher), (DCAT.theme, w.add(_CULTURE, SKOS.Concept, (SKOS.prefLabel, (
            "Éducation, culture et sport", "Education, culture and sport")), (SKOS.inScheme, _THEMES))),
        (DCTERMS.language, w.listed("language")), (DCTERMS.language, w.listed("english")),
        (_TDM.reservation, settings.reservation),
    ]  # fmt: skip
    if settings.email:
        mail = URIRef(f"mailto:{settings.email}")
        told = (RDF.type, _VCARD.Kind), (_VCARD.fn, settings.publisher), (_VCARD.hasEmail, mail)
        common.append((DCAT.contactPoint, w.add(w.iri("contact"), _VCARD.Organization, *told)))
    _terms(w)
    datasets = [_dataset(w, product, common) for product in catalogue.products]
    home = w.add(URIRef(settings.base), FOAF.Document)
    w.add(_THEMES, SKOS.ConceptScheme, (DCTERMS.title, ("Thème de données", "Data theme")))
    root = w.add(
        w.iri("catalogue"), DCAT.Catalog, *common, (DCTERMS.title, say("title", publisher=settings.publisher)),
        (DCTERMS.description, say("about")), (DCTERMS.spatial, w.listed("country")), (DCAT.themeTaxonomy, _THEMES),
        (DCTERMS.modified, Literal(catalogue.snapshot.at.replace(microsecond=0))), (FOAF.homepage, home),
        (DCTERMS.conformsTo, w.add(_PROFILE, DCTERMS.Standard, (DCTERMS.title, Literal("DCAT-AP 3.0.1")))),
        *((DCAT.dataset, dataset) for dataset in datasets),
    )  # fmt: skip
    if settings.licence:
        w.add(root, None, (DCTERMS.license, w.add(URIRef(settings.licence), DCTERMS.LicenseDocument)))
    for service in _services(w, datasets, common):
        w.add(root, None, (DCAT.service, service))
    for prefix, space in _PREFIXES.items():
        w.graph.bind(prefix, space, replace=True)
    return w.graph


def turtle(made: Graph) -> str:
    """Return a graph as Turtle."""
    return made.serialize(format="turtle")


def json_ld(made: Graph) -> str:
    """Return a graph as JSON-LD, in one order: what has no order in RDF is sorted."""
    context = {prefix: str(space) for prefix, space in _PREFIXES.items()}
    text = made.serialize(format="json-ld", context=context)
    return json.dumps(_sorted(json.loads(text)), ensure_ascii=False, indent=1)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def _dataset(w: _Writing, product: Product, common: list[tuple[URIRef, Any]]) -> URIRef:
    table, catalogue, base = product.table, w.of, w.of.settings.base
    days = sorted(h.published for h in product.holdings)
    named: Both = table.fr, table.en
    contract = w.add(
        URIRef(f"{base}contracts/{table.name}.yaml"), DCTERMS.Standard, (DCTERMS.title, say("contract", title=named))
    )
    record = w.add(
        URIRef(f"{base}privacy/{table.name}.yaml"), FOAF.Document, (DCTERMS.title, say("privacy", title=named))
    )
    provenance = w.add(w.iri("promise", table.name), DCTERMS.ProvenanceStatement, (RDFS.label, promise(product)))
    version = say("version", snapshot=catalogue.snapshot.id, days=catalogue.keep_days)
    return w.add(
        w.iri("product", table.name), DCAT.Dataset, *common, (DCTERMS.title, named), (DCTERMS.identifier, table.name),
        (DCTERMS.description, about(catalogue, product)), (DCTERMS.issued, days[0]), (DCTERMS.modified, days[-1]),
        (DCAT.version, str(catalogue.snapshot.id)), (_ADMS.versionNotes, version), (DCTERMS.conformsTo, contract),
        (FOAF.page, record), (DCTERMS.provenance, provenance), (DCTERMS.accessRights, w.listed("access")),
        (DCTERMS.accrualPeriodicity, w.listed("frequency")), (DCTERMS.spatial, w.listed("country")),
        (DCAT.temporalResolution, Literal("P3M", datatype=XSD.duration)), (DCAT.landingPage, URIRef(base)),
        *((DCAT.keyword, (x.fr, x.en)) for x in (*table.dimensions, *table.measures)),
        *((DCTERMS.temporal, _period(w, *period)) for period in product.periods.items()),
        *(told for venue in product.venues for told in _venue(w, venue)),
        *((ODRL2.hasPolicy, w.iri("terms", terms.name)) for terms in library()),
        *((DCAT.distribution, one) for one in _distributions(w, product)),
    )  # fmt: skip


def _period(w: _Writing, period: str, days: tuple[Any, Any]) -> URIRef:
    return w.add(w.iri("period", period), DCTERMS.PeriodOfTime, (DCAT.startDate, days[0]), (DCAT.endDate, days[1]))


def _venue(w: _Writing, name: str) -> list[tuple[URIRef, Any]]:
    member = w.of.members.get(name)
    if member is None:  # no longer a member; its releases are still held
        return []
    agent = w.add(w.iri("venue", name), FOAF.Organization, (RDF.type, FOAF.Agent), (FOAF.name, member.name))
    code = member.commune
    place = w.add(
        w.iri("commune", code), DCTERMS.Location, (DCTERMS.identifier, code), (RDFS.label, say("commune", code=code))
    )
    return [(DCTERMS.creator, agent), (DCTERMS.spatial, place)]


def _distributions(w: _Writing, product: Product) -> list[URIRef]:
    settings, name = w.of.settings, product.table.name
    titled: Both = product.table.fr, product.table.en
    rights = w.add(w.iri("rights"), DCTERMS.RightsStatement, (RDFS.label, say("rights")))
    made = [
        w.add(
            w.iri("extract", f"{name}-{form.lower()}"), DCAT.Distribution, (DCTERMS.rights, rights),
            (DCTERMS.title, joined(titled, say("extract", form=form), by=", ")), (DCAT.accessURL, URIRef(settings.base)),
            (DCTERMS["format"], w.add(_EU[f"file-type/{code}"], DCTERMS.MediaTypeOrExtent)),
            (DCAT.mediaType, w.add(URIRef(_MEDIA + media), DCTERMS.MediaType)),
        )
        for form, (code, media) in _FORMS.items()
    ]  # fmt: skip
    for kind, service, address in _doors(w):
        made.append(w.add(
            w.iri(kind, name), DCAT.Distribution, (DCTERMS.rights, rights), (DCTERMS.title, joined(titled, say(service), by=", ")),
            (DCAT.accessURL, URIRef(address)), (DCAT.accessService, w.iri(service)),
        ))  # fmt: skip
    return made


def _doors(w: _Writing) -> list[tuple[str, str, str]]:
    """Return how programs have figures: the kind of distribution, the service, its address."""
    settings = w.of.settings
    doors = ("sql", "service", settings.sql), ("pull", "dataspace", settings.endpoint)
    return [(kind, service, address) for kind, service, address in doors if address]


def _services(w: _Writing, datasets: list[URIRef], common: list[tuple[URIRef, Any]]) -> list[URIRef]:
    return [
        w.add(
            w.iri(service), DCAT.DataService, *common, (DCTERMS.title, say(service)),
            (DCAT.endpointURL, w.add(URIRef(address), RDFS.Resource)),  # as all things are; the profile's ranges want it said
            (DCTERMS.description, say(f"{service}_about", address=address)), (DCTERMS.accessRights, w.listed("access")),
            (DCAT.endpointDescription, w.add(URIRef(w.of.settings.base), RDFS.Resource)),
            (DCAT.keyword, _KEYWORDS[service]), *((DCAT.servesDataset, dataset) for dataset in datasets),
        )
        for _, service, address in _doors(w)
    ]  # fmt: skip


def _terms(w: _Writing) -> None:
    settings = w.of.settings
    document = {"@context": CONTEXT, "@graph": [*offers(settings), *actions(settings)]}
    w.graph.parse(data=json.dumps(document), format="json-ld")
    w.add(w.iri("members"), ODRL2.PartyCollection, (DCTERMS.title, say("members")))
    for terms in library():
        w.add(w.iri("purpose", terms.name), SKOS.Concept, (SKOS.prefLabel, terms.title), (SKOS.definition, terms.text))
