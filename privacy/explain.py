"""A policy or a release told in plain words, with its margins, in French or English.

Numbers come from the policy or the manifest, never from records. After PipelineDP's "explain computation".
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from privacy.buckets import scale, threshold
from privacy.declarations import EVERYONE, LEAVABLE
from privacy.plan import SketchPlan, TablePlan
from privacy.policy import Policy
from privacy.release import Release

_Z95 = 1.96

_POLICY = {
    "en": """\
Policy {name} (digest {digest}).
1. Who is protected: one person at one venue, with all their records, over a season (1 September to 31 August).
2. How much: everything published in a season is differentially private with epsilon = {epsilon}, delta = {delta}.
   Someone who goes to two venues is protected at each; for who reads both, the losses add up.
3. Nobody singled out: {k_rule}
4. Bounds: one person weighs at most one in a cell; in more cells than a table counts fully, a little less in each.
5. Noise: random numbers drawn once by OpenDP (discrete Gaussian), paid for before in the venue's ledger.
6. Calendar: each quarter takes {quarter} of the season's budget, the season itself {season}.
7. Left out: {left_out}.{sketches}""",
    "fr": """\
Politique {name} (empreinte {digest}).
1. Qui est protégé : une personne dans un lieu, avec tous ses enregistrements, sur une saison (1er septembre-31 août).
2. À quel point : tout ce qui est publié dans une saison est différentiellement privé, epsilon = {epsilon}, delta = {delta}.
   Une personne qui fréquente deux lieux est protégée dans chacun : les pertes s’ajoutent.
3. Personne n’est isolé : {k_rule}
4. Bornes : une personne compte au plus pour un dans une case ; dans plus de cases que prévu, un peu moins dans chacune.
5. Bruit : des nombres tirés au hasard une seule fois par OpenDP (gaussienne discrète), payés d’avance au registre du lieu.
6. Calendrier : chaque trimestre prend {quarter} du budget de la saison, la saison elle-même {season}.
7. Écartés : {left_out}.{sketches}""",
}
_LEFT_OUT = {
    ("en", "minors"): "people who may be under 18, of {tables}",
    ("fr", "minors"): "les personnes qui peuvent avoir moins de 18 ans, de {tables}",
    ("en", "sensitive"): "performances marked sensitive, of {tables}",
    ("fr", "sensitive"): "les représentations signalées sensibles, de {tables}",
    ("en", "none"): "nothing",
    ("fr", "none"): "rien",
}

_SKETCHES = {
    "en": """
8. Sketches ({names}), of venues that hold their cooperative's key: people with an e-mail address are hashed into
   {buckets} noisy counts, which tell how many people venues share, never who. The hub does not hold the key.""",
    "fr": """
