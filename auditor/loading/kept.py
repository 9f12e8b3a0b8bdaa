"""The policy out of the files that a run keeps: what it was scored by, whatever the workspace says by now.

The files were approved when the run began, perhaps by an older auditor: they are taken as they are, not held against today's
schemas. Checks' parameters are left out; a run's plan has them resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from auditor.loading.document import Document, Report
from auditor.loading.framework import FRAMEWORK_FILE, build_control, build_framework
from auditor.loading.known import Known
from auditor.loading.policies import load_overlay, load_policy
from auditor.loading.workspace import DEPARTMENTS_FOLDER
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Framework, Overlay, Policy


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy with the framework it picks from. Of the overlays there is what takes controls out."""

    framework: Framework
    policy: Policy
    overlays: dict[str, Overlay]


def policy_files(names: Iterable[str]) -> frozenset[str]:
    """Those of a workspace's files that say what the policy is, wherever their folder lay: it is the framework's."""
    listed = [PurePosixPath(name) for name in names]
    folders = {path.parent.parent for path in listed if path.name == FRAMEWORK_FILE}
    return frozenset(str(path) for path in listed if folders & set(path.parents))


def read_kept_policy(contents: Mapping[str, str], policy: str) -> KeptPolicy:
    """The policy of that id out of files by name. Raises ValueError, or KeyError or TypeError, where it cannot be had."""
    documents = {PurePosixPath(name): _document(name, text) for name, text in contents.items()}
    heads = [path for path in documents if path.name == FRAMEWORK_FILE]
    if len(heads) != 1:
        raise ValueError(FRAMEWORK_FILE)
    (head,) = heads
    folder = head.parent.parent
    controls = [build_control(d.value) for path, d in documents.items() if path.parent == head.parent and path != head]
    overlays = [load_overlay(d, Report(), Known()) for path, d in documents.items() if path.parent == folder / DEPARTMENTS_FOLDER]
    return KeptPolicy(
        framework=build_framework(documents[head].value, controls),
        policy=load_policy(documents[folder / f"{policy}.yaml"], Report(), Known(), policy),
        overlays={o.department: replace(o, relaxations=tuple(r for r in o.relaxations if r.control)) for o in overlays},
    )


def _document(name: str, text: str) -> Document:
    document, mistakes = read_yaml(text.encode("utf-8", "surrogatepass"), name)
    if document is None:
        raise ValueError(str(mistakes[0]))
    return document
