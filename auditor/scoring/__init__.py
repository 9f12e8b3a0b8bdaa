"""Outcomes become coverage and the index. Pure; the formula is written out in docs/scoring.md."""

from auditor.scoring.index import overall_index, score_department, theme_scores

__all__ = ["overall_index", "score_department", "theme_scores"]
