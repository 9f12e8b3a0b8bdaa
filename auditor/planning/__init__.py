"""Policy, inventory, checks and now become a plan. Pure."""

from auditor.planning.effective import EffectivePolicy, effective_policy
from auditor.planning.plan import Narrowing, maintenance_over, make_plan, refuse_idle, run_by_policy, why_left_alone

__all__ = [
    "EffectivePolicy",
    "Narrowing",
    "effective_policy",
    "maintenance_over",
    "make_plan",
    "refuse_idle",
    "run_by_policy",
    "why_left_alone",
]
