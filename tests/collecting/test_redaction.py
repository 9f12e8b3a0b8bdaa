"""Proves that secrets do not get past redaction, and that redaction changes no fact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.redaction import GONE, redact
from auditor.errors import ParseError
from auditor.facts import FACTS

GOLDENS = Path(__file__).parents[1] / "golden" / "facts"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("root:$6$saltsalt$abcdefghijklmnop.qrstuv/wxyz:19000:0:99999:7:::", "abcdefghijkl"),
        ("root:!$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7:1:0:9:7:::", "X3DX6M94"),
        ("old:abJnggxhB/yWI:19000:0:99999:7:::", "Jnggxh"),
        ("a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\nb", "b3Blbn"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ", "MIIEvQ"),
        ("db_password = hunter22", "hunter22"),
        ('api_key="s3cr3t value"', "s3cr3t"),
        ("//server/share /mnt cifs username=u,password=hunter22,vers=3.0 0 0", "hunter22"),
        ("http_proxy=http://user:hunter22@proxy:3128", "hunter22"),
        # Regression: what stood before the name, another name, JSON, or a blank in the place of the sign kept these in the ledger
        ('host all all 0/0 ldap ldapserver=x ldapbindpasswd="hunter 22" y', "hunter 22"),
        ("auth required pam_mysql.so user=a passwd=hunter22 db=x", "hunter22"),
        ("loose_file_key_management_filekey = hunter22", "hunter22"),
        ('|  "log-opts": {"splunk-token": "hunter22", "tag": "x"}', "hunter22"),
        ("|AuthLDAPBindPassword hunter22", "hunter22"),
        ("|SetEnv DB_PASSWORD 'hunter22'", "hunter22"),
        ('|fastcgi_param DB_PASSWORD "hunter22";', "hunter22"),
        ('|proxy_set_header Authorization "Basic hunter22";', "hunter22"),
        ('action(type="ommysql" pwd="hunter22")', "hunter22"),
        ('DBDParams "host=x user=a pass=hunter22"', "hunter22"),
        ("export AWS_SECRET_ACCESS_KEY=hunter22", "hunter22"),
        ("export SPRING_DATASOURCE_PASSWORD=hunter22 GITHUB_TOKEN=x", "hunter22"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    """Each kind of secret is dropped, the line around it stays, and a second time finds nothing more."""
    clean = redact(text)
    assert secret in text
    assert secret not in clean
    assert GONE in clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "root:x:0:0:root:/root:/bin/bash",
        "root:!:19000:0:99999:7:::\nuser:*:19000:0:99999:7:::",
        "passwd:         files systemd\npassword required pam_unix.so",
        "password-store=1.7.4\npasswd=1:4.13+dfsg1-1",
        "permitrootlogin no\npasswordauthentication no",
        "PASS_MAX_DAYS 90",
        "password_encryption = md5\nssl_certificate_key /etc/x.key;\n-F key=access -k identity",
        "passwd:1:root:x:0:0:/root:/bin/bash\nusers:x: token: none",
        "price $5 and $6 $HOME",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """What is no secret is not touched."""
    assert redact(text) == text


def _goldens() -> list[tuple[str, str, dict[str, object]]]:
    found: list[tuple[str, str, dict[str, object]]] = []
    for path in sorted(GOLDENS.glob("*/*")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".json":
            data = json.loads(text)
            if isinstance(data, dict) and isinstance(data.get("output"), str):
                found.append((path.parent.name, data["output"], data.get("args", {})))
        else:
            found.append((path.parent.name, text, {}))
    return found


def test_goldens_parse_the_same() -> None:
    """parse(redact(x)) = parse(x) for every golden of every fact."""
    facts = {fact.name: fact for fact in FACTS}
    for name, output, args in _goldens():
        if name in facts:
            try:
                value = facts[name].value(output, args)  # type: ignore[arg-type]
            except ParseError:
                continue
            assert facts[name].value(redact(output), args) == value, name  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["plain", "password = hunter22", "plain\n", "x", "a=b", ""])))
def test_what_was_found_clean_is_that_text_alone(texts: list[str]) -> None:
    """Texts without a secret are remembered: what is returned is the same at whatever turn they come."""
    for text in texts:
        assert redact(text) == text.replace("hunter22", GONE)
