"""What a verdict rests on beside outputs: where it and they are the same, the verdict can only be the same."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from pathlib import Path

from auditor.expressions import bind_asset
from auditor.model import AssetPlan, CheckTask

_PACKAGE = Path(__file__).parents[1]


class Bases:
    """Digests of everything that decides beside outputs; hosts mostly share their tasks, which are digested once."""

    def __init__(self) -> None:
        self._engine = engine()  # now: files that are replaced while a run lasts are not the program that runs
        self._known: dict[int, tuple[tuple[CheckTask, ...], bytes]] = {}  # by id, which lasts as long as the tasks are held here

    def __call__(self, plan: AssetPlan) -> bytes:
        """The digest of this program, of the asset as expressions see it, and of its tasks: 32 bytes."""
        _tasks, digest = self._known.get(id(plan.checks), ((), b""))
        if not digest:
            told = [(task.check, task.definition, [(name, call.key) for name, call in task.facts]) for task in plan.checks]
            digest = hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).digest()
            self._known[id(plan.checks)] = (plan.checks, digest)
        asset = json.dumps(bind_asset(plan.asset), sort_keys=True).encode("utf-8", "surrogatepass")
        return hashlib.sha256(self._engine + digest + asset).digest()


@functools.cache
def engine() -> bytes:
    """The digest of this program: every file of the package, the Python that runs it, and what is installed beside it.

    A version number would not do: who mends a parser on the spot must not get yesterday's verdicts.
    """
    total = hashlib.sha256(sys.version.encode())
    for path in sorted(p for p in _PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        total.update(f"\0{path.relative_to(_PACKAGE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    installed = {entry.name for folder in sys.path for entry in Path(folder or ".").glob("*-info")}
    total.update("\0".join(sorted(installed)).encode())
    return total.digest()
