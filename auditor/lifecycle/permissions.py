"""Who may do what: the one place where a move is allowed or refused, for the command line now and a portal later."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.errors import DeniedMoveError
from auditor.model import Action, Json, Person, Role
from auditor.text import _
from auditor.text.labels import label

_ROLES: dict[Action, tuple[Role, ...]] = {
    Action.RUN: (Role.OPERATOR,),
    Action.WORK: (Role.OFFICER,),
    Action.SPEAK: (Role.OFFICER, Role.COMMITTEE, Role.OPERATOR),
    Action.VERIFY: (Role.OFFICER, Role.COMMITTEE, Role.OPERATOR),
    Action.RETIRE: (Role.OFFICER, Role.OPERATOR),
    Action.DROP: (Role.COMMITTEE,),
    Action.PROPOSE: (Role.OFFICER,),
    Action.DECIDE: (Role.COMMITTEE,),
    Action.ANSWER: (Role.OFFICER,),
    Action.ACCEPT: (Role.COMMITTEE,),
    Action.CAMPAIGN: (Role.COMMITTEE,),
    Action.CIRCULATE: (Role.COMMITTEE,),
    Action.ACKNOWLEDGE: (Role.OFFICER,),
    Action.SEAL: (Role.OPERATOR, Role.COMMITTEE),
}


def allow(people: Mapping[str, Person], user: str, action: Action, department: str = "") -> Person:
    """The person behind ``user``, who may do this in the department. Raises DeniedMoveError with the reason.

    An officer acts in one department only; other roles act in all.
    """
    person = people.get(user)
    if person is None:
        message = _("{user} is not named in auditor.toml: add a table [people.{user}] with name and roles")
        raise DeniedMoveError(message.format(user=user))
    roles = [role for role in _ROLES[action] if role in person.roles]
    if not roles:
        message = _("{user} may not do this: it needs the role {roles}")
        wanted = _(" or ").join(label(role) for role in _ROLES[action])
        raise DeniedMoveError(message.format(user=user, roles=wanted))
    if department and all(role is Role.OFFICER for role in roles) and person.department != department:
        message = _("{user} is an officer of {own}, not of {department}")
        raise DeniedMoveError(message.format(user=user, own=person.department or _("no department"), department=department))
    return person


def allow_run(people: Mapping[str, Person], user: str, *, own_account: bool) -> None:
    """Raise DeniedMoveError unless ``user`` may run the auditor. The account that the ledger belongs to, as which cron runs it,
    may, and need not be named."""
    if user in people or not own_account:
        allow(people, user, Action.RUN)


def told(person: Person) -> dict[str, Json]:
    """What the journal keeps of who acted: the roles and the place that gave leave may change later."""
    return {
        "user": person.user,
        "roles": [role.value for role in person.roles],
        "department": person.department,
        "ministry": person.ministry,
    }
