"""How the host starts: GRUB's settings and who may change them, its password, Secure Boot, the kernel's command line.

Of a password GRUB's files hold a hash: only that there is one is told. RHEL 8 with UEFI keeps both files on the EFI partition;
where /boot/grub2 has its own, as on RHEL 9, the file there only leads to them, and a user.cfg beside it is not read. Where the
user.cfg that holds RHEL's hash is open and GRUB's settings are not, its mode is told. Secure Boot counts as off where shim was
told to check nothing (``mokutil --disable-validation``), as the kernel counts it.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_PLACES = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
_EFI_PLACES = tuple(f"/boot/efi/EFI/{vendor}/grub.cfg" for vendor in ("redhat", "rocky", "almalinux", "centos"))
_FILES = " ".join((*_PLACES, "/boot/grub2/user.cfg"))
_EFI_FILES = " ".join(f"{path} {path.replace('grub.cfg', 'user.cfg')}" for path in _EFI_PLACES)
_STAT = "/usr/bin/stat -c '%a %u %n'"
_GREP = (
    "/bin/grep -sohE '^[[:space:]]*(set[[:space:]]+superusers|"
    "password[_a-z0-9]*([[:space:]]+[^[:space:]]+[[:space:]]+[$])?|GRUB2_PASSWORD)'"
)
_COMMANDS = (f"{_STAT} {_FILES}", f"{_GREP} {_FILES}", f"{_STAT} {_EFI_FILES}", f"{_GREP} {_EFI_FILES}")

_SCRIPT = f"""\
[ -r /proc/cmdline ] || exit 1
cat /proc/cmdline | sed 's/^/cmdline=/' || exit 1
if [ -d /sys/firmware/efi ]; then
  echo efi=yes
  for variable in /sys/firmware/efi/efivars/SecureBoot-*; do
    if [ -r "$variable" ]; then echo "secure=$(od -An -t u1 "$variable" | tr -s ' \\n' ' ')"; fi
  done
  for variable in /sys/firmware/efi/efivars/MokSBStateRT-*; do
    if [ -r "$variable" ]; then echo "insecure=$(od -An -t u1 "$variable" | tr -s ' \\n' ' ')"; fi
  done
else
  echo efi=no
fi
# of a folder that is closed to the login, root has to tell whether GRUB is in it
closed=no
if [ -e /boot ] && [ ! -x /boot ]; then closed=yes; fi
if [ $closed = yes ] || [ -e /boot/grub ] || [ -e /boot/grub2 ]; then
  found=$(as_root {_COMMANDS[0]}) words=
  case $found in
    *grub.cfg*) words=$(as_root {_COMMANDS[1]}) ;;
    *) if [ $closed = yes ] || {{ [ -e /boot/grub2 ] && [ -e /boot/efi ]; }}; then
         found=$(as_root {_COMMANDS[2]}) words=$(as_root {_COMMANDS[3]})
       fi ;;
  esac
  printf '%s\\n' "$found" | sed -n 's/^./file=&/p'
  printf '%s\\n' "$words" | sort -u | sed -n 's/^[[:space:]]*\\([^[:space:]]\\)/word=\\1/p'
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``cmdline=``, ``efi=``, ``secure=``, ``insecure=``, ``file=MODE UID PATH`` and ``word=`` lines."""
    value: dict[str, Json] = {"grub": False, "password": False, "efi": False, "cmdline": []}
    words: set[str] = set()
    unchecked = False
    hashes: dict[str, tuple[int, int]] = {}
    for line in whole_lines("boot_loader", output):
        key, equals, text = line.partition("=")
        match key:
            case "cmdline" if equals:
                value["cmdline"] = [*text.split()]
            case "efi" if text in ("yes", "no"):
                value["efi"] = text == "yes"
            case "secure":
                value["secure_boot"] = text.split()[-1] == "1"
            case "insecure":
                unchecked = text.split()[-1:] == ["1"]
            case "file":
                mode, uid, path = text.split(" ", 2)
                if path.endswith("/user.cfg"):
                    hashes[path] = (int(mode, 8), int(uid))
                elif path in (*_PLACES, *_EFI_PLACES):
                    value |= {"grub": True, "mode": f"{int(mode, 8):04o}", "uid": int(uid), "path": path}
            case "word":
                if text.endswith("$"):
                    continue  # RHEL's own 01_users: a password only where user.cfg sets the variable
                words.add(text.split()[0] if text.split()[0] != "set" else "superusers")
            case _:
                raise ParseError(f"boot_loader: a line that does not belong there: {line[:80]!r}")
    if not value["cmdline"]:
        raise ParseError("boot_loader: the kernel's command line is missing")
    if unchecked and "secure_boot" in value:
        value["secure_boot"] = False
    _open_hash(value, hashes)
    value["password"] = ("superusers" in words and any(w.startswith("password") for w in words)) or "GRUB2_PASSWORD" in words
    return value


def _open_hash(value: dict[str, Json], hashes: dict[str, tuple[int, int]]) -> None:
    """Tell of the user.cfg beside GRUB's settings in their place, where it is open and they are not."""
    path = str(value.get("path", "")).replace("grub.cfg", "user.cfg")
    if path in hashes and value["uid"] == 0 and str(value["mode"]).endswith("00"):
        mode, uid = hashes[path]
        if uid or mode & 0o077:
            value |= {"mode": f"{mode:04o}", "uid": uid, "path": path}


FACT = Fact(
    name="boot_loader",
    title=Text(en="Boot loader, Secure Boot and the kernel's command line", ar="محمّل الإقلاع والإقلاع الآمن وسطر أوامر النواة"),
    shape=record(
        grub=BOOL,
        password=BOOL,
        efi=BOOL,
        cmdline=ListOf(STR),
        secure_boot=optional(BOOL),
        mode=optional(STR),
        uid=optional(INT),
        path=optional(STR),
    ),
    parse=parse,
    version=4,  # an open user.cfg, shim that checks nothing
    example={
        "grub": True,
        "password": True,
        "efi": True,
        "cmdline": ["root=/dev/sda1", "audit=1"],
        "secure_boot": True,
        "mode": "0600",
        "uid": 0,
        "path": "/boot/grub/grub.cfg",
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=_COMMANDS)},
)
