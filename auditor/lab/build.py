"""Writes everything a host needs to start into the lab's state folder; starts nothing."""

from __future__ import annotations

import importlib.resources
import shlex
from dataclasses import dataclass
from pathlib import Path

from auditor.lab.base import AUDITOR_MAY_ALL, STAFF, SUDOERS_OF_AUDITOR, SYSCTLS, write_base
from auditor.lab.defects import DEFECTS, Defect, tls_server
from auditor.lab.machine import run
from auditor.lab.network import Network
from auditor.lab.roots import MACHINE, root_of
from auditor.lab.spec import HARDENED, HostSpec, Login, host_spec
from auditor.lab.tree import Tree


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in the state folder."""

    state: Path

    @property
    def record(self) -> Path:
        """What the lab remembers of itself between commands."""
        return self.state / "lab.json"

    @property
    def base(self) -> Path:
        """The files all hosts share."""
        return self.state / "base"

    @property
    def keys(self) -> Path:
        """The auditor's key and the hosts' keys."""
        return self.state / "keys"

    def host(self, uid: str) -> Path:
        """One host's folder."""
        return self.state / "hosts" / uid

    def pristine(self, uid: str) -> Tree:
        """A host's files without any defect."""
        return Tree(self.host(uid) / "files", (self.base, root_of(host_spec(uid).release)))


def build(layout: Layout, net: Network, specs: tuple[HostSpec, ...]) -> None:
    """Write keys, files, mount tables and network settings of the hosts."""
    layout.keys.mkdir(mode=0o700)
    (layout.state / "mnt").mkdir()
    fakes = layout.state / "sysctl"
    fakes.mkdir()
    for name, value in SYSCTLS.items():
        if not name.startswith("net."):
            (fakes / name).write_text(f"{value}\n", encoding="utf-8")
    layout.base.mkdir()
    base = Tree(layout.base, (MACHINE,))
    write_base(base)
    base.folder("/etc/lab", 0o755)
    base.write("/usr/local/lib/lab/hostile", _resource("hostile.sh"), 0o755)
    (layout.state / "host.sh").write_text(_resource("host.sh"), encoding="utf-8")
    _make_keys(layout, specs)
    jumps = {spec.jump for spec in specs}
    for spec in specs:
        _build_host(layout, net, spec, jumps)


def _resource(name: str) -> str:
    return importlib.resources.files("auditor.lab").joinpath(name).read_text(encoding="utf-8")


def _make_keys(layout: Layout, specs: tuple[HostSpec, ...]) -> None:
    """One shell makes all keys: the auditor's, one for each host, one that is no host's, and the TLS certificates."""
    names = ["lab", "stranger", *(s.uid for s in specs if not s.twin)]
    lines = [f"ssh-keygen -q -t ed25519 -N '' -C {name} -f {name}" for name in names]
    request = "openssl req -x509 -nodes -subj /CN=lab.example.org -keyout {0}.key -out {0}.crt {1} 2>/dev/null"
    lines.append(request.format("good", "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -days 365"))
    needed = {defect for spec in specs for defect in spec.defects}
    if needed & {"expired-certificate", "weak-certificate"}:
        lines.append(request.format("weak", "-newkey rsa:1024 -sha1 -days 365"))
        lines.append("openssl req -new -key good.key -subj /CN=lab.example.org -out expired.csr 2>/dev/null")
        lines += ["mkdir ca", ": > ca/index", "echo 01 > ca/serial", f"printf '%s' {shlex.quote(_CA)} > ca/ca.cnf"]
        ca = "openssl ca -batch -config ca/ca.cnf -selfsign -keyfile good.key -in expired.csr -out expired.crt -notext"
        lines.append(f"{ca} -startdate 20230101000000Z -enddate 20240101000000Z 2>/dev/null")
        lines += ["cp good.key expired.key", "rm -rf ca expired.csr"]
    run("sh", "-c", "set -e; umask 077; cd " + shlex.quote(str(layout.keys)) + "\n" + "\n".join(lines))


