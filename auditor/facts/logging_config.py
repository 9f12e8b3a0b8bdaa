"""Which services write the host's logs, whether the journal outlives a restart, and where logs are sent.

``remote_known`` is false where rsyslog may send elsewhere than is told: a file is closed or not among those that are read, a
module sends whose targets are not read, or a target is on the host itself, which may pass on what it gets or keep it.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESSES
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_DAEMONS = {"rsyslogd": "rsyslog", "syslog-ng": "syslog-ng", "systemd-journal": "journald", "syslogd": "syslogd"}
_STORAGE = frozenset({"auto", "persistent", "volatile", "none"})

_ITSELF = re.compile(r"(?i)(\([a-z0-9,]*\))?\[?(127\.[0-9.]+|::1|localhost6?(\.localdomain6?)?)\]?(:\w*)?\Z")
# rsyslog's modules that send to other hosts, or to a program that may, and whose targets are not read
_OTHERS = "elasticsearch|kafka|http|httpfs|hdfs|gssapi|rabbitmq|amqp1|azureeventhubs|clickhouse|mongodb|mysql|pgsql|libdbi"
_OTHERS += "|hiredis|prog|snmp|czmq|udpspoof|beats"

_SCRIPT = (
    PROCESSES
    + THERE
    + """\
printf '%s\\n' "$processes" | sed -n -E 's/^daemon=(rsyslogd|syslog-ng|systemd-journal|syslogd)$/process=\\1/p' || exit 1
listable /usr/lib/systemd/journald.conf.d /usr/local/lib/systemd/journald.conf.d /run/systemd/journald.conf.d \\
  /etc/systemd/journald.conf.d
