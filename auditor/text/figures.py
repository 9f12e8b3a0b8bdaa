"""Numbers and dates in both languages; in Arabic with the digits, and dates in the form, that the settings choose.

In Arabic each is set between left-to-right marks where its digits are Western, as the Unicode locale data does for percentages:
after an Arabic letter the bidirectional algorithm (UAX 9, rule W2) would otherwise show ``2026-11-22`` as ``22-11-2026`` and
``-5`` as ``5-``.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime
from zoneinfo import ZoneInfo

from auditor.text.catalogue import _, current

_LRM = "\u200e"
_NOISE = 1e-9  # 0.57 * 100 is less than 57
_ARABIC = str.maketrans("0123456789,.%", "٠١٢٣٤٥٦٧٨٩٬٫٪")

_style: ContextVar[tuple[str, str]] = ContextVar("style", default=("western", "iso"))


def style(numerals: str = "western", dates: str = "iso") -> None:
    """Write Arabic with western or arabic digits, and dates in both languages as ``iso`` or ``long``, from here on."""
    _style.set((numerals, dates))


def number(n: float, digits: int = 0) -> str:
    """``1,234`` or, with ``digits`` decimals, ``1,234.5``."""
    text = f"{n:,.{digits}f}"
    if _arabic():
        return text.translate(_ARABIC)
    return _marked(text) if text.startswith("-") else text


def rounded(value: float, digits: int = 1) -> float:
    """A figure of a hundred. Only all of it becomes 100 and only none of it 0; with decimals, nothing becomes a whole number that
    it does not reach: floors and grades are whole, and 59.97 is below 60."""
    step = 10.0**-digits
    near = round(value, digits)
    if digits and near == int(near) and near - value > _NOISE:
        near -= step
    return round(min(max(near, step), 100 - step) if 0 < value < 100 else near, digits)


def points(index: float) -> str:
    """An index from 0 to 100 as ``85.0``, never better than it is, see ``rounded``."""
    return number(rounded(index), 1)


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 as ``85.0%``, never better than it is, see ``rounded``."""
    return _marked(f"{rounded(share * 100, digits):.{digits}f}%")


def day(value: date) -> str:
    """``2026-11-22``, or ``22 November 2026`` where the settings say so."""
    if _style.get()[1] == "long":
        return _digits(f"{value.day} {_months()[value.month - 1]} {value.year}")
    return _marked(f"{value:%Y-%m-%d}")


def instant(moment: datetime, timezone: str = "UTC") -> str:
    """``2026-11-22 17:05 UTC+03:00``: an aware instant as clocks in ``timezone`` showed it."""
    if moment.tzinfo is None:
        raise ValueError("the instant has no time zone")
    local = moment.astimezone(ZoneInfo(timezone))
    offset = local.strftime("%z")
    zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    if _style.get()[1] == "long":
        return f"{day(local.date())} {_marked(f'{local:%H:%M}')} {_LRM if current() == 'ar' else ''}{zone}"
    return _marked(f"{local:%Y-%m-%d %H:%M} {zone}")


def _months() -> tuple[str, ...]:
    return (
        *(_("January"), _("February"), _("March"), _("April"), _("May"), _("June")),
        *(_("July"), _("August"), _("September"), _("October"), _("November"), _("December")),
    )


def _arabic() -> bool:
    return current() == "ar" and _style.get()[0] == "arabic"


def _digits(text: str) -> str:
    return text.translate(_ARABIC) if _arabic() else text


def _marked(text: str) -> str:
    """Arabic digits need no marks: a date of theirs reads from the right, year first, as it is written."""
    if _arabic():
        return text.translate(str.maketrans("0123456789%.", "٠١٢٣٤٥٦٧٨٩٪٫"))
    return f"{_LRM}{text}{_LRM}" if current() == "ar" else text
