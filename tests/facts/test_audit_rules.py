"""What the kernel's audit rules record: its lists, its order and its word sizes."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import audit_rules as told

PEOPLE = "-F auid>=1000 -F auid!=-1"


def both(rest: str, action: str = "always,exit") -> tuple[str, str]:
    """A rule for programs of both word sizes."""
    return f"-a {action} -F arch=b64 {rest}", f"-a {action} -F arch=b32 {rest}"


def recorded(call: str, *rules: str, **more: Any) -> tuple[bool, bool]:
    """Whether a call is recorded where it succeeds, and where it is refused."""
    calls = told(*rules, **more)["calls"]
    one = calls[call if call in calls else "all"]
    return one["succeeded"], one["refused"]


def watched(*rules: str, **more: Any) -> list[tuple[str, bool]]:
    return [(one["path"], one["tree"]) for one in told(*rules, **more)["watched"]]


UNLINK = both(f"-S unlink {PEOPLE}")


@pytest.mark.parametrize(
    "text", ["-w", "-w 'etc", "-p", "-a always,exit -Z 1", "-a always,exit -F path", "-a exit -S open", "x -w /a", "-w /a -p wz"]
)
def test_a_rule_that_cannot_be_read_is_an_error(text: str) -> None:
    """An option that is not known may turn the rule into its opposite."""
    with pytest.raises(ParseError):
        told(text)


@pytest.mark.parametrize(
    "rest",
    [
        "-S unlink",
        "-S unlink -F success=1",
        "-S unlink -F exit!=-ENOENT",
        "-S unlink -F auid>=500 -F auid!=4294967295",
        "-S unlink -F auid!=root",
        "-S open,unlink -F key=x",
        "-S all",
    ],
)
def test_what_holds_for_every_person_records_the_call(rest: str) -> None:
    """A condition that leaves out no person, or only what failed, leaves out nothing that is asked for."""
    assert recorded("unlink", *both(rest))[0]


@pytest.mark.parametrize(
    "rest",
    [
        "-S unlink -F auid=1001",
        "-S unlink -F auid>=1001",
        "-S unlink -F auid!=1001",
        "-S unlink -F auid<1000",
        "-S unlink -F uid=0",
        "-S unlink -F dir=/srv",
        "-S unlink -F path=/srv/a",
        "-S unlink -F perm=x",
        "-S unlink -F exe=/usr/bin/rm",
        "-S unlink -F success=0",
        "-S unlink -F exit=-EPERM",
        "-S unlink -F exit=0",
        "-S unlink -F exit>=0",
        "-S unlink -F a0=0",
        "-S unlink -C auid!=obj_uid",
        "-S rename",
        "-F path=/etc/passwd -F perm=wa",
    ],
)
def test_a_narrowed_rule_does_not_record_the_call(rest: str) -> None:
    """Regression (false pass): one person, folder, program or outcome alone is not every deletion."""
    assert not recorded("unlink", *both(rest))[0]


@pytest.mark.parametrize("place", ["task", "user", "exclude", "filesystem", "io_uring", "entry"])
def test_another_list_records_no_call(place: str) -> None:
    """Regression (false pass): a rule on ``task`` or ``user`` counted as if it were on ``exit``."""
    for action in (f"always,{place}", f"{place},always"):
        assert not recorded("unlink", *both("-S unlink", action))[0]
        assert watched(*both("-F path=/etc/x -F perm=wa", action)) == []


def test_both_word_sizes_are_needed() -> None:
    """Regression (false pass): without ``arch`` a number is another call in 32-bit programs; an ``arch`` has several names."""
    assert not recorded("unlink", UNLINK[0])[0]
    assert not recorded("unlink", UNLINK[1])[0]
    assert not recorded("unlink", "-a always,exit -S unlink")[0]
    assert recorded("unlink", "-a always,exit -F arch=x86_64 -S unlink", "-a always,exit -F arch=i386 -S unlink")[0]
    assert recorded("unlink", "-a always,exit -F arch=0xc000003e -S unlink", "-a always,exit -F arch!=b64 -S unlink")[0]


def test_a_machine_is_not_asked_for_what_it_lacks() -> None:
    """Regression (false failure): ARM has no ``unlink`` of 64 bits, some machines one word size, and x86_64 no ``stime``."""
    assert recorded("unlink", UNLINK[1], machine="aarch64")[0]
    assert not recorded("unlink", machine="aarch64")[0]
    assert recorded("unlink", machine="riscv64")[0]
    assert not recorded("unlinkat", machine="riscv64")[0]
    assert recorded("unlinkat", "-a always,exit -S unlinkat", machine="riscv64")[0]
    assert recorded("unlink", UNLINK[1], machine="armv7l")[0]
    assert recorded("stime", "-a always,exit -F arch=b32 -S stime")[0]


def test_the_first_rule_that_matches_decides() -> None:
    """Regression (false pass and false failure): the kernel reads a list in order, ``-A`` puts a rule at its beginning."""
    never = "-a never,exit -F arch=b32 -S unlink"
    assert recorded("unlink", never, *UNLINK) == (False, False)
    assert recorded("unlink", *UNLINK, never) == (True, True)
    assert recorded("unlink", *UNLINK, never.replace("-a", "-A")) == (False, False)
    assert recorded("unlink", "-a never,exit -F arch=b64 -S rename", *UNLINK) == (True, True)
    value = told(never, *UNLINK)["calls"]["unlink"]
    assert value["rules"] == [never, UNLINK[0]]


@pytest.mark.parametrize(
    "rest",
    ["-S unlink -F dir=/dev/shm", "-F dir=/dev/shm", "-S unlink -F exe=/x", "-S unlink -F uid=33", "-F subj_type=x", "-S 87"],
)
def test_a_narrowed_never_leaves_some_of_it_out(rest: str) -> None:
    """Regression (false pass): a ``never`` for a folder, a program or one user opens a way past; one that follows does not."""
    never = f"-a never,exit -F arch=b64 {rest}"
    assert not recorded("unlink", never, *UNLINK)[0]
    assert recorded("unlink", *UNLINK, never)[0]


@pytest.mark.parametrize(
    "rest", ["-F auid=-1 -F uid=998", "-F auid=unset", "-F auid<1000", "-F perm=x", "-F success=0", "-F exit=-EPERM"]
)
def test_a_never_that_takes_nothing_of_it_is_nothing(rest: str) -> None:
    """Regression (false failure): the time daemon's noise, failures, or running programs may be left out."""
    assert recorded("unlink", f"-a never,exit -F arch=b64 -S all {rest}", *UNLINK)[0]


