"""What is secret in files and stays there, and what only looks like it: proxies with passwords, keys beside certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, SHELLS, fact, let_in, run, script

each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])


def proxies(shell: list[str], folder: Path, **files: str) -> tuple[str, Any]:
    """What the probe prints of such files, and the value."""
    names = {"dnf": "/etc/dnf/dnf.conf", "yum": "/etc/yum.conf", "environment": "/etc/environment", "apt": "/usr/bin/apt-config"}
    text = script("proxy_settings").replace("apt-config dump", f"sh {folder}/apt")
    for name, path in names.items():
        text = text.replace(path, f"{folder}/{name}")
        if name in files:
            (folder / name).write_text(files[name])
    # the parser knows dnf's file by its path
    output = run(shell, text).stdout.replace(f"file={folder}/dnf", "file=/etc/dnf/dnf.conf").replace(f"{folder}/", "/etc/")
    return output, [(item["source"], item["name"], item["url"]) for item in fact("proxy_settings").value(output, {})]


@each_shell
def test_passwords_of_proxies_stay_on_the_host(shell: list[str], tmp_path: Path) -> None:
    """Regression: dnf's proxy_password left the host, and so did the end of a password with an @ in it."""
    output, told = proxies(
        shell,
        tmp_path,
        dnf="[main]\nproxy=http://proxyuser.example:3128\nproxy_username=amal\nproxy_password = Geheim1\n",
        environment='http_proxy="http://amal:Geheim2@Geheim3@a.example:1/"\nhttps_proxy=amal:Geheim4@b.example:2\n',
    )
    assert "Geheim" not in output
    assert "amal" not in output
    assert told == [
        ("/etc/environment", "http_proxy", "http://a.example:1/"),
        ("/etc/environment", "https_proxy", "b.example:2"),
        ("/etc/dnf/dnf.conf", "https_proxy", "http://proxyuser.example:3128"),
    ]


@each_shell
def test_a_proxy_is_told_once_and_whatever_apt_s_syntax(shell: list[str], tmp_path: Path) -> None:
    """Regression: RHEL's yum.conf, a link to dnf.conf, told each proxy twice; a proxy in a block of apt's was not told at all."""
    (tmp_path / "yum").symlink_to(tmp_path / "dnf")
    dump = "echo 'APT::Architecture \"amd64\";'\necho 'Acquire::http::Proxy \"http://a:b@proxy.example:3128\";'\n"
    _, told = proxies(shell, tmp_path, dnf="[main]\nproxy=http://proxy.example:3128\n", apt=dump)
    assert told == [
        ("/etc/dnf/dnf.conf", "https_proxy", "http://proxy.example:3128"),
        ("apt-config", "http_proxy", "http://proxy.example:3128"),
    ]
    lines = (
        "file=/etc/apt/apt.conf",
        'line=Acquire::http::Proxy "http://a";',
        "file=apt-config",
        'line=Acquire::http::Proxy "http://a";',
    )
    value: Any = fact("proxy_settings").value("\n".join([*lines, "end"]), {})
    assert [item["source"] for item in value] == ["/etc/apt/apt.conf"]


@each_shell
def test_the_proxy_of_rhel_s_subscriptions_is_told(shell: list[str], tmp_path: Path) -> None:
    """Regression: web-proxy-set passed by another proxy in rhsm.conf, and failed hosts that have the approved one there alone."""

    def told(conf: str) -> list[tuple[str, str]]:
        (tmp_path / "rhsm.conf").write_text(conf)
        output = run(shell, ALLOWED + script("proxy_settings").replace("/etc/rhsm", str(tmp_path))).stdout
        assert "Geheim" not in output
        value: Any = fact("proxy_settings").value(output.replace(f"file={tmp_path}", "file=/etc/rhsm"), {})
        return [(item["name"], item["url"]) for item in value if item["source"] == "/etc/rhsm/rhsm.conf"]

    head = "[server]\nhostname = subscription.rhsm.redhat.com\n# proxy_hostname = old.example\nno_proxy =\n"
    packaged = "proxy_hostname =\nproxy_scheme = http\nproxy_port =\nproxy_user =\nproxy_password =\n"
    secrets = "proxy_user = Geheim1\nproxy_password = Geheim2 proxy\n  proxy_Geheim3\n"
    assert told(f"{head}{packaged}") == []
    assert told(f"{head}proxy_hostname = p.example\nproxy_port=3128\n{secrets}[rhsm]\nproxy_port = 1\n") == [
        ("https_proxy", "http://p.example:3128")
    ]
    assert told(f"{head}Proxy_Hostname: Geheim4:Geheim5@p.example\nproxy_scheme = https\n") == [
        ("https_proxy", "https://p.example")
    ]


