"""After how many seconds of idling shells end, as the files that every login shell reads set TMOUT."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import SHOW_FILES, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_SET = re.compile(r"(?:^|[;&\s])(?:(?:export|readonly|typeset|declare)(?:\s+-\w+)*\s+)*TMOUT=[\"']?(\d*)")
_FIXED = re.compile(r"(?:^|[;&\s])(?:readonly|(?:typeset|declare)\s+-\w*r\w*)\s[^;&]*\bTMOUT\b")

_SCRIPT = (
    SHOW_FILES
    + """\
for folder in /etc/profile.d; do
  if [ -d "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
show /etc/profile /etc/profile.d/*.sh /etc/bash.bashrc /etc/bashrc |
  sed -n -e '/TMOUT/p' -e '/:$/p' -e '/^unreadable /p' || exit 1
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """Lines of the files that name TMOUT, as ``path:line``; the last one read holds, and the first readonly one for ever."""
    lines, unreadable = split_unreadable(whole(output, "shell_timeout"))
    if unreadable:
        raise ParseError(f"shell_timeout: may not be read: {sorted(unreadable)[0]}")
    seconds, source, fixed = None, "", False
    texts: list[Json] = []
    for path, found in files(lines, "shell_timeout").items():
        for line in found:
            if not line.strip() or line.strip().startswith("#"):
                continue
            match = _SET.search(line)
            texts.append(f"{path}: {line.strip()}"[:200])
            if match is not None and not fixed:
                if not match[1]:
                    raise ParseError(f"shell_timeout: {path}: a value that only a shell can tell: {line[:80]!r}")
                seconds, source = int(match[1]), path
            fixed = fixed or (seconds is not None and _FIXED.search(line) is not None)
    value: dict[str, Json] = {"readonly": fixed, "lines": texts}
    if seconds is not None:
        value |= {"seconds": seconds, "source": source}
    return value


FACT = Fact(
    name="shell_timeout",
    title=Text(en="Time after which idle shells end", ar="المدة التي تنتهي بعدها جلسات الصدفة الخاملة"),
    shape=record(seconds=optional(INT), source=optional(STR), readonly=BOOL, lines=ListOf(STR)),
    parse=parse,
    example={"seconds": 900, "source": "/etc/profile.d/timeout.sh", "readonly": True, "lines": []},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
