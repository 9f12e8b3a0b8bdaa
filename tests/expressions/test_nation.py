"""What is asked of a nation's addresses at once is what asking of each address would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.expressions import ANY, Binding, Environment, bind_asset
from auditor.model import Asset, AssetKind

ENVIRONMENT = Environment({"live": ANY, "hosts": ANY, "known": ANY})
LISTED = ENVIRONMENT.compile("live.map(n, n.value).flatten().listed(known)")
SOUGHT = ENVIRONMENT.compile("hosts.sought(live)")
ADDRESSES = st.sampled_from([f"10.{net}.0.{n}" for net in range(3) for n in range(3)] + ["db.example", "fd00::1", "10.1"])
HOSTS = st.fixed_dictionaries({"address": ADDRESSES, "names": st.lists(ADDRESSES, max_size=2)})
NETWORKS = st.lists(
    st.fixed_dictionaries(
        {
            "asset": st.fixed_dictionaries({"address": st.sampled_from(["10.0.0.0/24", "10.1.0.0/16", "fd00::/64"])}),
            "value": st.lists(HOSTS, max_size=4),
        }
    ),
    max_size=3,
)
ONE = Environment({"live": ANY, "item": ANY, "known": ANY})
IS_LISTED = ONE.compile("item.address in known || item.names.exists(name, name in known)")
IS_SCANNED = ONE.compile("live.exists(network, item.address.within(network.asset.address))")
ANSWERS = ONE.compile(
    "live.exists(network, network.value.exists(host, host.address == item.address || item.address in host.names))"
)


@given(NETWORKS, st.lists(ADDRESSES, max_size=5))
def test_listed_is_what_each_host_would_be(live: list[dict[str, list[dict[str, object]]]], known: list[str]) -> None:
    hosts = [host for network in live for host in network["value"]]
    wanted = [{**host, "listed": IS_LISTED.holds(Binding({"live": live, "item": host, "known": known}))} for host in hosts]
    assert LISTED.value(Binding({"live": live, "known": known, "hosts": []})) == wanted


@given(NETWORKS, st.lists(ADDRESSES, max_size=5))
def test_sought_is_what_each_host_would_be(live: list[dict[str, object]], addresses: list[str]) -> None:
    hosts = [{"uid": f"d/{n}", "name": "x", "address": address} for n, address in enumerate(addresses)]
    wanted = []
    for host in hosts:
        one = Binding({"live": live, "item": host, "known": []})
        own = {"uid": host["uid"], "address": host["address"]}
        wanted.append({**own, "scanned": IS_SCANNED.holds(one), "answers": ANSWERS.holds(one)})
    assert SOUGHT.value(Binding({"live": live, "known": [], "hosts": hosts})) == wanted


def test_a_network_of_more_hosts_than_an_evaluation_may_iterate() -> None:
    """Regression: each host of the inventory was held against each that answered, which ended in an error beyond 10,000."""
    value = [{"address": f"10.1.{n // 250}.{n % 250}", "names": []} for n in range(12_000)]
    live = [{"asset": {"address": "10.1.0.0/16"}, "value": value}]
    hosts = [{"uid": "d/a", "name": "a", "address": "10.1.47.9"}, {"uid": "d/b", "name": "b", "address": "10.1.99.9"}]
    found = SOUGHT.value(Binding({"live": live, "known": [], "hosts": hosts}))
    assert found == [
        {"uid": "d/a", "address": "10.1.47.9", "scanned": True, "answers": True},
        {"uid": "d/b", "address": "10.1.99.9", "scanned": True, "answers": False},
    ]


def test_a_host_that_is_listed_in_another_writing_answers() -> None:
    """Regression, false failure: a host listed as FD00:0::7 was silent, because fd00::7 answered."""
    live = [{"asset": {"address": "fd00::/64"}, "value": [{"address": "fd00::7", "names": ["FD00:0::7"]}]}]
    hosts = [{"uid": "d/a", "name": "a", "address": "FD00:0::7"}]
    found = SOUGHT.value(Binding({"live": live, "known": [], "hosts": hosts}))
    assert found == [{"uid": "d/a", "address": "FD00:0::7", "scanned": True, "answers": True}]


@pytest.mark.parametrize(
    ("address", "family"),
    [("10.0.0.5", "ipv4"), ("fd00::5", "ipv6"), ("db.health.example", "name"), ("10.0.0.5.example", "name"), ("", "name")],
)
def test_what_an_address_is(address: str, family: str) -> None:
    """By it checks tell which of a firewall's rules hold; a name may lead to an address of either protocol."""
    assert bind_asset(Asset("d/h", AssetKind.HOST, "d", "h", address))["family"] == family
