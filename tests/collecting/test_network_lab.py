"""A real nmap against real servers in a namespace of the test's own: every network fact, and a dead address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from auditor.facts import by_name
from auditor.model import Observation, ObservationStatus
from tests.collecting.test_network import host, look, network, plan

_NEEDED = ("ip", "nmap", "openssl", "ssh-keygen", "/usr/sbin/sshd")

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(name) is None for name in _NEEDED), reason="needs root, ip, nmap, openssl and sshd"
    ),
]

FACTS = ("network_services", "open_ports", "ssh_algorithms", "tls")
SERVERS, DEAD, SUBNET = "10.213.8.2", "10.213.8.7", "10.213.8.0/29"


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=30)


def expired_certificate(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old.health.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, datetime(2020, 1, 1), datetime(2021, 1, 1))
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An SSH server with a weak cipher and a TLS server whose certificate has expired, alone on a network of their own."""
    folder = tmp_path_factory.mktemp("servers")
    space, outer, inner = f"aud{os.getpid()}", f"ao{os.getpid()}", f"ai{os.getpid()}"
    expired_certificate(folder / "tls.pem")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key"))
    Path("/run/sshd").mkdir(exist_ok=True)
    with ExitStack() as stack:
        run("ip", "netns", "add", space)
        stack.callback(run, "ip", "netns", "delete", space)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
        run("ip", "address", "add", "10.213.8.1/29", "dev", outer)
        run("ip", "link", "set", outer, "up")
        run("ip", "-n", space, "address", "add", f"{SERVERS}/29", "dev", inner)
        run("ip", "-n", space, "link", "set", inner, "up")
        sshd = ["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-h", str(folder / "key"), "-o", f"ListenAddress={SERVERS}:2222"]
        sshd += ["-o", "PidFile=none", "-o", "Ciphers=aes128-cbc,aes256-ctr"]
        tls = ["openssl", "s_server", "-quiet", "-www", "-accept", f"{SERVERS}:8443", "-cert", str(folder / "tls.pem")]
        tls += ["-key", str(folder / "tls.pem"), "-min_protocol", "TLSv1.2"]
        for command in (sshd, tls):
            words = ["ip", "netns", "exec", space, *command]
            process = stack.enter_context(
                subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.kill)
        for number in (2222, 8443):
            wait_for(number)
        yield


def wait_for(number: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((SERVERS, number), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {number}"
        else:
            return


def value(observation: Observation) -> Any:
    fact = by_name(observation.probe.fact)
    assert fact is not None
    assert observation.status is ObservationStatus.OK, observation.stderr
    return fact.value(observation.stdout, {})


def test_real_servers_are_seen_for_what_they_are(servers: None) -> None:
    """SSH and TLS on unusual ports, the expired certificate, the weak cipher; the dead address is unobserved."""
    department = plan(host("live", SERVERS), host("dead", DEAD), network("net", SUBNET), facts=FACTS)
    seen = look(department, clock=lambda: datetime.now(UTC))
    assert value(seen["live", "open_ports"]) == [{"port": 2222, "protocol": "tcp"}, {"port": 8443, "protocol": "tcp"}]
    assert [(s["service"], s["tls"]) for s in value(seen["live", "network_services"])] == [("ssh", False), ("http", True)]
    (offered,) = value(seen["live", "ssh_algorithms"])
    assert (offered["port"], offered["ciphers"], offered["host_keys"]) == (2222, ["aes128-cbc", "aes256-ctr"], ["ssh-ed25519"])
    (served,) = value(seen["live", "tls"])
    assert (served["port"], served["versions"]) == (8443, ["TLSv1.2", "TLSv1.3"])
    assert served["certificate"]["not_after"] == int(datetime(2021, 1, 1, tzinfo=UTC).timestamp())
    # 10.213.8.1 answers too: it is this machine, and no stranger to itself
    assert [h["address"] for h in value(seen["net", "live_hosts"])] == [SERVERS]
    assert {seen["dead", name].status for name in FACTS} == {ObservationStatus.FAILED}