_CA = """[ca]
default_ca = lab
[lab]
dir = ca
new_certs_dir = ca
database = ca/index
serial = ca/serial
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def _build_host(layout: Layout, net: Network, spec: HostSpec, jumps: set[str]) -> None:
    folder = layout.host(spec.uid)
    for layer in ("files", "planted"):
        (folder / layer).mkdir(parents=True)
    root = root_of(spec.release)
    tree = Tree(folder / "files", (layout.base, root))
    (folder / "top").write_text(f"{root}\n", encoding="utf-8")
    if spec.release:
        _write_release(tree, root)
    _write_identity(layout, tree, net, spec)
    _write_access(layout, tree, spec)
    planted = Tree(folder / "planted", (tree.top, *tree.under))
    defects = [DEFECTS[name] for name in spec.defects]
    for defect in defects:
        if defect.plant is not None:
            defect.plant(planted)
    commands = ([tls_server(443, "good")] if spec.uid == HARDENED else []) + [c for d in defects for c in d.services]
    tree.write("/boot/services", "".join(f"{background(c)}\n" for c in commands), 0o600)
    tree.mode("/boot/services", 0o600)
    if any(d.firewall for d in defects):
        planted.write("/etc/nftables.conf", "flush ruleset\n", 0o600)
    (folder / "sysctl").write_text(_sysctls(defects), encoding="utf-8")
    (folder / "network").write_text(_network(net, spec, jumps=spec.uid in jumps), encoding="utf-8")
    for name, text in _mount_tables(layout.state, root).items():
        (folder / name).write_text(text, encoding="utf-8")


def _write_release(tree: Tree, root: Path) -> None:
    """What the base says of this machine's release, as the other release has it."""
    tree.write("/etc/os-release", (root / "usr/lib/os-release").read_text(encoding="utf-8"), 0o644)
    known = run("chroot", str(root), "/usr/bin/ssh", "-Q", "kex").stdout.split()
    lines = tree.read("/etc/ssh/sshd_config").splitlines()
    for at, line in enumerate(lines):
        option, _blank, value = line.partition(" ")
        if option == "KexAlgorithms":
            lines[at] = f"{option} {','.join(name for name in value.split(',') if name in known)}"
    tree.write("/etc/ssh/sshd_config", "\n".join(lines) + "\n", 0o600)


def background(command: tuple[str, ...]) -> str:
    """A service's command as a line of shell."""
    return f"{shlex.join(command)} </dev/null >/dev/null 2>&1 &"


def _write_identity(layout: Layout, tree: Tree, net: Network, spec: HostSpec) -> None:
    address = net.address(spec.subnet, spec.number)
    tree.write("/etc/hostname", f"{spec.name}\n", 0o644)
    tree.write("/etc/hosts", f"127.0.0.1 localhost\n{address} {spec.name}\n", 0o644)
    key = layout.keys / (spec.twin or spec.uid)
    tree.write("/etc/ssh/ssh_host_ed25519_key", key.read_text(encoding="utf-8"), 0o600)
    tree.write("/etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub").read_text(encoding="utf-8"), 0o644)
    for certificate in ("good", "weak", "expired"):
        if (layout.keys / f"{certificate}.crt").exists():
            tree.write(f"/etc/lab/{certificate}.crt", (layout.keys / f"{certificate}.crt").read_text(encoding="utf-8"), 0o644)
            tree.write(f"/etc/lab/{certificate}.key", (layout.keys / f"{certificate}.key").read_text(encoding="utf-8"), 0o600)
    if spec.shell != "dash":
        tree.link("/usr/bin/sh", spec.shell)
    if "bastion" in spec.tags:
        tree.write(
            "/etc/ssh/sshd_config",
            tree.read("/etc/ssh/sshd_config").replace("AllowTcpForwarding no", "AllowTcpForwarding yes"),
            0o600,
        )


