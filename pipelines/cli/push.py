"""The command that sends what is sealed to the hub."""

from typing import Annotated

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, language, out, progress, say


def push(
    venue: VenueId,
    again: Annotated[
        bool, typer.Option("--again", help="Send what the hub refused too. / Renvoyer aussi ce que le hub a refusé.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Send the outbox to the hub (`hub` in venue.toml), and show what the hub decided. / Envoyer au hub, lire sa décision.

    Sends what the hub has not got, and goes on where an earlier push was cut short; run it again as often as you like. With
    `hub = "s3://…"` the keys are in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Ends with 14 if the hub
    refused something, with the rule and the reason: mend that, then --again.

    / Envoie ce que le hub n’a pas, et reprend un envoi coupé ; à relancer autant qu’on veut. Si le hub a refusé, la règle et
    la raison sont dites et le code est 14 : corrigez, puis --again.
    """
    from pipelines.pull.pulling import together
    from pipelines.push.pushing import outbox, push_all

    one = read_venue(home / "venues" / venue)
    with progress() as bar:
        task = bar.add_task(say("Pushing", "Envoi"), total=len(outbox(one)))
        done = []
        for pushed in push_all(one, home / "hub", again=again):
            done.append(pushed)
            bar.advance(task)
    states = {
        "arriving": say("on its way", "en route"),
        "waiting": say("at the hub, not decided yet", "au hub, pas encore décidée"),
        "accepted": say("accepted", "acceptée"),
        "refused": say("refused", "refusée"),
    }
    for p in done:
        what = say("withdrawal of ", "retrait de ") if p.sealed.withdraws else ""
        name = f"{what}{p.sealed.period or ''} {p.sealed.folder.name}".strip()
        revision = say(f"revision {p.sealed.revision}", f"révision {p.sealed.revision}")
        if p.answer:
            when = f" ({p.answer.at[:10]})" if p.answer.at else ""
            why = f"{say(':', ' :')} {p.answer.sentence(language())}" if p.answer.state == "refused" else ""
            said = f"{states.get(p.answer.state, p.answer.state)}{when}{why}"
        else:
            newer = say("not sent: a newer revision is", "pas envoyée : une révision plus récente l’est")
            said = p.error.sentence(language()) if p.error else newer
        out.print(f"{name}, {revision}{say(':', ' :')} {said}", highlight=False, markup=False, soft_wrap=True)
    if not done:
        out.print(say("Nothing may leave yet: jauge outbox tells what is sealed, and what it waits for.",
                      "Rien ne peut encore partir : jauge outbox dit ce qui est scellé, et ce qu’il attend."))  # fmt: skip
    failed = [p.error for p in done if p.error]
    if failed:
        raise together(failed)
    if any(p.answer and p.answer.state == "refused" for p in done):
        raise typer.Exit(14)
