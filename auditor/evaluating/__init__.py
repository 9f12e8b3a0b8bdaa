"""A plan and observations become verdicts. Pure."""

from auditor.evaluating.evaluate import Evaluator
from auditor.evaluating.outcomes import with_doubts
from auditor.evaluating.reading import Missing, Reading, read_result

__all__ = ["Evaluator", "Missing", "Reading", "read_result", "with_doubts"]