def test_a_never_on_a_folder_takes_no_call_without_a_path() -> None:
    """Regression (false failure): setting the clock touches no folder, whoever leaves one out."""
    never = "-a never,exit -F arch=b64 -S all -F dir=/dev/shm"
    assert recorded("adjtimex", never, *both("-S adjtimex"))[0]
    assert recorded("adjtimex", never, *both("-S all"))[0]
    assert not recorded("unlink", never, *both("-S all"))[0]


def test_refusals_are_of_two_kinds() -> None:
    """EACCES and EPERM both say that permission is refused; a rule for all that fails, or for all, has both."""
    one, other = both("-S open -F exit=-EACCES"), both("-S open -F exit=-EPERM")
    assert recorded("open", *one, *other) == (False, True)
    assert recorded("open", *one) == (False, False)
    assert recorded("open", *both("-S open -F success=0")) == (False, True)
    assert recorded("open", *both("-S open")) == (True, True)
    assert recorded("open", *both("-S open -F exit=-13 -F auid=1001"), *other) == (False, False)


def test_only_the_clock_of_the_wall_can_be_set() -> None:
    """Regression (false failure): the STIG's rule names that clock; of other calls a first argument leaves others out."""
    assert recorded("clock_settime", *both("-S clock_settime -F a0=0x0"))[0]
    assert not recorded("clock_settime", *both("-S clock_settime -F a0=0x1"))[0]
    assert not recorded("adjtimex", *both("-S adjtimex -F a0=0x0"))[0]


