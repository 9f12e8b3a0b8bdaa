"""A script of nmap, or its detection of services, that is silent for a night closes no finding and opens none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auditor.evaluating import Evaluator
from auditor.loading import load_workspace
from auditor.model import AssetPlan, CheckTask, Finding, Outcome, ProbeCall, Reason, Severity, VerdictKind
from auditor.model.codec import from_json
from tests.builders import NOW, asset_plan, host, observation, result
from tests.lifecycle.make import events

LOADED = load_workspace(Path(__file__).parents[2])
CERTIFICATE = (
    '<script id="ssl-cert"><table key="subject"><elem key="commonName">old</elem></table>'
    '<table key="issuer"><elem key="commonName">old</elem></table>'
    '<table key="pubkey"><elem key="type">rsa</elem><elem key="bits">1024</elem></table>'
    '<elem key="sig_algo">sha1WithRSAEncryption</elem><table key="validity">'
    '<elem key="notBefore">2030-01-01T00:00:00</elem><elem key="notAfter">2040-01-01T00:00:00</elem></table></script>'
)
CIPHERS = (
    '<script id="ssl-enum-ciphers"><table key="TLSv1.2"><table key="ciphers"><elem>{}</elem></table></table></script>'.format
)
IN_TLS = '<service name="http" tunnel="ssl" method="probed"/>'
CERTIFICATES = sorted(name for name in LOADED.catalogue.checks if name.startswith("net-tls-certificate-"))  # type: ignore[union-attr]


def plan_of(name: str) -> AssetPlan:
    assert LOADED.catalogue is not None
    check = LOADED.catalogue.checks[name]
    params = {p.name: p.default for p in check.params}
    calls = tuple((use.variable, ProbeCall(use.fact)) for use in check.facts)
    return asset_plan(CheckTask(name, Severity.HIGH, params, calls, ("A.8.2",), "d1"), asset=host(role="camera"))


def judged(name: str, ports: str, *, failing: tuple[str, ...] = (), night: int = 0) -> Outcome:
    """What the check says of a host with these open ports, all others having refused; ``failing`` had a finding before."""
    plan = plan_of(name)
    said = f'<host><status state="up"/><ports closed="1-79">{ports}</ports></host>'
    (call,) = plan.probes
    seen = result(observation(said, fact=call.fact, observed_at=NOW + timedelta(days=night)))
    assert LOADED.catalogue is not None
    (outcome,) = Evaluator(LOADED.catalogue.checks, now=NOW).judge_asset(plan, seen, {name: failing})
    return outcome


def port(number: int, said: str) -> str:
    return f'<port protocol="tcp" portid="{number}"><state state="open"/>{said}</port>'


def opened(outcome: Outcome) -> list[Finding]:
    return [from_json(Finding, event.data) for event in events(outcome)]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_was_not_read_tonight_closes_no_finding(name: str) -> None:
    """Regression: `ssl-enum-ciphers` answered and `ssl-cert` did not, and the finding closed as not applicable."""
    findings = opened(judged(name, port(443, IN_TLS + CERTIFICATE + CIPHERS("TLS_RSA_WITH_AES_128_CBC_SHA"))))
    assert [f.subject for f in findings] == ["443/tcp"]
    silent = judged(name, port(443, IN_TLS + CIPHERS("TLS_RSA_WITH_AES_128_CBC_SHA")), failing=("443/tcp",), night=1)
    assert [(v.kind, v.reason) for v in silent.verdicts] == [(VerdictKind.UNKNOWN, Reason.UNDECIDED)]
    assert (silent.kind, silent.excluded, events(silent, findings)) == (VerdictKind.UNKNOWN, (), ())


@pytest.mark.parametrize("name", CERTIFICATES)
def test_where_there_is_no_certificate_to_show_none_is_judged(name: str) -> None:
    """A port that agrees to keys known before and to nothing else has none, which its ciphers prove."""
    outcome = judged(name, port(10050, CIPHERS("TLS_PSK_WITH_AES_128_GCM_SHA256")))
    assert (outcome.kind, outcome.excluded) == (VerdictKind.NOT_APPLICABLE, ("10050/tcp",))


def test_a_group_of_which_nothing_was_told_is_not_a_long_one() -> None:
    """Regression: classic Diffie-Hellman passed where nmap did not tell the length of its group."""
    told = CIPHERS("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256")
    kinds = [
        judged("net-tls-forward-secrecy", port(443, IN_TLS + CERTIFICATE + said)).kind
        for said in (told, told.replace("</table></table>", '</table><elem key="dh">1024</elem></table>'))
    ]
    assert kinds == [VerdictKind.UNKNOWN, VerdictKind.FAIL]
