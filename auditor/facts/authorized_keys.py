"""SSH keys that open accounts: fingerprint, type and length of each in /root and /home; the keys themselves stay on the target.

Files elsewhere (an AuthorizedKeysFile of its own, homes outside /home) are not looked for.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

_KEY = re.compile(r"(\d+) ((?:SHA256|MD5):\S+)(?: (.*))? \(([A-Z0-9-]+)\)\Z")
_COMMAND = (
    "/usr/bin/find /root /home -maxdepth 4 -path '*/.ssh/authorized_keys*' -type f"
    " -printf '== %p\\n' -exec /usr/bin/ssh-keygen -lf '{}' ';'"
)

_SCRIPT = f"""\
[ -x /usr/bin/ssh-keygen ] || exit 1
out=$(as_root {_COMMAND}) || exit 1
[ -z "$out" ] || printf '%s\\n' "$out"
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``== PATH``, then what ``ssh-keygen -l`` says of each key in it."""
    found: list[Json] = []
    path = ""
    for line in whole_lines("authorized_keys", output):
        if line.startswith("== /"):
            path = line[3:]
            continue
        if line.endswith("is not a public key file."):
            continue  # an empty file, or one of comments
        match = _KEY.match(line)
        if match is None or not path:
            raise ParseError(f"authorized_keys: a line that is no key: {line[:80]!r}")
        account = path.split("/.ssh/")[0].rsplit("/", 1)[-1]
        found.append(
            {
                "account": account,
                "path": path,
                "type": match[4],
                "bits": int(match[1]),
                "fingerprint": match[2],
                "comment": "" if match[3] in (None, "no comment") else match[3],
            }
        )
    return found


FACT = Fact(
    name="authorized_keys",
    title=Text(en="SSH keys that open accounts", ar="مفاتيح SSH التي تفتح الحسابات"),
    shape=ListOf(record(account=STR, path=STR, type=STR, bits=INT, fingerprint=STR, comment=STR)),
    parse=parse,
    example=[
        {
            "account": "amal",
            "path": "/home/amal/.ssh/authorized_keys",
            "type": "ED25519",
            "bits": 256,
            "fingerprint": "SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
            "comment": "amal@office",
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_COMMAND,))},
)
