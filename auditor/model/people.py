"""Who acts: people, their roles, and what each move is called when leave is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.model.common import Language, Text


class Role(StrEnum):
    """What a person is to the audit."""

    OPERATOR = "operator"  # runs the auditor
    OFFICER = "officer"  # answers for one department's hosts
    COMMITTEE = "committee"  # decides for one of the ministries
    VIEWER = "viewer"


class Action(StrEnum):
    """What leave is asked for."""

    RUN = "run"  # audit, apply a reevaluation, trust a host's keys
    WORK = "work"  # acknowledge, start, assign, plan, claim
    SPEAK = "speak"  # comment, attach
    VERIFY = "verify"
    RETIRE = "retire"  # an asset
    DROP = "drop"  # what a check that the policy no longer has left open
    PROPOSE = "propose"
    DECIDE = "decide"  # approve, reject or revoke an exception
    ANSWER = "answer"
    ACCEPT = "accept"  # accept or return an answer
    CAMPAIGN = "campaign"
    CIRCULATE = "circulate"
    ACKNOWLEDGE = "acknowledge"  # a circular
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named in auditor.toml. ``user`` is the name at the operating system; officers have a department, members of the
    committee a ministry."""

    user: str
    name: Text
    roles: tuple[Role, ...]
    department: str = ""
    ministry: str = ""
    email: str = ""
    language: Language | None = None  # in which letters are written; None: that of the settings
