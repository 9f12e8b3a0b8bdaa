"""What holds for one server of nginx, once its directives and those of http around it are known.

Of headers only those are told that come with every page: a place that sets one of its own drops all that are set around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from auditor.errors import ParseError
from auditor.facts._blocks import Directive
from auditor.facts._budget import Budget
from auditor.model import Json

_DEFAULTS = {
    "server_tokens": "on",
    "autoindex": "off",
    "access_log": "on",
    "ssl_ciphers": "HIGH:!aNULL:!MD5",
    "ssl": "off",
}
_NAMES = {name.lower(): name for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}
# Conditions that hold for whatever came in the clear.
_CLEAR = {"($scheme=http)", "($scheme!=https)", "($https=)", "($https!=on)"}
_EVERY_PATH = re.compile(r"(?=.)\^?/?((\.\*|\(\.\*\))\$?)?")  # every path begins with a slash
_LOCAL = re.compile(r"unix:|127\.|localhost(:|\Z)|\[::1\]", re.IGNORECASE)
_WHOLE = (("/",), ("^~", "/"))


class Level:
    """The directives of one block by their names."""

    def __init__(self, block: Iterable[Directive]) -> None:
        self._words: dict[str, list[tuple[str, ...]]] = {}
        self._joined: dict[str, list[str]] = {}
        for directive in block:
            self._words.setdefault("".join(directive.words[:1]), []).append(directive.words[1:])

    def words(self, name: str) -> list[tuple[str, ...]]:
        """The words behind that name, of each of its directives in order."""
        return self._words.get(name, [])

    def values(self, name: str) -> list[str]:
        """The same as texts."""
        if name not in self._joined:
            self._joined[name] = [" ".join(words) for words in self.words(name)]
        return self._joined[name]


def ciphered_addresses(servers: Iterable[Iterable[Directive]]) -> frozenset[str]:
    """The addresses that speak TLS: where one server says so of an address, it holds for all servers there.

    What a server includes is looked at for that server alone.
    """
    listens = (d.words[1:] for own in servers for d in own if d.words[:1] == ("listen",))
    return frozenset(_address(words[0]) for words in listens if words and ("ssl" in words or "quic" in words))


def _address(told: str) -> str:
    if told.isdecimal():
        return f"*:{told}"
    return told.lower().replace("0.0.0.0:", "*:")


def server(
    directives: list[Directive], http: Level, protocols: str, secured: frozenset[str], source: str, budget: Budget
) -> Json:
    """The server as the fact tells it. ``protocols`` is what is spoken where no file names any."""
    defaults = {**_DEFAULTS, "ssl_protocols": protocols}
    own = Level(directives)

    def values(name: str) -> list[str]:
        found = own.values(name) or http.values(name) or [defaults[name]]
        budget.line(*found)  # what holds for all servers is told of each
        return found

    def value(name: str) -> str:
        return values(name)[-1]

    listens = own.words("listen") or [("80",)]
    names = [word for words in own.words("server_name") for word in words]
    # before nginx 1.25.1 `ssl on` made every address of the server one of TLS
    everywhere = value("ssl").lower() == "on"
    ciphered = secured | ciphered_addresses((directives,))
    clear = [] if everywhere else [words[0] for words in listens if _address(words[0]) not in ciphered]
    tls = len(clear) < len(listens)
    # lines of one level add up, and case does not count
    protocols_told = [_NAMES.get(word.lower(), word) for line in values("ssl_protocols") for word in line.split()]
    if tls and not protocols_told:
        raise ParseError(f"nginx: {source}: no file names the protocols of TLS, and nginx does not tell its version")
    listened: list[Json] = [" ".join(words) for words in listens]
    told: list[Json] = [*_headers(directives, own.words("add_header") or http.words("add_header"))]
    budget.line(*map(str, told))
    inside = (" ".join(d.words[1:]).lower() for d in _deep(directives) if _is(d, "server_tokens"))
    tokens = [value("server_tokens").lower(), *inside]
    return {
        "name": names[0] if names and names[0] != "_" else str(listened[0]),
        "source": source,
        "listens": listened,
        "tls": tls,
        # what does not leave the host needs no TLS
        "plain": any(not _LOCAL.match(address) for address in clear),
        "redirects": _redirects(directives),
        "server_tokens": next((told for told in tokens if told != "off"), "off"),
        "autoindex": value("autoindex").lower() == "on" or _indexed(directives),
        "access_log": _logged(values("access_log"))
        and all(_logged(_set(d.inner or (), "access_log")) for d in _wholes(directives)),
        "protocols": [*dict.fromkeys(protocols_told)],
        "ciphers": value("ssl_ciphers"),
        "headers": told,
    }


def _is(directive: Directive, name: str) -> bool:
    return directive.words[:1] == (name,)


def _set(level: Iterable[Directive], name: str) -> list[str]:
    return [" ".join(d.words[1:]) for d in level if _is(d, name)]


def _deep(block: Iterable[Directive]) -> Iterator[Directive]:
    for directive in block:
        yield directive
        yield from _deep(directive.inner or ())


def _wholes(own: Iterable[Directive]) -> list[Directive]:
    """The places that answer for every path of a server."""
    return [d for d in own if _is(d, "location") and d.words[1:] in _WHOLE]


def _logged(told: list[str]) -> bool:
    """Whether lines of one level leave a log; `off` undoes the others, and no line is what is set around it."""
    targets = [line.split()[0] for line in told if line]
    return "off" not in targets and (not targets or any(target != "/dev/null" for target in targets))


def _headers(own: list[Directive], set_around: list[tuple[str, ...]]) -> list[str]:
    """The headers that come with each page, as the first place that makes pages sets them; one without a value is not sent.

    Pages come from ``location /``, or else from the server itself, and from programs. A place that only hands out files, as
    those of style, may do without.
    """
    around = [words[:2] for words in set_around if words]
    answers = [*([] if _wholes(own) else [around]), *_answers(own, around)]
    different = {id(answer): answer for answer in answers}.values()
    everywhere = set.intersection(
        *({words[0].lower() for words in answer if words[1:] not in ((), ("",))} for answer in different)
    )
    return [" ".join(words) for words in answers[0] if words[0].lower() in everywhere]


def _sent(level: Iterable[Directive]) -> list[tuple[str, ...]]:
    return [d.words[1:3] for d in level if _is(d, "add_header") and d.words[1:]]


def _answers(block: Iterable[Directive], around: list[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    """The headers of each place in a block that makes pages."""
    for directive in block:
        inner = directive.inner or ()
        if not _is(directive, "location"):
            continue
        own = _sent(inner) or around
        if directive.words[1:] in _WHOLE or any(d.words and d.words[0].endswith("_pass") for d in inner):
            yield own
        yield from _answers(inner, own)


def _indexed(block: Iterable[Directive]) -> bool:
    """Whether a place in the block, at any depth, lists its folders; nginx does not mind the case of `on`."""
    return any(" ".join(d.words).lower() == "autoindex on" for d in _deep(block))


def _redirects(own: Iterable[Directive]) -> bool:
    """Whether nothing but a way on to https, or a refusal, answers what comes to a server in the clear.

    The server itself sends on or refuses; or it does so for some names and refuses all else, as certbot writes it; or its
    ``location /`` does, and so does each other location but those under /.well-known/, where a certification authority looks
    for its proof.
    """
    own = tuple(own)
    if _sends_on(own) or _turns_away(own):
        return True
    locations = [d for d in own if _is(d, "location")]
    answering = [d for d in locations if not d.words[-1].lstrip("^").replace("\\", "").startswith("/.well-known/")]
    return any(d.words[1:] in _WHOLE for d in answering) and all(
        _sends_on(d.inner or ()) or any(_refuses(i.words) for i in d.inner or ()) for d in answering
    )


def _turns_away(own: tuple[Directive, ...]) -> bool:
    """Whether the server refuses whatever it does not send on; what ends its rules before that may let something through."""
    for directive in own:
        if _refuses(directive.words):
            return True
        if directive.words[:1] in (("return",), ("rewrite",), ("break",)):
            return False
        if _is(directive, "if") and not (_sends_on(directive.inner or ()) or _turns_away((*(directive.inner or ()), _END))):
            return False
    return False


_END = Directive(("return", "403"))


def _sends_on(block: Iterable[Directive]) -> bool:
    for directive in block:
        if _is(directive, "return") and _is_way_on(directive.words[1:]):
            return True
        if _is(directive, "rewrite") and _EVERY_PATH.fullmatch(directive.words[1]) and _is_way_on(directive.words[2:3]):
            return True
        if _is(directive, "if") and "".join(directive.words[1:]) in _CLEAR and _sends_on(directive.inner or ()):
            return True
    return False


def _is_way_on(words: tuple[str, ...]) -> bool:
    # a code that is no redirection makes the address a text that is shown
    return words[-1:] != () and words[-1].startswith("https://") and (len(words) == 1 or words[0].startswith("30"))


def _refuses(words: tuple[str, ...]) -> bool:
    return words[:1] == ("return",) and words[1:2] != () and words[1].startswith("4")
