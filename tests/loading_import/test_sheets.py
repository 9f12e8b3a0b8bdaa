"""Tables in either language become hosts; what is wrong is named by its cell; what is hostile is not opened."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from auditor.errors import UsageError
from auditor.loading.document import Report
from auditor.loading.importing import Imported, read_csv, read_xlsx, write_template
from auditor.loading.importing.sheets import parse_csv, parse_xlsx
from auditor.loading.importing.table import COLUMNS
from auditor.loading.inventories import load_department
from auditor.loading.schema import check_schema
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Language


def csv_of(text: str) -> Imported:
    return parse_csv(text.encode(), "t.csv")


def workbook(*rows: list[object]) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(buffer)
    return buffer.getvalue()


def told(imported: Imported) -> list[str]:
    return [str(mistake) for mistake in imported.mistakes]


def test_a_table_in_arabic_with_semicolons_and_arabic_digits():
    """A sheet filled in Arabic gives the same host as one in English."""
    arabic = csv_of(
        "\ufeffالاسم;العنوان;الأهمية;المنافذ المصرح بها;عنوان عام;منفذ SSH;طريقة الاتصال\r\n"
        "web-01;١٠.٠.٠.٤;عالية;22 443/UDP;لا;٢٢٢٢;بدون\r\n"
    )
    english = csv_of('name,address,criticality,ports,public,port,connection\nweb-01,10.0.0.4,High,"22,443/udp",no,2222,none\n')
    assert told(arabic) == told(english) == []
    (host,) = arabic.hosts
    assert host.entry() == english.hosts[0].entry()
    assert host.entry() == {
        "name": "web-01",
        "address": "10.0.0.4",
        "criticality": "high",
        "ports": ["22/tcp", "443/udp"],
        "public": False,
        "connection": "none",
        "port": 2222,
    }


def test_a_second_address_is_an_ipv6_address():
    """The column is refused where the inventory would refuse it."""
    heading = "name,address,عنوان IPv6\n"
    assert csv_of(heading + "web-01,10.0.0.4,fd00::4\n").hosts[0].ipv6 == "fd00::4"
    assert "IPv6" in told(csv_of(heading + "web-01,10.0.0.4,10.0.0.5\n"))[0]


def test_a_second_address_in_a_workbook():
    """Arabic digits and the invisible marks of Arabic spreadsheets are taken away; a row with a wrong one gives no host."""
    rows: list[list[object]] = [["name", "address", "ipv6"], ["web-01", "10.0.0.4", "\u200efd00::٤"]]
    rows.append(["web-02", "10.0.0.5", "fe80::1%eth0"])
    found = parse_xlsx(workbook(*rows), "t.xlsx")
    assert [host.ipv6 for host in found.hosts] == ["fd00::4"]
    assert [(mistake.line, mistake.column) for mistake in found.mistakes] == [(3, 3)]


ADDRESSES = st.one_of(
    st.ip_addresses(v=6).map(str), st.ip_addresses(v=4).map(str), st.text("0123456789abcdef:.%/[]", max_size=24)
)


@given(ADDRESSES, st.booleans())
@settings(max_examples=200)
def test_a_second_address_is_judged_as_in_yaml(address: str, public: bool):
    """What the table takes is what an inventory takes, neither more nor less: the same host, or a mistake at that very cell."""
    heading, chosen = "name,address,ipv6,public\n", "yes" if public else "no"
    found = csv_of(f'{heading}web-01,10.0.0.4,"{address}",{chosen}\n')
    entry = {"uid": "web-01", "name": "web-01", "address": "10.0.0.4", "public": public} | ({"ipv6": address} if address else {})
    value = {"department": "health", "title": {"en": "Health", "ar": "صحة"}, "hosts": [entry]}
    (document, told), report = read_yaml(yaml.safe_dump(value, allow_unicode=True).encode(), "t.yaml"), Report()
    assert (document is not None, told) == (True, ())
    schema = check_schema(document, "inventory")
    load_department(document, report, schema.unusable)
    assert bool(found.mistakes) == bool(schema.mistakes or report.mistakes)
    if found.mistakes:
        assert (found.hosts, {(m.line, m.column) for m in found.mistakes}) == ((), {(2, 3)})
    else:
        assert found.hosts[0].ipv6 == (address or None)


def test_two_hosts_with_one_second_address():
    """However it is spelt: the ports of one would be held against those of the other."""
    found = csv_of("name,address,ipv6\nweb-01,10.0.0.4,fd00::4\nweb-02,10.0.0.5,FD00:0::4\n")
    assert told(found) == ["t.csv:3:3: this ipv6 stands in line 2 already; keep one"]
    assert [host.name for host in found.hosts] == ["web-01"]


def test_every_mistake_is_named_by_line_and_cell():
    """A person sees all that is wrong in one go, with what was expected; rows that are right are kept."""
    found = csv_of(
        "name,adress,criticality,port\nweb-01,10.0.0.1,hihg,22\n",
    )
    assert told(found) == [
        "t.csv:1:2: unknown column 'adress'; did you mean address?",
        't.csv:2:3: criticality is "hihg"; expected high, medium or low; did you mean high?',
    ]
    found = csv_of(
        "name,address,criticality,port\n"
        "web-01,10.0.0.1,hihg,22\n"
        "web-02,10.0.0.256,,\n"
        "web-03,10.0.0.3,,ssh\n"
        "web-04,10.0.0.4,,,extra\n"
        "web-05,=A1,,\n"
        "web-06,8.8.8.8,,\n"
        "web-07,10.0.0.7,low,22\n"
        "web-07,10.0.0.8,low,22\n"
    )
    assert told(found) == [
        't.csv:2:3: criticality is "hihg"; expected high, medium or low; did you mean high?',
        't.csv:3:2: address is "10.0.0.256", which is no IP address; expected one such as 10.1.1.11',
        't.csv:4:4: port is "ssh"; expected a port from 1 to 65535',
        "t.csv:5:5: this cell stands under no heading; name its column or empty it",
        "t.csv:6:2: this cell holds a formula; write the value itself",
        "t.csv:7:2: address is a public address; if it is the department's own and may be scanned, add public: true",
        "t.csv:9:1: this name stands in line 8 already; keep one",
    ]
    assert [host.name for host in found.hosts] == ["web-07"]


def test_all_that_is_wrong_with_a_row_is_told_at_once():
    """Regression: a wrong address was named only once every other mistake of its row had been mended, and a row without an
    address was taken with its name for one, one without a name with its address."""
    found = csv_of(
        "name,address,criticality,public,sudo\n"
        "web-01,10.20.1.999,extreme,maybe,نعم\n"
        "web-02,,low,no,YES\n"
        ",10.0.0.3,low,لا,y\n"
        "web-04,=A1,extreme,no,no\n"
        "web-05,10.0.0.5,low,no,yes\n"
    )
    assert told(found) == [
        't.csv:2:2: address is "10.20.1.999", which is no IP address; expected one such as 10.1.1.11',
        't.csv:2:3: criticality is "extreme"; expected high, medium or low',
        't.csv:2:4: public is "maybe"; expected yes or no',
        "t.csv:3:2: this cell is empty; every host needs its address",
        "t.csv:4:1: this cell is empty; every host needs its name",
        "t.csv:5:2: this cell holds a formula; write the value itself",
        't.csv:5:3: criticality is "extreme"; expected high, medium or low',
    ]
    assert [host.name for host in found.hosts] == ["web-05"]


def test_a_secret_in_a_cell_is_named_and_never_printed():
    """A private key pasted into the column for its path does not reach the mistake's text."""
    found = csv_of('name,address,key\nweb,10.0.0.1,"-----BEGIN OPENSSH PRIVATE KEY----- hunter2"\n')
    assert found.hosts == ()
    assert len(found.mistakes) >= 1
    assert "hunter2" not in " ".join(told(found))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the table is empty"),
        (b"name,address\n\xff\xff,10.0.0.1\n", "t.csv:2:1: the file is not UTF-8"),
        (b'name,address\n"open,10.0.0.1\n', "is not CSV"),
        (b"role,zone\nweb,dmz\n", "neither the column name nor the column address"),
        (b"name,name\na,b\n", "stands twice"),
        (b"name,address\na\x1bb,10.0.0.1\n", "invisible character U+001B"),
        (b"name,address\n,\n,\nname only,\n", "every host needs its address"),
    ],
)
def test_a_table_that_is_none(data: bytes, said: str):
    """Each is told for what it is, and gives no host."""
    found = parse_csv(data, "t.csv")
    assert found.hosts == ()
    assert said in " ".join(told(found))


