"""The kernel's audit rules: those loaded now, what they record, and whether they are those saved for the next start.

Of a loaded rule it is not told whether it is saved where augenrules finds no rule to read: it may come from elsewhere.

What is recorded is decided here once for all checks (``_audit_walk``): the kernel's lists, its order and its word sizes count.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._audit_rule import TREE, Rule, is_rule, read
from auditor.facts._audit_same import agreeing, settled
from auditor.facts._audit_walk import Walk
from auditor.facts._budget import Budget
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

# augenrules(8) reads these files, in the natural order of their names, and no others.
_SAVED = re.compile(r"/etc/audit/rules\.d/([^/]*?\.rules):\s*(.*)\Z")

_SCRIPT = """\
if [ ! -x /sbin/auditctl ] && [ ! -x /usr/sbin/auditctl ]; then printf 'installed=no\\nend\\n'; exit 0; fi
status=$(as_root /sbin/auditctl -s) || exit 1
loaded=$(as_root /sbin/auditctl -l) || exit 1
if [ -d /etc/audit/rules.d ] || [ -d /etc/audit ]; then
  saved=$(as_root /bin/grep -RHs '^[[:space:]]*-' /etc/audit/rules.d)
  [ $? -le 1 ] || exit 1
fi
echo installed=yes
printf 'machine=%s\\n' "$(uname -m)"
printf '%s\\n' "$status" | sed -n 's/^enabled /enabled=/p'
printf '%s\\n' "$loaded" | sed -n 's/^[[:space:]]*-/loaded=-/p'
printf '%s\\n' "${saved-}" | sed -n 's/^./saved=&/p'
printf '%s\\n' "$loaded" "${saved-}" | sed -n 's/.*path=\\(\\/[^ ]*\\).*/\\1/p' | while read -r path; do
  if [ -d "$path" ]; then printf 'folder=%s\\n' "$path"; fi
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or ``machine=``, ``enabled=``, ``loaded=RULE``, ``saved=FILE:RULE``; ``folder=``, a path that is one."""
    lines = whole_lines("audit_rules", output)
    budget = Budget("audit_rules: the rules, each held against others and against calls and paths,")
    if lines == ["installed=no"]:
        nothing = Walk([], frozenset(), "", budget, enabled=False)
        return _value(installed=False, enabled=0, immutable=False, kept=False, loaded=[], written=[], walk=nothing, budget=budget)
    if not lines or lines[0] != "installed=yes":
        raise ParseError("audit_rules: the first line says neither installed=yes nor installed=no")
    said: dict[str, list[str]] = {"machine": [], "enabled": [], "loaded": [], "saved": [], "folder": []}
    for line in lines[1:]:
        key, equals, text = line.partition("=")
        if not equals or key not in said:
            raise ParseError(f"audit_rules: a line that does not belong there: {line[:80]!r}")
        said[key].append(text)
    if len(said["machine"]) != 1 or len(said["enabled"]) != 1:
        raise ParseError("audit_rules: which machine it is, or whether auditing is enabled, is missing")
    enabled = int(said["enabled"][0])
    lines = _saved(said["saved"])
    written = [(text, _read(text)) for text in lines if is_rule(text)]
    loaded = settled([read(text) for text in said["loaded"]], [rule for _, rule in written if rule], budget)
    ends = [text.split()[1:] for text in lines if re.match(r"-e\s", text)]
    folders = frozenset(path.rstrip("/") for path in said["folder"])
    return _value(
        installed=True,
        enabled=enabled,
        immutable=enabled == 2 or ends[-1:] == [["2"]],
        kept=bool(written),
        loaded=loaded,
        written=written,
        walk=Walk(loaded, folders, said["machine"][0], budget, enabled=enabled != 0),
        budget=budget,
    )


def _saved(lines: list[str]) -> list[str]:
    """The lines of the files that augenrules reads, in its order."""
    found = [match.groups() for line in lines if (match := _SAVED.match(line))]
    return [text for _, text in sorted(found, key=lambda one: _natural(one[0]))]


def _read(text: str) -> Rule | None:
    """A rule of a file; None where it cannot be read: auditctl refuses it too, and what is loaded can be judged without it."""
    try:
        return read(text)
    except ParseError:
        return None


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """As ``ls -v`` orders: 9-a before 10-b."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", name) if part]


def _value(
    *,
    installed: bool,
    enabled: int,
    immutable: bool,
    kept: bool,
    loaded: list[Rule],
    written: list[tuple[str, Rule | None]],
    walk: Walk,
    budget: Budget,
) -> Json:
    calls: dict[str, Json] = {}
    for name in walk.calls():
        succeeded, refused, deciding = walk.call(name)
        rules: list[Json] = [*deciding]
        calls[name] = {"succeeded": succeeded, "refused": refused, "rules": rules}
    are_loaded, are_saved = agreeing([rule for _, rule in written], loaded, budget)
    now: list[Json] = []
    for rule, one in zip(loaded, are_saved, strict=True):
        told: dict[str, Json] = {"saved": one} if kept else {}
        is_tree = rule.kind == TREE
        now.append({"text": rule.text, "list": rule.place, "never": rule.never, "path": rule.path, "tree": is_tree, **told})
    return {
        "installed": installed,
        "enabled": enabled,
        "immutable": immutable,
        "loaded": now,
        "saved": [{"text": " ".join(text.split()), "loaded": one} for (text, _), one in zip(written, are_loaded, strict=True)],
        "calls": calls,
        "watched": [{"path": path, "tree": tree} for path, tree in walk.watched()],
    }


FACT = Fact(
    name="audit_rules",
    title=Text(en="Audit rules of the kernel, loaded and saved", ar="قواعد تدقيق النواة المحمّلة والمحفوظة"),
    shape=record(
        installed=BOOL,
        enabled=INT,
        immutable=BOOL,
        loaded=ListOf(record(text=STR, list=STR, never=BOOL, path=STR, tree=BOOL, saved=optional(BOOL))),
        saved=ListOf(record(text=STR, loaded=BOOL)),
        calls=MapOf(record(succeeded=BOOL, refused=BOOL, rules=ListOf(STR))),
        watched=ListOf(record(path=STR, tree=BOOL)),
    ),
    parse=parse,
    example={
        "installed": True,
        "enabled": 2,
        "immutable": True,
        "loaded": [
            {
                "text": "-w /etc/passwd -p wa -k identity",
                "list": "exit",
                "never": False,
                "path": "/etc/passwd",
                "tree": True,
                "saved": True,
            }
        ],
        "saved": [{"text": "-w /etc/passwd -p wa -k identity", "loaded": True}],
        "calls": {"all": {"succeeded": False, "refused": False, "rules": []}},
        "watched": [{"path": "/etc/passwd", "tree": True}],
    },
    probes={
        "linux": HostProbe(
            script=_SCRIPT,
            privileged=(
                "/sbin/auditctl -s",
                "/sbin/auditctl -l",
                "/bin/grep -RHs '^[[:space:]]*-' /etc/audit/rules.d",
            ),
        )
    },
    version=3,
)
