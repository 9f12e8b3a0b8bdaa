"""Each fact on each platform that the auditor is for: a golden, or the reason why there is none.

Of the three releases of Debian real output can be had, so it must be; of Ubuntu and the RHEL family a documented format will do.
An appliance of busybox can be asked some facts alone.
"""

from __future__ import annotations

import pytest

from tests.facts.hosts import HOST_FACTS
from tests.scripts import load

NAMES = tuple(fact.name for fact in HOST_FACTS)
DOCS = load("docs")
PREFIXES: dict[str, tuple[str, ...]] = {prefixes[0]: prefixes for prefixes in DOCS.PLATFORMS.values()}
REAL = ("debian11", "debian12", "debian13")

WITHOUT: dict[str, dict[str, str]] = {
    "busybox": {
        "refused: the applet called find has neither -printf nor -print0 of GNU's": "cloud_credentials file_walk user_files",
        "refused: the applet called stat has no --printf": "changeable_files",
        "refused: there is no ssh-keygen to tell of keys": "authorized_keys",
        "refused: there is no package manager, and the applet called rpm only unpacks": (
            "automatic_updates package_integrity packages runtimes unpackaged_programs update_history updates"
        ),
        "refused: there is neither last's nor lastlog's program": "last_logins",
        "refused: there is no ss": "listening_sockets",
        "refused: the applet called grep has no --include": "stale_processes",
        "the kernel's command line alone, which is the machine's and not the root's": "boot_loader",
    },
}
"""By platform and reason: the facts without a golden there."""


def reasons(platform: str) -> dict[str, str]:
    """The reason by fact; a fact told twice is a mistake."""
    told = [(name, reason) for reason, names in WITHOUT.get(platform, {}).items() for name in names.split()]
    assert len(told) == len(dict(told)), "a fact has two reasons"
    return dict(told)


def recorded(platform: str) -> set[str]:
    """The facts with a golden that counts on that platform."""
    counts = {"real"} if platform in REAL else {"real", "documented"}
    return {name for name in NAMES if DOCS.read_from(name, PREFIXES[platform]) in counts}


@pytest.mark.parametrize("platform", PREFIXES)
def test_every_fact_is_accounted_for_on_every_platform(platform: str) -> None:
    """A golden or a reason, and never both: a reason is taken back when the golden comes."""
    told, have = reasons(platform), recorded(platform)
    assert set(told) - set(NAMES) == set(), "no such fact"
    assert set(told) & have == set(), "a reason that a golden made stale"
    assert set(NAMES) - have - set(told) == set(), "neither golden nor reason"