@each_shell
def test_a_proxy_that_apt_does_not_read_is_none(shell: list[str], tmp_path: Path) -> None:
    """Regression: web-proxy-set passed a host whose proxy stood in 90curtin-aptproxy.disabled, which apt passes by."""
    for name in ("90proxy", "91-proxy.conf", "90curtin-aptproxy.disabled", "90proxy~", "90proxy.dpkg-old"):
        (tmp_path / name).write_text(f'Acquire::http::Proxy "http://{len(name)}.example";\n')
    text = script("proxy_settings").replace("/etc/apt/apt.conf.d", str(tmp_path)).replace("/usr/bin/apt-config", "/nowhere")
    told = [line for line in run(shell, text).stdout.splitlines() if str(tmp_path) in line]
    assert [Path(line).name for line in told] == ["90proxy", "91-proxy.conf"]


def test_a_proxy_in_a_variable_is_followed() -> None:
    """Regression: web-proxy-set failed hosts whose profile says `export HTTP_PROXY=$http_proxy`, or has a part in PROXY_HOST."""

    def urls(path: str, *lines: str) -> list[str]:
        told: Any = fact("proxy_settings").value("\n".join([f"file={path}", *(f"line={line}" for line in lines), "end"]), {})
        return [item["url"] for item in told]

    url = "http://proxy.example:3128"
    profile = "/etc/profile.d/proxy.sh"
    assert urls(profile, f"export http_proxy={url} https_proxy=$http_proxy", 'export HTTP_PROXY="${http_proxy}"') == [url] * 3
    assert urls(profile, "PROXY_HOST=proxy.example", "http_proxy=http://$PROXY_HOST:3128; export http_proxy") == [url]
    assert urls(profile, "export http_proxy=$ELSEWHERE") == ["$ELSEWHERE"]
    assert urls("/etc/environment", f"http_proxy={url}", "https_proxy=$http_proxy") == [url, "$http_proxy"]


