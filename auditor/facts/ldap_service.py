"""What a directory shows on the network to somebody who does not say who he is, and whether it speaks TLS."""

from __future__ import annotations

from collections.abc import Generator

from auditor.errors import ParseError
from auditor.facts._conversations import FAILED, held, speaks_tls, spoken
from auditor.facts._ldap import BASE, HIDDEN, SIZE_LIMIT_EXCEEDED, SUBTREE, SUCCESS, Client, Result
from auditor.facts._nmap_output import as_items, closed_ports, number, open_ports
from auditor.facts.interface import SECURE, Arguments, Conversation, Fact, NetworkProbe, Talk, Told
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_PLAIN, _TLS = frozenset({389, 3268}), frozenset({636, 3269})
_SERVICES = frozenset({"ldap", "ldapssl", "globalcatLDAP", "globalcatLDAPssl"})
_ANONYMOUS, _START_TLS = "ldap-anonymous", "ldap-starttls"
_CONTEXTS, _DEFAULT, _MECHANISMS = "namingcontexts", "defaultnamingcontext", "supportedsaslmechanisms"
_NO_ATTRIBUTES = ("1.1",)  # RFC 4511, 4.5.1.8: that an entry is there is enough, what it holds is nobody's business
# Where people are, by custom: a context may hide itself and show what is below to whoever knows the name.
_BRANCHES = (b"ou=people,", b"ou=users,", b"cn=users,", b"cn=accounts,", b"ou=groups,")
_ENOUGH = 2  # entries that are asked for of each naming context
_MOST_CONTEXTS = 16
_LONGEST_NAME = 60


def _look(client: Client) -> Generator[bytes | None, bytes, Told]:
    """What the directory shows as it is spoken to now: its mechanisms, and of each naming context whether entries can be read."""
    root = yield from client.search(b"", BASE, ("namingContexts", "defaultNamingContext", "supportedSASLMechanisms"), 1)
    if root.more or root.code not in (SUCCESS, SIZE_LIMIT_EXCEEDED, *HIDDEN):
        return (("root", "refused" if root.refused else f"code {root.code}"),)
    attributes = root.entries[0][1] if root.entries else {}
    contexts = sorted({name for key in (_CONTEXTS, _DEFAULT) for name in attributes.get(key, []) if name})
    mechanisms = sorted({name.decode("ascii", "replace")[:_LONGEST_NAME] for name in attributes.get(_MECHANISMS, [])})
    told = [("root", "told"), ("contexts", str(len(contexts))), *(("mechanism", name) for name in mechanisms)]
    # one that tells no context may all the same search in one of its own choice
    for context in contexts[:_MOST_CONTEXTS] or [b""]:
        found = yield from client.search(context, SUBTREE, _NO_ATTRIBUTES, _ENOUGH)
        for branch in _BRANCHES if context and found.code in HIDDEN else ():
            below = yield from client.search(branch + context, SUBTREE, _NO_ATTRIBUTES, _ENOUGH)
            if _came_to(below) not in ("refused", "empty"):
                found = below
                break
        told.append(("context", _came_to(found)))
        if found.more:  # it does not keep to what was asked: the rest of its answer is still coming
            break
    return tuple(told)


def _came_to(found: Result) -> str:
    seen = [name for name, _ in found.entries if name]
    if seen or found.code == SIZE_LIMIT_EXCEEDED:
        return f"entries {min(len(seen) or 1, _ENOUGH)}"
    if found.code == SUCCESS:
        return "empty"
    return "refused" if found.refused else f"code {found.code}"


def _anonymous() -> Talk:
    return (yield from _look(Client()))


def _start_tls() -> Talk:
    answer = yield from (client := Client()).start_tls()
    if answer.code != SUCCESS:
        return (("starttls", "no"),)
    yield SECURE
    return (("starttls", "yes"), *(yield from _look(client)))


PROBE = NetworkProbe(
    what="conversations",
    service_detection=True,
    conversations=(
        Conversation(_ANONYMOUS, _PLAIN, _SERVICES, _anonymous, tls_ports=_TLS),
        Conversation(_START_TLS, _PLAIN, _SERVICES, _start_tls, tls_ports=_TLS, plain_only=True),
    ),
)


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice: for each port that speaks LDAP how, and what it shows to somebody who does not say who he is.

    ``tls`` from the first byte; ``starttls`` when it was asked for and agreed on, left out when that came to nothing and entries
    were shown in the clear all the same. ``mechanisms`` are those of SASL that are told
    before StartTLS. ``anonymous_entries`` is the most entries that were shown of one naming context, in the clear or after
    StartTLS: 0, 1, or 2 for more than one. A directory that neither shows entries nor refuses them, or does not tell which
    naming contexts it holds: ParseError.
    """
    servers: list[Json] = []
    for port, conversations in held(output, PROBE, frozenset({_START_TLS})):
        plain, after = conversations[_ANONYMOUS], conversations.get(_START_TLS, {})
        rounds = [plain, after] if after.get("starttls") == ["yes"] else [plain]
        entries = max(_entries(one) for one in rounds)
        if entries == 0:
            if FAILED in after:
                raise ParseError(
                    f"port {number(port)} was asked for StartTLS and its answer is not known: {after[FAILED][0][:80]}"
                )
            for one in rounds:
                _require_settled(one, number(port))
        value: dict[str, Json] = {"port": number(port), "tls": speaks_tls(port, PROBE.conversations[0])}
        if FAILED not in after:
            value["starttls"] = after.get("starttls") == ["yes"]
        value["mechanisms"], value["anonymous_entries"] = list(plain.get("mechanism", [])), entries
        servers.append(value)
    return servers


def _entries(told: dict[str, list[str]]) -> int:
    return max((int(text.split(" ")[1]) for text in told.get("context", []) if text.startswith("entries ")), default=0)


def _require_settled(told: dict[str, list[str]], port: int) -> None:
    """Raise ParseError unless entries were refused, or not shown, wherever they could be."""
    root, contexts = told.get("root", ["nothing"])[0], told.get("context", [])
    if root == "refused":
        return
    if root != "told":
        raise ParseError(f"port {port} speaks LDAP and answered with {root[:20]}")
    count = int(told["contexts"][0])
    if count == 0:
        raise ParseError(f"port {port} speaks LDAP and does not tell which naming contexts it holds")
    if count != len(contexts):
        raise ParseError(f"port {port} speaks LDAP and {len(contexts)} of its {count} naming contexts were asked for")
    if open_question := next((text for text in contexts if text not in ("refused", "empty")), ""):
        raise ParseError(f"port {port} speaks LDAP and answered the search of a naming context with {open_question[:20]}")


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports whose directory answered, those that said they are something else, and those that refused."""
    return as_items(spoken(open_ports(output), PROBE)) + closed_ports(output)


FACT = Fact(
    name="ldap_service",
    title=Text(en="What a directory shows to strangers over LDAP", ar="ما تُظهره خدمة الدليل للغرباء عبر LDAP"),
    shape=ListOf(record(port=INT, tls=BOOL, starttls=optional(BOOL), mechanisms=ListOf(STR), anonymous_entries=INT)),
    parse=parse,
    example=[{"port": 389, "tls": False, "starttls": True, "mechanisms": ["EXTERNAL", "GSSAPI"], "anonymous_entries": 0}],
    network=PROBE,
    version=2,
    proven=proven,
)
