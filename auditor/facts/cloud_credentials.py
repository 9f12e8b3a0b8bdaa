"""Files with credentials of cloud services and clusters in the home folders of people and of root.

Their presence, owner and mode are told, never what they hold. Home folders elsewhere than /root and /home are not searched; where
those two are links, as /home is to /var/home on hosts of the RHEL family that are images, what they lead to is. A home in /home
that is a link, or a file system of its own, is ``unread``, and so is a folder or file of such a name that is a link, and /home
where each home is mounted when somebody comes to it.

A snap has a folder for each of its revisions, ~/snap/doctl/1445, and its files are copied into a new one at each refresh. All are
told as one, ~/snap/doctl/*/…, with every bit that any of them has: else each refresh would close a finding and open another.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

# One walk, four folders deep, without caches and browsers' profiles; which of the files count is decided without root's rights.
# A program from a snap has its dotted files deeper: ~/snap/doctl/1445/.config/doctl/config.yaml.
_FIND = (
    "-ignore_readdir_race -xdev -maxdepth 7"
    " -path /home -printf 'top %D %p\\0' -o -path '/home/*' ! -path '/home/*/*' -printf '%y %D %p\\0'"
    " -o -type d -path '/home/*/*/*/*' ! -path '/home/*/snap/*' -prune"
    " -o -type d -path '/root/*/*/*/*' ! -path '/root/snap/*' -prune"
    " -o -name .cache -prune -o -name .mozilla -prune -o -name .local -prune -o -name .git -prune"
    " -o -type l -path '*/.*' -printf '%y 0 %p\\0' -o -type f -path '*/.*' -size +0 -printf '%m %u %p\\0'"
)
_COMMANDS = (f"/usr/bin/find -H /root /home {_FIND}", f"/usr/bin/find -H /root {_FIND}")

_FOLDERS = r"huaweicloud|aliyun|oci|bluemix|kube|terraform\.d"

_SCRIPT = rf"""
walk() {{
  if [ -d /home ]; then
    as_root {_COMMANDS[0]}
  else
    as_root {_COMMANDS[1]}
  fi
}}
# a line end in a name would begin a line of its own
out=$({{ walk || printf '\0broken\0'; }} | tr '\n\0' '?\n')
case "
$out
" in *"
broken
"*) exit 1 ;; esac
if grep -q ' /home autofs ' /proc/self/mounts; then echo unread=/home; fi
printf '%s\n' "$out" | awk '
  $1 == "top" {{ top = $2 }}
  (($1 == "d" && $2 != top) || $1 == "l") && $3 ~ "^/home/[^/]*$" {{ sub(/^[^ ]* [^ ]* /, ""); print "unread=" $0 }}
' || exit 1
links=$(printf '%s\n' "$out" | grep -E '^l 0 .*/\.(aws|azure|config(/(gcloud|rclone|doctl|hcloud|openstack))?|{_FOLDERS})$' |
  sed 's/^l 0 /unread=/')
[ -z "$links" ] || printf '%s\n' "$links"
kept=$(printf '%s\n' "$out" | grep -E '^([0-7]|l 0 )')
found=$(printf '%s\n' "$kept" | grep -E \
  -e '/\.(aws/credentials|azure/(accessTokens\.json|msal_token_cache\.(json|bin)|service_principal_entries\.(json|bin)))$' \
  -e '/\.config/gcloud/(credentials\.db|access_tokens\.db|application_default_credentials\.json)$' \
  -e '/\.(boto|s3cfg|ossutilconfig|passwd-s3fs|huaweicloud/credentials|aliyun/config\.json|oci/config|bluemix/config\.json)$' \
  -e '/\.(kube/config|terraform\.d/credentials\.tfrc\.json|vault-token|config/rclone/rclone\.conf)$' \
  -e '/\.config/(doctl/config\.yaml|hcloud/cli\.toml|openstack/clouds\.yaml|openstack/secure\.yaml|linode-cli)$')
[ $? -le 1 ] || exit 1
if [ -n "$found" ]; then printf '%s\n' "$found" | sort -k 3 | sed -e 's/^l 0 /unread=/' -e '/^unread=/!s/^/file=/' || exit 1; fi
echo end
"""

_REVISION = re.compile(r"(/snap/[^/]+)/x?\d+/")  # x1: installed from a file

_PROVIDERS: tuple[tuple[str, str], ...] = (
    ("aws", r"\.aws/|\.boto$|\.s3cfg$|\.passwd-s3fs$"),
    ("azure", r"\.azure/"),
    ("google", r"gcloud/"),
    ("alibaba", r"\.aliyun/|ossutilconfig"),
    ("huawei", r"huaweicloud/"),
    ("oracle", r"\.oci/"),
    ("ibm", r"\.bluemix/"),
    ("kubernetes", r"\.kube/"),
    ("terraform", r"terraform\.d/"),
    ("vault", r"vault-token"),
    ("rclone", r"rclone"),
    ("digitalocean", r"doctl/"),
    ("hetzner", r"hcloud/"),
    ("openstack", r"openstack/"),
    ("linode", r"linode"),
)


def parse(output: str, _args: Arguments) -> Json:
    """``file=<mode> <owner> <path>`` or ``unread=<path>`` a line."""
    found: dict[str, tuple[int, str, dict[str, None]]] = {}
    unread: dict[str, None] = {}
    for line in whole_lines("cloud_credentials", output):
        if line.startswith("unread=/"):
            unread[line.removeprefix("unread=")] = None
            continue
        match = re.fullmatch(r"file=([0-7]{1,4}) (\S+) (/.+)", line)
        provider = next((name for name, pattern in _PROVIDERS if match and re.search(pattern, match[3])), "")
        if not match or not provider:
            raise ParseError(f"cloud_credentials: a line that does not belong there: {line[:80]!r}")
        path = _REVISION.sub(r"\1/*/", match[3], count=1)
        mode, _, owners = found.get(path, (0, "", {}))
        owners[match[2]] = None
        found[path] = (mode | int(match[1], 8), provider, owners)
    closed: dict[str, Json] = {"provider": "", "owner": "", "mode": "", "open_to_others": False, "unread": True}
    listed: list[Json] = [
        {
            "path": path,
            "provider": provider,
            "owner": " ".join(owners),
            "mode": f"{mode:04o}",
            "open_to_others": bool(mode & 0o077),
        }
        for path, (mode, provider, owners) in found.items()
    ]
    return [*listed, *({"path": path, **closed} for path in unread)]


FACT = Fact(
    name="cloud_credentials",
    title=Text(en="Files with credentials of cloud services", ar="ملفات بيانات الدخول إلى الخدمات السحابية"),
    shape=ListOf(record(path=STR, provider=STR, owner=STR, mode=STR, open_to_others=BOOL, unread=optional(BOOL))),
    parse=parse,
    version=3,
    example=[
        {
            "path": "/home/mona/.aws/credentials",
            "provider": "aws",
            "owner": "mona",
            "mode": "0600",
            "open_to_others": False,
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=_COMMANDS, timeout=30.0)},
)
