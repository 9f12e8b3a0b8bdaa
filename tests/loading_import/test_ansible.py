"""Ansible's words become ours; secrets stay behind, and what only Ansible could evaluate is not guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.loading.importing import Imported
from auditor.loading.importing.ansible import parse_ansible
from auditor.loading.importing.groups import expand

INI = """\
# a comment
lonely ansible_host=10.0.0.9
[web]
web[01:03].example.org:2222 ansible_user=ops ansible_password="hunter2 with space"
[db]
db1 ansible_host=10.0.0.5 ansible_port=2200 ansible_user=dba  # remark
[prod:children]
web
db
[prod:vars]
ansible_user=everyone
ansible_ssh_private_key_file=~/.ssh/prod
ansible_ssh_common_args='-o ProxyJump=jump@bastion:22,second'
[all:vars]
ansible_user=nobody
"""

YAML = """\
---
all:
  vars: {ansible_user: nobody}
  hosts:
    lonely: {ansible_host: 10.0.0.9}
  children:
    prod:
      vars:
        ansible_user: everyone
        ansible_ssh_private_key_file: ~/.ssh/prod
        ansible_ssh_common_args: -o ProxyJump=jump@bastion:22,second
      children:
        web:
          hosts:
            web[01:03].example.org: {ansible_port: 2222, ansible_user: ops, ansible_password: !vault x}
        db:
          hosts:
            db1: {ansible_host: 10.0.0.5, ansible_port: 2200, ansible_user: dba}
