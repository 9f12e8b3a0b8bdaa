"""A script of nmap, or its detection of services, that is silent for a night closes no finding and opens none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auditor.evaluating import Evaluator
from auditor.loading import load_workspace
from auditor.model import AssetPlan, CheckTask, Finding, Outcome, ProbeCall, Reason, Resolution, Severity, VerdictKind
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
PLAIN = '<service name="http" method="probed"/>'
NOT_TOLD = '<service name="http" method="table"/>'
LOGIN = '<script id="http-headers"><elem key="www-authenticate">basic</elem></script>'
PAGE = '<script id="http-title"/>'
CLEAR = '<script id="plain-http"><elem key="status">200</elem></script>'
REDIRECT = '<script id="http-title"><elem key="redirect_url">https://www.health.example/</elem></script>'
CERTIFICATES = sorted(name for name in LOADED.catalogue.checks if name.startswith("net-tls-certificate-"))  # type: ignore[union-attr]


def plan_of(name: str) -> AssetPlan:
    assert LOADED.catalogue is not None
    check = LOADED.catalogue.checks[name]
    params = {p.name: p.default for p in check.params}
    calls = tuple((use.variable, ProbeCall(use.fact)) for use in check.facts)
    return asset_plan(CheckTask(name, Severity.HIGH, params, calls, ("A.8.2",), "d1"), asset=host(role="camera"))


def judged(name: str, ports: str, *, failing: tuple[str, ...] = (), night: int = 0, beside: str = "") -> Outcome:
    """What the check says of a host with these open ports, all others having refused; ``failing`` had a finding before."""
    plan = plan_of(name)
    said = f'<host><status state="up"/><ports closed="1-79">{ports}</ports>{beside}</host>'
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


@pytest.mark.parametrize("name", ["net-web-hsts", "net-web-password-over-tls"])
def test_a_web_server_that_was_not_identified_tonight_closes_no_finding(name: str) -> None:
    """Regression: its headers were read and its service was not told, and it counted as one without TLS, or in the clear."""
    found_by = IN_TLS if name == "net-web-hsts" else PLAIN
    findings = opened(judged(name, port(443, found_by + LOGIN)))
    assert [f.subject for f in findings] == ["443/tcp"]
    silent = judged(name, port(443, NOT_TOLD + LOGIN), failing=("443/tcp",), night=1)
    assert (silent.kind, silent.excluded, events(silent, findings)) == (VerdictKind.UNKNOWN, (), ())


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("net-web-password-over-tls", 443, NOT_TOLD + LOGIN),
        ("net-plaintext-services", 80, NOT_TOLD),
        ("net-plaintext-services", 80, PLAIN),
        ("net-plaintext-services", 80, '<service name="tcpwrapped" method="probed"/>'),
        ("net-camera-management", 80, NOT_TOLD),
    ],
)
def test_what_was_not_told_opens_no_finding(name: str, number: int, said: str) -> None:
    """Regression: a service that was not identified, or a front page that was not read, failed as one in the clear."""
    outcome = judged(name, port(number, said))
    assert (outcome.kind, outcome.excluded, events(outcome)) == (VerdictKind.UNKNOWN, (), ())


def test_a_camera_port_that_was_not_identified_does_not_pass() -> None:
    """Regression: a name from the table of ports that is not on the list of plain services counted as an encrypted one."""
    assert judged("net-camera-management", port(8000, '<service name="http-alt" method="table"/>')).kind is VerdictKind.UNKNOWN


def test_plain_http_is_found_also_where_nmap_cannot_name_the_server() -> None:
    """Many servers leave out the header by which it names them: what they serve on port 80 is judged all the same."""
    kinds = [judged(name, port(80, NOT_TOLD + LOGIN)).kind for name in ("net-web-hsts", "net-web-password-over-tls")]
    assert kinds == [VerdictKind.NOT_APPLICABLE, VerdictKind.FAIL]


def test_a_redirect_counts_whoever_sends_it() -> None:
    """Regression: a server that nmap did not name failed although its front page sends browsers to HTTPS; others still fail.

    Where that page came for plain words of our own: one that nmap read may have come in TLS, and is no proof.
    """
    assert judged("net-plaintext-services", port(80, NOT_TOLD + PAGE)).kind is VerdictKind.UNKNOWN
    failing = judged("net-plaintext-services", port(80, NOT_TOLD + PAGE + CLEAR))
    mended = judged("net-plaintext-services", port(80, NOT_TOLD + REDIRECT), failing=("80/tcp",), night=1)
    assert (failing.kind, mended.kind) == (VerdictKind.FAIL, VerdictKind.PASS)
    (closed,) = [from_json(Finding, event.data) for event in events(mended, opened(failing))]
    assert closed.resolution is Resolution.FIXED


def test_a_page_from_a_port_that_is_usual_for_tls_closes_no_finding() -> None:
    """Whether it came in TLS is not known, so that plain HTTP which was found there is not shown to be gone."""
    findings = opened(judged("net-plaintext-services", port(8443, PLAIN + PAGE)))
    silent = judged("net-plaintext-services", port(8443, NOT_TOLD + PAGE), failing=("8443/tcp",), night=1)
    assert ([f.subject for f in findings], silent.kind, events(silent, findings)) == (["8443/tcp"], VerdictKind.UNKNOWN, ())


def test_tls_around_a_service_that_was_not_identified_is_tls() -> None:
    """Regression: a port in TLS whose service nmap did not recognise failed as one in the clear."""
    outcome = judged("net-plaintext-services", port(8080, '<service name="http-proxy" tunnel="ssl" method="table"/>'))
    assert [(v.subject, v.kind) for v in outcome.verdicts] == [("8080/tcp", VerdictKind.PASS)]


def test_a_file_server_that_was_silent_about_signing_opens_no_finding() -> None:
    """Regression: `smb-protocols` answered and `smb2-security-mode` did not, and signing counted as not required."""
    dialects = '<script id="smb-protocols"><table key="dialects"><elem>{}</elem></table></script>'
    kinds = [
        judged("net-smb-signing", port(445, ""), beside=f"<hostscript>{dialects.format(one)}</hostscript>").kind
        for one in ("311", "NT LM 0.12 (SMBv1) [dangerous, but default]")
    ]
    assert kinds == [VerdictKind.UNKNOWN, VerdictKind.FAIL]
