"""Numbers and dates never mislead, in either language."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.text import day, instant, number, percent, rounded, style, using
from auditor.text.bidi import visual


@pytest.fixture(autouse=True)
def _english():
    with using("en"):
        yield


def test_numbers():
    """Thousands are parted; decimals are as many as asked."""
    assert number(1234567) == "1,234,567"
    assert number(1234.56, 1) == "1,234.6"
    assert number(-5) == "-5"


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0.0%"), (1, "100.0%"), (0.85, "85.0%"), (0.99999, "99.9%"), (0.00001, "0.1%"), (0.8504, "85.0%")]
)
def test_only_all_is_a_hundred_and_only_none_is_nothing(share: float, shown: str):
    """999 of 1,000 hosts never read as all of them."""
    assert percent(share) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.5997, "59.9%"), (0.6, "60.0%"), (0.57, "57.0%"), (2 / 3, "66.7%")])
def test_a_share_below_a_floor_does_not_read_as_the_floor(share: float, shown: str):
    """Regression: a coverage of 59.97% was shown as 60.0%, beside the words that it is below the floor of 60%."""
    assert percent(share) == shown


@pytest.mark.parametrize(("index", "shown"), [(99.97, 99.9), (100.0, 100.0), (79.96, 79.9), (0.04, 0.1), (65.22, 65.2), (0, 0)])
def test_an_index_that_is_not_whole_does_not_read_as_whole(index: float, shown: float):
    """Regression: 99.97 of 100 points were shown as 100.0."""
    assert rounded(index) == shown


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_part_never_reads_as_all_or_nothing(share: float):
    """Rounding never tells a part as the whole."""
    assert percent(share) not in ("0.0%", "100.0%")


def test_instants_are_shown_in_the_department_zone():
    """The stored UTC instant is shown as its clocks showed it, with the offset."""
    moment = datetime(2026, 11, 22, 22, 5, tzinfo=UTC)
    assert instant(moment, "Asia/Riyadh") == "2026-11-23 01:05 UTC+03:00"
    assert instant(moment) == "2026-11-22 22:05 UTC"
    with pytest.raises(ValueError, match="no time zone"):
        instant(datetime(2026, 11, 22))


def test_dates_read_rightly_inside_arabic():
    """Without their marks the date would be seen with the day first."""
    with using("ar"):
        assert "2026-11-22" in visual(f"تاريخ {day(date(2026, 11, 22))} هنا")
        assert "85.0%" in visual(f"نسبة {percent(0.85)} فقط")
        assert "-5" in visual(f"العدد {number(-5)} هنا")


@pytest.fixture
def _arabic_style():
    style("arabic", "long")
    yield
    style()


@pytest.mark.usefixtures("_arabic_style")
def test_arabic_digits_and_long_dates_by_setting():
    """Arabic digits in Arabic alone, with its own separators; months by name in both; and no mark that would turn them round."""
    moment = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    with using("ar"):
        assert (number(1234.5, 1), percent(0.85), number(-5)) == ("١٬٢٣٤٫٥", "٨٥٫٠٪", "-٥")
        assert day(date(2026, 11, 22)) == "٢٢ نوفمبر ٢٠٢٦"
        assert instant(moment, "Asia/Riyadh") == "٢٢ نوفمبر ٢٠٢٦ ١٧:٠٥ \u200eUTC+03:00"
    assert (number(1234.5, 1), day(date(2026, 11, 22))) == ("1,234.5", "22 November 2026")
    assert instant(moment) == "22 November 2026 14:05 UTC"
