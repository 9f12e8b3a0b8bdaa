"""When packages were last updated, and which packages of the system's core are newer than the running system.

With dpkg the last update is read from its log, newest first; ``log_start`` is how far back the log reaches, which on a new
host is its installation. With rpm it is the newest time of installation, which a package installed anew moves as well;
rpm's trusted keys, which it keeps as if they were packages, do not count. Kernels stand side by side: of those that came since
the start the first is told, for a library that was updated again the last.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# The log's times are the host's local ones: only its own date(1) can turn them into instants. dpkg writes the list of a
# package's files when it unpacks it, and anew, without the image, when it removes a kernel but not its settings. The core is what
# the makers' own tools ask a restart for.
_SCRIPT = r"""
boot=$(sed -n 's/^btime //p' /proc/stat) || exit 1
[ -n "$boot" ] || exit 1
if [ -s /var/lib/dpkg/status ]; then
  echo manager=dpkg
  [ -r /var/log ] && [ -x /var/log ] || exit 1
  last='' first=''
  for log in /var/log/dpkg.log /var/log/dpkg.log.1 /var/log/dpkg.log.2 /var/log/dpkg.log.[2-9].gz /var/log/dpkg.log.1[0-9].gz; do
    if [ ! -s "$log" ]; then continue; fi
    [ -r "$log" ] || exit 1
    case $log in *.gz) text=$(gzip -dc "$log") ;; *) text=$(cat "$log") ;; esac || exit 1
    line=$(printf '%s\n' "$text" | head -n 1) || exit 1
    first=${line%"${line#???????????????????}"}
    if [ -z "$last" ]; then
      line=$(printf '%s\n' "$text" | sed -n '/^[0-9: -]* upgrade /h;${g;p;}') || exit 1
      last=${line%"${line#???????????????????}"}
    fi
  done
  if [ -n "$last" ]; then last=$(date -d "$last" +%s) || exit 1; fi
  if [ -n "$first" ]; then first=$(date -d "$first" +%s) || exit 1; fi
  printf 'last=%s\nfirst=%s\n' "$last" "$first"
  for name in libc6 systemd dbus dbus-daemon dbus-broker libssl1.1 libssl3 libssl3t64 intel-microcode amd64-microcode; do
    for file in "/var/lib/dpkg/info/$name.list" /var/lib/dpkg/info/"$name":*.list; do
      if [ ! -e "$file" ]; then continue; fi
      when=$(stat -c %Y "$file") || exit 1
      if [ "$when" -gt "$boot" ]; then printf 'core=%s %s\n' "$name" "$when"; fi
      break
    done
  done
  for file in /var/lib/dpkg/info/linux-image-*.list; do
    if [ ! -e "$file" ]; then continue; fi
    images=$(grep -c '/vmlinuz-' "$file") || [ "$images" = 0 ] || exit 1
    if [ "$images" = 0 ]; then continue; fi
    when=$(stat -c %Y "$file") || exit 1
    if [ "$when" -gt "$boot" ]; then echo "core=linux-image $when"; fi
  done
elif [ -e /usr/bin/rpm ]; then
  echo manager=rpm
  out=$(rpm -qa --qf '%{INSTALLTIME} %{NAME}\n') || exit 1
  out=$(printf '%s\n' "$out" | grep -v ' gpg-pubkey$' | sort -n) || exit 1
  last=$(printf '%s\n' "$out" | tail -n 1) && first=$(printf '%s\n' "$out" | head -n 1) || exit 1
  printf 'last=%s\nfirst=%s\n' "${last%% *}" "${first%% *}"
  printf '%s\n' "$out" | while read -r when name; do
    case $name in
      kernel|kernel-core|kernel-rt|kernel-rt-core|kernel-64k|kernel-64k-core|kernel-uek|kernel-uek-core|\
      glibc|linux-firmware|systemd|dbus|dbus-daemon|dbus-broker|openssl-libs|gnutls|microcode_ctl)
        if [ "$when" -gt "$boot" ]; then printf 'core=%s %s\n' "$name" "$when"; fi ;;
    esac
  done
else
  exit 1
fi
flag=/run/reboot-required
if [ ! -e "$flag" ]; then flag=/var/run/reboot-required; fi
if [ -e "$flag" ]; then
  when=$(stat -c %Y "$flag") || exit 1
  echo "flag=$when"
fi
echo end
"""

_KERNELS = ("kernel", "linux-image")


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, ``last=`` and ``first=`` (seconds or nothing), ``core=<package> <seconds>``, perhaps ``flag=<seconds>``."""
    fields: dict[str, str] = {}
    core: dict[str, int] = {}
    for line in whole_lines("update_history", output):
        key, sign, text = line.partition("=")
        if key == "core":
            name, _, when = text.partition(" ")
            instant = number(when, "update_history")
            core[name] = (min if name.startswith(_KERNELS) else max)(core.get(name, instant), instant)
        elif sign and key in ("manager", "last", "first", "flag") and key not in fields:
            fields[key] = text.strip()
        else:
            raise ParseError(f"update_history: a line that does not belong there: {line[:80]!r}")
    if fields.get("manager") not in ("dpkg", "rpm") or not {"last", "first"} <= fields.keys():
        raise ParseError("update_history: the manager or the instants are missing")
    packages: list[Json] = [{"name": name, "installed": core[name]} for name in sorted(core)]
    value: dict[str, Json] = {"manager": fields["manager"], "restart_asked": "flag" in fields, "newer_than_boot": packages}
    for key, name in (("last", "last_update"), ("first", "log_start"), ("flag", "asked_since")):
        if fields.get(key):
            value[name] = number(fields[key], "update_history")
    return value


FACT = Fact(
    name="update_history",
    title=Text(en="Last update of packages, and restarts still due", ar="آخر تحديث للحزم وعمليات إعادة التشغيل المستحقة"),
    shape=record(
        manager=STR,
        last_update=optional(INT),
        log_start=optional(INT),
        restart_asked=BOOL,
        asked_since=optional(INT),
        newer_than_boot=ListOf(record(name=STR, installed=INT)),
    ),
    parse=parse,
    version=2,
    example={
        "manager": "dpkg",
        "last_update": 1795133561,
        "log_start": 1763510400,
        "restart_asked": False,
        "newer_than_boot": [{"name": "libc6", "installed": 1795133561}],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
