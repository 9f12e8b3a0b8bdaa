"""``auditor fact``: what can be read from hosts, and what a host says right now."""

from __future__ import annotations

import json
import sys

import click

from auditor.cli.base import App, Exit, Group, option, output_option, pass_app
from auditor.cli.pairs import Code, show_pairs
from auditor.errors import UsageError
from auditor.facts import FACTS, NetworkProbe, by_name
from auditor.facts.shape import describe
from auditor.model import Reason
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, as_json, field
from auditor.text import N_, _, current
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell
from auditor.workflow.inspection import read_fact
from auditor.workflow.workspace import open_workspace


@click.group(cls=Group, help=N_("The facts: what can be read from hosts and networks."))
def fact() -> None:
    """Group."""


@fact.command("list", help=N_("List the facts that checks may use."))
@output_option
@pass_app
def fact_list(app: App, output: str) -> None:
    """List."""
    rows = [
        {
            "name": f.name,
            "title": to_json(f.title),
            "asset_kind": f.asset_kind.value,
            "platforms": ["network"] if f.network else sorted(f.probes),
            "arguments": sorted(f.arguments),
            "shape": describe(f.shape),
        }
        for f in FACTS
    ]
    columns = [
        Column(_("Fact"), field("name")),
        Column(_("Title"), lambda r: str(r["title"][current()]), wide=True),
        Column(_("Read from"), lambda r: " ".join(r["platforms"])),
        Column(_("Arguments"), lambda r: " ".join(r["arguments"])),
    ]
    app.emit(Table(columns, rows), output)


@fact.command("show", help=N_("Show a fact's shape, probe and example, or its value on a host."))
@click.argument("name", metavar="FACT")
@option("--host", metavar="HOST", help=N_("Read it from this host, now."))
@option("--arg", "arguments", multiple=True, metavar="NAME=VALUE", help=N_("An argument of the fact. May be repeated."))
@option("--raw", is_flag=True, help=N_("With --host: print what the probe printed, not the value."))
@output_option
@pass_app
def fact_show(app: App, name: str, host: str | None, arguments: tuple[str, ...], raw: bool, output: str) -> int:
    """Show."""
    if host is None:
        if raw or arguments:
            given = "--raw" if raw else "--arg"
            raise UsageError(_("{option} is for a value: name the host too, by --host").format(option=given))
        _describe(app, name, output)
        return Exit.OK
    if output == "csv":
        raise UsageError(_("a value has no columns that could be CSV; take --format json"))
    args = dict(a.partition("=")[::2] for a in arguments)
    reading = read_fact(open_workspace(app.root), name, host, args)
    if raw and reading.observation is not None:
        sys.stdout.write(safe(reading.observation.stdout, lines=True))
    elif output == "json" or not reading.missing:
        sys.stdout.write(as_json(to_json(reading) if output == "json" else reading.value))
    if reading.missing and output != "json":
        reason, _colon, detail = reading.missing.partition(": ")
        told = _("There is no value ({reach}): {why}").format(reach=label(Reason(reason)), why=retell(safe(detail)))
        app.say(told.removesuffix(": "), "yellow")
    return Exit.INCOMPLETE if reading.missing else Exit.OK


def _describe(app: App, name: str, output: str) -> None:
    found = by_name(name)
    if found is None:
        raise UsageError(_("There is no fact {name}; `auditor fact list` shows them.").format(name=name))
    value = {
        "name": found.name,
        "title": to_json(found.title),
        "shape": describe(found.shape),
        "arguments": {n: s.name for n, s in found.arguments.items()},
        "example": found.example,
        "probes": {platform: to_json(probe) for platform, probe in found.probes.items()},
        "network": found.network and found.network.described(),
        "version": found.version,
    }
    if output == "json":
        sys.stdout.write(as_json(value))
        return
    pairs = [
        (_("Fact"), found.name),
        (_("Title"), found.title.to(current())),
        (_("Arguments"), ", ".join(f"{n}: {s.name}" for n, s in found.arguments.items())),
        (_("Shape"), json.dumps(describe(found.shape), ensure_ascii=False)),
        (_("Example"), json.dumps(found.example, ensure_ascii=False)),
        *((_("Needs root for"), command) for probe in found.probes.values() for command in probe.privileged),
        *((_("Probe on {platform}").format(platform=name), Code(probe.script.strip())) for name, probe in found.probes.items()),
        *_asked(found.network),
    ]
    show_pairs(app, pairs, output)


def _asked(probe: NetworkProbe | None) -> list[tuple[str, str]]:
    """What is asked from the network, of nmap, by conversations or by datagrams."""
    if probe is None:
        return []
    if probe.questions:
        return [(_("Asks over UDP"), "  ".join(f"{q.port}/udp {q.name}" for q in probe.questions))]
    if probe.conversations:
        held = (f"{'+'.join(map(str, sorted(c.ports | c.tls_ports)))}/tcp {c.name}" for c in probe.conversations)
        return [(_("Asks over TCP"), "  ".join(held))]
    return [(_("Asks nmap for"), " ".join((probe.what, *probe.scripts)))]
