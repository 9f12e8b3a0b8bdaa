"""``auditor hosts``: the assets, their host keys, and whether they can be reached."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.asking import agreed
from auditor.cli.base import App, Exit, Group, option, output_option, pass_app
from auditor.errors import UsageError
from auditor.model import Reach
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell
from auditor.workflow.belonging import refuse_run
from auditor.workflow.hosts import host_keys, list_assets, trust_file, trust_keys
from auditor.workflow.inspection import test_connection
from auditor.workflow.workspace import open_workspace


@click.group(cls=Group, help=N_("The hosts: which are listed, which are trusted, which can be reached."))
def hosts() -> None:
    """Group."""


@hosts.command("list", help=N_("List the assets of all inventories."))
@option("--department", "departments", multiple=True, metavar="DEPARTMENT", help=N_("Only this department. May be repeated."))
@output_option
@pass_app
def hosts_list(app: App, departments: tuple[str, ...], output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    assets = {a.uid: a for a in list_assets(catalogue, departments)}
    columns = [
        Column(_("Department"), field("department")),
        Column(_("Asset"), field("uid")),
        Column(_("Kind"), lambda r: label(assets[r["uid"]].kind), spare=2),
        Column(_("Name"), field("name")),
        Column(_("Address"), field("address"), whole=True),
        Column(_("Role"), field("role"), spare=1),
        Column(_("Criticality"), lambda r: label(assets[r["uid"]].criticality), spare=3),
        Column(_("Connection"), lambda r: safe(str(r["connection"]["method"]))),
    ]
    app.emit(Table(columns, [to_json(a) for a in assets.values()]), output)
    app.warn_set_aside(name for name, _mistakes in catalogue.inventory.set_aside)


@hosts.command("trust", help=N_("Show a host's key fingerprints and, when you agree, put them on record."))
@click.argument("host", metavar="[HOST]", required=False)
@option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=N_("Take a supplied known_hosts file in bulk."),
)
@option("--yes", is_flag=True, help=N_("Do not ask: you have compared the fingerprints by another way."))
@pass_app
def hosts_trust(app: App, host: str | None, source: Path | None, yes: bool) -> int:
    """Trust."""
    catalogue = open_workspace(app.root)
    refuse_run(catalogue.settings, app.actor)
    if (host is None) == (source is None):
        raise UsageError(_("Give either a host or --from FILE."))
    if source is not None:
        added = trust_file(catalogue, source)
        app.say(_("Lines added to {file}: {n}.").format(n=added, file=catalogue.settings.known_hosts))
        return Exit.OK
    keys = host_keys(catalogue, str(host))
    if not keys:
        app.say(_("{host} is visited without SSH, so that it needs no host key.").format(host=safe(str(host))))
        return Exit.OK
    rows = [{"host": k.key.host, "type": k.key.type, "fingerprint": k.key.fingerprint, "state": k.state.value} for k in keys]
    states = {
        "known": _("on record"),
        "unknown": _("not on record"),
        "changed": _("another key is on record"),
        "revoked": _("revoked"),
    }
    columns = [
        Column(_("Host"), field("host")),
        Column(_("Type"), field("type")),
        Column(_("Fingerprint"), field("fingerprint"), whole=True),
        Column(_("State"), lambda r: states[r["state"]], whole=True),
    ]
    app.emit(Table(columns, rows), "table")
    if all(row["state"] == "known" for row in rows):
        app.say(_("All of them are on record already."))
        return Exit.OK
    app.say(_("Compare them with what is read on the host's own console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))
    if not yes and not agreed(app, _("Put these keys on record?")):
        app.say(_("Nothing was changed."))
        return Exit.FINDINGS
    written = trust_keys(catalogue, keys)
    app.say(_("Keys put on record: {n}.").format(n=written))
    return Exit.OK


@hosts.command("test", help=N_("Log in to a host and say whether it can be audited."))
@click.argument("host", metavar="HOST")
@pass_app
def hosts_test(app: App, host: str) -> int:
    """Test."""
    result = test_connection(open_workspace(app.root), host)
    if result.reach is Reach.REACHED:
        app.say(_("{host} was reached. Host key: {key}").format(host=safe(result.asset), key=result.host_key or "—"), "green")
        return Exit.OK
    told = _("{host}: {reach}: {detail}").format(
        host=safe(result.asset), reach=label(result.reach), detail=retell(safe(result.detail))
    )
    app.say(told, "yellow")
    return Exit.INCOMPLETE
