"""Every refusal and fault, for the person who meets it.

    JaugeError
    ├── Fault               exit 1   something is broken or unreadable
    └── Refusal                      the program worked, and the answer is no
        ├── PolicyRefusal       10   the policy does not allow it
        ├── BudgetRefusal       11   the season's budget would be exceeded
        ├── QualityRefusal      12   the records fail a blocking check
        ├── GovernanceRefusal   13   consent or membership does not allow it
        └── VerificationRefusal 14   a release is not what it claims (names the rule)

A message says what was found, where, and what to do, in English and in French. It never holds a
value out of a row: a file, a column, a line number, a rule.
"""

from __future__ import annotations


class JaugeError(Exception):
    """Base of all; `en` and `fr` are whole sentences."""

    exit_code = 1

    def __init__(self, en: str, fr: str) -> None:
        super().__init__(en, fr)  # both, so that it can travel between processes
        self.en = en
        self.fr = fr

    def __str__(self) -> str:
        return self.en

    def sentence(self, language: str) -> str:
        """Return the message in "fr", or in English for any other language."""
        return self.fr if language == "fr" else self.en


class Fault(JaugeError):
    """A file, a setting or an input is broken; retrying without mending it fails again."""


class Refusal(JaugeError):
    """The answer is no, by rule; nothing was done."""


class PolicyRefusal(Refusal):
    """The policy does not allow what was asked."""

    exit_code = 10


class BudgetRefusal(Refusal):
    """The charge would exceed the season's budget; nothing was charged, no noise was drawn."""

    exit_code = 11


class QualityRefusal(Refusal):
    """The records fail a check that stands before the border."""

    exit_code = 12


class GovernanceRefusal(Refusal):
    """Consent regime or membership forbids it."""

    exit_code = 13


class VerificationRefusal(Refusal):
    """A release is not what it claims to be; `rule` names the first rule broken."""

    exit_code = 14

    def __init__(self, rule: str, en: str, fr: str) -> None:
        super().__init__(f"{rule}: {en}", f"{rule} : {fr}")
        self.args = rule, en, fr
        self.rule = rule


def broken(rule: str, why: str) -> VerificationRefusal:
    """Return the refusal of a release that breaks a rule, `why` being a clause in English."""
    return VerificationRefusal(
        rule,
        f"{why}. Ask the venue to send the release again.",
        f"règle non respectée ({why}). À renvoyer par le lieu.",
    )


def hold(rule: str, holds: object, why: str) -> None:
    """Raise the refusal of that rule unless `holds`."""
    if not holds:
        raise broken(rule, why)
