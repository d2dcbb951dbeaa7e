"""Many partitions in one run, a few at once: what one is refused neither stops nor hides in the others.

Dagster would start a process for each partition's run, and each would import for longer than a small venue's release
takes. Here threads share one: Polars and OpenDP compute outside Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import dagster as dg

from pipelines.checks import require
from privacy.errors import Fault, JaugeError

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation
Facts = Mapping[str, Any]  # of a partition, public
Watch = Callable[[str], Mapping[str, Facts]]  # a partition → check that never blocks → what it found


@dataclass(frozen=True, slots=True)
class _Outcome:
    facts: Facts | None  # None: not materialized
    results: dict[str, bool]
    refused: JaugeError | None
    seen: Mapping[str, Facts]


def each(
    keys: Sequence[str],
    asset: dg.AssetsDefinition, do: Callable[[str], Facts],
    check: dg.AssetChecksDefinition, judge: Callable[[str], dict[str, bool]],
    workers: int,
    watch: Watch = lambda _: {},
) -> Iterator[Event]:  # fmt: skip
    """Do each partition, then judge it; yield what the asset and its checks would have reported, as it comes.

    Raises, when all are done, a Failure that says which were refused and why.
    """
    refused: dict[str, JaugeError] = {}
    with ThreadPoolExecutor(workers) as pool:
        asked = {pool.submit(_one, key, do, judge, watch): key for key in keys}
        try:
            for done in as_completed(asked):
                key, outcome = asked[done], done.result()
                if outcome.facts is not None:
                    yield dg.AssetMaterialization(asset.key, partition=key, metadata=outcome.facts)
                yield evaluation(check, key, outcome.results, outcome.refused)
                for name, found in outcome.seen.items():
                    yield dg.AssetCheckEvaluation(**warning(name, found), asset_key=asset.key, partition=key)
                if outcome.refused:
                    refused[key] = outcome.refused
        finally:  # stopped by hand: what has begun ends, the rest does not begin
            pool.shutdown(wait=False, cancel_futures=True)
    refuse(refused, len(keys))


def _one(key: str, do: Callable[[str], Facts], judge: Callable[[str], dict[str, bool]], watch: Watch) -> _Outcome:
    facts, results, seen = None, dict[str, bool](), dict[str, Facts]()
    try:
        facts = do(key)
        results = judge(key)
        seen |= watch(key)
        require(results, key)
    except JaugeError as error:
        return _Outcome(facts, results, error, seen)
    except Exception as error:  # noqa: BLE001 (one venue's broken disk is not the others' fault)
        name = type(error).__name__  # its text may quote a row
        fault = Fault(
            f"{name}. The same from the command line, on this machine, says more.",
            f"{name}. La même chose en ligne de commande, sur cette machine, en dit plus.",
        )
        return _Outcome(facts, results, fault, seen)
    return _Outcome(facts, results, None, seen)


def evaluation(
    check: dg.AssetChecksDefinition, key: str, results: dict[str, bool], refused: JaugeError | None = None
) -> dg.AssetCheckEvaluation:
    """Return what a check says of one partition; of one that was refused, why."""
    (of,) = check.check_keys
    why = {"en": refused.en, "fr": refused.fr} if refused else {}
    return dg.AssetCheckEvaluation(
        of.asset_key, of.name, passed=not refused and all(results.values()), metadata=results | why,
        partition=key, blocking=True,
    )  # fmt: skip


def warning(name: str, found: Facts) -> dict[str, Any]:
    """Return what a check that never blocks reports: it passed if nothing it found is false."""
    passed = all(value is not False for value in found.values())
    return {"check_name": name, "passed": passed, "severity": dg.AssetCheckSeverity.WARN, "metadata": found}


def refuse(refused: Mapping[str, JaugeError], of: int) -> None:
    """Fail the run, if anything was refused, with a sentence for each."""
    if refused:
        en = [f"{len(refused)} of {of} were refused; the others are done."]
        fr = [f"{len(refused)} sur {of} ont été refusés ; les autres sont faits."]
        en += [f"{key}: {error.en}" for key, error in sorted(refused.items())]
        fr += [f"{key} : {error.fr}" for key, error in sorted(refused.items())]
        raise dg.Failure("\n".join([*en, "", *fr]), allow_retries=False)
