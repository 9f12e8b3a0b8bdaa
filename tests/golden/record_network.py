"""Records goldens of the network's facts: looks at a real host as an audit does and stores each fact's slice and value.

Usage: ``python -m tests.golden.record_network ADDRESS CASE --source TEXT FACT…``

The host is asked on its private address alone; the values are printed, to be read by a person before they are committed.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from auditor.collecting.network import scan
from auditor.facts import by_name
from auditor.model import Asset, AssetKind, AssetPlan, DepartmentPlan, Observation, ObservationStatus, ProbeCall, Settings

FOLDER = Path(__file__).parent / "facts"


def main(argv: list[str]) -> int:
    """Record the goldens; 1 when a fact was not observed or its parser refuses."""
    parser = argparse.ArgumentParser(description="Record what the network shows of a host, and the value it parses to.")
    parser.add_argument("address")
    parser.add_argument("case")
    parser.add_argument("--source", required=True, help="what was looked at, after 'real: nmap … against '")
    parser.add_argument("--dry", action="store_true", help="print only")
    parser.add_argument("facts", nargs="+")
    given = parser.parse_args(argv)
    second = given.address if ":" in given.address else ""
    asset = Asset("h", AssetKind.HOST, "health", "h", given.address, ipv6=second)
    whole = Asset("health", AssetKind.DEPARTMENT, "health", "health", "")
    calls = tuple(ProbeCall(name) for name in given.facts)
    seen: list[Observation] = []
    scan(
        DepartmentPlan("health", whole, (AssetPlan(asset, calls, (), ""),)),
        Settings(Path("/")),
        on_result=seen.append,
        cancelled=lambda: False,
        clock=lambda: datetime.now(UTC),
    )
    return max([_store(observation, given.case, given.source, given.dry) for observation in seen])


def _store(observation: Observation, case: str, source: str, dry: bool) -> int:
    fact = by_name(observation.probe.fact)
    if fact is None or observation.status is not ObservationStatus.OK:
        sys.stderr.write(f"{observation.probe.fact}: {observation.stderr}\n")
        return 1
    if dry:
        sys.stdout.write(f"{observation.stdout}{observation.seconds} s\n")
    value = fact.value(observation.stdout, {})
    told = json.dumps({"source": f"real: {source}", "args": {}, "value": value}, ensure_ascii=False, indent=2)
    sys.stdout.write(f"{told}\n")
    if not dry:
        place = FOLDER / fact.name
        place.mkdir(exist_ok=True)
        (place / f"{case}.txt").write_text(observation.stdout, encoding="utf-8")
        (place / f"{case}.json").write_text(f"{told}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
