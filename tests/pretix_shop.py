"""Run by pretix's own Python, never by ours: make a shop of one series, and print its tokens as JSON."""

import json
import os
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

os.environ["DJANGO_SETTINGS_MODULE"] = "pretix.settings"
import django

django.setup()

from django_scopes import scopes_disabled  # noqa: E402
from pretix.base.models import Organizer, Team  # noqa: E402

FIRST = datetime(2026, 12, 3, 20, tzinfo=ZoneInfo("Europe/Paris"))


def main() -> None:
    """One organizer, one series of three dates, two items, one question; a team that may all, one that may read."""
    organizer = Organizer.objects.create(name="Théâtre du Lac", slug="lac")
    event = organizer.events.create(
        name="Saison", slug="saison", currency="EUR", date_from=FIRST, has_subevents=True, is_public=True,
        plugins="pretix.plugins.banktransfer,pretix.plugins.manualpayment",
    )  # fmt: skip
    event.settings.timezone = "Europe/Paris"
    event.settings.locales = ["fr", "en"]
    dates = [
        event.subevents.create(name={"fr": title}, date_from=FIRST + timedelta(days=n), active=True)
        for n, title in enumerate(("Hamlet", "Phèdre", "Le Lac des cygnes"))
    ]
    seat = event.items.create(name={"fr": "Plein tarif"}, default_price=Decimal(20), admission=True, personalized=True)
    book = event.items.create(name={"fr": "Programme"}, default_price=Decimal(5), admission=False)
    for date in dates:
        quota = event.quotas.create(name="places", size=1000, subevent=date)
        quota.items.add(seat, book)
    question = event.questions.create(question={"fr": "Votre code postal"}, type="S", identifier="CP", required=False)
    question.items.add(seat)
    entrance = event.checkin_lists.create(name="Entrée", all_products=True)
    owner = Team.objects.create(
        organizer=organizer, name="all", all_events=True, all_event_permissions=True, all_organizer_permissions=True
    )
    reader = Team.objects.create(
        organizer=organizer, name="jauge", all_events=True,
        limit_event_permissions={"event.orders:read": True}, limit_organizer_permissions={"organizer.customers:read": True},
    )  # fmt: skip
    account = organizer.customers.create(email="compte@example.org", is_verified=True)
    shop = {
        "owner": owner.tokens.create(name="owner").token,
        "reader": reader.tokens.create(name="jauge").token,
        "dates": [date.pk for date in dates],
        "seat": seat.pk, "book": book.pk, "question": question.pk, "entrance": entrance.pk, "account": account.identifier,
    }  # fmt: skip
    sys.stdout.write("\n" + json.dumps(shop))


with scopes_disabled():
    main()
