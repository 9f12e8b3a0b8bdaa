"""The graphical log-in and GNOME: what dconf and the display managers make of their files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.facts.hosts import fact


def value(*lines: str) -> Any:
    return fact("desktop").value("\n".join((*lines, "end", "")), {})


GNOME = (
    "display",
    "installed=gnome",
    "dconf",
    "/etc/dconf/profile/user:profile",
    "/etc/dconf/profile/user:user-db:user",
    "/etc/dconf/profile/user:system-db:local",
    "/etc/dconf/profile/user:system-db:site",
)


def test_a_setting_that_no_profile_names_is_not_in_force() -> None:
    """Key files of a database that the profile leaves out are files and nothing more."""
    key = (
        "/etc/dconf/db/other.d/0:keys",
        "/etc/dconf/db/other.d/0:[a]",
        "/etc/dconf/db/other.d/0:b=1",
        "/etc/dconf/db/other.d:made=no",
    )
    told = value(*GNOME, *key)
    assert told["settings"] == {}
    assert told["compiled"] is True


def dconf(database: str, *lines: str, file: str = "0", kind: str = "keys") -> list[str]:
    path = f"/etc/dconf/db/{database}.d/{'locks/' if kind == 'locks' else ''}{file}"
    return [f"{path}:{line}" for line in (kind, *lines)]


def test_databases_of_gnome_have_an_order() -> None:
    """The first database that the profile names has the word; a lock in any of them holds the key."""
    lines = [*dconf("site", "[a/b]", "c=2"), *dconf("local", "[a/b]", "c=uint32 1", "D=3")]
    told = value(*GNOME, *lines, *dconf("local", "/a/b/c", kind="locks"), "/etc/dconf/db/site.d:made=no")
    assert told["settings"] == {"a/b/c": {"value": "1", "locked": True}, "a/b/D": {"value": "3", "locked": False}}
    assert told["compiled"] is False


def test_a_lock_of_gnome_hides_what_earlier_databases_say() -> None:
    """Regression: a value of `local` passed as locked where `site` locks the key, by which dconf takes the value of `site`."""
    lines = [*dconf("local", "[a]", "b=true", "c=600"), *dconf("site", "[a]", "b=false")]
    told = value(*GNOME, *lines, *dconf("site", "/a/b", "/a/c", kind="locks"))
    assert told["settings"] == {"a/b": {"value": "false", "locked": True}, "a/c": {"value": "", "locked": True}}


@pytest.mark.parametrize("lock", ["/a/b/", "/a/b", "a/b/c"])
def test_a_folder_of_gnome_cannot_be_locked(lock: str) -> None:
    """Regression: a lock of a whole folder passed, which dconf takes for the name of a key."""
    told = value(*GNOME, *dconf("local", "[a/b]", "c=1"), *dconf("local", lock, kind="locks"))
    assert told["settings"]["a/b/c"] == {"value": "1", "locked": False}


def test_the_last_file_of_a_database_has_the_word() -> None:
    """Regression: two files that disagree, as authselect's and a benchmark's do, left all of the desktop unknown."""
    lines = [*dconf("local", "[a]", "b=1", file="20-authselect"), *dconf("local", "[a]", "b=0", file="00-security-settings")]
    assert value(*GNOME, *lines)["settings"] == {"a/b": {"value": "1", "locked": False}}
    lines += dconf("local", "[a]", "b=2", file="9-later")
    assert value(*GNOME, *lines)["settings"] == {"a/b": {"value": "2", "locked": False}}


def test_defaults_of_the_greeter_count_where_its_profile_reads_them() -> None:
    """Regression: Debian's greeter.dconf-defaults passed also where a profile of one's own no longer reads what is made of it."""
    keys = ("/etc/gdm3/greeter.dconf-defaults:keys", *(f"/etc/gdm3/greeter.dconf-defaults:{line}" for line in ("[a]", "b=true")))
    profile = ("/etc/dconf/profile/gdm:profile", "/etc/dconf/profile/gdm:user-db:user", "/etc/dconf/profile/gdm:system-db:gdm")
    read = "/etc/dconf/profile/gdm:file-db:/var/lib/gdm3/greeter-dconf-defaults"
    assert value("display", "dconf", *profile, read, *keys)["greeter"] == {"a/b": {"value": "true", "locked": False}}
    other = "/etc/dconf/profile/gdm:file-db:/usr/share/gdm/greeter-dconf-defaults"
    assert value("display", "dconf", *profile, other, *keys)["greeter"] == {}


@pytest.mark.parametrize(
    ("lines", "guest"),
    [
        (("installed=guest-account", "/1:lightdm", "/1:[Seat:*]", "/1:allow-guest=false"), False),
        (("installed=guest-account", "/1:lightdm", "/1:[Seat:*]", "/1:allow-guest=true"), True),
        (("installed=guest-account", "/1:lightdm", "/1:[LightDM]"), True),
        (("/1:lightdm", "/1:[Seat:*]", "/1:allow-guest=true", "/1:guest-account-script=guest-account"), False),
        (("/1:lightdm", "/1:[LightDM]", "/1:guest-account-script=/opt/guest"), True),
        (
            (
                *("installed=guest-account", "/1:lightdm", "/1:[SeatDefaults]", "/1:allow-guest=false"),
                *("/2:lightdm", "/2:[Seat:*]", "/2:allow-guest=true"),
            ),
            True,
        ),
        (
            (
                *("installed=guest-account", "/1:lightdm", "/1:[Seat:*]", "/1:allow-guest=false"),
                *("/2:lightdm", "/2:[Seat:seat0]", "/2:allow-guest=true"),
            ),
            True,
        ),
    ],
)
def test_guests_of_lightdm(lines: tuple[str, ...], guest: bool) -> None:
    """Regression: guests passed as absent where LightDM's default program for them is there, as on Ubuntu, and is allowed."""
    told = value("display", "installed=lightdm", *lines, "dconf")
    assert told["managers"] == [{"name": "lightdm", "autologin": "", "guest": guest}]