@pytest.mark.parametrize(
    "silencing",
    [
        "-a never,task",
        "-a task,never -F auid=-1",
        "-a always,exclude -F msgtype=SYSCALL",
        "-a never,exclude -F uid=33",
        "-a always,exclude -F msgtype>=SYSCALL",
        "-a always,exclude -F msgtype!=AVC",
    ],
)
def test_what_silences_all_silences_each(silencing: str) -> None:
    """Regression (false pass): the vendor's 10-no-audit.rules puts ``never`` on ``task``, by which no call at all is recorded."""
    value = told(silencing, *UNLINK, "-w /etc/x -p wa")
    assert not value["calls"]["unlink"]["succeeded"]
    assert value["calls"]["unlink"]["rules"][0] == silencing
    assert value["watched"] == []


@pytest.mark.parametrize(
    "other",
    [
        "-a always,exclude -F msgtype=CWD",
        "-a always,exclude -F msgtype>=AVC -F msgtype<=1499",
        "-a always,exclude -F msgtype=CRYPTO_KEY_USER",
        "-a always,exclude -F auid=-1",
        "-a never,user -F auid=1001",
        "-a never,filesystem -F fstype=tracefs",
        "-a never,filesystem -F fstype=40864",
    ],
)
def test_what_silences_something_else_does_not_matter(other: str) -> None:
    """Other records, processes that no person started, messages of programs, and the kernel's own file systems."""
    assert recorded("unlink", other, *UNLINK)[0]
    assert watched(other, "-w /etc/x -p wa") == [("/etc/x", True)]


def test_names_that_are_thrown_away_watch_nothing() -> None:
    """Without the record of a path nobody can say which file it was; the call itself stays recorded."""
    for other in ("-a always,exclude -F msgtype=PATH", "-a never,filesystem -F fstype!=tracefs"):
        assert watched(other, "-w /etc/x -p wa") == []
        assert recorded("adjtimex", other, *both("-S adjtimex"))[0]


def test_auditing_that_is_switched_off_records_nothing() -> None:
    """Regression (false pass): rules stay loaded after ``auditctl -e 0``."""
    assert recorded("unlink", *UNLINK, enabled=0) == (False, False)
    assert watched("-w /etc/x -p wa", enabled=0) == []
    assert watched("-w /etc/x -p wa", enabled=2) == [("/etc/x", True)]


@pytest.mark.parametrize(
    "rules",
    [
        ("-w /etc/x -p wa -k a",),
        ("-w /etc/x/ -p rwxa",),
        both("-S all -F dir=/etc/x/ -F perm=wa"),
        both(f"-F dir=/etc/x -F perm=wa {PEOPLE}"),
        both("-S all -F dir=/etc/x"),
        ("-a always,exit -S all -F dir=/etc/x -F perm=wa -F success=1",),
    ],
)
def test_a_watch_is_one_whichever_way_it_is_written(rules: tuple[str, ...]) -> None:
    """``-w`` and ``dir=`` say the same; a folder's closing slash is dropped."""
    assert watched(*rules) == [("/etc/x", True)]


