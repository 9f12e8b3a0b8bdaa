"""Whether the host installs security updates by itself, and by what."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, record
from auditor.model import Json, Text

_APT_KEYS = {  # in small letters: apt compares keys without regard to case
    "apt::periodic::enable": "enable",
    "apt::periodic::update-package-lists": "refresh",
    "apt::periodic::unattended-upgrade": "upgrade",
}

_OFTEN = r"always|0*[1-9][0-9]*[smhd]?"  # an interval that is no zero

# Without systemd apt's own cron job does the work; with it, the two timers, which an administrator may have masked, or the
# services that they start. What was
# enabled in RHEL 8 before 8.3 is wanted by multi-user.target, as dnf-automatic's timers were then.
_SCRIPT = """\
if command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ]; then
  echo manager=apt
  if [ -x /usr/bin/unattended-upgrade ]; then echo tool=yes; else echo tool=no; fi
  out=$(apt-config dump) || exit 1
  printf '%s\\n' "$out" | grep -i '^apt::periodic::'
  for timer in apt-daily.timer apt-daily-upgrade.timer; do
    state=disabled
    for dir in /etc/systemd/system /run/systemd/system; do
      for unit in "$timer" "${timer%.timer}.service"; do
        if [ "$(readlink "$dir/$unit")" = /dev/null ]; then state=masked; fi
      done
      if [ $state = disabled ] && [ -e "$dir/timers.target.wants/$timer" ]; then state=enabled; fi
    done
    if [ ! -d /run/systemd/system ] && [ -x /etc/cron.daily/apt-compat ]; then state=cron; fi
    echo "timer=$timer $state"
  done
elif rpm --version >/dev/null 2>&1; then
  echo manager=dnf
  if [ -e /usr/lib/systemd/system/dnf-automatic.timer ] || [ -e /usr/lib/systemd/system/dnf5-automatic.timer ]; then
    echo tool=yes
  else
    echo tool=no
  fi
  for config in /etc/dnf/automatic.conf /etc/dnf/dnf5-plugins/automatic.conf; do
    if [ ! -e "$config" ]; then continue; fi
    out=$(cat "$config") || exit 1
    printf '%s\\n' "$out" | grep -E '^[[:space:]]*(apply_updates|upgrade_type)[[:space:]]*='
  done
  for timer in dnf-automatic.timer dnf-automatic-install.timer dnf5-automatic.timer; do
    state=disabled
    for link in "/etc/systemd/system/timers.target.wants/$timer" "/etc/systemd/system/multi-user.target.wants/$timer"; do
      if [ -e "$link" ]; then state=enabled; fi
    done
    for unit in "$timer" "${timer%.timer}.service"; do
      if [ "$(readlink "/etc/systemd/system/$unit")" = /dev/null ]; then state=masked; fi
    done
    echo "timer=$timer $state"
  done
else
  exit 1
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, ``tool=``, the settings as their files state them, and ``timer=<name> <state>`` lines."""
    settings: dict[str, str] = {}
    for line in whole_lines("automatic_updates", output):
        if match := re.fullmatch(r'((?i:apt::periodic::)[\w:-]+) "([^"]*)";', line):
            settings[_APT_KEYS.get(match[1].lower(), "")] = match[2]
        elif match := re.fullmatch(r"timer=(\S+)\s(enabled|disabled|masked|cron)", line) or re.fullmatch(
            r"(manager|tool|apply_updates|upgrade_type)\s*=\s*(.*)", line
        ):
            settings[match[1]] = match[2]
        else:
            raise ParseError(f"automatic_updates: a line that does not belong there: {line[:80]!r}")
    if settings.get("manager") not in ("apt", "dnf") or settings.get("tool") not in ("yes", "no"):
        raise ParseError("automatic_updates: manager or tool is missing")
    enabled = settings["tool"] == "yes" and (_apt(settings) if settings["manager"] == "apt" else _dnf(settings))
    return {"manager": settings["manager"], "installed": settings["tool"] == "yes", "enabled": enabled}


def _apt(settings: dict[str, str]) -> bool:
    timers = ("apt-daily.timer", "apt-daily-upgrade.timer")
    return (
        re.fullmatch(_OFTEN, settings.get("enable", "1")) is not None
        and all(re.fullmatch(_OFTEN, settings.get(key, "0")) for key in ("refresh", "upgrade"))
        and all(settings.get(timer) in ("enabled", "cron") for timer in timers)
    )


def _dnf(settings: dict[str, str]) -> bool:
    """``dnf-automatic-install.timer`` installs whatever the file says; the plain timers do as it says."""
    if settings.get("dnf-automatic-install.timer") == "enabled":
        return True
    timer = "enabled" in (settings.get("dnf-automatic.timer"), settings.get("dnf5-automatic.timer"))
    return timer and settings.get("apply_updates", "no").lower() in ("yes", "true", "1", "on")


FACT = Fact(
    name="automatic_updates",
    title=Text(en="Automatic installation of security updates", ar="التثبيت التلقائي للتحديثات الأمنية"),
    shape=record(manager=STR, installed=BOOL, enabled=BOOL),
    parse=parse,
    version=4,  # what is masked of services too
    example={"manager": "apt", "installed": True, "enabled": True},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
