"""The SSH server's host keys: who may read the private files, and by which fingerprints the public ones are known."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.file_stat import PERMISSION_SHAPES, STAT, STAT_FIELDS, permissions
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# The comment of a key names the machine it was made on; it is dropped on the target.
_SCRIPT = (
    STAT
    + """\
if [ -d /etc/ssh ]; then
  [ -r /etc/ssh ] && [ -x /etc/ssh ] || exit 1
  # a copy of a key is one as well, whatever was put behind its name
  for file in /etc/ssh/ssh_host_*key*; do
    case $file in *.pub*) continue ;; esac
    if [ ! -e "$file" ]; then continue; fi
    out=$(state "$file") || exit 1
    printf 'private=%s\\n%s\\n' "$file" "$out"
  done
  for file in /etc/ssh/ssh_host_*key.pub; do
    if [ ! -e "$file" ]; then continue; fi
    out=$(ssh-keygen -E sha256 -lf "$file") || exit 1
    printf '%s\\n' "$out" | awk -v file="$file" '{ print "public=" $1 " " $2 " " $NF " " file }' || exit 1
  done
fi
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``private=<path>`` and its fields, and ``public=<bits> SHA256:… (<type>) <path>``."""
    private: list[dict[str, str]] = []
    public: list[Json] = []
    for line in whole_lines("ssh_host_keys", output):
        key, _, text = line.partition("=")
        if key == "private":
            private.append({"private": text})
        elif key in (*STAT_FIELDS, "acl") and private and key not in private[-1]:
            private[-1][key] = text
        elif key == "public" and (match := re.fullmatch(r"(\d{1,6}) (SHA256:[A-Za-z0-9+/=]+) \(([\w-]+)\) (/.+)", text)):
            public.append({"path": match[4], "type": match[3], "bits": int(match[1]), "fingerprint": match[2]})
        else:
            raise ParseError(f"ssh_host_keys: a line that does not belong there: {line[:80]!r}")
    return {"private": [{"path": fields["private"], **permissions(fields)} for fields in private], "public": public}


FACT = Fact(
    name="ssh_host_keys",
    title=Text(en="SSH host keys: private files and public fingerprints", ar="مفاتيح مضيف SSH: الملفات الخاصة والبصمات العامة"),
    shape=record(
        private=ListOf(record(path=STR, acl=optional(BOOL), **PERMISSION_SHAPES)),
        public=ListOf(record(path=STR, type=STR, bits=INT, fingerprint=STR)),
    ),
    parse=parse,
    version=2,
    example={
        "private": [
            {
                "path": "/etc/ssh/ssh_host_ed25519_key",
                "type": "file",
                "mode": "0600",
                "uid": 0,
                "gid": 0,
                "owner": "root",
                "group": "root",
                "group_readable": False,
                "group_writable": False,
                "other_readable": False,
                "other_writable": False,
                "other_executable": False,
            }
        ],
        "public": [
            {
                "path": "/etc/ssh/ssh_host_ed25519_key.pub",
                "type": "ED25519",
                "bits": 256,
                "fingerprint": "SHA256:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg",
            }
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
