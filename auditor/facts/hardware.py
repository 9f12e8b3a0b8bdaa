"""What machine the host runs on: real or virtual, what kind of case, its disks, and the date of its firmware."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# A disk has a device behind it; loop, dm, md and zram have none. The kernel hides each path to an NVMe disk that has several
# (nvme0c0n1) behind the disk's own name. Serial numbers are not asked for.
_SCRIPT = r"""
[ -r /proc/cpuinfo ] && [ -d /sys/block ] || exit 1
flag=$(sed -n '/^flags.* hypervisor/{p;q;}' /proc/cpuinfo) || exit 1
if [ -n "$flag" ]; then echo hypervisor=flag; fi
for device in /sys/bus/virtio/devices/* /sys/bus/vmbus/devices/* /sys/bus/xen/devices/*; do
  if [ -e "$device" ]; then echo hypervisor=bus; break; fi
done
for file in /.dockerenv /run/.containerenv /run/systemd/container; do
  if [ -e "$file" ]; then echo container=yes; break; fi
done
for field in sys_vendor product_name chassis_type bios_date bios_version; do
  file=/sys/class/dmi/id/$field
  if [ ! -e "$file" ]; then continue; fi
  text=$(cat "$file") || exit 1
  printf '%s=%s\n' "$field" "$text"
done
for supply in /sys/class/power_supply/*; do
  if [ ! -e "$supply/type" ]; then continue; fi
  kind=$(cat "$supply/type") || exit 1
  if [ "$kind" = Battery ]; then
    scope=System
    if [ -e "$supply/scope" ]; then scope=$(cat "$supply/scope") || exit 1; fi
    if [ "$scope" != Device ]; then echo battery=yes; fi
  fi
done
for disk in /sys/block/*; do
  if [ ! -e "$disk/device" ]; then continue; fi
  case ${disk##*/} in sr*|fd*|nbd*|loop*|nvme*c*n*) continue ;; esac
  echo "disk=${disk##*/}"
done
echo end
"""

_FIELDS = ("sys_vendor", "product_name", "chassis_type", "bios_date", "bios_version")
_PORTABLE = frozenset({"8", "9", "10", "11", "14", "30", "31", "32"})  # of SMBIOS: portable, laptop, notebook, hand held, tablet…
_VIRTUAL = re.compile(
    r"qemu|kvm|vmware|virtualbox|innotek|xen|bochs|parallels|openstack|ovirt|nutanix|amazon ec2|google compute|virtual machine"
    r"|cloud server|alibaba cloud|digitalocean|hetzner vserver",
    re.IGNORECASE,
)


def parse(output: str, _args: Arguments) -> Json:
    """``hypervisor=``, ``container=``, fields of DMI, ``battery=``, ``disk=``; each only where it is there."""
    told: dict[str, str] = {}
    disks: list[str] = []
    for line in whole_lines("hardware", output):
        key, sign, text = line.partition("=")
        if not sign or key not in (*_FIELDS, "hypervisor", "container", "battery", "disk"):
            raise ParseError(f"hardware: a line that does not belong there: {line[:80]!r}")
        if key == "disk":
            disks.append(text)
        else:
            told[key] = text.strip()
    machine = f"{told.get('sys_vendor', '')} {told.get('product_name', '')}".strip()
    value: dict[str, Json] = {
        "virtual": "hypervisor" in told or bool(_VIRTUAL.search(machine)),
        "container": "container" in told,
        "machine": machine,
        "portable": told.get("chassis_type") in _PORTABLE or "battery" in told,
        "firmware": told.get("bios_version", ""),
        "disks": [*sorted(disks)],
    }
    if match := re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", told.get("bios_date", "")):
        month, day, year = (int(part) for part in match.groups())
        with suppress(ValueError):  # some boards tell 00/00/0000
            value["firmware_date"] = int(datetime(year, month, day, tzinfo=UTC).timestamp())
    return value


FACT = Fact(
    name="hardware",
    title=Text(en="The machine and its firmware", ar="الجهاز وبرنامجه الثابت"),
    shape=record(
        virtual=BOOL,
        container=BOOL,
        machine=STR,
        portable=BOOL,
        firmware=STR,
        firmware_date=optional(INT),
        disks=ListOf(STR),
    ),
    parse=parse,
    example={
        "virtual": False,
        "container": False,
        "machine": "Dell Inc. PowerEdge R650",
        "portable": False,
        "firmware": "1.12.1",
        "firmware_date": 1710288000,
        "disks": ["nvme0n1", "nvme1n1"],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
