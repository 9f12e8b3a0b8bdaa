"""The Arabic catalogue is whole, true to the code, and spoken where it was asked for."""

import contextvars
import gettext
import re
import string
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo

from auditor.text import N_, _, current, ngettext, pgettext, use, using
from tests.scripts import load

ROOT = Path(__file__).parents[2]
ARABIC = re.compile("[\u0621-\u064a]")


@cache
def translate() -> ModuleType:
    return load("translate")


@cache
def kept() -> Catalog:
    return translate().kept()


def messages() -> list[Message]:
    return [message for message in kept() if message.id]


def keys(catalog: Catalog) -> set[tuple[str | None, object]]:
    return {(message.context, message.id) for message in catalog if message.id}


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def fields(text: str) -> set[str]:
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_catalogue_lacks_no_message_of_the_code_and_keeps_none_that_is_gone():
    """auditor.po holds exactly the messages that the code marks; otherwise run scripts/translate."""
    assert keys(translate().extracted()) == keys(kept())


def test_every_message_is_translated_and_none_is_a_guess():
    """No message is without Arabic, fuzzy or obsolete."""
    assert translate().missing(kept()) == []
    assert [message.id for message in kept() if message.fuzzy] == []
    assert not kept().obsolete


def test_every_arabic_text_is_in_arabic_letters():
    """Nothing was left in English by oversight. What only joins names has no letters in either language."""
    joining = {m.id for m in messages() if isinstance(m.id, str) and not re.search(r"[A-Za-z]", re.sub(r"\{\w+\}", "", m.id))}
    assert [m.id for m in messages() if m.id not in joining and not all(ARABIC.search(text) for text in strings(m))] == []


def test_placeholders_are_the_same_in_both_languages():
    """Every ``{name}`` survives translation; only the count may be said in words (one, two), as Arabic does."""
    wrong = []
    for message in messages():
        singular, *plural = [message.id] if isinstance(message.id, str) else message.id
        wanted = fields(plural[0] if plural else singular)
        for index, text in enumerate(strings(message)):
            spared = {"n"} if plural and index < 3 else set()
            if not wanted - spared <= fields(text) <= wanted:
                wrong.append((message.id, text))
    assert wrong == []


def test_the_compiled_catalogue_is_not_stale():
    """auditor.mo says what auditor.po says, and no more; otherwise run scripts/translate."""
    with (translate().FOLDER / "auditor.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
        file.seek(0)
        assert len(read_mo(file)) == len(messages())
    for message in messages():
        if not isinstance(message.id, str):
            assert tuple(compiled.ngettext(*message.id, n) for n in (0, 1, 2, 3, 11, 100)) == message.string
        elif message.context:
            assert compiled.pgettext(message.context, message.id) == message.string
        else:
            assert compiled.gettext(message.id) == message.string


def test_the_header_has_the_six_plural_forms_of_arabic():
    """None, one, two, few, many and other are told apart as Arabic grammar does."""
    assert kept().num_plurals == 6
    expression = kept().plural_expr.replace("&&", " and ")
    for n, form in {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 102: 5, 103: 3, 111: 4}.items():
        assert form == eval(_python(expression), {"n": n})


def _python(expression: str) -> str:
    """The C conditional ``a ? b : c`` as Python's."""
    condition, found, rest = expression.strip("() ").partition("?")
    if not found:
        return condition
    value, _colon, other = rest.partition(":")
    return f"({value} if ({condition}) else {_python(other)})"


def test_language_is_of_the_context():
    """One context speaking Arabic leaves another's English alone, and ``using`` gives back what was spoken before."""
    message = ("verdict", "fail")

    def arabic() -> str:
        use("ar")
        return pgettext(*message)

    with using("en"):
        assert contextvars.copy_context().run(arabic) == "غير مطابق"
        assert pgettext(*message) == "fail"
        with using("ar"):
            assert current() == "ar"
        assert current() == "en"


def test_using_ends_with_an_exception_too():
    """A report that fails does not leave its language behind."""
    before = current()
    with pytest.raises(KeyError), using("ar"):
        raise KeyError
    assert current() == before


def test_what_is_not_in_the_catalogue_is_said_in_english():
    """A message that was not translated is still a message."""
    with using("ar"):
        assert _("no such message") == "no such message"
        assert ngettext("one {n}", "many {n}", 5) == "many {n}"
        assert _("") == ""  # which gettext keeps for the catalogue's header
    assert N_("marked only") == "marked only"