def test_a_workbook_with_numbers_dates_and_formulas():
    """Numbers are read as typed; a date and a formula are refused rather than guessed at."""
    found = parse_xlsx(
        workbook(
            ["name / الاسم", "address / العنوان", "port", "sudo"],
            ["web-01", "10.0.0.1", 22.0, True],
            ["web-02", "10.0.0.2", "=1+1", None],
            [date(2026, 1, 10), "10.0.0.3", 22, None],
        ),
        "t.xlsx",
    )
    assert [(host.name, host.port, host.sudo) for host in found.hosts] == [("web-01", 22, True)]
    assert [(mistake.line, mistake.column) for mistake in found.mistakes] == [(3, 3), (4, 1)]


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize(("form", "read"), [("csv", read_csv), ("xlsx", read_xlsx)])
def test_the_template_is_read_back(tmp_path: Path, language: Language, form: str, read: Callable[[Path], Imported]):
    """The empty template gives no host and no mistake; with its example's mark taken away, the example is a host."""
    path = tmp_path / f"t.{form}"
    write_template(path, form, language)
    assert read(path) == Imported(())
    if form == "csv":
        path.write_text(path.read_text().replace("# web-01", "web-01"))
    else:
        book = load_workbook(path)
        sheet = book.worksheets[0]
        assert bool(sheet.sheet_view.rightToLeft) == (language == "ar")
        assert sheet.data_validations.count >= 3
        assert sheet.max_column == len(COLUMNS)
        sheet["A2"] = "web-01"
        book.save(path)
    (host,) = read(path).hosts
    assert (host.criticality, host.ports, host.connection, host.sudo) == ("high", ("22/tcp", "443/tcp"), "ssh", True)
    with pytest.raises(UsageError, match="exists already"):
        write_template(path, form, language)


