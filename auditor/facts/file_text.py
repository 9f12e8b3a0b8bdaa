"""The text of one small file that everyone may read, such as a banner; a long one is refused, not cut."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, optional, record
from auditor.model import Json, Text

_LONGEST = 16_384
_SCRIPT = (
    THERE
    + f"""\
case $arg_path in /*) ;; *) exit 1 ;; esac
if exists "$arg_path"; then
  [ -f "$arg_path" ] && [ -r "$arg_path" ] || exit 1
  echo exists=plain
  head -c {_LONGEST + 1} "$arg_path" || exit 1
  # the line end of a last line that has none; not counted where there is one
  echo
else
  echo exists=no
fi
echo end
"""
)


def parse(output: str, args: Arguments) -> Json:
    """``exists=no``; ``exists=plain``, the file and a line end; or, of older runs, ``exists=yes`` and each line after a bar."""
    lines = whole(output, "file_text")
    path = str(args.get("path", ""))
    if [line.strip() for line in lines] == ["exists=no"]:
        return {"path": path, "exists": False}
    if lines and lines[0].strip() == "exists=plain":
        text = lines[1:-1] if not lines[-1].strip() else lines[1:]
        return {"path": path, "exists": True, "text": "\n".join(line.rstrip() for line in text)}
    if not lines or lines[0].strip() != "exists=yes":
        raise ParseError("file_text: the first line does not say whether the file exists")
    if any(not line.startswith("|") for line in lines[1:]):
        raise ParseError("file_text: a line that is not the file's")
    return {"path": path, "exists": True, "text": "\n".join(line[1:].rstrip() for line in lines[1:])}


FACT = Fact(
    name="file_text",
    title=Text(en="Text of a file", ar="نص ملف"),
    shape=record(path=STR, exists=BOOL, text=optional(STR)),
    parse=parse,
    example={"path": "/etc/issue.net", "exists": True, "text": "Authorised use only"},
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=_LONGEST, bounded=True)},
    arguments={"path": STR},
)
