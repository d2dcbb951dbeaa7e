"""A real pretix server: what is sold, refunded and checked in there is what the store holds, pull after pull."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from aggregations.founding import add_venue
from aggregations.performances import performances
from aggregations.records import records
from aggregations.venue import Venue
from pipelines.pull.pulling import pull
from pipelines.pull.systems import SYSTEMS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Shop:
    """A running pretix: its address, what its script made, and its interface with all rights."""

    url: str
    made: dict[str, Any]
    http: httpx.Client

    def sell(self, date: int, *seats: dict[str, Any], **order: Any) -> dict[str, Any]:
        """Sell seats of a date; return the order."""
        positions = [
            {"item": self.made["seat"], "subevent": self.made["dates"][date], "price": "20.00", "variation": None,
             "answers": [{"question": self.made["question"], "answer": "38000", "options": []}]} | seat
            for seat in seats
        ]  # fmt: skip
        body = {"email": "lea@example.org", "locale": "fr", "sales_channel": "web", "status": "p",
                "payment_provider": "manual", "positions": positions} | order  # fmt: skip
        return self.post("events/saison/orders/", body)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def pretix() -> Path:
    """pretix in an environment of its own, and a database without a shop: made once, kept in the temporary folder."""
    until = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["exclude-newer"]
    home = Path(tempfile.gettempdir()) / f"jauge-pretix-{until[:10]}-{sys.version_info.minor}"
    if not (home / "done").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700)
        uv = shutil.which("uv")
        assert uv
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, home / "venv"], check=True)
        python = home / "venv" / "bin" / "python"
        install = [uv, "pip", "install", "-q", "--python", python, "--exclude-newer", until, "pretix"]
        subprocess.run(install, check=True, cwd=home)
        subprocess.run(
            [python, "-m", "pretix", "migrate", "--noinput"], check=True, env=settings(home), stdout=subprocess.DEVNULL
        )
        (home / "done").touch()
    return home


def settings(home: Path, port: int = 80) -> dict[str, str]:
    (home / "pretix.cfg").write_text(
        f"[pretix]\nurl=http://127.0.0.1:{port}\ndatadir={home}/data\n"
        f"[database]\nbackend=sqlite3\nname={home}/pretix.sqlite3\n[django]\nsecret={'not a secret ' * 5}\ndebug=off\n"
        "[locale]\ndefault=fr\ntimezone=Europe/Paris\n[mail]\nfrom=lac@example.org\n"
    )
    (home / "data").mkdir(exist_ok=True)
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "PRETIX_CONFIG_FILE": str(home / "pretix.cfg")}
    return own | {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def shop(pretix: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("pretix")
    shutil.copy(pretix / "pretix.sqlite3", home)
    python = pretix / "venv" / "bin" / "python"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = settings(home, port)
    script = [python, Path(__file__).with_name("pretix_shop.py")]
    done = subprocess.run(script, env=own, capture_output=True, text=True, check=True)
    made = json.loads(done.stdout.splitlines()[-1])
    url = f"http://127.0.0.1:{port}"
    command = [python, "-m", "pretix", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=own, stdout=log, stderr=log)
        try:
            await_answer(url, server)
            owner = {"Authorization": f"Token {made['owner']}"}
            with httpx.Client(base_url=f"{url}/api/v1/organizers/lac/", headers=owner, timeout=60) as http:
                yield Shop(url, made, http)
        finally:
            server.kill()  # where interrupts are ignored, as in a shell's background, it would not stop when asked
            server.wait(20)


def await_answer(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert server.poll() is None
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/api/v1/version", timeout=5)
            return
        time.sleep(0.5)
    raise AssertionError


@pytest.fixture
def venue(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Venue:
    exact = replace(SYSTEMS["pretix"], again=timedelta())  # the server's header alone, with nothing read once more
    monkeypatch.setitem(SYSTEMS, "pretix", exact)
    source = {"box": {"system": "pretix", "url": shop.url, "organizer": "lac"}}
    for name in ("LAC", "AGAIN"):
        monkeypatch.setenv(f"JAUGE_{name}_BOX_TOKEN", shop.made["reader"])
    return add_venue(Venue("lac", "Théâtre du Lac", "theatre", "38185", pull=source, folder=tmp_path / "lac"))


def held(venue: Venue) -> pl.DataFrame:
    frame = records(venue, "transactions").collect()
    same = [c for c in frame.columns if c != "source_row"]
    return frame.select(same).sort(same)


def states(venue: Venue) -> dict[str, int]:
    return dict(records(venue, "transactions").collect()["status"].value_counts().iter_rows())


def orders_of(venue: Venue) -> list[int]:
    """Orders in each export, in the order they came."""
    exports = sorted(p for p in venue.inbox.iterdir() if p.is_dir())
    return [sum(len(json.loads(page.read_bytes())) for page in e.glob("orders-*.json")) for e in exports]


def test_pulled_again_and_again_a_real_pretix_and_the_store_say_the_same(
    venue: Venue, shop: Shop, tmp_path: Path
) -> None:
    many = [shop.sell(n % 3, {}, email=f"p{n}@example.org") for n in range(103)]  # three pages of orders
    shop.sell(0, {}, {"item": shop.made["book"], "price": "5.00", "answers": []}, email="nina@example.org")
    shop.sell(1, {}, email="test@example.org", testmode=True)
    shop.sell(2, {}, email=None, customer=shop.made["account"], sales_channel="web")
    two = shop.sell(1, {}, {}, status="n", email="deux@example.org")

    receipt = pull(venue, "box")
    assert receipt is not None
    assert receipt.preset == "pretix"
    assert not receipt.quarantined
    assert states(venue) == {"paid": 105, "pending": 2}
    assert receipt.dropped == {"not an admission": 1}
    rows = records(venue, "transactions").collect()
    assert set(rows["departement"]) == {"38"}
    assert performances(venue).height == 3
    assert rows["person"].n_unique() == 106
    assert b'"secret"' not in b"".join(p.read_bytes() for p in venue.inbox.rglob("*.json"))

    shop.post(f"events/saison/orders/{many[5]['code']}/mark_canceled/", {"send_email": False})
    shop.post(f"events/saison/orders/{two['code']}/mark_paid/", {"send_email": False})
    one = many[7]["positions"][0]
    shop.post(
        "checkinrpc/redeem/", {"secret": one["secret"], "lists": [shop.made["entrance"]], "questions_supported": False}
    )
    assert shop.http.delete(f"events/saison/orderpositions/{two['positions'][1]['id']}/").is_success
    shop.sell(0, {}, email="neuf@example.org")

    receipt = pull(venue, "box")
    assert receipt is not None
    assert states(venue) == {"paid": 106, "cancelled": 2}
    assert records(venue, "transactions").collect()["attended"].to_list().count(True) == 1
    assert orders_of(venue) == [106, 4]  # the test order is not asked for; what did not change is not either

    afresh = add_venue(Venue("again", "Encore", "theatre", "38185", pull=venue.pull, folder=tmp_path / "again"))
    shutil.copy(venue.folder / "keys" / "person.key", afresh.folder / "keys")
    pull(afresh, "box")
    assert held(afresh).equals(held(venue))
