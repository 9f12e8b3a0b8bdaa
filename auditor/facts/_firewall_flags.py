"""What conditions on TCP flags say of the packet that asks for a connection: SYN is set, and perhaps ECE and CWR."""

from __future__ import annotations

import re

from auditor.facts._firewall_packet import MAYBE, NO, YES, Holds

_LIST = r"[a-z]+(?:(?:,| ?\| ?)[a-z]+)*"
_FORMS = (
    re.compile(rf"tcp flags (?P<not>!= )?(?P<wanted>{_LIST}) / (?P<mask>{_LIST})(?= |$)"),
    re.compile(rf"tcp flags & \(?(?P<mask>{_LIST})\)? (?P<sign>==|!=) (?P<wanted>{_LIST}|0x0|0)(?= |$)"),
    re.compile(rf"tcp flags ! (?P<mask>{_LIST})(?P<wanted>)(?= |$)"),
)
_PERHAPS = frozenset({"ecn", "ece", "cwr"})


def compare(mask: frozenset[str], wanted: frozenset[str]) -> Holds:
    """Whether of the flags in the mask just the wanted ones are set."""
    told = {"syn"} & mask
    if wanted - _PERHAPS != told:
        return NO
    return MAYBE if mask & _PERHAPS else YES


def condition(text: str) -> tuple[Holds, int] | None:
    """What the condition on flags says that the text begins with, as nft prints it, and its length; None for another form."""
    for form in _FORMS:
        if found := form.match(text):
            parts = found.groupdict()
            holds = compare(_names(parts["mask"]), _names(parts["wanted"]))
            return holds.but_not(parts.get("not") or parts.get("sign") == "!="), found.end()
    return None


def _names(text: str) -> frozenset[str]:
    return frozenset(re.findall("[a-z]+", text.replace("0x0", "")))