def walked(shell: list[str], root: Path, files: dict[str, str], listing: str = "/bin/ls") -> Any:
    """The value of a walk over a root with such files."""
    for name, text in {**files, "etc/passwd": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        (root / name).chmod(0o644)
    walk = (
        script("file_walk")
        .replace("/usr/bin/find / ", f"/usr/bin/find {root} ")
        .replace("-path /etc/passwd", f"-path {root}/etc/passwd")
        .replace("/bin/ls", listing)
    )
    for folder in ("/var/lib/systemd/coredump", "/var/crash", "/home/*/.local", "/usr/*", "/usr/local/*", "/usr/share/nginx"):
        walk = walk.replace(folder, f"{root}{folder}")
    return fact("file_walk").value(run(shell, ALLOWED + walk).stdout, {})


@each_shell
def test_certificates_alone_are_no_key(shell: list[str], tmp_path: Path) -> None:
    """Regression: the public certificates that RHEL and Ubuntu install as .pem failed file-private-key-readable."""
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    files = {
        "pki/product-default/479.pem": certificate,
        "pki/both.pem": certificate + key,
        "pki/web.pem": key,
        "pki/binary.pem": "0\x82\x04",
        "pki/server.key": certificate,
        "pki/huge.pem": certificate + "\n" * 2**20,
    }
    names = [Path(item["path"]).name for item in walked(shell, tmp_path, files)["readable_keys"]]
    assert names == ["binary.pem", "both.pem", "huge.pem", "server.key", "web.pem"]


@each_shell
def test_an_access_control_list_of_a_key_is_told(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: a key of 0600 that `setfacl -m u:4242:r` opens was a 0640 of root's group, which is allowed."""
    files = {f"pki/{name}.key": "x" for name in ("closed", "open", "listed", "a\nkey|f|644|root|root|")}
    walked(shell, tmp_path, files)
    for name, mode in (("closed", 0o600), ("open", 0o640), ("listed", 0o600)):
        (tmp_path / f"pki/{name}.key").chmod(mode)
    let_in(tmp_path / "pki/listed.key", 4)
    keys = walked(shell, tmp_path, {})["readable_keys"]
    assert {Path(item["path"]).name: (item["mode"], item.get("acl", False)) for item in keys} == {
        "listed.key": ("0640", True),
        "open.key": ("0640", False),
        "a?key|f|644|root|root|.key": ("0644", False),
    }


@each_shell
def test_where_nothing_tells_of_access_control_lists_there_may_be_one(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: a command that fails is no proof that a key has none."""
    value = walked(shell, tmp_path, {"a.key": "x"}, listing="/bin/false")
    assert [item.get("acl") for item in value["readable_keys"]] == [True]


@each_shell
def test_what_people_s_own_containers_keep_is_left_out(shell: list[str], tmp_path: Path) -> None:
    """Regression: one user's podman on a RHEL filled the walk with files of no known owner, up to its end as unknown."""
    kept = "home/u/.local/share/containers/storage/overlay/1/diff/etc/x"
    walked(shell, tmp_path, {kept: "", "home/u/.local/share/x": ""})
    for name in (kept, "home/u/.local/share/x"):
        (tmp_path / name).chmod(0o666)
    told = walked(shell, tmp_path, {})["world_writable"]
    assert [item["path"] for item in told] == [f"{tmp_path}/home/u/.local/share/x"]


@each_shell
def test_memory_dumps_of_systemd_and_apport_are_found(shell: list[str], tmp_path: Path) -> None:
    """Regression: file-core-dumps passed by RHEL's /var/lib/systemd/coredump and Ubuntu's /var/crash, however full."""
    kept, report = "var/lib/systemd/coredump/core.httpd.48.0f1e.1234.1795300000000000.lz4", "var/crash/_usr_bin_named.110.crash"
    files = {
        kept: "x",
        report: "ProblemType: Crash\nCoreDump: base64\n H4sICAAAAAAC\n",
        "var/crash/_usr_bin_apport-cli.1000.crash": "ProblemType: Crash\nTraceback:\n Traceback (most recent call last):\n",
        "srv/core.1234": "x" * 2**17,
        "srv/core.conf": "x" * 2**17,
    }
    told = walked(shell, tmp_path, files)["core_dumps"]
    assert [item["path"] for item in told] == sorted(f"{tmp_path}/{name}" for name in (kept, report, "srv/core.1234"))


@each_shell
def test_memory_dumps_of_the_kernel_are_found(shell: list[str], tmp_path: Path) -> None:
    """Regression: file-core-dumps passed by what kdump keeps, under RHEL's name and Debian's and Ubuntu's."""
    folder, large = "var/crash/127.0.0.1-2026-11-20-10:00:00", "x" * 2**17
    kept = (f"{folder}/vmcore", f"{folder}/vmcore-incomplete", "var/crash/202611201000/dump.202611201000")
    beside = (
        f"{folder}/vmcore-dmesg.txt",
        f"{folder}/kexec-dmesg.log",
        "var/crash/202611201000/dmesg.202611201000",
        "srv/vmcore",
    )
    told = walked(shell, tmp_path, {**dict.fromkeys((*kept, *beside), large), "var/crash/empty/vmcore-incomplete": ""})
    assert [item["path"] for item in told["core_dumps"]] == sorted(f"{tmp_path}/{name}" for name in kept)


@each_shell
def test_credentials_of_snaps_and_behind_a_link_are_found(shell: list[str], tmp_path: Path) -> None:
    """Regression: doctl's and rclone's files under ~/snap were passed by, and all files where /home is a link to /var/home."""
    found = ("u/.aws/credentials", "u/snap/doctl/1445/.config/doctl/config.yaml", "u/x/.kube/config")
    told_as = (found[0], found[1].replace("1445", "*"), found[2])
    for name in (*found, "u/a/b/.kube/config", "u/a/b/c/d/.aws/credentials"):
        (tmp_path / "var/home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "var/home" / name).write_text("x")
    (tmp_path / "root").mkdir()
    (tmp_path / "home").symlink_to("var/home")
    text = script("cloud_credentials").replace("/home", f"{tmp_path}/home").replace("/root", f"{tmp_path}/root")
    told: Any = fact("cloud_credentials").value(run(shell, ALLOWED + text).stdout, {})
    assert [item["path"] for item in told] == [f"{tmp_path}/home/{name}" for name in told_as]


def test_a_snap_s_refresh_makes_no_other_file_of_it() -> None:
    """Regression: the revision stood in the finding's subject, so that each refresh closed the finding and opened another."""

    def told(*lines: str) -> list[tuple[str, str, str]]:
        value: Any = fact("cloud_credentials").value("\n".join([*(f"file={line}" for line in lines), "end"]), {})
        return [(item["path"], item["owner"], item["mode"]) for item in value]

    path = "/home/mona/snap/doctl/{}/.config/doctl/config.yaml"
    one = (path.format("*"), "mona", "0644")
    assert told(f"644 mona {path.format(1445)}") == told(f"644 mona {path.format(1500)}") == [one]
    assert told(f"644 mona {path.format('x1')}", f"600 mona {path.format('x2')}") == [one], "nothing open is lost"
    assert told(f"600 root {path.format(1)}", f"600 mona {path.format(2)}") == [(one[0], "root mona", "0600")]
    assert told(f"600 mona {path.format('common')}") == [(path.format("common"), "mona", "0600")]
    assert told("600 root /root/snap/rclone/546/.config/rclone/rclone.conf")[0][0].startswith("/root/snap/rclone/*/")
    assert told("600 a /home/a/1/.kube/config", "644 a /home/a/2/.kube/config")[1][2] == "0644", "of snaps alone"


def test_variables_that_name_each_other_are_not_followed_for_ever() -> None:
    """Regression: thirty lines of a hostile host's profile grew into gigabytes."""
    lines = ["file=/etc/profile.d/proxy.sh", "line=A0=http://x"]
    lines += [f"line=A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 40)]
    with pytest.raises(ParseError, match="more than 10000 characters"):
        fact("proxy_settings").value("\n".join([*lines, "end"]), {})


@each_shell
def test_what_administrators_keep_in_usr_local_is_looked_at(shell: list[str], tmp_path: Path) -> None:
    """Regression: keys, dumps and memory dumps below /usr/local passed, as though the distribution had put them there."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    files = {"usr/local/nginx/conf/web.key": key, "usr/local/backup/people.sql": "x", "usr/local/srv/core": "x" * 70_000}
    value = walked(shell, tmp_path, {**files, "usr/share/doc/example.key": key})
    told = {
        name: [item["path"].removeprefix(f"{tmp_path}/") for item in value[name]]
        for name in ("readable_keys", "dumps", "core_dumps")
    }
    assert told == {
        "readable_keys": ["usr/local/nginx/conf/web.key"],
        "dumps": ["usr/local/backup/people.sql"],
        "core_dumps": ["usr/local/srv/core"],
    }


@each_shell
def test_keys_by_more_names_and_public_ones(shell: list[str], tmp_path: Path) -> None:
    """Regression: WEB.PFX, PuTTY's and PKCS#8 keys passed; the public .key that a repository signs with failed."""
    public = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQIN\n-----END PGP PUBLIC KEY BLOCK-----\n"
    private = public + "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOY\n"
    files = {
        **{
            "etc/apt/keyrings/vendor.key": public,
            "etc/vpn/both.key": private,
            "etc/vpn/ta.key": "-----BEGIN OpenVPN Static key V1-----\n",
        },
        **{
            "srv/WEB.PFX": "0",
            "home/amal/login.ppk": "PuTTY-User-Key-File-3",
            "opt/app/sign.p8": "0",
            "opt/app/app.keystore": "0",
        },
    }
    found = [item["path"].removeprefix(f"{tmp_path}/") for item in walked(shell, tmp_path, files)["readable_keys"]]
    secret = sorted(set(files) - {"etc/apt/keyrings/vendor.key"})
    assert found == secret
