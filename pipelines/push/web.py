"""A hub by HTTPS: its address asked with patience; what is there already is not sent again.

An answer's own words are shown only where they are the hub's reasons. A redirect is not followed.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from privacy.delivery import ABSENT, Answer, Parcel, read_answer
from privacy.errors import Fault

_PASSING = (408, 409, 423, 425, 429, 500, 502, 503, 504)
_ATTEMPTS = 6  # without a byte of progress
_BACK_OFF = wait_random_exponential(multiplier=1, max=30)
_PIECE = 1 << 22  # bytes a request
_TIMEOUT = httpx.Timeout(60, connect=15)


class _Passing(Exception):
    """What may go otherwise the next time."""


@dataclass(frozen=True, slots=True)
class Web:
    """A hub's web server, such as https://hub.example.org, checked by `hubs`."""

    address: str

    def ask(self, packed: Parcel) -> Answer:
        """Return what the hub says of a parcel."""
        with self._client() as client:
            return self._patiently(lambda: self._ask(client, packed))

    def send(self, packed: Parcel, folder: Path) -> Answer:
        """Send what the hub has not got of a parcel, and return its answer: bytes that came in an earlier call stay."""
        with self._client() as client:
            told = self._patiently(lambda: self._open(client, packed))
            for path in packed.files:
                size = (folder / path).stat().st_size
                while told.state == "arriving" and told.there.get(path, 0) < size:
                    told = self._patiently(partial(self._piece, client, packed, folder, path))
            return told

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=_TIMEOUT, headers={"Accept": "application/json"})

    def _ask(self, client: httpx.Client, packed: Parcel) -> Answer:
        answer = self._request(client, "GET", packed)
        return ABSENT if answer.status_code == 404 else self._read(answer)

    def _open(self, client: httpx.Client, packed: Parcel) -> Answer:
        texts = {name: text.decode() for name, text in packed.texts.items()}
        return self._read(self._request(client, "PUT", packed, content=json.dumps(texts).encode()))

    def _piece(self, client: httpx.Client, packed: Parcel, folder: Path, path: str) -> Answer:
        """Send the next bytes, from where the hub says it is."""
        told = self._ask(client, packed)
        if told.state == "absent":  # it took too long, and was dropped
            told = self._open(client, packed)
        if told.state != "arriving":
            return told
        offset, length = told.there.get(path, 0), (folder / path).stat().st_size
        if offset >= length:
            return told
        with (folder / path).open("rb") as file:
            file.seek(offset)
            content = file.read(_PIECE)
        headers = {"Upload-Offset": str(offset), "Upload-Length": str(length)}
        answer = self._request(client, "PATCH", packed, f"/{path}", headers=headers, content=content)
        if answer.status_code == 422:  # its digest is not the file's: the hub has dropped it, and it is sent again
            raise _Passing("digest")
        return self._read(answer)

    def _request(
        self, client: httpx.Client, method: str, packed: Parcel, below: str = "", *,
        headers: Mapping[str, str] | None = None, content: bytes | None = None,
    ) -> httpx.Response:  # fmt: skip
        where = f"/releases/{packed.name}/{packed.digest}{below}"
        try:
            answer = client.request(method, where, headers=headers, content=content)
        except httpx.RequestError as error:
            if _about_certificate(error):
                raise self._fault(
                    "its certificate is not one this machine trusts; SSL_CERT_FILE can name your own authority",
                    "son certificat n’est pas de ceux que cette machine reconnaît ; SSL_CERT_FILE peut nommer votre autorité",
                ) from None
            raise _Passing(type(error).__name__) from None
        if answer.status_code in _PASSING:
            raise _Passing(f"HTTP {answer.status_code}")
        return answer

    def _read(self, answer: httpx.Response) -> Answer:
        if answer.status_code in (200, 201, 422):
            try:
                return read_answer(answer.content)
            except ValueError:
                raise _Passing("JSON") from None
        raise self._fault(
            f"it does not take releases at this address (HTTP {answer.status_code})",
            f"il ne reçoit pas de publications à cette adresse (HTTP {answer.status_code})",
        )

    def _patiently(self, do: Callable[[], Answer]) -> Answer:
        tried = Retrying(
            retry=retry_if_exception_type(_Passing), stop=stop_after_attempt(_ATTEMPTS), wait=_BACK_OFF, reraise=True
        )
        try:
            return tried(do)
        except _Passing as last:
            raise self._fault(
                f"no answer that can be used ({last}), {_ATTEMPTS} times",
                f"pas de réponse utilisable ({last}), {_ATTEMPTS} fois",
            ) from None

    def _fault(self, en: str, fr: str) -> Fault:
        return Fault(
            f"The hub {self.address}: {en}. Nothing is lost: pushed again later, it goes on from there.",
            f"Le hub {self.address} : {fr}. Rien n’est perdu : un nouvel envoi reprendra là.",
        )


def _about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
