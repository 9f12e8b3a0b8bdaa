"""Numbers and dates in both languages, with Western digits.

In Arabic each is set between left-to-right marks, as the Unicode locale data does for percentages: after an Arabic letter the
bidirectional algorithm (UAX 9, rule W2) would otherwise show ``2026-11-22`` as ``22-11-2026`` and ``-5`` as ``5-``.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from auditor.text.catalogue import current

_LRM = "\u200e"


def number(n: float, digits: int = 0) -> str:
    """``1,234`` or, with ``digits`` decimals, ``1,234.5``."""
    text = f"{n:,.{digits}f}"
    return _marked(text) if text.startswith("-") else text


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 as ``85.0%``. Only all of it reads as 100 and only none of it as 0, whatever rounding would say."""
    step = 10.0**-digits
    value = round(share * 100, digits)
    if 0 < share < 1:
        value = min(max(value, step), 100 - step)
    return _marked(f"{value:.{digits}f}%")


def day(value: date) -> str:
    """``2026-11-22``."""
    return _marked(f"{value:%Y-%m-%d}")


def instant(moment: datetime, timezone: str = "UTC") -> str:
    """``2026-11-22 17:05 UTC+03:00``: an aware instant as clocks in ``timezone`` showed it."""
    if moment.tzinfo is None:
        raise ValueError("the instant has no time zone")
    local = moment.astimezone(ZoneInfo(timezone))
    offset = local.strftime("%z")
    zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    return _marked(f"{local:%Y-%m-%d %H:%M} {zone}")


def _marked(text: str) -> str:
    return f"{_LRM}{text}{_LRM}" if current() == "ar" else text
