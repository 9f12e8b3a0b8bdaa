"""Texts of the interface in Arabic and English, and help with bidirectional text.

``use("ar")`` once, then ``_("{n} hosts were reached").format(n=3)``. ``scripts/translate`` keeps the Arabic catalogue.
"""

from auditor.text.catalogue import N_, NP_, _, current, ngettext, pgettext, use, using
from auditor.text.figures import day, instant, number, percent, points, rounded, style

__all__ = [
    "NP_",
    "N_",
    "_",
    "current",
    "day",
    "instant",
    "ngettext",
    "number",
    "percent",
    "pgettext",
    "points",
    "rounded",
    "style",
    "use",
    "using",
]
