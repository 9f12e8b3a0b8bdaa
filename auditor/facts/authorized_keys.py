"""SSH keys that open accounts: fingerprint, type and length of each; the keys themselves stay on the target.

Homes are looked through in /root and /home, and in /srv, /opt and /var/lib, where services have theirs; a key is told for each
account whose home it is. What may hold keys and is not looked into is an ``unread`` entry without a key: a home elsewhere that
may have a .ssh, a .ssh that is a link, and, for the account ``*``, another AuthorizedKeysFile or an AuthorizedKeysCommand.
A file that ssh-keygen does not tell whole is an ``unread`` entry too: one whose first line speaks of a private key it takes for
one.
A key of root's is ``turned_away`` where every line of its file has the command by which cloud-init tells whoever comes to log in
as another, and ends.
"""

from __future__ import annotations

import re
from collections import Counter

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import number
from auditor.facts._sshd_probe import STARTED
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_KEY = re.compile(r"(\d+) ((?:SHA256|MD5):\S+)(?: (.*))? \(([A-Z0-9-]+)\)\Z")
# -H: on hosts that are images /home and /root are links. A link to a file opens the account as the file does.
_FIND = (
    "-ignore_readdir_race -maxdepth 4 -path '*/.ssh' -type l -printf 'link=%p\\n'"
    " -o '(' -path '*/.ssh/authorized_keys' -o -path '*/.ssh/authorized_keys2' ')' -xtype f"
    " -printf '== %p\\n' -exec /bin/grep -c '^[[:space:]]*[^#[:space:]].*AAAA' '{}' ';'"
    " '!' -exec /bin/grep -q 'PRIVATE KEY' '{}' ';' -exec /usr/bin/ssh-keygen -lf '{}' ';'"
)
_PEOPLE = f"/usr/bin/find -H /root /home {_FIND}"
_ROOT_ALONE = f"/usr/bin/find -H /root {_FIND}"
_SERVICES = f"/usr/bin/find -H /srv /opt /var/lib {_FIND}"
_CONFIG = "/bin/grep -RH ^ /etc/ssh/sshd_config"

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
if [ -d /home ]; then
  out=$(as_root {_PEOPLE}) || exit 1
else
  out=$(as_root {_ROOT_ALONE}) || exit 1
fi
[ -z "$out" ] || printf '%s\\n' "$out"
services=
if [ -d /srv ] && [ -d /opt ] && [ -d /var/lib ]; then
  services=yes
  more=$(as_root {_SERVICES}) || exit 1
  [ -z "$more" ] || printf '%s\\n' "$more"
