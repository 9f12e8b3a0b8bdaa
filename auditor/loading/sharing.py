"""What two entries of the inventories may not share, or share for a reason only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from auditor.loading.document import Document, Keys, Report
from auditor.text import _


def check_shared_uids(report: Report, documents: Iterable[Document]) -> None:
    """An asset's uid is its identity for years: two departments that claim the same are both asked to look."""
    owners: dict[str, list[tuple[Document, str, int]]] = defaultdict(list)
    for document in documents:
        data: Any = document.value if isinstance(document.value, dict) else {}
        for key in ("hosts", "networks"):
            entries = data.get(key)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                uid = entry.get("uid") if isinstance(entry, dict) else None
                if isinstance(uid, str):
                    owners[uid].append((document, key, index))
    for uid, uses in owners.items():
        for document, key, index in uses:
            others = sorted({other.file for other, _, _ in uses if other is not document})
            if others:
                message = _("the uid {uid} is also in {files}; every asset has a uid of its own")
                report.add(document, (key, index, "uid"), message.format(uid=uid, files=", ".join(others)))


def note_shared_addresses(report: Report, documents: Iterable[Document]) -> None:
    """Note hosts that are reached by one address, port and way: most likely one machine, whose findings would count twice.

    It is a note and no mistake: another department may hold the same machine, and behind a NAT or jump hosts of their own two
    networks may use the same addresses; what the inventory itself tells apart, by port or by jump hosts, is not noted.
    """
    first: dict[tuple[str, str, str], tuple[Document, Keys]] = {}
    for document in documents:
        data: Any = document.value if isinstance(document.value, dict) else {}
        defaults, hosts = (data.get(key) for key in ("defaults", "hosts"))
        for index, entry in enumerate(hosts if isinstance(hosts, list) else ()):
            if not isinstance(entry, dict) or not isinstance(entry.get("address"), str):
                continue
            whole = {**(defaults if isinstance(defaults, dict) else {}), **entry}
            keys: Keys = ("hosts", index, "address")
            way = (entry["address"].casefold(), str(whole.get("port", 22)), str(whole.get("jump") or []))
            if way not in first:
                first[way] = (document, keys)
                continue
            other, place = first[way]
            message = _(
                "{file}, line {line}, lists a host at the address {address} too: if both are one machine, list it once; two "
                "machines behind the same address differ by port or jump hosts"
            )
            told = message.format(file=other.file, line=other.place_of(place).line, address=entry["address"])
            report.note(document, keys, told)
