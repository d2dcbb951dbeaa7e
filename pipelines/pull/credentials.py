"""How a secret is shown to a system: in a header or a form, never in an address, which logs keep."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence

import httpx

from privacy.errors import Fault


def read_secrets(names: Sequence[str]) -> list[str]:
    """Read variables of the environment, the only place where secrets may be; a Fault names those that are missing."""
    found = [os.environ.get(name, "").strip() for name in names]
    bad = [name for name, secret in zip(names, found, strict=True) if not (secret.isascii() and secret.isprintable())]
    bad += [name for name, secret in zip(names, found, strict=True) if not secret]
    if bad:
        listed = ", ".join(bad)
        raise Fault(
            f"No secret to pull with: set {listed} in the environment (never in venue.toml), in plain letters and digits.",
            f"Pas de secret pour la collecte : définissez {listed} dans l’environnement (jamais dans venue.toml), "
            "en lettres et chiffres simples.",
        )
    return found


class InHeader(httpx.Auth):
    """A header that is the secret, or has it."""

    def __init__(self, name: str, secret: str) -> None:
        self._name, self._secret = name, secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the header."""
        request.headers[self._name] = self._secret
        yield request


class InForm(httpx.Auth):
    """A form posted in place of a query: Matomo's tokens may be valid in no other way."""

    def __init__(self, name: str, secret: str) -> None:
        self._name, self._secret = name, secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Post what was asked for, and the secret beside it."""
        form = dict(request.url.params) | {self._name: self._secret}
        yield httpx.Request("POST", request.url.copy_with(query=None), data=form, extensions=request.extensions)


class ClientCredentials(httpx.Auth):
    """OAuth 2.0, client credentials: a token for a while, asked for again when it is no longer taken."""

    requires_response_body = True

    def __init__(self, url: str, identity: str, secret: str) -> None:
        self._url, self._identity, self._secret = url, identity, secret
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Get a token where there is none, and once more where it is refused."""
        if not self._token:
            yield from self._renewed(request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            yield from self._renewed(request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renewed(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        form = {"grant_type": "client_credentials", "client_id": self._identity, "client_secret": self._secret}
        response = yield httpx.Request("POST", self._url, data=form, extensions=request.extensions)
        try:
            self._token = str(response.raise_for_status().json()["access_token"])
        except (ValueError, KeyError, TypeError):
            raise httpx.HTTPStatusError("no token", request=request, response=response) from None
