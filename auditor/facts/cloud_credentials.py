"""Files with credentials of cloud services and clusters in the home folders of people and of root.

Their presence, owner and mode are told, never what they hold. Home folders elsewhere than /root and /home are not searched; where
those two are links, as /home is to /var/home on hosts of the RHEL family that are images, what they lead to is.

A snap has a folder for each of its revisions, ~/snap/doctl/1445, and its files are copied into a new one at each refresh. All are
told as one, ~/snap/doctl/*/…, with every bit that any of them has: else each refresh would close a finding and open another.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

# One walk, four folders deep, without caches and browsers' profiles; which of the files count is decided without root's rights.
# A program from a snap has its dotted files deeper: ~/snap/doctl/1445/.config/doctl/config.yaml.
_FIND = (
    "-xdev -maxdepth 7 -type d -path '/home/*/*/*/*' ! -path '/home/*/snap/*' -prune"
    " -o -type d -path '/root/*/*/*/*' ! -path '/root/snap/*' -prune"
    " -o -name .cache -prune -o -name .mozilla -prune -o -name .local -prune -o -name .git -prune"
    " -o -type f -path '*/.*' -size +0 -printf '%m %u %p\\n'"
)
_COMMANDS = (f"/usr/bin/find -H /root /home {_FIND}", f"/usr/bin/find -H /root {_FIND}")

_SCRIPT = rf"""
if [ -d /home ]; then
  out=$(as_root {_COMMANDS[0]}) || exit 1
else
  out=$(as_root {_COMMANDS[1]}) || exit 1
fi
found=$(printf '%s\n' "$out" | grep -E \
  -e '/\.(aws/credentials|azure/(accessTokens\.json|msal_token_cache\.(json|bin)|service_principal_entries\.(json|bin)))$' \
  -e '/\.config/gcloud/(credentials\.db|access_tokens\.db|application_default_credentials\.json)$' \
  -e '/\.(boto|s3cfg|ossutilconfig|passwd-s3fs|huaweicloud/credentials|aliyun/config\.json|oci/config|bluemix/config\.json)$' \
  -e '/\.(kube/config|terraform\.d/credentials\.tfrc\.json|vault-token|config/rclone/rclone\.conf)$' \
  -e '/\.config/(doctl/config\.yaml|hcloud/cli\.toml|openstack/clouds\.yaml|openstack/secure\.yaml|linode-cli)$')
[ $? -le 1 ] || exit 1
if [ -n "$found" ]; then printf '%s\n' "$found" | sort -k 3 | sed 's/^/file=/' || exit 1; fi
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
    """``file=<mode> <owner> <path>`` a line."""
    found: dict[str, tuple[int, str, dict[str, None]]] = {}
    for line in whole_lines("cloud_credentials", output):
        match = re.fullmatch(r"file=([0-7]{1,4}) (\S+) (/.+)", line)
        provider = next((name for name, pattern in _PROVIDERS if match and re.search(pattern, match[3])), "")
        if not match or not provider:
            raise ParseError(f"cloud_credentials: a line that does not belong there: {line[:80]!r}")
        path = _REVISION.sub(r"\1/*/", match[3], count=1)
        mode, _, owners = found.get(path, (0, "", {}))
        owners[match[2]] = None
        found[path] = (mode | int(match[1], 8), provider, owners)
    return [
        {
            "path": path,
            "provider": provider,
            "owner": " ".join(owners),
            "mode": f"{mode:04o}",
            "open_to_others": bool(mode & 0o077),
        }
        for path, (mode, provider, owners) in found.items()
    ]


FACT = Fact(
    name="cloud_credentials",
    title=Text(en="Files with credentials of cloud services", ar="ملفات بيانات الدخول إلى الخدمات السحابية"),
    shape=ListOf(record(path=STR, provider=STR, owner=STR, mode=STR, open_to_others=BOOL)),
    parse=parse,
    version=2,
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
