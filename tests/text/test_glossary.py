"""The glossary says what the program says."""

import re
from pathlib import Path

from auditor.model import FindingState, Reach, Severity, VerdictKind
from auditor.text import using
from auditor.text.labels import label


def test_the_labels_that_people_meet_most_are_in_the_glossary_as_they_are():
    """Verdicts, severities, states and reach stand in docs/glossary.md in the words of the catalogue, beside their English."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|", (Path(__file__).parents[2] / "docs/glossary.md").read_text(), re.MULTILINE)
    for kind in (VerdictKind, Severity, FindingState, Reach):
        for value in kind:
            with using("en"):
                english = label(value)
            with using("ar"):
                arabic = label(value)
            assert any(english in left and arabic in right for left, right in rows), (english, arabic)
