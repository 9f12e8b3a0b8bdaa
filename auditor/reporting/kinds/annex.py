"""What the figures rest on: the scope, the coverage with every asset that was not reached, exceptions, versions and hashes."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.model import AssetKind, Criticality, Missed, RiskException, Severity, VerdictKind
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Facts, Heading, Shape, Table, Tone
from auditor.reporting.kinds.pieces import formula
from auditor.reporting.scene import Scene
from auditor.text import _, number
from auditor.text.bidi import safe
from auditor.text.labels import approvers, days_counted, label
from auditor.text.sentences import retell


def annex(scene: Scene) -> Document:
    """Of all departments in scope."""
    blocks: list[Block] = [
        Heading(_("Scope and coverage"), "scope"),
        _coverage(scene),
        Heading(_("Not reached"), "missed"),
        missed_table(scene, scene.snapshot.missed),
        *_left(scene),
        Heading(_("Exceptions"), "exceptions"),
        exceptions_table(scene, scene.snapshot.exceptions),
        Heading(_("How the index is made"), "scoring"),
        formula(scene),
        _weights(scene),
        _criticalities(scene),
        _rules(scene),
        Heading(_("Versions and hashes"), "versions"),
        _versions(scene),
        _inputs(scene),
    ]
    return Document("annex", _("Annex: what the figures rest on"), "", tuple(blocks), "coverage")


def _coverage(scene: Scene) -> Table:
    rows = []
    for name in scene.snapshot.departments:
        department = scene.departments.get(name)
        score = scene.scores.get(name)
        assets = department.assets if department else ()
        rows.append(
            (
                cells.words(scene.department(name), name),
                cells.count(sum(a.kind is AssetKind.HOST for a in assets)),
                cells.count(sum(a.kind is AssetKind.NETWORK for a in assets)),
                cells.count(sum(m.department == name for m in scene.snapshot.missed), Tone.BAD),
                cells.count(score.coverage.planned if score else 0),
                cells.share(score.coverage.share if score else None, 1),
                *(cells.count(score.verdicts.get(kind, 0) if score else 0) for kind in VerdictKind),
            )
        )
    columns = (
        Column("department", _("Department"), width=28),
        Column("hosts", _("Hosts"), Shape.NUMBER, 8),
        Column("networks", _("Networks"), Shape.NUMBER, 8),
        Column("missed", _("Not reached"), Shape.NUMBER, 9),
        Column("planned", _("Planned checks"), Shape.NUMBER, 10),
        Column("coverage", _("Coverage"), Shape.NUMBER, 9),
        *(Column(kind.value, label(kind), Shape.NUMBER, 9) for kind in VerdictKind),
    )
    return Table("coverage", _("What was planned and what was judged"), columns, tuple(rows))


def missed_table(scene: Scene, missed: Sequence[Missed]) -> Table:
    """Assets that were not reached, why, and since when."""
    columns = (
        Column("asset", _("Asset"), Shape.CODE, 20),
        scene.department_column(20),
        Column("reach", _("Result"), Shape.BADGE, 14),
        Column("why", _("Why"), width=44),
        Column("last_reached", _("Last reached"), Shape.DAY, 17),
    )
    rows = tuple(_missed_row(scene, m) for m in missed)
    return Table("missed", _("Assets that were not reached, and why"), columns, rows, _("Every asset was reached."))


def _missed_row(scene: Scene, missed: Missed) -> tuple[Cell, ...]:
    return (
        cells.code(missed.asset),
        cells.words(scene.department(missed.department), missed.department),
        cells.badge(missed.reach),
        Cell(retell(safe(missed.detail)), missed.detail),
        cells.on(missed.last_reached, scene.zone(missed.department)) if missed.last_reached else Cell(_("never"), None, Tone.BAD),
    )


def _left(scene: Scene) -> tuple[Block, ...]:
    if not scene.snapshot.left_inventory:
        return ()
    columns = (Column("asset", _("Asset"), Shape.CODE, 24),)
    rows = tuple((cells.code(uid),) for uid in scene.snapshot.left_inventory)
    title = _("Assets with open findings that no inventory lists any more")
    return (Table("left", title, columns, rows),)


def exceptions_table(scene: Scene, held: Sequence[RiskException]) -> Table:
    """Exceptions with what compensates, until when and by whom."""
    columns = (
        Column("exception", _("Exception"), Shape.CODE, 8),
        Column("kind", _("Kind"), Shape.BADGE, 12),
        Column("state", _("State"), Shape.BADGE, 12),
        scene.department_column(18),
        Column("check", _("Check"), Shape.CODE, 18),
        Column("where", _("Where"), Shape.CODE, 18),
        Column("reason", _("Reason"), width=30),
        Column("control", _("What compensates"), width=24),
        Column("ends", _("Ends"), Shape.DAY, 17),
        Column("approved", _("Approved by"), width=20),
    )
    rows = tuple(_exception_row(scene, e) for e in held)
    title = _("Exceptions, those in force and those that have ended")
    return Table("exceptions", title, columns, rows, _("There is no exception."))


def _exception_row(scene: Scene, held: RiskException) -> tuple[Cell, ...]:
    ends = cells.on(held.ends)
    soon = held.id in scene.snapshot.expiring
    return (
        cells.code(held.id),
        cells.badge(held.kind),
        cells.badge(held.state),
        cells.words(scene.department(held.department), held.department),
        cells.code(held.check),
        cells.code(" ".join(filter(None, (held.asset, held.tag, held.subject)))),
        cells.typed(held.reason),
        cells.typed(held.control),
        Cell(_("{day} (soon)").format(day=ends.shown), ends.raw, Tone.FAIR) if soon else ends,
        Cell(
            approvers(scene.catalogue.settings.people, held.approvals),
            ", ".join(f"{a.person} ({a.ministry})" for a in held.approvals),
        ),
    )


def _weights(scene: Scene) -> Table:
    scoring = scene.policy.scoring
    columns = (
        Column("severity", _("Severity"), Shape.BADGE, 12),
        Column("check", _("Weight of a check"), Shape.NUMBER, 12),
        Column("control", _("Weight of a control"), Shape.NUMBER, 12),
        Column("days", _("Days to remedy"), Shape.NUMBER, 12),
    )
    rows = tuple(
        (
            cells.badge(s),
            cells.count(scoring.check_weights[s]),
            cells.count(scoring.control_weights[s]),
            _days(scene.policy.terms.days.get(s)),
        )
        for s in Severity
    )
    return Table("weights", _("The policy's weights and deadlines"), columns, rows)


def _days(days: int | None) -> Cell:
    return Cell("", None) if days is None else Cell(number(days), days)


def _criticalities(scene: Scene) -> Table:
    """What an asset's criticality does to weights and deadlines: without it nobody could make the index again."""
    scoring, terms = scene.policy.scoring, scene.policy.terms
    columns = (
        Column("criticality", _("Criticality"), Shape.BADGE, 12),
        Column("weight", _("Multiplies the weight of a check by"), Shape.NUMBER, 16),
        *(Column(s.value, _("Days to remedy: {severity}").format(severity=label(s)), Shape.NUMBER, 12) for s in Severity),
    )
    rows = tuple(
        (
            cells.badge(c),
            cells.count(scoring.criticality_weights[c]),
            *(_days(terms.by_criticality.get(c, {}).get(s, terms.days.get(s))) for s in Severity),
        )
        for c in Criticality
    )
    return Table("criticalities", _("Weights and deadlines by the criticality of the asset"), columns, rows)


