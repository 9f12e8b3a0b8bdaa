"""One of systemd's own configuration files with its drop-ins, as the daemon reads them: the last setting of a key holds.

The argument ``name`` is the file's name, such as ``journald.conf``. Drop-ins of all folders are read by their names after the
main file; of several with one name that of /etc counts, then /run, then /usr. A key set to nothing is as if never set.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, MapOf, record
from auditor.model import Json, Text

_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")

_SCRIPT = f"""\
{THERE}case $arg_name in *[!a-z.-]*|''|.*) exit 1 ;; esac
present=no
for mark in /run/systemd/system /usr/lib/systemd/systemd /lib/systemd/systemd; do
  if [ -e "$mark" ]; then present=yes; fi
done
echo "present=$present"
for folder in {" ".join(_FOLDERS)}; do
  listable "$folder/$arg_name.d"
  for file in "$folder/$arg_name" "$folder/$arg_name.d"/*.conf; do
    exists "$file" || continue
    [ -r "$file" ] || exit 1
    echo "file=$file"
    sed -n -e '/^[[:space:]]*[#;]/d' -e '/[^[:space:]]/s/^/line=/p' "$file" || exit 1
  done
done
echo end
"""


def parse(output: str, args: Arguments) -> Json:
    """``present=``, then ``file=PATH`` and its ``line=TEXT`` lines."""
    lines = whole_lines("systemd_config", output)
    if not lines or lines[0] not in ("present=yes", "present=no"):
        raise ParseError("systemd_config: the first line does not say whether systemd is there")
    found: dict[str, list[str]] = {}
    for line in lines[1:]:
        key, _, text = line.partition("=")
        if key == "file" and text.startswith("/"):
            current = found.setdefault(text, [])
        elif key == "line" and found:
            current.append(text.strip())
        else:
            raise ParseError(f"systemd_config: a line that does not belong there: {line[:80]!r}")
    settings: dict[str, Json] = {}
    for path in _in_order(found, str(args.get("name", ""))):
        section = ""
        for text in found[path]:
            if text.startswith("[") and text.endswith("]"):
                section = text[1:-1]
                continue
            key, equals, value = text.partition("=")
            if not equals or not section:
                raise ParseError(f"systemd_config: {path}: a line that is no setting: {text[:80]!r}")
            settings[f"{section}.{key.strip()}"] = value.strip()
    return {"present": lines[0] == "present=yes", "settings": {key: value for key, value in settings.items() if value != ""}}


def _in_order(found: dict[str, list[str]], name: str) -> list[str]:
    """The main file of the first folder that has one, then the drop-ins by name, of each name the first folder's."""
    main = next((f"{folder}/{name}" for folder in _FOLDERS if f"{folder}/{name}" in found), None)
    dropped: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in found:
            if str(PurePosixPath(path).parent) == f"{folder}/{name}.d":
                dropped.setdefault(PurePosixPath(path).name, path)
    known = [*([main] if main else []), *(path for _name, path in sorted(dropped.items()))]
    expected, names = {*known}, {*dropped, name}
    strange = [p for p in found if p not in expected and PurePosixPath(p).name not in names]
    if strange:
        raise ParseError(f"systemd_config: a file of another folder: {strange[0][:80]!r}")
    return known


FACT = Fact(
    name="systemd_config",
    title=Text(en="One of systemd's configuration files with its drop-ins", ar="أحد ملفات إعدادات systemd مع ملفاته التكميلية"),
    shape=record(present=BOOL, settings=MapOf(STR)),
    parse=parse,
    example={"present": True, "settings": {"Journal.Storage": "persistent"}},
    probes={"linux": HostProbe(script=_SCRIPT)},
    arguments={"name": STR},
)
