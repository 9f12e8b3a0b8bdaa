"""Kernel settings that are in force now, as ``/proc/sys`` states them, among them those of each network interface.

An interface on which IPv6 is off (``disable_ipv6``) drops every packet of it: what it would take of one is not told.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, MapOf
from auditor.model import Json, Text

_KEYS = (
    "dev/tty/ldisc_autoload",
    "fs/protected_fifos",
    "fs/protected_hardlinks",
    "fs/protected_regular",
    "fs/protected_symlinks",
    "fs/suid_dumpable",
    "kernel/core_pattern",
    "kernel/dmesg_restrict",
    "kernel/kexec_load_disabled",
    "kernel/kptr_restrict",
    "kernel/perf_event_paranoid",
    "kernel/randomize_va_space",
    "kernel/sysrq",
    "kernel/unprivileged_bpf_disabled",
    "kernel/yama/ptrace_scope",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv4/icmp_ignore_bogus_error_responses",
    "net/ipv4/ip_forward",
    "net/ipv4/tcp_rfc1337",
    "net/ipv4/tcp_syncookies",
    "vm/unprivileged_userfaultfd",
)
_INTERFACE_KEYS = (
    "ipv4/conf/{}/accept_redirects",
    "ipv4/conf/{}/accept_source_route",
    "ipv4/conf/{}/forwarding",
    "ipv4/conf/{}/log_martians",
    "ipv4/conf/{}/rp_filter",
    "ipv4/conf/{}/secure_redirects",
    "ipv4/conf/{}/send_redirects",
    "ipv6/conf/{}/accept_ra",
    "ipv6/conf/{}/accept_redirects",
    "ipv6/conf/{}/accept_source_route",
    "ipv6/conf/{}/disable_ipv6",
    "ipv6/conf/{}/forwarding",
)

_OFF = ".disable_ipv6"

PASSING_INTERFACES = "lo|veth*|docker*|br-*|virbr*|vnet*|tap*|cali*|cni*|lxc*|flannel*"
"""A shell pattern of the interfaces that container engines and hypervisors make and unmake, and of the loopback: those follow
`default`, and their random names would make every night's observation new."""

# `cat` and not the shell's `read`: /proc/sys answers only the first of dash's one-byte reads.
_SCRIPT = f"""\
[ -r /proc/sys/kernel/ostype ] || exit 1
set --
for key in {" ".join(_KEYS)}; do
  if [ -e "/proc/sys/$key" ]; then set -- "$@" "/proc/sys/$key"; fi
done
for dir in /proc/sys/net/ipv4/conf/* /proc/sys/net/ipv6/conf/*; do
  interface=${{dir##*/}}
  case $interface in
    {PASSING_INTERFACES}) continue ;;
  esac
  for key in {" ".join(f"/proc/sys/net/{key}" for key in _INTERFACE_KEYS).replace("{}", "$interface")}; do
    case $key in "$dir"/*) if [ -e "$key" ]; then set -- "$@" "$key"; fi ;; esac
  done
done
grep -H '' "$@" || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``/proc/sys/<path>:<value>`` a line; dots in an interface's name stay, the path's slashes become dots."""
    value: dict[str, Json] = {}
    for line in whole_lines("sysctl", output):
        path, sign, text = line.partition(":")
        if not sign or not path.startswith("/proc/sys/"):
            raise ParseError(f"sysctl: a line that is not a setting: {line[:80]!r}")
        key = path.removeprefix("/proc/sys/").replace("/", ".")
        if key in value:
            raise ParseError(f"sysctl: {key} has more than one line")
        value[key] = text.strip()
    if "kernel.randomize_va_space" not in value:
        raise ParseError("sysctl: kernel.randomize_va_space is missing, which every kernel has")
    without = {key.removesuffix(_OFF) for key, text in value.items() if key.endswith(_OFF) and text == "1"}
    return {key: text for key, text in value.items() if not (key.startswith("net.ipv6.") and _takes(key) in without)}


def _takes(key: str) -> str:
    """The interface, ``net.ipv6.conf.eth0``, of a setting that says what it takes; of any other setting nothing."""
    interface, _, name = key.rpartition(".")
    return interface if name.startswith("accept_") else ""


FACT = Fact(
    name="sysctl",
    title=Text(en="Kernel settings in force", ar="إعدادات النواة السارية"),
    shape=MapOf(STR),
    parse=parse,
    version=2,  # interfaces without IPv6
    example={"kernel.randomize_va_space": "2", "net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "1"},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
