"""How the graphical log-in and GNOME are set up for everybody: automatic log-in, guests, and what users can no longer change.

Of the display managers the last word of their files counts, in the order in which each reads them. Settings of GNOME come from
the key files of dconf's system databases; ``locked`` ones cannot be changed by users. ``compiled`` is whether the databases that
GNOME really reads were made after those files; without it they are not in force.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from auditor.errors import ParseError
from auditor.facts._budget import Budget
from auditor.facts._lines import files, whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, record
from auditor.model import Json, Text

_SCRIPT = (
    THERE
    + r"""
echo display
emit() {
  [ -r "$2" ] || exit 1
  text=$(sed -n -e 's/\r$//' -e '/^[[:space:]]*#/d' -e '/[^[:space:]]/p' "$2") || exit 1
  printf '%s:%s\n' "$2" "$1"
  printf '%s\n' "$text" | while IFS= read -r line; do printf '%s:%s\n' "$2" "$line"; done
}
if [ -e /usr/sbin/gdm3 ] || [ -e /usr/sbin/gdm ]; then
  echo installed=gdm
  for file in /etc/gdm3/custom.conf /etc/gdm3/daemon.conf /etc/gdm/custom.conf; do
    if exists "$file"; then emit gdm "$file"; fi
  done
fi
if [ -e /usr/sbin/lightdm ]; then
  echo installed=lightdm
  listable /usr/share/lightdm/lightdm.conf.d /etc/xdg/lightdm/lightdm.conf.d /etc/lightdm/lightdm.conf.d
  for file in /usr/share/lightdm/lightdm.conf.d/*.conf /etc/xdg/lightdm/lightdm.conf.d/*.conf /etc/lightdm/lightdm.conf.d/*.conf \
    /etc/lightdm/lightdm.conf; do
    if exists "$file"; then emit lightdm "$file"; fi
  done
  for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin; do
    if [ -x "$folder/guest-account" ]; then echo installed=guest-account; break; fi
  done
fi
if [ -e /usr/bin/sddm ]; then
  echo installed=sddm
  listable /usr/lib/sddm/sddm.conf.d /etc/sddm.conf.d
  for file in /usr/lib/sddm/sddm.conf.d/* /etc/sddm.conf.d/* /etc/sddm.conf; do
    if exists "$file" && [ -f "$file" ]; then emit sddm "$file"; fi
  done
fi
if [ -e /usr/bin/gnome-shell ]; then echo installed=gnome; fi
echo dconf
for profile in user gdm; do
  for file in "/etc/dconf/profile/$profile" "/usr/share/dconf/profile/$profile"; do
    exists "$file" || continue
    emit profile "$file"
    break
  done
done
if exists /etc/gdm3/greeter.dconf-defaults; then emit keys /etc/gdm3/greeter.dconf-defaults; fi
for db in /etc/dconf/db/*.d; do
  if [ ! -d "$db" ]; then continue; fi
  [ -r "$db" ] && [ -x "$db" ] || exit 1
  made=yes
  if [ ! -e "${db%.d}" ]; then made=no; fi
  if [ -d "$db/locks" ] && { [ ! -r "$db/locks" ] || [ ! -x "$db/locks" ]; }; then exit 1; fi
  for file in "$db" "$db"/* "$db/locks" "$db"/locks/*; do
    exists "$file" || continue
    if [ $made = yes ]; then
      newer=$(find -L "$file" -prune -newer "${db%.d}") || exit 1
      if [ -n "$newer" ]; then made=no; fi
    fi
    if [ ! -f "$file" ]; then continue; fi
    case $file in */locks/*) emit locks "$file" ;; *) emit keys "$file" ;; esac
  done
  echo "$db:made=$made"
done
echo end
"""
)

_YES = frozenset({"true", "1", "yes"})
_GUESTS = "guest-account"  # the program of that name makes LightDM's guests where no other is named
_GREETER, _MADE_OF_GREETER = "/etc/gdm3/greeter.dconf-defaults", "file-db:/var/lib/gdm3/greeter-dconf-defaults"
Keys = dict[str, str]


def parse(output: str, _args: Arguments) -> Json:
    """``display``, ``installed=`` and ``path:line``; ``dconf``, then profiles, key files and locks, and ``<db>:made=`` each."""
    lines = [line.rstrip() for line in whole(output, "desktop") if line.strip()]
    if lines[:1] != ["display"] or lines.count("dconf") != 1:
        raise ParseError("desktop: the parts of the output are missing")
    middle = lines.index("dconf")
    installed = [line.removeprefix("installed=") for line in lines[1:middle] if line.startswith("installed=")]
    shown = files([line for line in lines[1:middle] if not line.startswith("installed=")], "desktop")
    managers: dict[str, Keys] = {name: {} for name in installed if name not in ("gnome", _GUESTS)}
    for text in shown.values():
        # LightDM takes both names for the same group, so that the later file has the word
        managers[text[0]].update({re.sub(r"\Aseatdefaults/", "seat:*/", key): told for key, told in _keys(text[1:]).items()})
    told = files(lines[middle + 1 :], "desktop")
    profiles = {path.rpartition("/")[2]: text[1:] for path, text in told.items() if text[0] == "profile"}
    stored = _Stored(told)
    user, greeter = (_databases(profiles.get(name, [])) for name in ("user", "gdm"))
    read = any(line.strip() == _MADE_OF_GREETER for line in profiles.get("gdm", []))
    defaults = _keys(told.get(_GREETER, [""])[1:], exact=True) if read else {}
    return {
        "managers": [_manager(name, keys, _GUESTS in installed) for name, keys in managers.items()],
        "gnome": "gnome" in installed,
        "settings": _settings(user, stored, {}),
        "greeter": _settings(greeter, stored, defaults),
        "compiled": all(told.get(f"/etc/dconf/db/{db}.d", ["made=yes"])[-1] == "made=yes" for db in (*user, *greeter)),
    }


