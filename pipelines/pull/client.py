"""Asking a system, with patience and manners: its pace kept, what passes tried again, what does not told.

An answer's words, headers and address are never repeated: they may hold a row or a secret. A redirect is not followed,
so that a secret goes to the address that `venue.toml` states and nowhere else.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from pipelines.pull.credentials import read_secrets
from pipelines.pull.sources import Source
from pipelines.pull.systems import Fields, Listing, Place

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_ATTEMPTS = 6
_LONGEST = 900  # seconds: beyond what a system may ask us to wait, the next pull goes on
_BACK_OFF = wait_exponential_jitter(initial=1, max=60)
_TIMEOUT = httpx.Timeout(60, connect=15)


class Gone(Exception):
    """A page that is there no longer: its token is too old, or the list is shorter than it was."""


class _Passing(Exception):
    """What may go otherwise the next time; `after` seconds, where the system says so."""

    def __init__(self, what: str, after: float = 0) -> None:
        super().__init__(what)
        self.after = after


class Client:
    """A connection to one source; to be used in a `with`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        auth = source.system.auth(source.fields, read_secrets(source.variables))
        self._http = httpx.Client(
            base_url=source.url, auth=auth, timeout=_TIMEOUT, headers={"Accept": "application/json"}
        )
        self._free = 0.0  # when the next request may leave

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, listing: Listing, fields: Fields, place: Place) -> tuple[Any, datetime]:
        """Return a page of a list as decoded JSON, and when the system answered.

        Raises:
            Gone: no such page, where one was asked for that an earlier page named.
            Fault: the secret or the declaration is refused, or patience is at its end.
        """
        path = listing.path.format_map({name: quote(value, safe="") for name, value in fields.items()})
        query = _filled(listing.query, fields) | place
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(_Passing), stop=stop_after_attempt(_ATTEMPTS), wait=_wait, reraise=True
            ):
                with attempt:
                    return self._once(path, query, resumed=bool(place))
        except _Passing as last:
            raise self._source.fault(
                f"no answer that can be read ({last}), {_ATTEMPTS} times. Pull again later: what came is kept.",
                f"pas de réponse lisible ({last}), {_ATTEMPTS} fois. Recommencez plus tard : ce qui est arrivé est gardé.",
            ) from None
        raise AssertionError  # the loop returns or raises

    def _once(self, path: str, query: Mapping[str, Any], *, resumed: bool) -> tuple[Any, datetime]:
        time.sleep(max(0.0, self._free - time.monotonic()))
        self._free = time.monotonic() + 60 / self._source.system.per_minute
        try:
            answer = self._http.get(path, params=query)
        except httpx.HTTPStatusError as refused:  # the token's own request
            if refused.response.status_code not in _PASSING:
                self._check(401)
            answer = refused.response
        except httpx.RequestError as error:
            if _about_certificate(error):
                raise self._source.fault(
                    "its certificate is not one this machine trusts. SSL_CERT_FILE can name your own authority.",
                    "son certificat n’est pas de ceux que cette machine reconnaît. SSL_CERT_FILE peut nommer votre autorité.",
                ) from None
            raise _Passing(type(error).__name__) from None
        status = answer.status_code
        if status in _PASSING:
            raise _Passing(f"HTTP {status}", _after(answer.headers))
        if resumed and status in (400, 404, 410):
            raise Gone
        self._check(status)
        try:
            return answer.json(), self._time(answer.headers)
        except ValueError:
            raise _Passing("JSON") from None

    def _check(self, status: int) -> None:
        if status in (401, 403):
            named = ", ".join(self._source.variables)
            raise self._source.fault(
                f"the system refuses (HTTP {status}) what is in {named}: expired, or without the right to read this.",
                f"le système refuse (HTTP {status}) ce que contient {named} : expiré, ou sans droit de lire cela.",
            )
        if 300 <= status < 400:
            raise self._source.fault(
                f"the system sends elsewhere (HTTP {status}), where no secret is sent. Write its own address in url.",
                f"le système renvoie ailleurs (HTTP {status}), où aucun secret n’est envoyé. Écrivez sa propre adresse dans url.",
            )
        if status != 200:
            raise self._source.fault(
                f"the system does not know what is asked for (HTTP {status}). Check url and the other keys.",
                f"le système ne connaît pas ce qui est demandé (HTTP {status}). Vérifiez url et les autres clés.",
            )

    def _time(self, headers: httpx.Headers) -> datetime:
        """When it answered, by its own clock: ours may be wrong by minutes."""
        said = headers.get(self._source.system.clock) or headers.get("Date", "")
        try:
            at = datetime.fromisoformat(said) if "T" in said[:11] else parsedate_to_datetime(said)
        except ValueError:
            return datetime.now(UTC)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after if isinstance(error, _Passing) else 0
    return max(asked, _BACK_OFF(state) if not asked else 0)


def _after(headers: httpx.Headers) -> float:
    """Seconds that `Retry-After` asks for: a number, or a date (RFC 9110)."""
    said = headers.get("Retry-After", "").strip()
    try:
        seconds = float(said) if said.isdigit() else (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0
    return min(max(seconds, 0), _LONGEST)


def _filled(query: Mapping[str, str | tuple[str, ...]], fields: Fields) -> dict[str, Any]:
    """Fill the braces of a query; what has no value (no `since` at the first pull) is left out."""
    filled: dict[str, Any] = {}
    for name, template in query.items():
        try:
            filled[name] = template.format_map(fields) if isinstance(template, str) else template
        except KeyError:
            continue
    return filled


def _about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
