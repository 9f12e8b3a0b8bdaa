"""When an audit rule that is saved is one that is loaded, and what auditctl leaves unsaid of those that are loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from auditor.facts._audit_calls import CLASSES
from auditor.facts._audit_rule import ALL, FILE, GROUPS, PEOPLE, TREE, WATCH, Field, Rule
from auditor.facts._budget import Budget


def settled(loaded: list[Rule], saved: list[Rule], budget: Budget) -> list[Rule]:
    """The loaded rules with what auditctl did not print of them, from the saved rules that it prints so, in their order.

    Where none is saved, a watch is what ``-w`` makes; a rule without a path, which ``-w`` cannot make, is taken for the worse.
    Where their numbers differ, each may be any of those saved. What auditctl 4 made longer is told as it is saved.
    """
    printed: dict[object, list[Rule]] = {}
    written: dict[object, list[Rule]] = {}
    for rule in saved:
        if rule.place == "exit" and not rule.fields and not rule.arch and rule.calls == {ALL}:
            alike = printed.setdefault((rule.path, rule.perms), [])
            alike.insert(0 if rule.prepended else len(alike), rule)
        if rule.kind and rule.calls == {ALL}:
            written.setdefault(_alike(rule), []).append(rule)
    count = Counter((rule.path, rule.perms) for rule in loaded if rule.unsaid)
    seen: Counter[object] = Counter()
    found = []
    for rule in loaded:
        key = (rule.path, rule.perms)
        if rule.unsaid:
            alike = printed.get(key, [])
            alike = [alike[seen[key]]] if len(alike) == count[key] else alike
            budget.spend(len(alike))
            found.append(_settled(rule, alike))
            seen[key] += 1
        else:
            there = written.get(_alike(rule), ())
            budget.spend(len(there) * (1 + len(rule.fields)))
            found.append(next((replace(rule, text=s.text) for s in there if _expanded(s, rule) and _same(s, rule)), rule))
    return found


def _settled(rule: Rule, printed: list[Rule]) -> Rule:
    silent = [r for r in printed if r.never]
    alone = printed if all(r.kind == FILE for r in printed) else []
    return replace(
        rule,
        text=(silent or alone or [rule])[0].text,
        kind=rule.kind and (FILE if alone else TREE),
        never=bool(silent) or not (rule.kind or printed),
    )


def agreeing(saved: list[Rule | None], loaded: list[Rule], budget: Budget) -> tuple[list[bool], list[bool]]:
    """Of each saved rule, whether one that is loaded is the same, and of each loaded one, whether one that is saved is.

    None is a rule that could not be read.
    """
    there: dict[object, list[int]] = {}
    for place, rule in enumerate(loaded):
        there.setdefault(_alike(rule), []).append(place)
        there.setdefault((_alike(rule), rule.calls), []).append(place)
    kept: set[int] = set()

    def those_of(rule: Rule) -> set[int]:
        longer = bool(rule.kind) and rule.calls == {ALL}
        found = set()
        for place in there.get(_alike(rule) if longer else (_alike(rule), rule.calls), ()):
            budget.spend(1 + len(loaded[place].fields))
            if _same(rule, loaded[place]):
                found.add(place)
        kept.update(found)
        return found

    are_loaded = [rule is not None and bool(those_of(rule)) for rule in saved]
    return are_loaded, [place in kept for place in range(len(loaded))]


def _alike(rule: Rule) -> tuple[object, ...]:
    """What is equal in any two rules that are the same."""
    return rule.place, rule.path, rule.perms, rule.arch, len(rule.fields)


def _same(saved: Rule, loaded: Rule) -> bool:
    """Whether a rule as it is saved is one that is loaded. The key, which only names it, may differ."""
    alike = saved.never == loaded.never and (saved.kind == loaded.kind or saved.kind == WATCH)
    return (
        (saved.place, saved.path, saved.perms, saved.arch) == (loaded.place, loaded.path, loaded.perms, loaded.arch)
        and (alike or loaded.unsaid)
        and (saved.calls == loaded.calls or _expanded(saved, loaded))
        and _same_fields(saved.fields, loaded.fields)
    )


def _expanded(saved: Rule, loaded: Rule) -> bool:
    """Of a rule on a path, auditctl 4 loads the calls that its ``perm=`` stands for, where older ones load them all."""
    asked = [CLASSES[letter] for letter in saved.perms]
    return (
        bool(saved.kind and asked)
        and saved.calls == {ALL}
        and all(loaded.calls & calls for calls in asked)
        and loaded.calls <= frozenset().union(*asked)
    )


def _same_fields(saved: tuple[Field, ...], loaded: tuple[Field, ...]) -> bool:
    """The same conditions in any order. Who a name is, only the host can say: loaded, it is a number."""
    missing, more = Counter(saved) - Counter(loaded), Counter(loaded) - Counter(saved)
    named = [f for f in missing.elements() if f.name in PEOPLE | GROUPS and not f.value.isdigit()]
    return missing.total() == len(named) == more.total() and Counter(f[:2] for f in named) == Counter(
        f[:2] for f in more.elements() if f.value.isdigit()
    )
