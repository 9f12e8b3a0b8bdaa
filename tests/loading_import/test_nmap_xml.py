"""What nmap found up becomes hosts; an interrupted scan and a hostile file are told as such."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.loading.importing.nmap_xml import parse_nmap_xml

SCAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap">
<host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><address addr="00:11:22:33:44:55" addrtype="mac"/>
<hostnames><hostname name="web.example.org" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open"/></port>
<port protocol="tcp" portid="80"><state state="closed"/></port>
<port protocol="udp" portid="53"><state state="open|filtered"/></port></ports></host>
<host><status state="down"/><address addr="10.0.0.2" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="2001:db8::5" addrtype="ipv6"/></host>
</nmaprun>
"""


def test_hosts_that_are_up():
    """Names come from the scan, else the address serves; hosts that are down are left out; ports only when asked."""
    found = parse_nmap_xml(SCAN, "scan.xml")
    assert found.mistakes == ()
    assert [(host.name, host.address, host.ports) for host in found.hosts] == [
        ("web.example.org", "10.0.0.1", ()),
        ("2001:db8::5", "2001:db8::5", ()),
    ]
    assert [host.ports for host in parse_nmap_xml(SCAN, "scan.xml", ports=True).hosts] == [("22/tcp",), ()]


def test_a_host_with_two_addresses_keeps_both():
    """The second address is scanned for itself; it would be lost to the department otherwise."""
    second = b'<address addr="fd00::1" addrtype="ipv6"/><address addr="00:11'
    found = parse_nmap_xml(SCAN.replace(b'<address addr="00:11', second), "scan.xml")
    assert [(host.address, host.ipv6) for host in found.hosts] == [("10.0.0.1", "fd00::1"), ("2001:db8::5", None)]


def test_an_interrupted_scan_keeps_what_is_whole_and_says_so():
    """A file that ends too early is a mistake; the hosts before the end are there to be seen."""
    found = parse_nmap_xml(SCAN[: SCAN.index(b'<host><status state="down"')], "scan.xml")
    assert [host.address for host in found.hosts] == ["10.0.0.1"]
    assert "ended before its time" in found.mistakes[0].message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not sound XML"),
        (b"<html/>", "not nmap's output"),
        (b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><nmaprun>&b;</nmaprun>', "declares an entity"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><nmaprun>&e;</nmaprun>', "declares an entity"),
        (b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><nmaprun/>', "declares an entity"),
        (b'<?xml version="1.0" encoding="nonsense"?><nmaprun/>', "XML"),
    ],
)
def test_what_is_no_scan_is_told(data: bytes, said: str):
    """Nothing is expanded, nothing is fetched, nothing is guessed."""
    found = parse_nmap_xml(data, "scan.xml")
    assert found.hosts == ()
    assert said in found.mistakes[0].message


def test_hostile_names_do_not_pass():
    """A reverse name is whatever the other side's DNS says: controls in it keep the host out."""
    data = SCAN.replace(b"web.example.org", "a\u202eb".encode()).replace(b"2001:db8::5", b"10.0.0.1; reboot")
    found = parse_nmap_xml(data, "scan.xml")
    assert found.hosts == ()
    assert len(found.mistakes) >= 2
    assert "\u202e" not in "".join(mistake.message for mistake in found.mistakes)


def test_very_deep_nesting_is_harmless():
    """No tree is built, so that depth costs nothing."""
    data = b"<nmaprun>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</nmaprun>"
    assert parse_nmap_xml(data, "scan.xml").hosts == ()


@given(st.one_of(st.binary(max_size=200), st.tuples(st.integers(0, len(SCAN)), st.binary(max_size=6))))
@settings(max_examples=200)
def test_any_bytes_are_hosts_or_mistakes(data: bytes | tuple[int, bytes]):
    """Neither junk nor a damaged scan makes the reader raise."""
    if isinstance(data, tuple):
        offset, damage = data
        data = SCAN[:offset] + damage + SCAN[offset + len(damage) :]
    parse_nmap_xml(data, "scan.xml", ports=True, public=True)
