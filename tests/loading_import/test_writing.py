"""What is written is what the loader reads, and an asset keeps its uid from import to import."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.loading.document import Report
from auditor.loading.importing import ImportedHost, write_inventory
from auditor.loading.importing.sheets import parse_csv
from auditor.loading.inventories import load_department
from auditor.loading.schema import check_schema
from auditor.loading.secrets import find_secrets
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Department, Json, Text

TITLE = Text("Health", "الصحة")


def load(text: str) -> Department:
    document, mistakes = read_yaml(text.encode(), "health.yaml", "health")
    assert document is not None
    schema, report = check_schema(document, "inventory"), Report()
    department = load_department(document, report, schema.unusable)
    assert [str(m) for m in (*mistakes, *schema.mistakes, *find_secrets(document), *report.mistakes)] == []
    assert department is not None
    return department


def value(text: str) -> dict[str, Json]:
    document, _mistakes = read_yaml(text.encode(), "health.yaml")
    assert document is not None
    assert isinstance(document.value, dict)
    return document.value


def uids(text: str) -> list[str]:
    return [asset.uid for asset in load(text).assets]


def test_the_loader_reads_what_was_written():
    """Every field of an imported host arrives in the asset; texts that look like numbers stay texts."""
    host = ImportedHost(
        "0640", "10.0.0.1", None, "linux", "5.1", "true", "high", ("1", "null"), ("22/tcp",), False, "ssh", "ops", 22, "~/.k",
        False, False, ("a@b:22",), "PW", "fd00::1",
    )  # fmt: skip
    (asset,) = load(write_inventory("health", TITLE, [host], timezone="Asia/Riyadh")).assets
    assert (asset.uid, asset.name, asset.role, asset.zone, asset.tags) == ("health-0640", "0640", "5.1", "true", ("1", "null"))
    assert asset.ipv6 == "fd00::1"
    assert (asset.connection.user, asset.connection.port, asset.connection.jump) == ("ops", 22, ("a@b:22",))
    assert (asset.connection.sudo, asset.connection.agent, asset.connection.password_env) == (False, False, "PW")


def test_uids_are_made_of_department_and_name_and_are_unique():
    """Names in Arabic fall back on the address; two names with one slug are told apart."""
    hosts = [ImportedHost("Web 01", "10.0.0.1"), ImportedHost("web_01", "10.0.0.2"), ImportedHost("خادم", "10.0.0.3")]
    assert uids(write_inventory("health", TITLE, hosts)) == ["health-web-01", "health-web-01-2", "health-10.0.0.3"]


def test_a_second_import_of_the_same_changes_nothing():
    """Importing twice gives the same text."""
    hosts = [ImportedHost("a", "10.0.0.1"), ImportedHost("b", "10.0.0.2", tags=("x",))]
    first = write_inventory("health", TITLE, hosts)
    assert write_inventory("health", TITLE, hosts, existing=value(first)) == first


def test_a_known_host_keeps_its_uid_when_its_name_or_address_changes():
    """By uid, else by name, else by address; and what the import does not say stays."""
    old = value(write_inventory("health", TITLE, [ImportedHost("web", "10.0.0.1", uid="h-7", zone="dmz", user="ops")]))
    for host in (
        ImportedHost("web", "10.0.0.99"),
        ImportedHost("portal", "10.0.0.1"),
        ImportedHost("portal", "10.0.0.99", uid="h-7"),
    ):
        (asset,) = load(write_inventory("health", TITLE, [host], existing=old)).assets
        assert (asset.uid, asset.name, asset.address, asset.zone) == ("h-7", host.name, host.address, "dmz")


def test_a_new_host_at_a_former_address_does_not_take_the_place_of_one_still_named():
    """`web` moved, `mail` took its address: each has its own uid."""
    old = value(write_inventory("health", TITLE, [ImportedHost("web", "10.0.0.1")]))
    text = write_inventory("health", TITLE, [ImportedHost("mail", "10.0.0.1"), ImportedHost("web", "10.0.0.2")], existing=old)
    assert {asset.uid: (asset.name, asset.address) for asset in load(text).assets} == {
        "health-web": ("web", "10.0.0.2"),
        "health-mail": ("mail", "10.0.0.1"),
    }


def test_a_host_the_import_did_not_see_stays():
    """A scan in which a host was down does not take it out of the inventory; defaults and networks stay too."""
    old = value(write_inventory("health", TITLE, [ImportedHost("web", "10.0.0.1")]))
    old["defaults"] = {"user": "auditor"}
    old["networks"] = [{"uid": "health-net", "name": "net", "address": "10.0.0.0/24"}]
    text = write_inventory("health", TITLE, [ImportedHost("net", "10.0.0.7")], existing=old)
    assert uids(text) == ["health-web", "health-net-2", "health-net"]
    assert load(text).assets[0].connection.user == "auditor"


def test_a_department_id_that_cannot_be_one():
    """The id is also a file's name: a path is refused."""
    with pytest.raises(UsageError, match="cannot be a department's id"):
        write_inventory("../x", TITLE, [])


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.tuples(CELLS, st.ip_addresses(v=4).map(str), CELLS, CELLS), max_size=5))
@settings(max_examples=100)
def test_whatever_passes_an_import_passes_the_loader(rows: list[tuple[str, str, str, str]]):
    """Any host that any table yields makes an inventory without a mistake, with uids that are all different."""
    quoted = "\n".join(",".join('"' + re.sub('["\0\r]', "", cell) + '"' for cell in row) for row in rows)
    hosts = parse_csv(f"name,address,role,tags\n{quoted}\n".encode(), "t.csv").hosts
    found = uids(write_inventory("health", TITLE, hosts))
    assert len(set(found)) == len(found) == len(hosts)