8. Esquisses ({names}), des lieux qui détiennent la clé de leur coopérative : le public connu par une adresse électronique
   est réparti en {buckets} nombres bruités, qui disent combien de personnes des lieux partagent, jamais qui. Le hub n’a pas la clé.""",
}
_SKETCH = {
    "en": "{label}, {group}: each bucket ± {margin:.0f}; a part is shown above a noisy {least}{shown}",
    "fr": "{label}, {group} : chaque compartiment ± {margin:.0f} ; une partie est montrée au-dessus de {least}, bruit compris{shown}",
}
_EVERYONE = {"en": "everyone", "fr": "tout le public"}
_PARTS = {
    "en": "; {n} of {all} parts shown, the rest is not publishable",
    "fr": " ; {n} parties montrées sur {all}, le reste n’est pas publiable",
}

_K = {
    ("en", "certain"): "a figure is shown only if at least {k} people are behind it, for certain.",
    ("fr", "certain"): "un chiffre n’est montré que si au moins {k} personnes sont derrière, avec certitude.",
    ("en", "probable"): "a figure is shown only if it is very likely that at least {k} people are behind it.",
    ("fr", "probable"): "un chiffre n’est montré que si, très probablement, au moins {k} personnes sont derrière.",
}

_RELEASE = {
    "en": "Release {id} of {venue}: {period}, revision {revision}, published {day}, under policy {policy} ({digest}).",
    "fr": "Publication {id} de {venue} : {period}, révision {revision}, du {day}, selon la politique {policy} ({digest}).",
}
_SPENDS = {
    "en": "It spends epsilon = {epsilon:.2f} (delta = {delta:.1e}) of the season's {season} for each {unit}.",
    "fr": "Elle dépense epsilon = {epsilon:.2f} (delta = {delta:.1e}) sur les {season} de la saison, par {unit}.",
}
_MADE = {
    "en": "Bounds weigh a person of many cells less in each; the noise was drawn once, by OpenDP; what bounds took was measured "
    "with noise too, and put back. Margins below are the noise's, 95 times in 100; published figures add the rest to theirs.",
    "fr": "Les bornes font peser moins dans chacune une personne de plusieurs cases ; le bruit a été tiré une fois, par OpenDP ; ce "
    "que les bornes ôtent a été mesuré, avec un bruit, puis remis. Les marges ci-dessous sont celles du bruit, 95 fois sur "
    "100 ; les chiffres publiés y ajoutent le reste.",
}

_LINE = {
    "en": "{label}: {margins}; shown above {least:.0f}{shown}",
    "fr": "{label} : {margins} ; montré au-dessus de {least:.0f}{shown}",
}
_TOTAL = {
    "en": "; in all {value} ± {margin}, of which {hidden:.0f}% in cells not shown",
    "fr": " ; en tout {value} ± {margin}, dont {hidden:.0f} % dans des cases non montrées",
}
_RAKED = {"en": "; raking put back {put:.1f}%", "fr": " ; le redressement a remis {put:.1f} %"}
_SHOWN = {"en": "; {n} of {all} cells shown", "fr": " ; {n} cases montrées sur {all}"}
_UNIT = {
    "en": {"person": "person", "admission": "admission"},
    "fr": {"person": "personne", "admission": "entrée"},
}


def explain_policy(policy: Policy, language: str) -> str:
    """Tell a policy in seven numbered sentences."""
    person = policy.season["person"]
    return _POLICY[language].format(
        name=policy.name, digest=policy.digest[:12], epsilon=person.epsilon, delta=f"{float(person.delta):.0e}",
        k_rule=_K[language, policy.k_rule].format(k=policy.k),
        quarter=policy.calendar["quarter"], season=policy.calendar["season"],
        left_out="; ".join(_left_out(policy, language)) or _LEFT_OUT[language, "none"],
        sketches="".join(
            _SKETCHES[language].format(names=s.name, buckets=s.buckets) for s in policy.sketches
        ),
    )  # fmt: skip


def _left_out(policy: Policy, language: str) -> Iterator[str]:
    for who in LEAVABLE:
        declared = *policy.tables, *policy.sketches
        tables = ", ".join(one.name for one in declared if who in one.leaves_out)
        if tables:
            yield _LEFT_OUT[language, who].format(tables=tables)


def explain_plan(plans: tuple[TablePlan, ...], language: str) -> str:
    """Tell, a line a table, the 95 % margin of each measure and the least number shown."""
    return "\n".join(
        _line(language, getattr(p.table, language), p.threshold,
              [(getattr(n.measure, language), n.sigma, n.measure.step) for n in p.cells])
        for p in plans
    )  # fmt: skip


def explain_sketches(plans: tuple[SketchPlan, ...], language: str) -> str:
    """Tell, a line a group of each sketch, the 95 % margin of a bucket and the least audience shown."""
    return "\n".join(
        _sketched(language, getattr(p.sketch, language), group, (n.sigma, n.measure.step),
                  threshold(p.sketch.minimum, p.sketch.z, n.sigma, n.measure.step, p.sketch.buckets))
        for p in plans for group, n in zip(p.sketch.groups, p.groups, strict=True)
    )  # fmt: skip


def explain_release(release: Release, language: str) -> str:
    """Tell a verified release in numbered sentences: what it is, spends and promises, and a sentence a table."""
    m = release.manifest
    facts = {"id": release.id, "venue": m["venue"]["id"], "period": m["period"], "revision": m["revision"]}
    facts |= {"day": m["published"], "policy": m["policy"]["name"], "digest": m["policy"]["digest"][:12]}
    sentences = [_RELEASE[language].format(**facts)]
    for unit, loss in m["privacy_loss"].items():
        stated = loss["privacy_parameters"]
        amounts = {"epsilon": stated["epsilon"], "delta": float(Fraction(stated["delta"]))}
        named = {"season": loss["season"]["epsilon"], "unit": _UNIT[language][unit]}
        sentences.append(_SPENDS[language].format(**amounts, **named))
    k = _K[language, m["k"]["rule"]].format(k=m["k"]["minimum"])
    sentences += [k[0].upper() + k[1:], _MADE[language]]
    sentences += [_told(release, name, spec, language) for name, spec in m["tables"].items()]
    for spec in m["sketches"].values():
        for g in spec["groups"]:
            n = len({*g["parts"]} & {*spec["parts"]})
            shown = _PARTS[language].format(n=n, all=len(g["parts"]))
            sentences.append(
                _sketched(language, spec[language], g["name"], (g["sigma"], g["step"]), g["threshold"], shown)
            )
    return "\n".join(f"{i}. {sentence}" for i, sentence in enumerate(sentences, 1))


def _sketched(language: str, label: str, group: str, noise: tuple[int, int], least: int, shown: str = "") -> str:
    told = _EVERYONE[language] if group == EVERYONE else group
    return _SKETCH[language].format(label=label, group=told, margin=_Z95 * scale(*noise), least=least, shown=shown)


def _told(release: Release, name: str, spec: dict[str, Any], language: str) -> str:
    cells = release.cells(name)
    shown = _SHOWN[language].format(n=cells[spec["measures"][0]["name"]].count(), all=cells.height)
    noises = [(m[language], m["sigma"], m["step"]) for m in spec["measures"]]
    return _line(language, spec[language], spec["threshold"], noises, shown + _put_back(release, name, spec, language))


def _put_back(release: Release, name: str, spec: dict[str, Any], language: str) -> str:
    """Tell the total of the first measure, what the hidden cells hold of it, and how much raking put back on average."""
    lead = spec["measures"][0]["name"]
    total, cells = release.tables[name].tail(1), release.cells(name)
    value, se, seen = total[lead].item(), total[f"{lead}_se"].item(), cells[lead].sum()
    if value is None or value <= 0 or spec["unit"] == "admission":  # kinds of admissions overlap: no sum
        return ""
    parts = _whole(value, language), _whole(_Z95 * se, language), 100 * max(value - seen, 0) / value
    told = _TOTAL[language].format(value=parts[0], margin=parts[1], hidden=parts[2])
    put = 100 * (seen / cells[f"{lead}_noisy"].sum() - 1)
    return told + (_RAKED[language].format(put=put) if spec["measures"][0]["levels"] else "")


def _line(language: str, label: str, threshold: int, noises: list[tuple[str, int, int]], shown: str = "") -> str:
    margins = ", ".join(f"{name} ± {_whole(_Z95 * sigma / step, language)}" for name, sigma, step in noises)
    return _LINE[language].format(label=label, margins=margins, least=threshold / noises[0][2], shown=shown)


def _whole(value: float, language: str) -> str:
    return f"{value:,.0f}".replace(",", "\u202f" if language == "fr" else ",")
