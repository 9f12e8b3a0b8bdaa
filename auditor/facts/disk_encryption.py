"""What kind of machine the host is, and whether what stands under its mounted file systems and swap is encrypted.

A file system counts as encrypted when all that lies under it does so on dm-crypt (LUKS or plain): of a volume on two disks both
count. cryptsetup's dm-verity and dm-integrity encrypt nothing. Devices are followed through /sys; nothing
is read from the disks. What ZFS encrypts by itself cannot be told from there, nor on what its pools lie: a pool whose file
systems are mounted is told once by its name, as unknown. What a disk encrypts by itself is not seen. Swap on zram is memory, and
no disk.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_PORTABLE = {
    8,
    9,
    10,
    11,
    14,
    30,
    31,
    32,
}  # SMBIOS: portable, laptop, notebook, hand held, sub-notebook, tablet, convertible, detachable

_SCRIPT = """\
[ -r /proc/self/mounts ] && [ -d /sys/class/block ] || exit 1
if [ -r /sys/class/dmi/id/chassis_type ]; then read -r chassis </sys/class/dmi/id/chassis_type && echo "chassis=$chassis"; fi
# of $2 layers above
crypt() {
  [ "$2" -lt 20 ] || exit 1
  if [ -r "/sys/class/block/$1/dm/uuid" ]; then
    read -r uuid <"/sys/class/block/$1/dm/uuid" || uuid=
    case $uuid in CRYPT-VERITY-*|CRYPT-INTEGRITY-*) ;; CRYPT-*) return 0 ;; esac
  fi
  set -- "$(($2 + 1))" "/sys/class/block/$1/slaves/"*
  [ -e "$2" ] || return 1
  while [ $# -gt 1 ]; do
    crypt "${2##*/}" "$1" || return 1
    layer=$1
    shift 2
    set -- "$layer" "$@"
  done
}
tell() {
  name=$(readlink -f "$2") || exit 1
  name=${name##*/}
  if [ ! -e "/sys/class/block/$name" ]; then echo "unknown $1 $2"; return; fi
  if crypt "$name" 0; then echo "yes $1 $2"; else echo "no $1 $2"; fi
}
pools=
while read -r device point type rest; do
  case $point in /boot|/boot/*|/efi|/run/*|/var/lib/docker/*|/var/lib/kubelet/*|/snap/*) continue ;; esac
  if [ "$type" = zfs ]; then
    pool=${device%%/*}
    case " $pools " in *" $pool "*) ;; *) pools="$pools $pool"; echo "unknown $pool $pool" ;; esac
    continue
  fi
  case $device in /dev/*) ;; *) continue ;; esac
  case $type in squashfs|iso9660|udf|overlay|devtmpfs) continue ;; esac
  tell "$point" "$device"
done </proc/self/mounts
if [ -r /proc/swaps ]; then
  while read -r device type rest; do
    case $device in /dev/zram*) continue ;; esac
    case $type in partition) tell swap "$device" ;; esac
  done </proc/swaps
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``chassis=NUMBER``, then ``yes|no|unknown MOUNTPOINT DEVICE`` a line; of a pool its name twice."""
    volumes: list[Json] = []
    chassis = 0
    for line in whole_lines("disk_encryption", output):
        key, equals, text = line.partition("=")
        if key == "chassis" and equals:
            chassis = int(text)
            continue
        fields = line.split()
        if len(fields) != 3 or fields[0] not in ("yes", "no", "unknown"):
            raise ParseError(f"disk_encryption: a line that is no volume: {line[:80]!r}")
        volumes.append(
            {"point": fields[1], "device": fields[2], "encrypted": fields[0] == "yes", "known": fields[0] != "unknown"}
        )
    return {"chassis": chassis, "portable": chassis in _PORTABLE, "volumes": volumes}


FACT = Fact(
    name="disk_encryption",
    title=Text(en="Whether mounted disks are encrypted", ar="تشفير الأقراص الموصولة"),
    shape=record(chassis=INT, portable=BOOL, volumes=ListOf(record(point=STR, device=STR, encrypted=BOOL, known=BOOL))),
    parse=parse,
    version=3,  # volumes on several disks
    example={
        "chassis": 10,
        "portable": True,
        "volumes": [{"point": "/", "device": "/dev/mapper/vg-root", "encrypted": True, "known": True}],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
