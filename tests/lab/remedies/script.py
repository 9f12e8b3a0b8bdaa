"""The commands of a remedy as somebody on Debian follows them: other families' lines left out, names filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_OTHERS = re.compile(r"\b(RHEL|Ubuntu|Windows)\b")
_PLACEHOLDER = r"(?<![A-Za-z0-9_${{]){}(?![A-Za-z0-9_}}])"


def for_debian(shell: str) -> str:
    """Those lines that a comment does not give to others alone.

    A comment on a line of its own rules what follows, up to the next that names a family or says ``all``; one behind a command
    rules that command.
    """
    kept, ours = [], True
    for line in shell.splitlines():
        command, _, remark = line.partition("#") if re.search(r"(^|\s)#\s", line) else (line, "", "")
        if remark and not command.strip():
            if "Debian" in remark or re.match(r"\s*all\b|\s*then\b", remark):
                ours = True
            elif _OTHERS.search(remark):
                ours = False
        elif ours and not remark.strip().startswith("RHEL family"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def filled(shell: str, names: Mapping[str, str], without: Sequence[str] = ()) -> str:
    """The commands with placeholders filled in, and without those lines that hold one of ``without``: alternatives not taken."""
    for line in without:
        if line not in shell:
            raise ValueError(f"the remedy has no line with {line!r}")
    text = "\n".join(line for line in shell.splitlines() if not any(w in line for w in without)) + "\n"
    for name, value in names.items():
        text, count = re.subn(_PLACEHOLDER.format(re.escape(name)), value.replace("\\", r"\\"), text)
        if not count:
            raise ValueError(f"the remedy has no {name} to fill in")
    return text
