"""The nightly audit in the user's crontab, or as a systemd timer: put in, shown, taken out; never twice.

The entry is whole by itself: absolute paths, a PATH that has nmap in it, a locale that can write Arabic.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import Nightly
from auditor.text import _

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
LOG = "findings/nightly.log"
SYSTEMD = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
_UNIT = "auditor-nightly"
_AFTER = 3600.0  # seconds for what follows the window: judging what came last, figures and letters


@dataclass(frozen=True, slots=True)
class Job:
    """What is to run: which workspace, when (hour and minute of this machine's clock), which departments; empty for all."""

    root: Path
    hour: int
    minute: int
    departments: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """What marks the lines that are ours, of this workspace."""
        return f"# auditor nightly: {self.root}"

    @property
    def command(self) -> list[str]:
        """The command with its arguments, all of them absolute."""
        own = [part for name in self.departments for part in ("--department", name)]
        log = str(self.root / LOG)
        return [_program(), "--workspace", str(self.root), "nightly", "--log", log, *own]


def _program() -> str:
    """The program that runs now, by its absolute path."""
    here = Path(sys.argv[0])
    found = here if here.name == "auditor" and here.exists() else Path(sys.executable).with_name("auditor")
    if not found.exists():
        raise UsageError(
            _("the program auditor is not beside {python}; install it, then schedule it").format(python=sys.executable)
        )
    return str(found.absolute())


def parse_time(text: str) -> tuple[int, int]:
    """Hour and minute. Raises UsageError for anything but HH:MM."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise UsageError(_("{text!r} is no time of day; write it as 01:30").format(text=text))
    return int(found[1]), int(found[2])


def cron_lines(job: Job) -> list[str]:
    """The two lines of the crontab: what marks them, and the entry. A percent sign would end the command in cron."""
    command = _in_cron("env", "LC_ALL=C.UTF-8", f"PATH={_PATH}", *job.command)
    return [job.tag, f"{job.minute} {job.hour} * * * {command}"]


def _in_cron(*words: str) -> str:
    return shlex.join(words).replace("%", r"\%")


def without(crontab: str, root: Path) -> str:
    """A crontab without what marks the entry of this workspace, and without the entry, which people may have parted; all else
    as it is."""
    tag = Job(root, 0, 0).tag
    return "".join(line for line in _lines(crontab) if line.rstrip() != tag and not _is_entry(line, root))


def entry_of(crontab: str, root: Path) -> str:
    """The entry of this workspace; "" where there is none."""
    return next((line.rstrip() for line in _lines(crontab) if _is_entry(line, root)), "")


def _lines(crontab: str) -> list[str]:
    """As cron has them: what else Python takes for a line's end stands inside lines of others."""
    return re.findall(r"[^\n]*\n|[^\n]+", crontab)


def _is_entry(line: str, root: Path) -> bool:
    """Whether a line has cron audit this workspace. The words decide, not the place: people move lines, and take out others."""
    return not line.lstrip().startswith("#") and f" {_in_cron('--workspace', str(root), 'nightly')} " in f"{line.rstrip()} "


def install(job: Job) -> str:
    """Put the entry into the crontab in place of an older one; the entry."""
    rest = without(read_crontab(), job.root)
    lines = cron_lines(job)
    end = "" if not rest or rest.endswith("\n") else "\n"
    _write_crontab(rest + end + "".join(f"{line}\n" for line in lines))
    return lines[1]


def remove(root: Path) -> bool:
    """Take the entry out; whether there was one."""
    before = read_crontab()
    after = without(before, root)
    if after != before:
        _write_crontab(after)
    return after != before


def read_crontab() -> str:
    """The user's crontab; "" where there is none. Raises UsageError where cron is not installed, or will not show it: whoever
    took that for an empty one would write over all of it."""
    done = _crontab(["-l"])
    if done.returncode == 0:
        return _text(done.stdout)
    why = _text(done.stderr)
    if "no crontab for" in why:
        return ""
    raise UsageError(_("crontab does not show what it holds: {reason}").format(reason=why.strip() or done.returncode))


def _write_crontab(text: str) -> None:
    done = _crontab(["-"], text)
    if done.returncode:
        raise UsageError(_("crontab refused the entry: {reason}").format(reason=_text(done.stderr).strip()))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def has_crontab() -> bool:
    """Whether cron is installed."""
    return shutil.which("crontab") is not None


def advice() -> str:
    """The command that has the audit run every night on this machine: where there is no cron, by systemd."""
    return "auditor schedule install --at 01:30" + ("" if has_crontab() else f" --systemd {SYSTEMD[0]}")


def _crontab(arguments: Sequence[str], text: str = "") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("crontab")
    if program is None:
        message = _(
            "there is no crontab on this machine; install cron, or use: auditor schedule install --at 01:30 --systemd "
            "/etc/systemd/system"
        )
        raise UsageError(message)
    return subprocess.run(
        [program, *arguments],
        input=text.encode("utf-8", "surrogateescape"),  # as bytes: lines of others, and their ends, go back as they came
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
        timeout=30,
        check=False,
    )


def longest(night: Nightly) -> int:
    """Seconds within which a night is through, unless something hangs."""
    return round(night.window + night.grace + _AFTER)


def systemd_units(job: Job, user: str, seconds: int) -> dict[str, str]:
    """A service and a timer, by the names of their files.

    It names its user: as root it would miss the account's keys, and leave files that are closed to the account afterwards. It is
    ended after ``seconds``: the timer starts no other night while one hangs.
    """
    command = " ".join(_systemd_quoted(part) for part in job.command)
    service = (
        f"[Unit]\nDescription=Nightly compliance audit of {job.root}\n"
        # before the clock is set what is seen would be written down with an instant that cannot be true
        "Wants=network-online.target time-sync.target\nAfter=network-online.target time-sync.target\n\n"
        f"[Service]\nType=oneshot\nUser={user}\nEnvironment=LC_ALL=C.UTF-8 PATH={_PATH}\nExecStart={command}\n"
        f"TimeoutStartSec={seconds}\n"
        "SuccessExitStatus=1 3\n"  # findings, and an incomplete audit, are news and no failure of the service
    )
    timer = (
        f"[Unit]\nDescription=Nightly compliance audit of {job.root}\n\n"
        f"[Timer]\nOnCalendar=*-*-* {job.hour:02}:{job.minute:02}:00\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{_UNIT}.service": service, f"{_UNIT}.timer": timer}


@dataclass(frozen=True, slots=True)
class Unit:
    """A timer that audits a workspace, as ``schedule install --systemd`` writes it; when it does, and after how many seconds it
    ends a night, None for never."""

    timer: Path
    at: str
    seconds: int | None = None

    @property
    def ending(self) -> str:
        """The command that ends it and takes its files away."""
        files = shlex.join([str(self.timer), str(self.timer.with_suffix(".service"))])
        return f"systemctl disable --now {self.timer.name}; rm {files}; systemctl daemon-reload"


def units_of(root: Path, folder: Path | None = None) -> tuple[Unit, ...]:
    """The timers of this workspace, among those of systemd and in ``folder``."""
    found = []
    for place in dict.fromkeys([*([folder] if folder else []), *map(Path, SYSTEMD)]):
        service, timer = place / f"{_UNIT}.service", place / f"{_UNIT}.timer"
        try:
            command, times = service.read_text(encoding="utf-8"), timer.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        words = " ".join(_systemd_quoted(part) for part in ("--workspace", str(root), "nightly"))
        if f" {words} " in command:
            at = re.search(r"^OnCalendar=\S+ (\d\d:\d\d)", times, re.MULTILINE)
            ends = re.search(r"^TimeoutStartSec=(\d+)$", command, re.MULTILINE)
            found.append(Unit(timer, at[1] if at else "?", int(ends[1]) if ends else None))
    return tuple(found)


def environment_of(root: Path) -> str | None:
    """The text that gives variables to the nightly audit of a workspace: that of its services, or the crontab. None where nothing
    audits it every night."""
    units = units_of(root)
    if units:
        return "\n".join(service_environment(unit.timer.parent) for unit in units)
    try:
        crontab = read_crontab() if has_crontab() else ""
    except UsageError:
        return None
    return crontab if entry_of(crontab, root) else None


def service_environment(folder: Path) -> str:
    """A service's file in ``folder`` with what is added to it there, which ``systemctl edit`` writes."""
    service = folder / f"{_UNIT}.service"
    found = []
    for path in (service, *sorted(service.with_suffix(".service.d").glob("*.conf"))):
        with contextlib.suppress(OSError):
            found.append(path.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(found)


def not_given(names: Iterable[str], environment: str) -> tuple[str, ...]:
    """Those of the variables to which nothing in the text of a crontab or a service gives a value. A file of variables that a
    service names is taken to give all: it may be closed to who asks."""
    if re.search(r"^\s*EnvironmentFile\s*=\s*\S", environment, re.MULTILINE):
        return ()
    line = r"^[ \t]*(?:Environment[ \t]*=.*?)?(?<!\w)[\"']?{name}[\"']?[ \t]*="
    return tuple(name for name in names if not re.search(line.format(name=re.escape(name)), environment, re.MULTILINE))


def _systemd_quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if re.search(r"[^\w./:=@%+-]", part) else escaped