def _write_access(layout: Layout, tree: Tree, spec: HostSpec) -> None:
    uid = dict(STAFF)["auditor"]
    tree.folder("/home/auditor/.ssh", 0o700, uid, uid)
    tree.mode("/home/auditor", 0o700, uid, uid)
    key = "stranger" if spec.login is Login.REFUSED else "lab"
    tree.write("/home/auditor/.ssh/authorized_keys", (layout.keys / f"{key}.pub").read_text(encoding="utf-8"), 0o600, uid, uid)
    if spec.login in (Login.SUDO, Login.REFUSED):
        tree.write(SUDOERS_OF_AUDITOR, AUDITOR_MAY_ALL, 0o440)


def _sysctls(defects: list[Defect]) -> str:
    values = {k: v for k, v in SYSCTLS.items() if k.startswith("net.")}
    values |= {k: v for d in defects for k, v in d.sysctls}
    return "".join(f"{sysctl_path(k)} {v}\n" for k, v in values.items())


def sysctl_path(name: str) -> str:
    """Where the kernel keeps a setting."""
    return f"/proc/sys/{name.replace('.', '/')}"


def _network(net: Network, spec: HostSpec, jumps: bool) -> str:
    lines = ["link set lo up", f"addr add {net.address(spec.subnet, spec.number)}/24 dev eth0", "link set eth0 up"]
    if not spec.jump:
        lines.append(f"route add {net.auditor} dev eth0")
    if jumps:
        lines += [f"addr add {net.address(0, 1)}/24 dev eth1", "link set eth1 up"]
    return "\n".join(lines) + "\n"


def _mount_tables(state: Path, top: Path) -> dict[str, str]:
    """The host's mounts in the order of its starting: its root, what is laid over it, what hides this machine's kernel."""
    mnt, new = state / "mnt", state / "mnt" / "root"

    def overlay(lower: str, upper: str) -> str:
        options = f"lowerdir={top / lower.lstrip('/')},upperdir={mnt / upper},workdir={mnt / upper}.work,x-mount.mkdir"
        return _entry("overlay", new / lower.lstrip("/"), "overlay", options)

    def tmpfs(path: str, options: str, size: str = "32m") -> str:
        return _entry("tmpfs", new / path, "tmpfs", f"{options},size={size},x-mount.mkdir")

    root = _entry("root", new, "tmpfs", "mode=0755,size=128m") + overlay("/etc", "etc") + overlay("/usr", "usr")
    root += overlay("/var/lib", "lib") + _entry("proc", new / "proc", "proc", "nosuid,nodev,noexec,x-mount.mkdir")
    usual = "nosuid,nodev,noexec"
    rest = _entry("sysfs", new / "sys", "sysfs", f"ro,{usual},x-mount.mkdir")
    rest += tmpfs("dev", "nosuid,mode=0755,noexec", "1m") + _entry(
        "devpts", new / "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5,x-mount.mkdir"
    )
    rest += tmpfs("dev/shm", f"{usual},mode=1777") + tmpfs("run", f"{usual},mode=0755") + tmpfs("tmp", f"{usual},mode=1777")
    rest += (
        tmpfs("var/tmp", f"{usual},mode=1777") + tmpfs("var/log", f"{usual},mode=0755") + tmpfs("home", "nosuid,nodev,mode=0755")
    )
    fakes = "".join(
        _entry(str(state / "sysctl" / name), Path(f"{new}{sysctl_path(name)}"), "none", "bind,ro")
        for name in SYSCTLS
        if not name.startswith("net.") and Path(sysctl_path(name)).exists()
    )
    late = _entry(str(new / "proc/sys"), new / "proc/sys", "none", "bind,ro") + fakes
    return {"fstab.root": root, "fstab": rest, "fstab.late": late}


def _entry(source: str, target: Path, kind: str, options: str) -> str:
    fields = (source, str(target), kind, options)
    return " ".join(field.replace(" ", "\\040") for field in fields) + " 0 0\n"
