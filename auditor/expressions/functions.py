"""What expressions may call beside the standard's own functions: ours, on lists, records, texts and addresses."""

from __future__ import annotations

import ipaddress
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from cel_expr_python import cel

_TEXTS = 5000


class _Kept(threading.local):
    """Lists that came out of our functions in one evaluation.

    The library never lets go of what goes in or comes out (0.1.3): over a fleet it would fill the memory. What goes in is a copy,
    made for the call, and is emptied after it; what comes out, when the evaluation has its value. A text that came out stays;
    equal ones are therefore one.
    """

    def __init__(self) -> None:
        self.lists: list[list[Any]] = []
        self.texts: dict[str, str] = {}

    def empty(self) -> None:
        """Empty them."""
        for held in self.lists:
            held.clear()
        self.lists.clear()

    def noting(self, implementation: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with what goes into it emptied and what comes out noted."""

        def called(*arguments: Any) -> Any:
            answer = implementation(*arguments)
            for given in arguments:
                if isinstance(given, list):
                    given.clear()
            if isinstance(answer, list):
                self.lists.append(answer)
            if not isinstance(answer, str):
                return answer
            if len(self.texts) >= _TEXTS:
                self.texts.clear()
            return self.texts.setdefault(answer, answer)

        return called


KEPT = _Kept()

_T = cel.Type.DYN


def _join(texts: list[str], separator: str) -> str:
    return separator.join(texts)


def _flatten(lists: list[list[Any]]) -> list[Any]:
    return [item for inner in lists for item in inner]


def _sort(texts: list[str]) -> list[str]:
    return sorted(texts)


def _distinct(items: list[Any]) -> list[Any]:
    return list({repr(item): item for item in items}.values())


def _minus(items: list[Any], others: list[Any]) -> list[Any]:
    taken = {repr(other) for other in others}
    return [item for item in items if repr(item) not in taken]


def _having(records: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [record for record in records if record.get(name) is True]


def _pairs(records: list[dict[str, Any]], key: str, value: str) -> list[list[str]]:
    return [[_text(record[key]), _text(record[value])] for record in records]


def _text(value: Any) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, list) else str(value)


def _within(address: str, network: str) -> bool:
    """Whether an IP address lies in a network; a name lies in none."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _cover(names: list[str], host: str) -> bool:
    """Whether one of a certificate's names is the host's (RFC 6125): names in any case, addresses however they are written; a
    wildcard stands for one whole label, and for none of a host that is named by a single one or is an address.
    """
    wanted = _plain(host)
    _, dot, domain = wanted.partition(".")
    wild = f"*.{domain}" if dot and not _is_address(wanted) else ""
    return any(name in (wanted, wild) for name in map(_plain, names) if name)


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def group(pairs: list[Any]) -> list[dict[str, Any]]:
    """``[key, value]`` pairs by key, in the order in which keys first come."""
    groups: dict[str, dict[str, None]] = {}
    for key, value in pairs:
        groups.setdefault(key, {})[value] = None
    return [{"key": key, "values": list(values)} for key, values in groups.items()]


def _near(pairs: list[Any], distance: int) -> list[dict[str, Any]]:
    values = sorted(value for _key, value in pairs)
    return [
        {
            "key": key,
            "value": value,
            "near": bisect_right(values, value + distance) - bisect_left(values, value - distance),
            "of": len(values),
        }
        for key, value in pairs
    ]


def _listed(hosts: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    known = {*names}
    return [{**host, "listed": not known.isdisjoint((host["address"], *host["names"]))} for host in hosts]


def _sought(hosts: list[dict[str, Any]], networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answering = {name for network in networks for found in network["value"] for name in (found["address"], *found["names"])}
    places = [network["asset"]["address"] for network in networks]
    return [
        {
            "uid": host["uid"],
            "address": host["address"],
            "scanned": any(_within(host["address"], place) for place in places),
            "answers": host["address"] in answering,
        }
        for host in hosts
    ]


WRITTEN: dict[str, tuple[str, str]] = {
    "join": ("texts.join(separator)", "One text."),
    "sort": ("texts.sort()", "In alphabetical order."),
    "flatten": ("lists.flatten()", "What is in the lists, as one list."),
    "distinct": ("list.distinct()", "Each value once."),
    "minus": ("list.minus(other)", "What is not in the other list."),
    "having": ("records.having(field)", "Those in which the field is true."),
    "pairs": ("records.pairs(field, field)", "Two fields of each as texts, a list joined by commas in alphabetical order."),
    "within": ("address.within(network)", "Whether an IP address lies in a network in CIDR notation; a name lies in none."),
    "cover": (
        "names.cover(host)",
        "Whether one of a certificate's names is that of a host, or a wildcard that stands for its first label.",
    ),
    "group": ("pairs.group()", "`key` and `values` for each key of `[key, value]` pairs."),
    "near": (
        "pairs.near(distance)",
        "For each of `[key, number]` pairs its `key`, its `value`, `near`: how many of all the numbers are no farther from its "
        "own than that, itself included, and `of`: how many there are.",
    ),
    "listed": (
        "live.listed(addresses)",
        "Hosts that answered, each with its `address` and `names`, and `listed`: whether one of them is among the addresses.",
    ),
    "sought": (
        "hosts.sought(live_hosts)",
        "The inventory's hosts, each with its `uid` and `address`, `scanned`: whether a network that was looked through holds "
        "it, and `answers`: whether it answered in one.",
    ),
}
"""Our own functions by name: how each is called, and what it gives."""


def functions(grouped: Any, counted: Any, known: Any, sought: Any) -> list[Any]:
    """Our own functions (``WRITTEN``). None of them counts towards the 10,000 iterations of one evaluation.

    Most are on lists, where the standard's ``filter`` and ``map`` cost the square of their result. What is asked of a nation's
    addresses is asked of all at once: thousands of them would be copied for each item.
    """
    texts, same, of_lists = cel.Type.List(cel.Type.STRING), cel.Type.List(_T), cel.Type.List(cel.Type.List(_T))

    def member(name: str, parameters: list[Any], returns: Any, implementation: Any) -> Any:
        assert name in WRITTEN
        overload = cel.Overload(f"auditor_{name}", returns, parameters, is_member=True, impl=KEPT.noting(implementation))
        return cel.FunctionDecl(name, [overload])

    return [
        member("join", [texts, cel.Type.STRING], cel.Type.STRING, _join),
        member("sort", [texts], texts, _sort),
        member("flatten", [of_lists], same, _flatten),
        member("distinct", [same], same, _distinct),
        member("minus", [same, same], same, _minus),
        member("having", [same, cel.Type.STRING], same, _having),
        member("pairs", [same, cel.Type.STRING, cel.Type.STRING], cel.Type.List(texts), _pairs),
        member("within", [cel.Type.STRING, cel.Type.STRING], cel.Type.BOOL, _within),
        member("cover", [texts, cel.Type.STRING], cel.Type.BOOL, _cover),
        member("group", [cel.Type.List(texts)], cel.Type.List(grouped), group),
        member("listed", [same, texts], cel.Type.List(known), _listed),
        member("sought", [same, same], cel.Type.List(sought), _sought),
        member("near", [of_lists, cel.Type.INT], cel.Type.List(counted), _near),
    ]
