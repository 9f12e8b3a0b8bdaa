"""Until when the makers of languages and databases publish security updates, and which branches a distribution repairs itself.

Sources: php.net/supported-versions, github.com/nodejs/release, postgresql.org/support/versioning, MariaDB's maintenance policy,
MySQL's lifetime support policy, devguide.python.org/versions, adoptium.net/support, mongodb.com/legal/support-policy,
ruby-lang.org/en/downloads/branches; packages.debian.org, packages.ubuntu.com. Of a month without a day the first is taken.
"""

from __future__ import annotations


def _days(text: str) -> dict[str, str]:
    """``branch=day`` words as a table."""
    return dict(word.split("=") for word in text.split())


ENDS: dict[str, dict[str, str]] = {
    "php": _days(
        "5.6=2018-12-31 7.0=2019-01-10 7.1=2019-12-01 7.2=2020-11-30 7.3=2021-12-06 7.4=2022-11-28 8.0=2023-11-26 "
        "8.1=2025-12-31 8.2=2026-12-31 8.3=2027-12-31 8.4=2028-12-31 8.5=2029-12-31"
    ),
    "nodejs": _days(
        "10=2021-04-30 12=2022-04-30 14=2023-04-30 16=2023-09-11 17=2022-06-01 18=2025-04-30 19=2023-06-01 "
        "20=2026-04-30 21=2024-06-01 22=2027-04-30 23=2025-06-01 24=2028-04-30"
    ),
    "postgresql": _days(
        "9.6=2021-11-11 10=2022-11-10 11=2023-11-09 12=2024-11-21 13=2025-11-13 14=2026-11-12 15=2027-11-11 "
        "16=2028-11-09 17=2029-11-08 18=2030-11-14"
    ),
    "mariadb": _days(
        "10.1=2020-10-17 10.2=2022-05-23 10.3=2023-05-25 10.4=2024-06-18 10.5=2025-06-24 10.6=2026-07-06 "
        "10.7=2023-02-09 10.8=2023-05-20 10.9=2023-08-22 10.10=2023-11-17 10.11=2028-02-16 11.0=2024-06-06 "
        "11.1=2024-08-21 11.2=2024-11-21 11.3=2024-05-29 11.4=2029-05-29 11.8=2028-06-04"
    ),
    "mysql": _days("5.6=2021-02-01 5.7=2023-10-01 8.0=2026-04-01 8.4=2032-04-01"),
    "python": _days(
        "2.7=2020-01-01 3.4=2019-03-18 3.5=2020-09-30 3.6=2021-12-23 3.7=2023-06-27 3.8=2024-10-07 3.9=2025-10-31 "
        "3.10=2026-10-01 3.11=2027-10-01 3.12=2028-10-01 3.13=2029-10-01 3.14=2030-10-01"
    ),
    "java": _days(
        "7=2022-07-01 8=2030-12-01 9=2018-03-20 10=2018-09-25 11=2027-10-01 12=2019-09-17 13=2020-03-17 14=2020-09-15 "
        "15=2021-03-16 16=2021-09-14 17=2027-10-01 18=2022-09-20 19=2023-03-21 20=2023-09-19 21=2029-12-01 "
        "22=2024-09-17 23=2025-03-18 24=2025-09-16 25=2031-09-01"
    ),
    "mongodb": _days(
        "3.6=2021-04-30 4.0=2022-04-30 4.2=2023-04-30 4.4=2024-02-29 5.0=2024-10-31 6.0=2025-07-31 7.0=2027-08-31 8.0=2029-10-31"
    ),
    "ruby": _days(
        "2.5=2021-04-05 2.6=2022-04-12 2.7=2023-03-31 3.0=2024-04-23 3.1=2025-03-26 3.2=2026-03-31 3.3=2027-03-31 3.4=2028-03-31"
    ),
}
"""The last day of the maker's security updates, by product and branch."""

OWN: dict[tuple[str, str], frozenset[str]] = {
    ("debian", "11"): frozenset(
        {"php 7.4", "nodejs 12", "postgresql 13", "mariadb 10.5", "python 3.9", "java 11", "java 17", "ruby 2.7"}
    ),
    ("debian", "12"): frozenset({"php 8.2", "nodejs 18", "postgresql 15", "mariadb 10.11", "python 3.11", "java 17", "ruby 3.1"}),
    ("debian", "13"): frozenset({"php 8.4", "nodejs 20", "postgresql 17", "mariadb 11.8", "python 3.13", "java 21", "ruby 3.3"}),
    ("ubuntu", "22.04"): frozenset(
        {
            "php 8.1",
            "nodejs 12",
            "postgresql 14",
            "mariadb 10.6",
            "mysql 8.0",
            "python 3.10",
            "java 8",
            "java 11",
            "java 17",
            "java 21",
        }
        | {"ruby 3.0"}
    ),
    ("ubuntu", "24.04"): frozenset(
        {
            "php 8.3",
            "nodejs 18",
            "postgresql 16",
            "mariadb 10.11",
            "mysql 8.0",
            "python 3.12",
            "java 8",
            "java 11",
            "java 17",
            "java 21",
        }
        | {"ruby 3.2"}
    ),
}
"""What each release carries, and repairs for as long as the release itself is supported."""