def test_a_zip_bomb_is_not_unpacked():
    """A workbook that unpacks to far more than a sheet ever is, is refused by what its directory says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)
    found = parse_xlsx(buffer.getvalue(), "t.xlsx")
    assert "unpacks to more than" in told(found)[0]


def test_entities_in_a_workbook_are_refused():
    """A billion laughs in a part of the workbook is refused before anything parses it."""
    source, buffer = workbook(["name", "address"]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(buffer, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + data
            new.writestr(part.filename, data)
    assert "declares entities" in told(parse_xlsx(buffer.getvalue(), "t.xlsx"))[0]


def test_a_file_that_cannot_be_opened_is_a_usage_error(tmp_path: Path):
    """A missing file is told as one, not as an empty table."""
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path / "missing.csv")


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: ("name,address\n" + text).encode())))
@settings(max_examples=150)
def test_any_bytes_are_hosts_or_mistakes_as_csv(data: bytes):
    """No bytes make the reader raise; a host that comes out is one that the loader takes."""
    for host in parse_csv(data, "t.csv").hosts:
        assert host.address.isprintable()


@given(st.binary(max_size=200), st.integers(0, 6000), st.binary(min_size=1, max_size=8))
@settings(max_examples=60)
def test_any_bytes_are_hosts_or_mistakes_as_xlsx(data: bytes, offset: int, damage: bytes):
    """Neither junk nor a workbook damaged anywhere makes the reader raise."""
    sound = workbook(["name", "address"], ["web", "10.0.0.1"])
    assert parse_xlsx(data, "t.xlsx").hosts == ()
    parse_xlsx(sound[:offset] + damage + sound[offset + len(damage) :], "t.xlsx")