def _rules(scene: Scene) -> Facts:
    scoring, terms = scene.policy.scoring, scene.policy.terms
    again = _("It is given its time anew.") if terms.restart_on_reopening else _("Its first deadline stands.")
    return Facts(
        "rules",
        (
            ("days", _("Days to remedy are"), Cell(days_counted(terms), terms.working_days)),
            ("restart", _("A finding that returns"), Cell(again, terms.restart_on_reopening)),
            ("partly", _("What an answer of partly implemented counts"), cells.share(scoring.partly)),
            ("attested", _("What the answer counts where checks decide too"), cells.share(scoring.attested)),
        ),
    )


def _versions(scene: Scene) -> Facts:
    snap = scene.snapshot
    return Facts(
        "versions",
        (
            ("policy", _("Policy"), cells.code(f"{scene.policy.id} {scene.policy.version}")),
            ("policy_sha256", _("SHA-256 of the policy"), cells.code(scene.policy.sha256)),
            ("run", _("Audit"), cells.code(f"{snap.run.id}")),
            ("started", _("Begun"), cells.at(snap.run.started, scene.own_zone)),
            ("ended", _("Ended"), cells.at(snap.run.ended, scene.own_zone)),
            ("plan_sha256", _("SHA-256 of the plan"), cells.code(snap.run.plan_sha256)),
            ("journal", _("Last entry of the journal"), cells.code(f"{snap.seq}")),
            ("head", _("Its hash"), cells.code(snap.head)),
        ),
    )


def _inputs(scene: Scene) -> Table:
    columns = (Column("file", _("File"), Shape.CODE, 44), Column("sha256", "SHA-256", Shape.CODE, 66))
    rows = tuple((cells.code(name), cells.code(digest)) for name, digest in scene.snapshot.inputs)
    return Table("files", _("Every policy, check and inventory, by its hash"), columns, rows)