@pytest.mark.parametrize(
    "rules",
    [
        ("-w /etc/x -p w",),
        ("-w /etc/x -p rx",),
        both("-F dir=/etc/x -F perm=wa -F auid=1001"),
        both("-S openat,unlinkat -F dir=/etc/x -F perm=wa"),
        ("-a always,exit -F arch=b64 -S all -F dir=/etc/x -F perm=wa",),
        ("-a never,exit -S all -F dir=/etc/x/y", "-w /etc/x -p wa"),
        ("-a never,exit -S all -F dir=/etc", "-w /etc/x -p wa"),
        ("-a never,exit -S all -F exe=/usr/bin/vi", "-w /etc/x -p wa"),
        ("-a never,exit -F arch=b32 -S openat", "-w /etc/x -p wa"),
    ],
)
def test_a_watch_in_part_is_none(rules: tuple[str, ...]) -> None:
    """Regression (false pass): one kind of change, one person, some calls, one word size, or a ``never`` that comes first."""
    assert watched(*rules) == []


def test_a_never_elsewhere_leaves_a_watch_alone() -> None:
    """Another folder, reading, other calls, and what comes after."""
    for never in ("-F dir=/dev/shm", "-F path=/etc/xy", "-F dir=/etc/x -F perm=r", "-F auid=-1"):
        assert watched(f"-a never,exit -S all {never}", "-w /etc/x -p wa") == [("/etc/x", True)]
    assert watched("-a never,exit -F arch=b64 -S mount", "-w /etc/x -p wa", "-a never,exit -S all") == [("/etc/x", True)]


def test_a_path_that_is_a_folder_is_the_folder_alone() -> None:
    """Regression (false pass): ``path=`` of a folder watches none of its files; ``path=`` of a file is the file."""
    rules = both("-S all -F path=/etc/x -F perm=wa")
    assert watched(*rules, folders=("/etc/x",)) == []
    assert watched(*rules) == [("/etc/x", False)]
    assert watched(*rules, *both("-S all -F dir=/etc/x -F perm=wa"), folders=("/etc/x",)) == [("/etc/x", True)]


def test_what_auditctl_does_not_print_is_told_by_what_is_saved() -> None:
    """Regression (false pass): ``-w PATH -p wa`` is printed of ``path=`` with a folder too, and of a rule that says ``never``."""
    printed = "-w /etc/x -p wa -k a"
    alone = "-a always,exit -F path=/etc/x -F perm=wa -k a"
    assert watched(printed, saved=(alone,), folders=("/etc/x",)) == []
    assert watched(printed, saved=(alone,)) == [("/etc/x", False)]
    assert watched(printed, saved=("-w /etc/x -p wa",), folders=("/etc/x",)) == [("/etc/x", True)]
    never = "-a never,exit -F path=/etc/x -F perm=wa -k a"
    value = told(printed, saved=(never,))
    assert value["watched"] == []
    assert value["loaded"] == [{"text": never, "list": "exit", "never": True, "path": "/etc/x", "tree": False, "saved": True}]
    assert value["saved"] == [{"text": never, "loaded": True}]


def test_watches_that_are_printed_alike_are_told_apart_by_their_order() -> None:
    """Of a ``never`` and a watch of one path the first decides; where more or fewer are loaded than saved, the worse is taken."""
    never, watch, printed = (
        "-a never,exit -F path=/etc/x -F perm=wa",
        "-w /etc/x -p wa",
        ("-w /etc/x -p wa", "-w /etc/x -p wa -k a"),
    )
    assert watched(*printed, saved=(watch, never)) == [("/etc/x", True)]
    assert watched(*printed, saved=(never, watch)) == []
    assert watched(*printed, saved=(watch, never.replace("-a", "-A", 1))) == []
    assert watched(printed[0], saved=(watch, never)) == []


def test_a_rule_printed_without_path_and_action_is_taken_for_the_worse() -> None:
    """Regression (false pass): auditctl prints ``-p wa`` alone of a rule on every path, of ``never`` as of ``always``."""
    assert watched("-p wa -k all", "-w /etc/x -p wa") == []
    assert watched("-p wa -k all", "-w /etc/x -p wa", saved=("-a never,exit -F perm=wa",)) == []
    assert watched("-p wa -k all", "-w /etc/x -p wa", saved=("-a always,exit -F perm=wa",)) == [("/etc/x", True)]
