"""Mandatory access control: which of SELinux and AppArmor the kernel enforces now, and what the files say of the next start.

``boot`` are the words of the kernel's command line that decide it: those of this start, and those that /etc/default/grub and
/etc/kernel/cmdline give each kernel that is installed or set up from now on.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_PROFILE = re.compile(r"(.+) \((enforce|complain|kill|unconfined|prompt|mixed)\)\Z")

_AT_BOOT = ("enforcing", "permissive", "disabled", "unset")

# Of /etc/selinux/config the first line holds that begins with SELINUX= and says one of three words; a blank before it, or before
# the sign, and it is not read. Without such a line SELinux starts permissive: the line "unset" stands last for that.
# The folder of the kernel's security modules is not there in containers, nor on a kernel without them.
_SCRIPT = r"""
[ -r /proc/filesystems ] || exit 1
if grep -q selinuxfs /proc/filesystems && [ -e /sys/fs/selinux/enforce ]; then
  read -r enforce </sys/fs/selinux/enforce || [ -n "$enforce" ] || exit 1
  echo "selinux=$enforce"
else
  echo selinux=off
fi
if [ -e /etc/selinux/config ]; then
  [ -r /etc/selinux/config ] || exit 1
  sed -n -E 's/^SELINUX(TYPE)?=[[:space:]]*([[:alpha:]]+).*/config\1=\2/p' /etc/selinux/config || exit 1
  echo config=unset
fi
enabled=N
if [ -r /sys/module/apparmor/parameters/enabled ]; then read -r enabled </sys/module/apparmor/parameters/enabled; fi
echo "apparmor=$enabled"
if [ "$enabled" = Y ] && [ -e /sys/kernel/security/apparmor/profiles ]; then
  profiles=$(as_root /bin/cat /sys/kernel/security/apparmor/profiles) || exit 1
  printf '%s\n' "$profiles" | sed -e '/^$/d' -e 's/^/profile=/' || exit 1
fi
[ -r /proc/cmdline ] || exit 1
words=$(cat /proc/cmdline) || exit 1
if [ -e /etc/kernel/cmdline ]; then
  [ -r /etc/kernel/cmdline ] || exit 1
  words="$words $(sed 's/#.*//' /etc/kernel/cmdline)"
fi
set -- /etc/default/grub /etc/default/grub.d/*.cfg
for file do
  [ -e "$file" ] || continue
  [ -r "$file" ] || exit 1
  words="$words $(sed -n -E 's/^[[:space:]]*GRUB_CMDLINE_LINUX(_DEFAULT)?=([^#]*).*/\2/p' "$file" | tr "\"'" '  ')"
done
printf '%s\n' "$words" | tr -s ' \t' '\n\n' | awk '
  /^(selinux|enforcing|apparmor|security|lsm)=/ && !seen[$0]++ { print "boot=" $0 }
' || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``selinux=``, ``config=``, ``apparmor=``, ``profile=NAME (mode)`` and ``boot=WORD`` lines."""
    single: dict[str, str] = {}
    profiles: list[Json] = []
    boot: list[Json] = []
    for line in whole_lines("mandatory_access", output):
        key, equals, text = line.partition("=")
        if key == "profile":
            profiles.append(_profile(text))
        elif key == "boot":
            boot.append(text)
        elif equals and key == "config":
            if text.strip().lower() in _AT_BOOT:
                single.setdefault(key, text.strip().lower())
        elif equals and key in ("selinux", "configTYPE", "apparmor"):
            single[key] = text.strip()
        else:
            raise ParseError(f"mandatory_access: a line that does not belong there: {line[:80]!r}")
    if single.get("selinux") not in ("0", "1", "off") or single.get("apparmor") not in ("Y", "N"):
        raise ParseError("mandatory_access: the state of SELinux or of AppArmor is missing")
    modes = [p["mode"] for p in profiles if isinstance(p, dict)]
    return {
        "selinux": {"0": "permissive", "1": "enforcing", "off": "off"}[single["selinux"]],
        "selinux_at_boot": single.get("config", "none"),
        "apparmor": single["apparmor"] == "Y",
        "enforced": modes.count("enforce") + modes.count("kill"),
        "profiles": profiles,
        "boot": boot,
    }


def _profile(text: str) -> Json:
    found = _PROFILE.match(text)
    if found is None:
        raise ParseError(f"mandatory_access: not a profile with its mode: {text[:80]!r}")
    return {"name": found[1], "mode": found[2]}


FACT = Fact(
    name="mandatory_access",
    title=Text(en="Mandatory access control (SELinux, AppArmor)", ar="التحكم الإلزامي بالوصول (SELinux وAppArmor)"),
    shape=record(
        selinux=STR,
        selinux_at_boot=STR,
        apparmor=BOOL,
        enforced=INT,
        profiles=ListOf(record(name=STR, mode=STR)),
        boot=ListOf(STR),
    ),
    parse=parse,
    version=2,  # which line of SELinux's file holds
    example={
        "selinux": "off",
        "selinux_at_boot": "none",
        "apparmor": True,
        "enforced": 1,
        "profiles": [{"name": "/usr/sbin/chronyd", "mode": "enforce"}],
        "boot": [],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=("/bin/cat /sys/kernel/security/apparmor/profiles",))},
)