for file in /etc/systemd/journald.conf /usr/lib/systemd/journald.conf.d/*.conf /usr/local/lib/systemd/journald.conf.d/*.conf \\
  /run/systemd/journald.conf.d/*.conf /etc/systemd/journald.conf.d/*.conf; do
  exists "$file" || continue
  out=$(cat "$file") || exit 1
  echo "file=$file"
  printf '%s\\n' "$out" | awk '{ sub(/\\r$/, "") } /^[ \\t]*\\[/ { inside = /^[ \\t]*\\[Journal\\][ \\t]*$/; next } inside' |
    sed -n 's/^[[:space:]]*Storage[[:space:]]*=[[:space:]]*\\([a-zA-Z]*\\)[[:space:]]*$/storage=\\1/p'
done
if [ -d /var/log/journal ]; then echo directory=yes; else echo directory=no; fi
set -- /etc/rsyslog.d/*.conf
if [ -d /etc/rsyslog.d ] && { [ ! -r /etc/rsyslog.d ] || [ ! -x /etc/rsyslog.d ]; }; then
  echo unreadable=/etc/rsyslog.d
  set --
fi
for file in /etc/rsyslog.conf "$@"; do
  exists "$file" || continue
  if [ ! -r "$file" ]; then echo "unreadable=$file"; continue; fi
  awk '
    { sub(/\\r$/, "") }
    inside_comment {
      if (!(at = index($0, "*/"))) next
      $0 = substr($0, at + 2); inside_comment = 0
    }
    /^[ \\t]*#/ { next }
    {
      # after a quote, in a directive, behind a # and in the rest of an old rule it only looks like a comment
      while (match($0, /(^|[ \\t(){};,"])\\/\\*/)) {
        before = substr($0, 1, RSTART + RLENGTH - 3)
        rest = substr($0, RSTART + RLENGTH)
        if (gsub(/"/, "&", before) % 2 || before ~ /^[ \\t]*\\$|[ \\t]#|(^|[ \\t])(-?[\\/?|]|@|:)[^ \\t*]/) break
        if (!(at = index(rest, "*/"))) { $0 = before; inside_comment = 1; break }
        $0 = before " " substr(rest, at + 2)
      }
    }
    tolower($0) ~ /^[ \\t]*([$]includeconfig|include[ \\t]*[(])/ && !index($0, "/etc/rsyslog.d/*.conf") {
      print "untold=" FILENAME
    }
    tolower($0) ~ /(type[ \\t]*=[ \\t]*"|:)om(@OTHERS@)[":]/ { print "untold=" FILENAME }
    match($0, /[ \\t]@@?[^ \\t;]+/) { print "remote=" substr($0, RSTART + 1, RLENGTH - 1); next }
    match(tolower($0), /:omrelp:[^ \\t;]+/) { print "remote=" substr($0, RSTART + 8, RLENGTH - 8); next }
    tolower($0) ~ /om(fwd|relp)/ { inside = 1 }
    inside && match(tolower($0), /target[ \\t]*=[ \\t]*"[^"]*"/) {
      split(substr($0, RSTART, RLENGTH), part, "\\"")
      print "remote=" part[2]
    }
    inside && match(tolower($0), /target[ \\t]*=[ \\t]*\\[[^]]*\\]/) {
      count = split(substr($0, RSTART, RLENGTH), part, "\\"")
      for (i = 2; i <= count; i += 2) print "remote=" part[i]
    }
    /\\)/ { inside = 0 }
    END { if (inside_comment) print "unreadable=" FILENAME }
  ' "$file" || exit 1
done
echo end
""".replace("@OTHERS@", _OTHERS)
)


def parse(output: str, _args: Arguments) -> Json:
    """``process=``; ``file=`` and perhaps ``storage=`` per file of journald; ``directory=``;

    ``remote=``, ``unreadable=`` or ``untold=`` of rsyslog's files.
    """
    running: dict[str, None] = {}
    remotes: dict[str, None] = {}
    files: list[tuple[str, str]] = []
    directory, complete = "", True
    for line in whole_lines("logging_config", output):
        key, sign, text = line.partition("=")
        match key:
            case "process" if sign:
                running[_DAEMONS[text]] = None
            case "file" if sign:
                files.append((text, ""))
            case "storage" if files:
                # what journald does not know, and Persistent is such a word, it passes by
                if text in _STORAGE:
                    files[-1] = (files[-1][0], text)
            case "directory" if text in ("yes", "no") and not directory:
                directory = text
            case "remote" if _ITSELF.match(text.strip("@")):
                complete = False
            case "remote" if text.strip("@"):
                remotes[text.strip("@")] = None
            case "unreadable" | "untold":
                complete = False
            case _:
                raise ParseError(f"logging_config: a line that does not belong there: {line[:80]!r}")
    if not directory:
        raise ParseError("logging_config: whether /var/log/journal exists is missing")
    storage = _storage(files)
    persistent = "journald" in running and (storage == "persistent" or (storage == "auto" and directory == "yes"))
    return {
        "running": [*sorted(running)],
        "journal_storage": storage,
        "journal_directory": directory == "yes",
        "journal_persistent": persistent,
        "remote_targets": [*sorted(remotes)],
        "remote_known": complete,
    }


def _storage(files: list[tuple[str, str]]) -> str:
    """The last word counts: the main file first, then drop-ins by file name, of which those in /etc hide namesakes elsewhere."""
    value, drop_ins = "auto", dict[str, str]()
    for path, text in files:
        if path == "/etc/systemd/journald.conf":
            value = text or value
        else:
            drop_ins[PurePosixPath(path).name] = text
    for _, text in sorted(drop_ins.items()):
        value = text or value
    return value


FACT = Fact(
    name="logging_config",
    title=Text(en="Log services, their storage and remote targets", ar="خدمات تسجيل الأحداث وحفظ السجلات ووجهاتها البعيدة"),
    shape=record(
        running=ListOf(STR),
        journal_storage=STR,
        journal_directory=BOOL,
        journal_persistent=BOOL,
        remote_targets=ListOf(STR),
        remote_known=BOOL,
    ),
    parse=parse,
    version=2,  # targets on the host itself, and words that journald does not know
    example={
        "running": ["journald", "rsyslog"],
        "journal_storage": "auto",
        "journal_directory": True,
        "journal_persistent": True,
        "remote_targets": ["logs.gov.example:514"],
        "remote_known": True,
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
