"""SIBIL's interface v2: who declares, what SIBIL numbers, and declarations put there once, however often they are sent.

Endpoints (read by the public client betagouv/assistant-declaration, 9fc1fb8): `authenticate` answers an `id_token`; `declarations`
GET, POST and PUT; `domaine-representations`, `festivals`, `lieux`, `lieux/types`, `spectacles`, `spectacles/configChamps`. A redirect is not
followed, so that a secret goes nowhere else. Of an answer nothing is repeated but the title of a refusal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from aggregations.venue import Venue
from pipelines.pull.sources import safe
from privacy.errors import Fault, GovernanceRefusal

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_ATTEMPTS = 6
_BACK_OFF = wait_random_exponential(multiplier=1, max=30)
_TIMEOUT = httpx.Timeout(60, connect=15)
_STANDING = ("PROPOSE", "VALIDE")  # of what SIBIL numbers: neither rejected nor merged into another
_LONGEST = 300  # characters of a refusal's title
_T = TypeVar("_T")


class _Passing(Exception):
    """What may go otherwise the next time."""


class _Token(httpx.Auth):
    """The token that a name and a password give, asked for again once where it is no longer taken."""

    requires_response_body = True

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url, self._form, self._token = (
            f"{url}/api/v2/authenticate",
            {"username": username, "password": password},
            "",
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        for last in (bool(not self._token), True):
            if not self._token:
                self._take((yield httpx.Request("POST", self._url, json=self._form, extensions=request.extensions)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            answer = yield request
            if answer.status_code != 401 or last:
                return
            self._token = ""

    def _take(self, answer: httpx.Response) -> None:
        if answer.status_code in _PASSING:
            raise _Passing(f"HTTP {answer.status_code}")
        try:
            self._token = str(answer.json()["id_token"]) if answer.is_success else ""
        except (ValueError, KeyError, TypeError):
            self._token = ""
        if not self._token:
            raise GovernanceRefusal(
                "SIBIL knows no such name and password.", "SIBIL ne reconnaît pas ce nom et ce mot de passe."
            )


class Sibil:
    """A connection; to be used in a `with`. Every method raises a Fault where SIBIL does not answer, or refuses."""

    def __init__(self, venue: Venue) -> None:
        url = str(venue.sibil.get("url", "")).rstrip("/")
        if set(venue.sibil) - {"url"} or not safe(url):
            raise Fault(
                '[sibil] of venue.toml: url = "https://…", the address SIBIL gave you, and no more. Without it nothing is sent.',
                '[sibil] de venue.toml : url = "https://…", l’adresse donnée par SIBIL, et rien d’autre. Sans elle, rien n’est envoyé.',
            )
        self._http = httpx.Client(
            base_url=url, auth=_Token(url, *_secrets(venue)), timeout=_TIMEOUT, headers={"Accept": "application/json"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def domains(self) -> dict[str, int]:
        """Return label → number of the domains in use."""
        every = self._patiently(lambda: self._get("domaine-representations", {"sansPagination": "true"}))
        return _documented(lambda: {one["libelle"]: int(one["id"]) for one in every if one.get("actif", True)})

    def place_types(self) -> set[str]:
        """Return the codes of types of place."""
        every = self._patiently(lambda: self._get("lieux/types"))
        return _documented(lambda: {str(one["code"]) for one in every})

    def criteria(self) -> dict[int, list[str]]:
        """Return domain's number → what its criteria are, in SIBIL's words; the first is the work's title."""
        every = self._patiently(lambda: self._get("spectacles/configChamps"))

        def read() -> dict[int, list[str]]:
            named = ("critere1", "critere2", "critere3", "critere4")
            return {
                int(one["idDomaineRepresentation"]): [
                    str(c["libelleCourt"])
                    for key in named
                    if (c := (one.get("domaineConfig") or {}).get(key)) and c.get("libelleCourt")
                ]
                for one in every
            }

        return _documented(read)

    def number(self, kind: str, told: Mapping[str, Any], asked: str) -> int | None:
        """Return what SIBIL numbers a place (`lieux`), show (`spectacles`) or festival (`festivals`) that has all these fields.

        None where it has none, or several. `asked`: the field that is asked for; the others are compared here.
        """
        page = self._patiently(lambda: self._get(kind, {f"{asked}.equals": str(told[asked])}))

        def read() -> list[int]:
            same = [x for x in page["result"] if all(x.get(key) == value for key, value in told.items())]
            return [int(x["id"]) for x in same if x.get("statut") in _STANDING]

        found = _documented(read)
        return found[0] if len(found) == 1 else None

    def declare(self, declaration: Mapping[str, Any]) -> dict[str, Any]:
        """Put a declaration there, in the place of the one of that id where there is one; return it as SIBIL has it.

        Looked up anew at each attempt: an answer that was lost on its way makes no second declaration.
        """
        return self._patiently(lambda: self._declare(dict(declaration)))

    def _declare(self, declaration: dict[str, Any]) -> dict[str, Any]:
        name = declaration["idExtBilletterie"]
        page = self._get("declarations", {"idExtBilletterie.equals": name})
        there = _documented(lambda: [x for x in page["result"] if x["idExtBilletterie"] == name])
        if len(there) > 1 or any(x.get("statutDeclaration") in ("CLOTURE", "REJETE", "ANNULE") for x in there):
            raise Fault(
                f"SIBIL has declaration {name} closed, rejected, cancelled or twice: it is for SIBIL to change it (sibil.dgca@culture.gouv.fr).",
                f"SIBIL a la déclaration {name} close, rejetée, annulée ou en double : à SIBIL de la modifier (sibil.dgca@culture.gouv.fr).",
            )
        how, sent = ("PUT", declaration | {"id": there[0]["id"]}) if there else ("POST", declaration)
        answer = self._ask(how, "declarations", json=sent)
        _documented(lambda: _same(answer, name))
        return answer

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self._ask("GET", path, params=query)

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        try:
            answer = self._http.request(method, f"/api/v2/{path}", **what)
        except httpx.RequestError as error:
            raise _Passing(type(error).__name__) from None
        if answer.status_code in _PASSING:
            raise _Passing(f"HTTP {answer.status_code}")
        if answer.status_code not in (200, 201):
            raise _refused(answer)
        try:
            return answer.json()
        except ValueError:
            raise _Passing("JSON") from None

    def _patiently(self, do: Callable[[], Any]) -> Any:
        tried = Retrying(
            retry=retry_if_exception_type(_Passing), stop=stop_after_attempt(_ATTEMPTS), wait=_BACK_OFF, reraise=True
        )
        try:
            return tried(do)
        except _Passing as last:
            raise Fault(
                f"SIBIL gives no answer that can be read ({last}), {_ATTEMPTS} times. Send again later: what it took is noted.",
                f"SIBIL ne donne pas de réponse lisible ({last}), {_ATTEMPTS} fois. Renvoyez plus tard : ce qu’il a reçu est noté.",
            ) from None


