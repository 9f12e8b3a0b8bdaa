"""The assets, and the host keys that are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditor.collecting import HostKey, KeyState, fetch_host_keys, import_known_hosts, key_state, recorded_names, trust
from auditor.errors import UsageError
from auditor.loading.callers import open_as_caller
from auditor.model import Asset, AssetKind, Catalogue
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.inspection import asset_plan


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that a host shows, and what the record says of it."""

    key: HostKey
    state: KeyState


def list_assets(catalogue: Catalogue, departments: tuple[str, ...] = ()) -> tuple[Asset, ...]:
    """All assets, or those of some departments. Raises UsageError for a department that is not there."""
    known = {d.id for d in catalogue.inventory.departments}
    for name in departments:
        if name not in known:
            message = _("there is no department {name!r}; there are: {names}")
            raise UsageError(message.format(name=name, names=", ".join(sorted(known))))
    return tuple(a for d in catalogue.inventory.departments if not departments or d.id in departments for a in d.assets)


def host_keys(catalogue: Catalogue, host: str) -> tuple[ShownKey, ...]:
    """The keys that a host shows now; none of one that is visited without SSH, which needs none. Nothing is sent to it but the
    start of a key exchange; nothing is trusted yet."""
    asset = asset_plan(catalogue, host).asset
    if asset.kind is AssetKind.NETWORK:
        raise UsageError(_("{name} is a network, which cannot be logged in to; name a host").format(name=asset.uid))
    if asset.connection.method != "ssh":
        return ()
    keys = fetch_host_keys(asset, catalogue.settings)
    return tuple(ShownKey(key, key_state(catalogue.settings.known_hosts, key)) for key in keys)


def trust_keys(catalogue: Catalogue, keys: tuple[ShownKey, ...]) -> int:
    """Put keys on record; how many lines were written."""
    return trust(catalogue.settings.known_hosts, tuple(k.key for k in keys))


def trust_file(catalogue: Catalogue, source: Path) -> int:
    """Add a supplied known_hosts file in bulk; how many lines were added."""
    assets = (a for a in list_assets(catalogue) if a.kind is AssetKind.HOST and a.connection.method == "ssh")
    try:
        with open_as_caller(source) as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=source, reason=reason_of(error))) from error
    return import_known_hosts(catalogue.settings.known_hosts, source, recorded_names(assets, catalogue.settings), text)
