"""The words of the house as frozen dataclasses and enums; nothing here computes or touches the outside.

Import from the submodules' public names through this package: ``from auditor.model import Asset, Plan``.
"""

from auditor.model.check import Case, Check, FactUse, Param, Scope, Stricter
from auditor.model.common import Json, Language, Scalar, Severity, Text
from auditor.model.control import Attestation, Control, Evidence, Framework, Mapping, Term
from auditor.model.finding import MOVING, SPOKEN, Event, EventKind, Finding, FindingState, RemedyPlan, Resolution
from auditor.model.inventory import Asset, AssetKind, Calendar, Connection, Criticality, Department, Inventory
from auditor.model.observation import AssetResult, Observation, ObservationStatus, Reach
from auditor.model.people import Action, Person, Role
from auditor.model.plan import AssetPlan, CheckTask, DepartmentPlan, Plan, ProbeCall, SetAside
from auditor.model.policy import Overlay, Policy, Relaxation, Scoring, Terms
from auditor.model.record import (
    Answer,
    AnswerState,
    Approval,
    AttestedAnswer,
    Campaign,
    Circular,
    EvidenceFile,
    ExceptionKind,
    ExceptionState,
    RiskException,
)
from auditor.model.run import Run, RunStatus
from auditor.model.score import ControlScore, Coverage, DepartmentScore, Level, ScoreState
from auditor.model.verdict import Outcome, Reason, Verdict, VerdictKind
from auditor.model.workspace import Catalogue, Settings

__all__ = [
    "MOVING",
    "SPOKEN",
    "Action",
    "Answer",
    "AnswerState",
    "Approval",
    "Asset",
    "AssetKind",
    "AssetPlan",
    "AssetResult",
    "Attestation",
    "AttestedAnswer",
    "Calendar",
    "Campaign",
    "Case",
    "Catalogue",
    "Check",
    "CheckTask",
    "Circular",
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
    "EvidenceFile",
    "ExceptionKind",
    "ExceptionState",
    "FactUse",
    "Finding",
    "FindingState",
    "Framework",
    "Inventory",
    "Json",
    "Language",
    "Level",
    "Mapping",
    "Observation",
    "ObservationStatus",
    "Outcome",
    "Overlay",
    "Param",
    "Person",
    "Plan",
    "Policy",
    "ProbeCall",
    "Reach",
    "Reason",
    "Relaxation",
    "RemedyPlan",
    "Resolution",
    "RiskException",
    "Role",
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
    "Terms",
    "Text",
    "Verdict",
    "VerdictKind",
]