fi
maybe() {{
  p=$1
  while [ ! -e "$p" ]; do
    if [ -L "$p" ]; then return 0; fi
    p=${{p%/*}}
    if [ -z "$p" ]; then p=/; fi
  done
  [ "$p" = "$1" ] || {{ [ -d "$p" ] && [ ! -x "$p" ]; }}
}}
accounts=$(tr -d '\\r' </etc/passwd) || exit 1
printf '%s\\n' "$accounts" | while IFS=: read -r name _ _ _ _ home shell; do
  case $name in ''|'#'*|+*|-*) continue ;; esac
  case $shell in */nologin|*/false|*/true|*/sync|*/shutdown|*/halt) continue ;; esac
  case $home in /*) home=${{home%/}} ;; *) continue ;; esac
  printf 'home=%s:%s\\n' "$name" "$home"
  if [ ! -L "$home" ]; then
    case $home in
      /root|/home) continue ;;
      /root/*/*/*|/home/*/*/*|/srv/*/*/*|/opt/*/*/*|/var/lib/*/*/*) ;;
      /root/*|/home/*) continue ;;
      /srv|/opt|/var/lib|/srv/*|/opt/*|/var/lib/*) if [ -n "$services" ]; then continue; fi ;;
    esac
  fi
  if maybe "$home/.ssh"; then printf 'elsewhere=%s:%s\\n' "$name" "$home/.ssh"; fi
done
if [ -e /etc/ssh/sshd_config ]; then
  if [ -d /etc/ssh/sshd_config.d ]; then
    files=$(as_root {_CONFIG} /etc/ssh/sshd_config.d)
  else
    files=$(as_root {_CONFIG})
  fi
  [ $? -le 1 ] || exit 1
  printf '%s\\n' "$files" | grep -iE '^[^:]*:[[:space:]]*"?AuthorizedKeys' | sed 's/^[^:]*:[[:space:]]*"*/sshd=/' || exit 1
elif [ ! -x /etc/ssh ] && [ -e /etc/ssh ]; then
  exit 1
fi
started=$(
{STARTED}) || exit 1
printf '%s\\n' "$started" | grep -i AuthorizedKeys | sed 's/^/started=/' || exit 1
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


_DEFAULT_FILES = re.compile(r"(%h/)?\.ssh/authorized_keys2?|none")
_SETTING = re.compile(r"""(authorizedkeys(?:file|command))["']?(?:\s*=\s*|\s+)(.*)""", re.IGNORECASE)
_GIVEN = re.compile(r"(?<=[\s])-o\s*(authorizedkeys(?:file|command)[\s=].*?)(?=\s-|\Z)", re.IGNORECASE)


def parse(output: str, _args: Arguments) -> Json:
    """``== PATH``, how many keys are in it, and what ``ssh-keygen -l`` says of each; ``others=``, root's that turn nobody away.

    ``home=NAME:FOLDER`` tells whose a folder is; ``link=``, ``elsewhere=``, ``sshd=`` and ``started=`` what is not looked into.
    """
    keys: list[tuple[str, re.Match[str]]] = []
    owners: dict[str, list[str]] = {}
    unread: list[tuple[str, str]] = []
    lines = whole_lines("authorized_keys", output)
    # the last line alone, for a folder's name may hold line ends
    turned_away = bool(lines) and lines[-1].startswith("others=") and number(lines.pop()[7:], "authorized_keys: others") == 0
    path = ""
    held: dict[str, int] = {}
    for line in lines:
        key, _, told = line.partition("=")
        if line.startswith("== /"):
            path = line[3:]
        elif line.isdecimal() and path:  # a probe before version 4 of the fact did not count them
            held[path] = number(line, "authorized_keys: keys")
        elif key == "home":
            name, _, folder = told.partition(":")
            owners.setdefault(folder, []).append(name)
        elif key == "elsewhere":
            name, _, folder = told.partition(":")
            unread.append((name, folder))
        elif key == "link":
            unread.append(("", told))
        elif key in ("sshd", "started"):
            unread += [("*", setting) for setting in _elsewhere(told if key == "sshd" else _GIVEN.findall(told))]
        elif not line.endswith("is not a public key file."):  # an empty file, or one of comments
            match = _KEY.match(line)
            if match is None or not path:
                raise ParseError(f"authorized_keys: a line that is no key: {line[:80]!r}")
            keys.append((path, match))

    told_of = Counter(file for file, _ in keys)
    unread += [("", file) for file, many in held.items() if many != told_of[file]]

    def accounts(file: str) -> list[str]:
        home = file.rsplit("/.ssh", 1)[0]
        return owners.get(home) or [home.rsplit("/", 1)[-1]]

    budget = Budget("authorized_keys: the keys, told of each account,")
    found: list[Json] = []
    for file, match in keys:
        named = accounts(file)
        budget.spend(len(named))
        found += [_entry(name, file, match, turned_away) for name in named]
    silent = dict.fromkeys((name, file) for given, file in unread for name in ([given] if given else accounts(file)))
    return [*found, *(_unread(name, file) for name, file in silent)]


def _elsewhere(told: str | list[str]) -> list[str]:
    """The settings of sshd's by which keys come from elsewhere than from the two files that it reads by itself."""
    found = []
    for text in [told] if isinstance(told, str) else told:
        match = _SETTING.match(text.strip())
        if match is None:
            continue
        words = match[2].split(" #")[0].replace('"', " ").split()
        if match[1].lower().endswith("command"):
            words = words[:1]
        if not all(_DEFAULT_FILES.fullmatch(word) for word in words):
            found.append(f"{match[1]} {' '.join(words)}"[:200])
    return found


def _entry(account: str, path: str, match: re.Match[str], turned_away: bool) -> Json:
    return {
        "account": account,
        "path": path,
        "type": match[4],
        "bits": int(match[1]),
        "fingerprint": match[2],
        "comment": "" if match[3] in (None, "no comment") else match[3],
        **({"turned_away": True} if turned_away and path == _ROOT else {}),
    }


def _unread(account: str, path: str) -> Json:
    return {"account": account, "path": path, "type": "", "bits": 0, "fingerprint": "", "comment": "", "unread": True}


FACT = Fact(
    name="authorized_keys",
    title=Text(en="SSH keys that open accounts", ar="مفاتيح SSH التي تفتح الحسابات"),
    shape=ListOf(
        record(
            account=STR,
            path=STR,
            type=STR,
            bits=INT,
            fingerprint=STR,
            comment=STR,
            turned_away=optional(BOOL),
            unread=optional(BOOL),
        )
    ),
    parse=parse,
    version=4,
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
    probes={
        "linux": HostProbe(
            script=_SCRIPT, privileged=(_PEOPLE, _ROOT_ALONE, _SERVICES, _OTHERS, _CONFIG, f"{_CONFIG} /etc/ssh/sshd_config.d")
        )
    },
)
