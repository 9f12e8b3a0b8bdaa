"""For which interfaces a network manager takes IPv6 router advertisements itself, whatever the kernel's accept_ra says.

Told are the managers that run now and the interfaces that they manage now, each as ``<interface> by <manager>``: NetworkManager
by the connection that is active there, systemd-networkd by the .network file that it chose for the link and the files that add to
it (netplan writes them), dhcpcd by its own file and command line, for all interfaces at once. ifupdown and the network scripts of
RHEL only set the kernel's value. Of connections the method alone is asked, never what nmcli calls a secret.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESSES
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.facts.sysctl import PASSING_INTERFACES
from auditor.model import Json, Text

_YES = frozenset({"yes", "y", "true", "t", "on", "1"})
_NO = frozenset({"no", "n", "false", "f", "off", "0"})
_BOTH = frozenset({"ipv6", "both"})
_OWN, _MASQUERADES = 256, 248
_FOLDERS = ("/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
_KEYS = (
    "IPv6AcceptRA|IPv6AcceptRouterAdvertisements|LinkLocalAddressing|IPForward|IPv6Forwarding|IPMasquerade|IPv6SendRA|Bridge|Bond"
)
_ASKED = frozenset(_KEYS.split("|"))

# netplan keeps the files that it writes from other users; .netdev files, which may hold keys, are none of those read.
_READ = (
    f"/bin/grep -RHsE --include=*.network --include=*.conf '^[[:space:]]*([[]|({_KEYS})[[:space:]]*=)' "
    + " ".join(_FOLDERS)
    + " /lib/systemd/network"
)
_MAIN = "/etc/systemd/networkd.conf " + " ".join(
    f"{folder}/networkd.conf.d/*.conf"
    for folder in ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
)

# What runs in a container has a process number of its own there as well, and manages the container's network.
# A VPN's method says what its server hands out, and WireGuard has no neighbours: neither hears advertisements.
_SCRIPT = f"""\
{PROCESSES}\
runs() {{ printf '%s\\n' "$processes" | grep -qx "daemon=$1"; }}
passing() {{ case $1 in ''|{PASSING_INTERFACES}) return 0 ;; esac; return 1; }}
if [ -d /proc/sys/net/ipv6 ]; then echo ipv6=yes; else echo ipv6=no; fi
if runs systemd-network; then
  echo manager=systemd-networkd
  {{ [ -r /run/systemd/netif/links ] && [ -x /run/systemd/netif/links ]; }} || exit 1
  version=$(networkctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p') || exit 1
  printf 'version=%s\\n' "$version"
  for file in {_MAIN}; do
    if [ -e "$file" ]; then sed -n 's/^[[:space:]]*IPv6Forwarding[[:space:]]*=[[:space:]]*/forwarding=/p' "$file" || exit 1; fi
  done
  closed=no wanted=
  for device in /sys/class/net/*; do
    name=${{device##*/}}
    if passing "$name"; then continue; fi
    index=$(cat "$device/ifindex" 2>/dev/null) || continue
    [ -e "/run/systemd/netif/links/$index" ] || continue
    chosen=$(sed -n -e 's/^NETWORK_FILE=//p' "/run/systemd/netif/links/$index") || exit 1
    if [ -z "$chosen" ] || grep -q '^ADMIN_STATE=unmanaged' "/run/systemd/netif/links/$index"; then continue; fi
    printf 'link=%s %s\\n' "$name" "$chosen"
    wanted="$wanted ${{chosen##*/}}"
    for folder in {" ".join(_FOLDERS)}; do
      for file in "$chosen" "$folder/${{chosen##*/}}.d" "$folder/${{chosen##*/}}.d"/*.conf; do
        if [ -e "$file" ] && [ ! -r "$file" ]; then closed=yes; fi
      done
      if [ -e "$folder" ] && [ ! -x "$folder" ]; then closed=yes; fi
    done
    [ -e "$chosen" ] || closed=yes
  done
  if [ $closed = yes ]; then lines=$(as_root {_READ}) || [ $? -le 2 ] || exit 1
  else lines=$({_READ.removeprefix("/bin/")}) || [ $? -le 2 ] || exit 1
  fi
  printf '%s\\n' "$lines" | awk -v wanted="$wanted" '
    BEGIN {{ count = split(wanted, name, " ") }}
    {{
      for (i = 1; i <= count; i++)
        if (index($0, "/" name[i] ":") || index($0, "/" name[i] ".d/")) {{ print "file=" $0; next }}
    }}
  ' || exit 1
fi
if runs NetworkManager; then
  echo manager=NetworkManager
  active=$(nmcli -t -f UUID,TYPE,DEVICE connection show --active) || exit 1
  for line in $(printf '%s\\n' "$active" | sort); do
    uuid=${{line%%:*}} line=${{line#*:}}
    name=${{line#*:}}
    case ${{line%%:*}} in vpn|wireguard) continue ;; esac
    if passing "$name"; then continue; fi
    method=$(nmcli -g ipv6.method connection show "$uuid") || exit 1
    printf 'method=%s %s\\n' "$name" "${{method:-none}}"
  done
fi
if runs dhcpcd; then
  echo manager=dhcpcd
  told=
  if [ -e /etc/dhcpcd.conf ]; then
    told=$(sed -n -E -e '/^[[:space:]]*(interface|ssid|profile)[[:space:]]/q' \\
      -e 's/^[[:space:]]*(noipv6rs|noipv6|ipv4only)[[:space:]]*$/--\\1/p' /etc/dhcpcd.conf) || exit 1
  fi
  for process in /proc/[0-9]*; do
    {{ read -r name <"$process/comm"; }} 2>/dev/null || continue
    [ "$name" = dhcpcd ] || continue
    if grep -q '^NSpid:.*[0-9][[:space:]][[:space:]]*[0-9]' "$process/status" 2>/dev/null; then continue; fi
    line=$({{ tr '\\000' ' ' <"$process/cmdline"; }} 2>/dev/null) || continue
    case " $line "$told" " in
      *' proxy] '*|*'[BPF '*) ;;
      *' -4 '*|*'--ipv4only'*|*'--noipv6'*) echo dhcpcd=no ;;
      *'[ip6]'*) echo dhcpcd=yes ;;
      *'[ip4]'*) echo dhcpcd=no ;;
      *) echo dhcpcd=yes ;;
    esac
  done | sort -u || exit 1
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``ipv6=yes|no``, ``manager=NAME``, ``method=NAME METHOD``, ``dhcpcd=yes|no``, and of systemd-networkd

    ``version=NUMBER``, ``forwarding=VALUE`` of its own settings, ``link=NAME FILE`` and ``file=PATH:LINE``.
    """
    managers: list[Json] = []
    links: list[tuple[str, str]] = []
    files: dict[str, list[str]] = {}
    version = 0
    forwarding: set[str] = set()
    interfaces: dict[str, Json] = {}
    lines = whole_lines("router_advertisements", output)
    if not lines or lines[0] not in ("ipv6=yes", "ipv6=no"):
        raise ParseError("router_advertisements: the first line does not say whether the kernel speaks IPv6")
    spoken = lines[0] == "ipv6=yes"
    for line in lines[1:]:
        key, _, text = line.partition("=")
        first, _, second = text.partition(" ")
        if key == "manager" and text in ("systemd-networkd", "NetworkManager", "dhcpcd"):
            managers.append(text)
        elif key == "version":
            version = number(text, "router_advertisements: version of systemd")
        elif key == "forwarding":
            forwarding.add(text.lower())
        elif key == "link" and first and second.startswith("/"):
            links.append((first, second))
        elif key == "file" and text.startswith("/") and ":" in text:
            path, _, setting = text.partition(":")
            files.setdefault(path, []).append(setting.strip())
        elif key == "method" and first and second:
            # by `dhcp` an address is asked for and no router heard; `ignore` leaves all to the kernel
            interfaces[f"{first} by NetworkManager"] = {"takes": spoken and second == "auto", "setting": f"ipv6.method={second}"}
        elif key == "dhcpcd" and text in ("yes", "no"):
            # of several that run one that takes them is enough; `yes` is printed last
            interfaces["all by dhcpcd"] = {"takes": spoken and text == "yes", "setting": f"ipv6rs={text}"}
        else:
            raise ParseError(f"router_advertisements: a line that does not belong there: {line[:80]!r}")
    networks = _Networks(files)
    said = {name: networks.said(path) for name, path in links}
    if links and not version:
        raise ParseError("router_advertisements: which systemd-networkd it is is not said")
    # one link that masquerades makes all of them forward; of several settings of the whole the last is not sought
    forwards = version >= _OWN and bool(forwarding) and forwarding <= _YES
    forwards |= version >= _OWN and any(settings.get("IPMasquerade", "").lower() in _BOTH for settings in said.values())
    for name, path in links:
        takes, setting = _networkd(said[name], version, forwards)
        interfaces[f"{name} by systemd-networkd"] = {"takes": spoken and takes, "setting": f"{setting} ({path})"}
    return {"managers": managers, "interfaces": interfaces}


class _Networks:
    """The .network files that were read, each once, though thousands of links may have it."""

    def __init__(self, files: dict[str, list[str]]) -> None:
        self._files = files
        self._folders = Folders("router_advertisements", files, Budget("router_advertisements: the files"))
        self._known: dict[str, dict[str, str]] = {}
        self._added: dict[str, dict[str, str]] = {}

    def said(self, path: str) -> dict[str, str]:
        """What that .network file and the files that add to it say under [Network], the last of each key."""
        if path not in self._files:
            raise ParseError(f"router_advertisements: systemd-networkd's {path[:80]!r} was not read")
        if path not in self._known:
            self._known[path] = {**_network(self._files[path]), **self._additions(PurePosixPath(path).name)}
        return self._known[path]

    def _additions(self, name: str) -> dict[str, str]:
        """What the files say that add to it, in order of their names; of two with one name that of the first folder."""
        if name not in self._added:
            counted: dict[str, str] = {}
            for folder in (*_FOLDERS, "/lib/systemd/network"):
                for file in self._folders.inside(f"{folder}/{name}.d"):
                    counted.setdefault(PurePosixPath(file).name, file)
            said = (_network(self._files[file]) for _name, file in sorted(counted.items()))
            self._added[name] = {key: text for one in said for key, text in one.items()}
        return self._added[name]


def _network(lines: list[str]) -> dict[str, str]:
    """What one file says under [Network] of what is asked about, the last of each key."""
    said: dict[str, str] = {}
    section = ""
    for line in lines:
        if line.startswith("["):
            section = line
        elif section == "[Network]":
            key, _, text = line.partition("=")
            if key.strip() in _ASKED:
                said[key.strip()] = text.strip()
    return said


def _networkd(said: dict[str, str], version: int, forwards: bool) -> tuple[bool, str]:
    """Whether a link with those settings takes advertisements, and the setting that says so (systemd.network(5)).

    Unless it is told, a link takes them where it does not forward. What makes it forward changed: to systemd 255 IPForward,
    from 256 IPv6Forwarding of the link or of all, and who sends advertisements takes none; from 248 IPMasquerade of IPv6.
    """
    local = said.get("LinkLocalAddressing") or ("no" if said.get("Bridge") or said.get("Bond") else "ipv6")
    if local.lower() in _NO | {"ipv4", "ipv4-fallback"}:
        return False, f"LinkLocalAddressing={local}"
    for key in ("IPv6AcceptRA", "IPv6AcceptRouterAdvertisements"):
        if said.get(key, "").lower() in _YES | _NO:
            return said[key].lower() in _YES, f"{key}={said[key]}"
    if version < _OWN and said.get("IPForward", "").lower() in _YES | {"ipv6"}:
        return False, f"IPForward={said['IPForward']}"
    if version >= _OWN and said.get("IPv6SendRA", "").lower() in _YES:
        return False, f"IPv6SendRA={said['IPv6SendRA']}"
    if version >= _OWN and said.get("IPv6Forwarding", "").lower() in _YES | _NO:
        return said["IPv6Forwarding"].lower() in _NO, f"IPv6Forwarding={said['IPv6Forwarding']}"
    if version >= _MASQUERADES and said.get("IPMasquerade", "").lower() in _BOTH:
        return False, f"IPMasquerade={said['IPMasquerade']}"
    return (False, "IPv6Forwarding=yes of all") if forwards else (True, "IPv6AcceptRA by default")


FACT = Fact(
    name="router_advertisements",
    title=Text(
        en="Router advertisements that network managers take themselves",
        ar="إعلانات الموجّهات التي تقبلها برامج إدارة الشبكة بنفسها",
    ),
    shape=record(managers=ListOf(STR), interfaces=MapOf(record(takes=BOOL, setting=STR))),
    parse=parse,
    example={
        "managers": ["NetworkManager"],
        "interfaces": {"eth0 by NetworkManager": {"takes": True, "setting": "ipv6.method=auto"}},
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_READ,))},
)
