"""Opening a workspace: everything its files say, or every mistake in them."""

from __future__ import annotations

from pathlib import Path

from auditor import __version__
from auditor.errors import ConfigurationError, UsageError
from auditor.facts import FACTS, Fact
from auditor.loading import find_root, load_workspace
from auditor.model import Catalogue
from auditor.model.codec import canonical
from auditor.text import _, style
from auditor.workflow.belonging import refuse_foreign_folders, refuse_foreign_root


def open_workspace(root: Path | None = None) -> Catalogue:
    """Load the workspace at ``root``, or the one that the current folder is in.

    Mistakes in shared files raise ConfigurationError with all of them; a department whose own files are wrong is in
    ``inventory.set_aside``. Through sudo, UsageError for a workspace that others can change.
    """
    loaded = load_workspace(workspace_root(root))
    if loaded.catalogue is None:
        mistakes = tuple(str(m) for m in loaded.mistakes)
        raise ConfigurationError(_("the workspace cannot be used: its files have mistakes"), mistakes)
    refuse_foreign_folders(loaded.catalogue.settings)
    style(loaded.catalogue.settings.numerals, loaded.catalogue.settings.dates)
    return loaded.catalogue


def workspace_root(root: Path | None = None) -> Path:
    """The workspace's folder: the one named, or the one that the current folder is in.

    Through sudo, raises UsageError for one that others can change, before a word of it is read.
    """
    if root is not None and not root.is_dir():
        raise UsageError(_("there is no folder {path}: -C names the folder that holds auditor.toml").format(path=root))
    found = root or find_root(Path.cwd())
    refuse_foreign_root(found)
    return found


def run_inputs(catalogue: Catalogue) -> tuple[tuple[str, str, str], ...]:
    """What a run is kept with, so that its verdicts can be given again years later: (kind, name, content)
    of files, probes and our own version."""
    files = tuple(("file", name, content) for name, content in catalogue.sources)
    probes = tuple(("fact", fact.name, canonical(_described(fact)).decode()) for fact in FACTS)
    return (*files, *probes, ("program", "auditor", __version__))


def _described(fact: Fact) -> dict[str, object]:
    return {"version": fact.version, "probes": dict(fact.probes), "network": fact.network and fact.network.described()}