def _same(answer: Any, name: str) -> None:
    if answer["idExtBilletterie"] != name or not isinstance(answer["id"], int):
        raise ValueError


def _secrets(venue: Venue) -> tuple[str, str]:
    start = f"JAUGE_{venue.id}_SIBIL".upper().replace("-", "_")
    names = f"{start}_USERNAME", f"{start}_PASSWORD"
    username, password = (os.environ.get(name, "") for name in names)
    if not (username and password):
        raise Fault(
            f"To send to SIBIL, set {names[0]} and {names[1]} in the environment (never in venue.toml).",
            f"Pour envoyer à SIBIL, définissez {names[0]} et {names[1]} dans l’environnement (jamais dans venue.toml).",
        )
    return username, password


def _refused(answer: httpx.Response) -> Fault:
    try:
        said = str(answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        said = ""
    words = "".join(c for c in said if c.isprintable())[:_LONGEST]
    return Fault(
        f"SIBIL refuses (HTTP {answer.status_code}){f', in its words: {words}' if words else '. Check url in [sibil]'}",
        f"SIBIL refuse (HTTP {answer.status_code}){f', selon lui : {words}' if words else '. Vérifiez url dans [sibil]'}",
    )


def _documented(read: Callable[[], _T]) -> _T:
    """Read an answer, which may be anything; what it is instead is not repeated."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Fault(
            "SIBIL's answer is not what its interface documents. Check url in [sibil].",
            "La réponse de SIBIL n’est pas ce que documente son interface. Vérifiez url dans [sibil].",
        ) from None
