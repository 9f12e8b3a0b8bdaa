"""What the machine itself reports as failing: memory errors, disk arrays that lost a member, and parts that are too hot.

An array that the kernel could not start, or that broke, lacks a member at least.
Only what the kernel already knows is read: nothing is asked of the devices. Arrays of hardware controllers are not seen here.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

# A sensor that cannot be read now, as of a disk that sleeps, is left out; those without a critical limit say nothing.
_SCRIPT = r"""
[ -r /proc/stat ] && [ -d /sys/block ] || exit 1
boot=$(sed -n 's/^btime //p' /proc/stat) || exit 1
[ -n "$boot" ] || exit 1
for memory in /sys/devices/system/edac/mc/mc[0-9]*; do
  if [ ! -e "$memory/ue_count" ]; then continue; fi
  lost=$(cat "$memory/ue_count") && mended=$(cat "$memory/ce_count") || exit 1
  printf 'memory=%s %s %s\n' "${memory##*/}" "$lost" "$mended"
done
for array in /sys/block/md*/md; do
  if [ ! -e "$array/array_state" ]; then continue; fi
  state=$(cat "$array/array_state") && level=$(cat "$array/level") && kind=$(cat "$array/metadata_version") || exit 1
  name=${array%/md}
  gone=0
  case $state in
    clear) continue ;;
    # what the firmware's own format keeps of a whole set of disks is never started
    inactive)
      case $kind in external:[!/-]*) continue ;; esac
      wanted=$(cat "$array/raid_disks") || exit 1
      for member in "$array"/dev-*; do
        if [ -e "$member" ]; then gone=$((gone + 1)); fi
      done
      gone=$((${wanted:-0} - gone))
      if [ $gone -lt 1 ]; then gone=1; fi
      level="${level:-md}/$state" ;;
    broken) gone=1 level="$level/$state" ;;
    *) if [ -e "$array/degraded" ]; then gone=$(cat "$array/degraded") || exit 1; fi ;;
  esac
  printf 'array=%s %s %s\n' "${name##*/}" "$level" "$gone"
done
for limit in /sys/class/hwmon/hwmon*/temp*_crit; do
  if [ ! -r "$limit" ]; then continue; fi
  base=${limit%_crit} folder=${limit%/*}
  most=$(cat "$limit" 2>/dev/null) && now=$(cat "${base}_input" 2>/dev/null) && chip=$(cat "$folder/name" 2>/dev/null) || continue
  printf 'heat=%s/%s %s %s\n' "$chip" "${base##*/}" "$now" "$most"
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``memory=<controller> <lost> <mended>``, ``array=<name> <level> <missing>``, ``heat=<sensor> <now> <most>``."""
    memory: list[Json] = []
    arrays: list[Json] = []
    heat: dict[str, dict[str, int]] = {}
    for line in whole_lines("hardware_health", output):
        match = re.fullmatch(r"(memory|array|heat)=(\S+(?: \S+)*?) (\S+) (-?\d+)", line)
        if not match:
            raise ParseError(f"hardware_health: a line that does not belong there: {line[:80]!r}")
        name, last = match[2], number(match[4], "hardware_health")
        if match[1] == "memory":
            memory.append({"name": name, "uncorrected": number(match[3], "hardware_health"), "corrected": last})
        elif match[1] == "array":
            arrays.append({"name": name, "level": match[3], "degraded": last > 0, "missing": last})
        elif 20_000 < last < 200_000:  # some chips report a limit that means none
            now = number(match[3], "hardware_health")
            if name not in heat or heat[name]["limit"] - heat[name]["degrees"] > (last - now) // 1000:
                heat[name] = {"degrees": now // 1000, "limit": last // 1000}
    sensors: list[Json] = [
        {"name": name, **heat[name], "too_hot": heat[name]["degrees"] >= heat[name]["limit"]} for name in sorted(heat)
    ]
    return {"memory": memory, "arrays": arrays, "sensors": sensors}


FACT = Fact(
    name="hardware_health",
    title=Text(en="Faults that the machine reports", ar="الأعطال التي يُبلغ عنها الجهاز"),
    shape=record(
        memory=ListOf(record(name=STR, uncorrected=INT, corrected=INT)),
        arrays=ListOf(record(name=STR, level=STR, degraded=BOOL, missing=INT)),
        sensors=ListOf(record(name=STR, degrees=INT, limit=INT, too_hot=BOOL)),
    ),
    parse=parse,
    version=2,
    example={
        "memory": [{"name": "mc0", "uncorrected": 0, "corrected": 3}],
        "arrays": [{"name": "md0", "level": "raid1", "degraded": False, "missing": 0}],
        "sensors": [{"name": "coretemp/temp1", "degrees": 41, "limit": 100, "too_hot": False}],
    },
    probes={"linux": HostProbe(script=_SCRIPT, volatile=True)},
)
