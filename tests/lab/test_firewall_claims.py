"""What a host's rules say of its ports is held against what the network reaches, by the real program over SSH and nmap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import lab
from auditor.ledger import Ledger
from auditor.model import Outcome, VerdictKind
from auditor.planning import Narrowing
from auditor.workflow.audit import audit
from auditor.workflow.inspection import plan_now, sudoers_of
from auditor.workflow.workspace import open_workspace
from tests.lab.test_audit import Quiet

pytestmark = pytest.mark.lab

CHECK = "net-open-port-let-in"
RULES = """flush ruleset
table inet filter {{
  chain input {{
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iif lo accept
    tcp dport 22 accept
    {allowed}
  }}
}}
{more}
"""
# The port is written over on the way in and on the way out, before and behind all that the filter sees.
MANGLED_TABLE = """table netdev m {
  chain i { type filter hook ingress device eth0 priority 0; tcp dport 9000 tcp dport set 8022; }
  chain e { type filter hook egress device eth0 priority 0; tcp sport 8022 tcp sport set 9000; }
}"""
REDIRECTING_TABLE = "table ip nat { chain p { type nat hook prerouting priority dstnat; tcp dport 9000 redirect to :22; }; }"
REDIRECTED, DECLARED, MANGLED, ALLOWED, REFUSED, SELDOM = HOSTS = (
    *("health-db-1", "finance-tls-1", "health-files-1"),
    *("finance-app-1", "finance-crypto-1", "interior-twin-1"),
)
# By host: the rules that are added, the tables beside them, and the port on which something listens.
PLANTED = {
    REDIRECTED: ("", REDIRECTING_TABLE, 0),
    DECLARED: ("", REDIRECTING_TABLE.replace("9000", "9443"), 0),
    MANGLED: ("tcp dport 8022 accept", MANGLED_TABLE, 8022),
    ALLOWED: ("tcp dport 9000 accept", "", 9000),
    REFUSED: ("tcp dport 9001 accept", "", 9000),
    SELDOM: ("tcp dport 9000 limit rate 1000/second accept", "", 9000),  # how often others asked for it is not known
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """One audit of five hosts, whose auditor may do by sudo just what the plan asks for."""
    root: Path = tmp_path_factory.mktemp("claims")
    fleet = lab.up(root / "lab", HOSTS)
    try:
        lab.write_workspace(fleet, root)
        fleet.permit(sudoers_of(plan_now(open_workspace(root))))
        for uid, (allowed, more, port) in PLANTED.items():
            fleet.shell(uid, f"nft -f - <<'E'\n{RULES.format(allowed=allowed, more=more)}E")
            if port:
                fleet.shell(uid, f"busybox nc -ll -p {port} -e /bin/true </dev/null >/dev/null 2>&1 &")
        run = audit(open_workspace(root), actor="test", watcher=Quiet(), narrowing=Narrowing(hosts=HOSTS, checks=(CHECK,)))
        with Ledger.open(root / "findings" / "ledger.db", readonly=True) as ledger:
            yield {o.asset: o for o in ledger.verdicts(run.id) if o.check == CHECK}
    finally:
        lab.down(root / "lab")


def told(outcome: Outcome) -> dict[str, VerdictKind]:
    return {verdict.subject: verdict.kind for verdict in outcome.verdicts}


def test_what_the_rules_refuse_and_the_network_reaches_is_found(outcomes: dict[str, Outcome]) -> None:
    """A redirection, and a port written over before the filter: the rules refuse 9000, and it answers."""
    for uid in (REDIRECTED, MANGLED):
        assert told(outcomes[uid]) == {"22/tcp": VerdictKind.PASS, "9000/tcp": VerdictKind.FAIL}, uid


def test_a_declared_redirection_is_no_finding(outcomes: dict[str, Outcome]) -> None:
    """The inventory declares 9443, and a rule redirects it."""
    assert told(outcomes[DECLARED])["9443/tcp"] is VerdictKind.PASS


def test_what_the_rules_let_in_passes(outcomes: dict[str, Outcome]) -> None:
    """A rule lets 9000 in, and it is open."""
    assert told(outcomes[ALLOWED]) == {"22/tcp": VerdictKind.PASS, "9000/tcp": VerdictKind.PASS}


def test_what_the_rules_refuse_is_not_open(outcomes: dict[str, Outcome]) -> None:
    """Something listens on 9000; the rules drop it, and the network does not reach it: nothing is judged but SSH."""
    assert told(outcomes[REFUSED]) == {"22/tcp": VerdictKind.PASS}


def test_what_the_rules_do_not_decide_is_unknown(outcomes: dict[str, Outcome]) -> None:
    """A rule that lets 9000 in only so often neither passes nor fails it."""
    assert told(outcomes[SELDOM]) == {"22/tcp": VerdictKind.PASS, "9000/tcp": VerdictKind.UNKNOWN}
