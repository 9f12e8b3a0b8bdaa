"""SSH keys that open accounts: fingerprint, type and length of each in /root and /home; the keys themselves stay on the target.

Files elsewhere (an AuthorizedKeysFile of its own, homes outside /home) are not looked for. A key of root's is ``turned_away``
where every line of its file has the command by which cloud-init tells whoever comes to log in as another, and ends.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_KEY = re.compile(r"(\d+) ((?:SHA256|MD5):\S+)(?: (.*))? \(([A-Z0-9-]+)\)\Z")
_COMMAND = (
    "/usr/bin/find /root /home -maxdepth 4 -path '*/.ssh/authorized_keys*' -type f"
    " -printf '== %p\\n' -exec /usr/bin/ssh-keygen -lf '{}' ';'"
)

_ROOT = "/root/.ssh/authorized_keys"
# Counts the lines of any other kind. The options stand there letter by letter: a line with any other may open a shell.
_OTHERS = (
    r"""/bin/grep -cv -e "^[[:space:]]*$" -e "^[[:space:]]*#" -e "^no-port-forwarding,no-agent-forwarding,no-X11-forwarding,"""
    r"""command=\"echo 'Please login as the user """
    r"""[\\\\]\"[a-z_][a-z0-9_-]*[\\\\]\" rather than the user [\\\\]\"root[\\\\]\"[.]';echo;sleep 10;exit 142\" [a-z]" """
    f"{_ROOT}"
)

_SCRIPT = f"""\
[ -x /usr/bin/ssh-keygen ] || exit 1
out=$(as_root {_COMMAND}) || exit 1
[ -z "$out" ] || printf '%s\\n' "$out"
case "
$out
" in *"
== {_ROOT}
"*)
  others=$(as_root {_OTHERS}) || [ "$others" = 0 ] || exit 1
  printf 'others=%s\\n' "$others"
esac
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``== PATH``, then what ``ssh-keygen -l`` says of each key in it; ``others=``, the lines of root's that turn nobody away."""
    found: list[dict[str, Json]] = []
    turned_away = 0  # how many of the keys come before that is said, of which it holds for root's
    path = ""
    for line in whole_lines("authorized_keys", output):
        if line.startswith("== /"):
            path = line[3:]
            continue
        if line.endswith("is not a public key file."):
            continue  # an empty file, or one of comments
        if line.startswith("others="):
            if number(line.partition("=")[2], "authorized_keys: others") == 0:
                turned_away = len(found)
            continue
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
    return [{**key, "turned_away": True} if at < turned_away and key["path"] == _ROOT else key for at, key in enumerate(found)]


FACT = Fact(
    name="authorized_keys",
    title=Text(en="SSH keys that open accounts", ar="مفاتيح SSH التي تفتح الحسابات"),
    shape=ListOf(record(account=STR, path=STR, type=STR, bits=INT, fingerprint=STR, comment=STR, turned_away=optional(BOOL))),
    parse=parse,
    version=2,
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
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_COMMAND, _OTHERS))},
)
