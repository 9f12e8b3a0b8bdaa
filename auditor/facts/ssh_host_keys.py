"""The SSH server's host keys: who may read the private files, and by which fingerprints the public ones are known.

They are looked at in their usual place, and wherever else the server's files say that it has any (``HostKey``, by ``sshd -T``).
The file beside a private key, ``.pub`` behind its name, is taken for its public half. ``unseen`` are private keys behind a closed
folder, ``unread`` the public halves that are not there or could not be read, those of the unseen ones among them; both hold
``sshd -T`` where that could not be asked, or the server has not read its files as they are, so that there may be others.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._sshd_probe import AS_READ
from auditor.facts.file_stat import PERMISSION_SHAPES, STAT, STAT_FIELDS, permissions
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_ASK = "/usr/sbin/sshd -T"
_ASKED = "sshd -T"  # in the place of keys that it did not tell of

# The comment of a key names the machine it was made on; it is dropped on the target.
_SCRIPT = (
    STAT
    + rf"""
public() {{
  out=$(ssh-keygen -E sha256 -lf "$1") || return 1
  printf '%s\n' "$out" | file=$1 awk '{{ print "public=" $1 " " $2 " " $NF " " ENVIRON["file"] }}'
}}
keys=
if [ -e /usr/sbin/sshd ]; then
  # a refusal leaves this one question open, not the whole fact: the descriptor by which as_root would tell it is closed
  asked=yes
  settings=$(3>/dev/null as_root {_ASK}) || asked=no
  # a line that was taken out of its files, of a key that the server goes on with
  ( {AS_READ} ) || asked=no
  if [ $asked = no ]; then echo asked=no; fi
  keys=$(printf '%s\n' "$settings" | sed -n 's/^hostkey \//\//p')
else
  # a server of another make, or the session itself, which some server holds
  for other in /usr/local/sbin/sshd /usr/bin/sshd /usr/sbin/dropbear; do
    if [ -e "$other" ] || [ -n "${{SSH_CONNECTION-}}" ]; then echo asked=no; break; fi
  done
fi
if [ -d /etc/ssh ]; then
  [ -r /etc/ssh ] && [ -x /etc/ssh ] || exit 1
  # a copy of a key is one as well, whatever was put behind its name
  for file in /etc/ssh/ssh_host_*key*; do
    case $file in *.pub*) continue ;; esac
    if [ ! -e "$file" ]; then continue; fi
    out=$(state "$file") || exit 1
    printf 'private=%s\n%s\n' "$file" "$out"
  done
  for file in /etc/ssh/ssh_host_*key.pub; do
    if [ ! -e "$file" ]; then continue; fi
    public "$file" || exit 1
  done
fi
printf '%s\n' "$keys" | while IFS= read -r file; do
  [ -n "$file" ] || continue
  seen=no
  case $file in /etc/ssh/*/*) ;; /etc/ssh/ssh_host_*key*) seen=yes ;; esac
  # an agent may hold the key, of which the public half alone is there
  if [ ! -e "$file" ] && [ -e "$file.pub" ]; then
    public "$file.pub" || printf 'unread=%s\n' "$file"
    continue
  fi
  if [ ! -e "$file" ]; then
    # a default that was never made, or one that a closed folder hides, also behind a link
    place=$file
    while [ ! -e "$place" ] && [ ! -L "$place" ]; do
      place=${{place%/*}}
      if [ -z "$place" ]; then place=/; fi
    done
    if [ -L "$place" ] || {{ [ -d "$place" ] && [ ! -x "$place" ]; }}; then printf 'unseen=%s\n' "$file"; fi
    continue
  fi
  # or is named
  case $seen$file in
    yes*key.pub) continue ;;
    *.pub) public "$file" || printf 'unread=%s\n' "$file"; continue ;;
  esac
  if [ $seen = no ]; then
    out=$(state "$file") || exit 1
    printf 'private=%s\n%s\n' "$file" "$out"
  fi
  case $seen$file in yes*key) if [ -e "$file.pub" ]; then continue; fi ;; esac
  if [ ! -e "$file.pub" ] || ! public "$file.pub"; then printf 'unread=%s\n' "$file"; fi
done || exit 1
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``private=<path>`` and its fields, ``public=<bits> SHA256:… (<type>) <path>``, ``unseen=<path>``, ``unread=<path>`` and
    ``asked=no``.
    """
    private: list[dict[str, str]] = []
    public: list[Json] = []
    unseen: list[str] = []
    unread: list[str] = []
    for line in whole_lines("ssh_host_keys", output):
        key, _, text = line.partition("=")
        if key == "private":
            private.append({"private": text})
        elif key in (*STAT_FIELDS, "acl") and private and key not in private[-1]:
            private[-1][key] = text
        elif key == "public" and (match := re.fullmatch(r"(\d{1,6}) (SHA256:[A-Za-z0-9+/=]+) \(([\w-]+)\) (/.+)", text)):
            public.append({"path": match[4], "type": match[3], "bits": int(match[1]), "fingerprint": match[2]})
        elif key == "unseen":
            unseen.append(text)
        elif key == "unread":
            unread.append(text)
        elif line == "asked=no":
            unseen.append(_ASKED)
        else:
            raise ParseError(f"ssh_host_keys: a line that does not belong there: {line[:80]!r}")
    paths: list[Json] = [{"path": fields["private"], **permissions(fields)} for fields in private]
    halves: list[Json] = [path if path.endswith(".pub") or path == _ASKED else f"{path}.pub" for path in (*unseen, *unread)]
    return {"private": paths, "public": public, "unseen": [*unseen], "unread": halves}


FACT = Fact(
    name="ssh_host_keys",
    title=Text(en="SSH host keys: private files and public fingerprints", ar="مفاتيح مضيف SSH: الملفات الخاصة والبصمات العامة"),
    shape=record(
        private=ListOf(record(path=STR, acl=optional(BOOL), **PERMISSION_SHAPES)),
        public=ListOf(record(path=STR, type=STR, bits=INT, fingerprint=STR)),
        unseen=ListOf(STR),
        unread=ListOf(STR),
    ),
    parse=parse,
    version=3,  # keys in other places
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
        "unseen": [],
        "unread": [],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_ASK,))},
)
