"""Every field a manifest has, its type and range: what a signer may say at all, whoever signs.

Nothing else may be there: a manifest is no place to carry rows in. Numbers are bounded so that no arithmetic on them takes
long; what they must add up to is held by `verification`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from privacy.declarations import Unit
from privacy.errors import broken, hold

MOST_CELLS = 2**20  # of one table: a million rows are read in a second, and no table of a venue has a thousandth of it

Text = Annotated[str, Field(max_length=1000)]
Name = Annotated[str, Field(pattern=r"^\w{1,63}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Exact = Annotated[
    str, Field(pattern=r"^[0-9]{1,100}(/[1-9][0-9]{0,99})?$")
]  # a Fraction; no exponent, which may be vast
Whole = Annotated[int, Field(ge=1, le=10**15)]
Square = Annotated[int, Field(ge=1, le=10**36)]


def _once(values: Sequence[Any]) -> Sequence[Any]:
    names = [getattr(value, "name", value) for value in values]
    if any(name in names[:i] for i, name in enumerate(names)):
        raise ValueError("twice the same")
    return values


Value = Annotated[list[Text], Field(min_length=3, max_length=3)]  # code, French and English label


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)


class _Venue(_Fields):
    id: Text
    public_key: Digest


class _Policy(_Fields):
    name: Text
    digest: Digest


class _K(_Fields):
    minimum: Whole
    rule: Literal["certain", "probable"]


class _Parameters(_Fields):
    epsilon: float
    delta: Exact
    rho: Exact
    shift: Exact
    delta_selection: Exact


class _Season(_Fields):
    epsilon: Exact
    delta: Exact


class _Loss(_Fields):
    privacy_unit: Text
    privacy_unit_details: Text
    privacy_parameters: _Parameters
    season: _Season


class _Dimension(_Fields):
    name: Name
    fr: Text
    en: Text
    values: Annotated[list[Value], Field(min_length=1, max_length=10_000)]


class _Level(_Fields):
    dimensions: list[Name]
    reach: Whole


class _Drawn(_Fields):
    sigma: Whole
    bound_squared: Square


class _Measure(_Drawn):
    name: Name
    fr: Text
    en: Text
    unit: Name
    clip: Whole
    typical: Whole
    step: Whole
    levels: list[_Drawn]


class _Table(_Fields):
    fr: Text
    en: Text
    records: Name
    leaves_out: list[Name]
    unit: Unit
    full_cells: Whole
    max_cells: Whole
    threshold: Annotated[int, Field(ge=-(10**18), le=10**18)]
    delta: Exact
    dimensions: Annotated[list[_Dimension], Field(min_length=1, max_length=16), AfterValidator(_once)]
    levels: Annotated[list[_Level], Field(max_length=100)]
    measures: Annotated[list[_Measure], Field(min_length=1, max_length=64), AfterValidator(_once)]
    sha256: Digest


class _Group(_Drawn):
    name: Name
    parts: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    step: Whole
    threshold: Annotated[int, Field(ge=-(10**18), le=10**18)]


class _Sketch(_Fields):
    fr: Text
    en: Text
    records: Name
    leaves_out: list[Name]
    max_tickets: Whole
    buckets: Annotated[int, Field(ge=1, le=2**14)]
    mechanism: Literal["discrete Gaussian"]
    season: Text
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    minimum: Whole
    z: Exact
    attributes: Annotated[list[Name], Field(max_length=16)]
    groups: Annotated[list[_Group], Field(min_length=1, max_length=17), AfterValidator(_once)]
    parts: Annotated[list[Text], AfterValidator(_once)]
    sha256: Digest


class _Variant(_Fields):
    variant_name: Text
    details: Text
    data_domain: Text
    unprotected_quantities: Annotated[list[Text], Field(max_length=10)]


class _Model(_Fields):
    model_name: Text
    actors: Text
    release_type: Text
    data_source_type: Text
    access_type: Text


class _Accounting(_Fields):
    composition: Text
    post_processing: Text
    season_share: Exact


class _Implementation(_Fields):
    mechanisms: Text
    preprocessing_and_hyperparameter_tuning: Text


class _Manifest(_Fields):
    format: Text
    release_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    venue: _Venue
    period: Text
    season: Text
    revision: Whole
    published: Text
    policy: _Policy
    k: _K
    dp_variant: _Variant
    privacy_loss: dict[Unit, _Loss]
    deployment_model: _Model
    accounting: _Accounting
    implementation: _Implementation
    tables: Annotated[dict[Name, _Table], Field(min_length=1, max_length=100)]
    sketches: Annotated[dict[Name, _Sketch], Field(max_length=100)]


def check_fields(manifest: dict[str, Any]) -> None:
    """Refusal `manifest` that says how many fields are missing, too many or not what they can be, and quotes none."""
    try:
        told = _Manifest.model_validate(manifest)
    except ValidationError as wrong:
        raise broken("manifest", f"fields missing, too many or of the wrong type: {wrong.error_count()}") from None
    cells = max(prod(len(d.values) for d in table.dimensions) for table in told.tables.values())
    rows = max((len(sketch.parts) * sketch.buckets for sketch in told.sketches.values()), default=0)
    hold("size", max(cells, rows) <= MOST_CELLS, f"a table or sketch has more than {MOST_CELLS} cells")