def _keys(lines: list[str], exact: bool = False) -> Keys:
    """``group/key`` to the value, of a file with ``[group]`` heads; in small letters unless ``exact``, as dconf takes them."""
    found: Keys = {}
    group = ""
    for line in lines:
        if match := re.fullmatch(r"\s*\[(.*)\]\s*", line):
            group = match[1].strip()
        elif "=" in line:
            key, _, text = line.partition("=")
            name = f"{group}/{key.strip()}"
            found[name if exact else name.lower()] = text.strip()
    return found


def _manager(name: str, keys: Keys, guests: bool) -> dict[str, Json]:
    guest = False
    match name:
        case "gdm":
            on = {kind: keys.get(f"daemon/{kind}loginenable", "").lower() in _YES for kind in ("automatic", "timed")}
            user = keys.get("daemon/automaticlogin", "") if on["automatic"] else ""
            user = user or (keys.get("daemon/timedlogin", "") if on["timed"] else "")
        case "lightdm":
            seats = [key.rpartition("/") for key in keys if key.startswith("seat")]
            user = next((keys[f"{g}/{k}"] for g, _, k in seats if k == "autologin-user" and keys[f"{g}/{k}"]), "")
            if any(keys[f"{g}/{k}"].lower() in _YES for g, _, k in seats if k == "autologin-guest"):
                guest, user = True, user or "guest"
            script = keys.get("lightdm/guest-account-script", _GUESTS)
            everywhere = keys.get("seat:*/allow-guest", "true")
            allowed = any(keys.get(f"{g}/allow-guest", everywhere).lower() in _YES for g in {"seat:*", *(g for g, _, _ in seats)})
            guest = guest or (allowed and (guests if script == _GUESTS else bool(script)))
        case "sddm":
            user = keys.get("autologin/user", "")
        case _:
            raise ParseError(f"desktop: no such display manager: {name[:40]!r}")
    return {"name": name, "autologin": user, "guest": guest}


def _databases(profile: list[str]) -> list[str]:
    return [line.strip().removeprefix("system-db:") for line in profile if line.strip().startswith("system-db:")]


class _Stored:
    """What each database says, each read once however often profiles name it."""

    def __init__(self, told: dict[str, list[str]]) -> None:
        self._told, self._paths = told, sorted(told)
        self._budget = Budget("desktop: the databases, as often as profiles name them,")
        self._known: dict[str, tuple[Keys, set[str]]] = {}

    def of(self, database: str) -> tuple[Keys, set[str]]:
        """The keys with their values, and those that are locked."""
        if database not in self._known:
            self._known[database] = self._read(f"/etc/dconf/db/{database}.d/")
        own, locks = self._known[database]
        self._budget.spend(1 + len(own) + len(locks))
        return own, locks

    def _read(self, folder: str) -> tuple[Keys, set[str]]:
        own: Keys = {}
        locks: set[str] = set()
        first, last = (bisect_left(self._paths, edge) for edge in (folder, f"{folder}\U0010ffff"))
        for path in self._paths[first:last]:
            kind, *lines = self._told[path]
            self._budget.spend(len(lines))
            if kind == "locks":
                locks |= {line.strip()[1:] for line in lines if line.startswith("/")}
            else:
                own.update(_keys(lines, exact=True))
        return own, locks


def _settings(databases: list[str], stored: _Stored, base: Keys) -> dict[str, Json]:
    """As dconf reads them, over what stands in ``base``.

    In a database the last file has the word, of two databases the first that the profile names; but a lock hides what the
    databases before its own say, also where its own says nothing. Folders cannot be locked.
    """
    values, locked = dict(base), set[str]()
    for database in reversed(databases):
        own, locks = stored.of(database)
        values.update({key: value for key, value in own.items() if key not in locked})
        locked |= locks
    told_of = {**dict.fromkeys(locked, ""), **values}  # a key that is locked and not set has the default of its schema
    return {key: {"value": re.sub(r"\Auint32 ", "", told_of[key]), "locked": key in locked} for key in sorted(told_of)}


FACT = Fact(
    name="desktop",
    title=Text(en="Graphical log-in and the settings of GNOME", ar="تسجيل الدخول الرسومي وإعدادات GNOME"),
    shape=record(
        managers=ListOf(record(name=STR, autologin=STR, guest=BOOL)),
        gnome=BOOL,
        settings=MapOf(record(value=STR, locked=BOOL)),
        greeter=MapOf(record(value=STR, locked=BOOL)),
        compiled=BOOL,
    ),
    parse=parse,
    version=2,
    example={
        "managers": [{"name": "gdm", "autologin": "", "guest": False}],
        "gnome": True,
        "settings": {"org/gnome/desktop/session/idle-delay": {"value": "300", "locked": True}},
        "greeter": {"org/gnome/login-screen/banner-message-enable": {"value": "true", "locked": False}},
        "compiled": True,
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
