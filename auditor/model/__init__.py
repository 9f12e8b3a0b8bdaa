"""The words of the house as frozen dataclasses and enums; nothing here computes or touches the outside.

Import from the submodules' public names through this package: ``from auditor.model import Asset, Plan``.
"""

from auditor.model.check import Case, Check, FactUse, Param, Scope, Stricter
from auditor.model.common import Json, Language, Scalar, Severity, Text
from auditor.model.control import Attestation, Control, Evidence, Framework, Mapping, Term
from auditor.model.finding import Event, EventKind, Finding, FindingState, Resolution
from auditor.model.inventory import Asset, AssetKind, Connection, Criticality, Department, Inventory
from auditor.model.observation import AssetResult, Observation, ObservationStatus, Reach
from auditor.model.plan import AssetPlan, CheckTask, DepartmentPlan, Plan, ProbeCall, SetAside
from auditor.model.policy import Overlay, Policy, Relaxation, Scoring
from auditor.model.run import Run, RunStatus
from auditor.model.score import ControlScore, Coverage, DepartmentScore, ScoreState
from auditor.model.verdict import Outcome, Reason, Verdict, VerdictKind
from auditor.model.workspace import Catalogue, Settings

__all__ = [
    "Asset",
    "AssetKind",
    "AssetPlan",
    "AssetResult",
    "Attestation",
    "Case",
    "Catalogue",
    "Check",
    "CheckTask",
    "Connection",
    "Control",
    "ControlScore",
    "Coverage",
    "Criticality",
    "Department",
    "DepartmentPlan",
    "DepartmentScore",
    "Event",
    "EventKind",
    "Evidence",
    "FactUse",
    "Finding",
    "FindingState",
    "Framework",
    "Inventory",
    "Json",
    "Language",
    "Mapping",
    "Observation",
    "ObservationStatus",
    "Outcome",
    "Overlay",
    "Param",
    "Plan",
    "Policy",
    "ProbeCall",
    "Reach",
    "Reason",
    "Relaxation",
    "Resolution",
    "Run",
    "RunStatus",
    "Scalar",
    "Scope",
    "ScoreState",
    "Scoring",
    "SetAside",
    "Settings",
    "Severity",
    "Stricter",
    "Term",
    "Text",
    "Verdict",
    "VerdictKind",
]