"""


def read(text: str, file: str = "hosts") -> Imported:
    return parse_ansible(text.encode(), file)


def told(imported: Imported) -> str:
    return "\n".join(str(mistake) for mistake in imported.mistakes)


@pytest.mark.parametrize(("text", "file"), [(INI, "hosts.ini"), (INI, "hosts"), (YAML, "hosts.yml"), (YAML, "hosts")])
def test_groups_variables_and_ranges(text: str, file: str):
    """Both forms, told by name or by content, give the same hosts: nearer groups and the host itself overrule farther ones."""
    found = read(text, file)
    assert told(found) == ""
    hosts = {host.name: host for host in found.hosts}
    assert sorted(hosts) == ["db1", "lonely", "web01.example.org", "web02.example.org", "web03.example.org"]
    assert hosts["lonely"].entry() == {"name": "lonely", "address": "10.0.0.9", "user": "nobody"}
    assert hosts["web02.example.org"].entry() == {
        "name": "web02.example.org",
        "address": "web02.example.org",
        "tags": ["prod", "web"],
        "user": "ops",
        "port": 2222,
        "key": "~/.ssh/prod",
        "jump": ["jump@bastion:22", "second"],
    }
    assert (hosts["db1"].address, hosts["db1"].port, hosts["db1"].user) == ("10.0.0.5", 2200, "dba")
    assert len(found.notes) == 3
    assert all("ansible_password" in note.message and "password_env" in note.message for note in found.notes)


def test_group_variables_overrule_those_of_groups_above():
    """A child group's user wins over its parent's, whatever the order in the file."""
    found = read("[a:vars]\nansible_user=child\n[z:vars]\nansible_user=parent\n[z:children]\na\n[a]\nweb ansible_host=10.0.0.1\n")
    assert [host.user for host in found.hosts] == ["child"]


@pytest.mark.parametrize(
    "text",
    [
        "web ansible_host=10.0.0.1 ansible_password=hunter2 and more",
        "web ansible_host=10.0.0.1 ansible_ssh_private_key_file='$6$saltsalt$hunter2hunter2'",
        "web ansible_host=10.0.0.1 ansible_become_pass='hunter2'",
        "[x:vars]\nansible_password hunter2",
        "all: {hosts: {web: {ansible_host: 10.0.0.1, vault_token: hunter2}}}",
        "all: {hosts: {web: {ansible_host: 10.0.0.1, ansible_password: *hunter2}}}",
        "all:\n  hosts:\n    web:\n      ansible_password: !vault |\n        $ANSIBLE_VAULT;1.1\n        hunter2\n",
    ],
)
def test_no_secret_is_ever_printed_or_kept(text: str):
    """However it was written, the secret is in no host, no mistake and no note, and something is said of it."""
    found = read(text)
    assert "hunter2" not in repr(found)
    assert found.notes or found.mistakes


def test_jinja_is_not_guessed():
    """A template in a value that is needed keeps the host out; in one that is not, it does not matter."""
    found = read("web ansible_host='{{ ip }}'\ndb ansible_host=10.0.0.2 motd='{{ x }}'\n")
    assert [host.name for host in found.hosts] == ["db"]
    assert "Jinja is not evaluated" in told(found)


def test_hosts_that_are_not_reached_over_ssh():
    """A device of another way in is seen from the network only, and that is said."""
    found = read("sw ansible_host=10.0.0.1 ansible_connection=ansible.netcommon.netconf\n")
    assert [(host.name, host.connection) for host in found.hosts] == [("sw", "none")]
    assert "connection: none" in found.notes[0].message


@pytest.mark.parametrize("way", ["winrm", "psrp", "ansible.builtin.winrm"])
def test_a_windows_host_stays_in_the_plan(way: str):
    """Regression: it became a Linux host without a connection, no check was planned on it, and coverage rose for it."""
    found = read(f"win ansible_host=10.0.0.1 ansible_port=5986 ansible_connection={way}\n")
    assert [(h.platform, h.connection, h.port) for h in found.hosts] == [("windows", None, None)]
    assert "platform: windows" in found.notes[0].message


def test_only_this_machine_is_local():
    """Regression, false pass: network devices, worked on from Ansible's own machine, were judged by what the auditor's says."""
    local = "ansible_connection=local"
    found = read(f"sw {local} ansible_host=10.0.0.1\nname {local}\nme ansible_host=127.0.0.1 {local}\nlocalhost {local}\n")
    assert [(host.name, host.connection) for host in found.hosts] == [
        ("sw", "none"),
        ("name", "none"),
        ("me", "local"),
        ("localhost", "local"),
    ]
    assert ["worked on from Ansible's own machine" in note.message for note in found.notes] == [True, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[web:varz]\n", "hosts:1:1: unknown kind of section 'varz'; expected vars or children; did you mean vars?"),
        ("web 'open\n", "quotes"),
        ("web word\n", "a word without «=»"),
        ("ansible_host=10.0.0.1\n", "begins with no host's name"),
        ("web[9:1]\n", "is empty or too long"),
        ("web[1:999999999]\n", "too long"),
        ("web[a:9]\n", "not a range"),
        ("w[1:2:0]\n", "not a range"),
        ("web ansible_port=none ansible_host=10.0.0.1\n", 'port is "none"; expected a port from 1 to 65535'),
        ("all: [1]\n", "not a mapping"),
        ("all: {host: {}}\n", "expected hosts, vars, children"),
        ("- web\n", "expected groups with their hosts"),
        ("---\n- web\n", "expected groups with their hosts"),
        ("web ansible_host=8.8.8.8\n", "is a public address"),
    ],
)
def test_mistakes_are_named(text: str, said: str):
    """Each is told with its place and what was expected."""
    found = read(text)
    assert said in told(found)
    assert found.hosts == ()


def test_public_addresses_can_be_meant():
    """With ``public`` the same host is taken, marked as meant."""
    (host,) = parse_ansible(b"web ansible_host=8.8.8.8\n", "hosts", public=True).hosts
    assert host.public is True


def test_groups_that_contain_themselves_end():
    """A circle of groups is no endless walk."""
    found = read("[a:children]\nb\n[b:children]\na\n[b]\nweb ansible_host=10.0.0.1\n")
    assert [host.tags for host in found.hosts] == [("a", "b")]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("web", ("web",)),
        ("w[08:10]", ("w08", "w09", "w10")),
        ("w[1:5:2]x", ("w1x", "w3x", "w5x")),
        ("[a:b][1:2]", ("a1", "a2", "b1", "b2")),
    ],
)
def test_ranges(pattern: str, names: tuple[str, ...]):
    """Leading zeros are kept; steps, letters and several ranges in one name are understood."""
    assert expand(pattern) == names


def test_ranges_that_multiply_are_refused():
    """Two ranges in one name cannot be made to fill memory."""
    with pytest.raises(ValueError, match="more than"):
        expand("[1:9999][1:9999]")


def test_ipv6_in_brackets_is_an_address():
    """Brackets around an IPv6 address are no section and no range."""
    (host,) = read("[2001:db8::1]:2222\n").hosts
    assert (host.address, host.port) == ("2001:db8::1", 2222)


LINES = st.sampled_from(
    [
        "[web]",
        "[web:vars]",
        "[a:children]",
        "a",
        "web[1:3]",
        "ansible_port=22",
        "x ansible_host=10.0.0.1",
        "'",
        "{{",
        "all:",
        " - b: c",
    ]
)


@given(
    st.one_of(st.binary(max_size=200), st.lists(LINES | st.text(max_size=20), max_size=12).map(lambda ls: "\n".join(ls).encode()))
)
@settings(max_examples=200)
def test_any_bytes_are_hosts_or_mistakes(data: bytes):
    """No bytes make either reader raise."""
    for file in ("hosts.ini", "hosts.yml", "hosts"):
        assert isinstance(parse_ansible(data, file), Imported)
