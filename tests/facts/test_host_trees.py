"""Probes run on trees of files laid out as other platforms have them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.facts.hosts import ALLOWED, SHELLS, fact, run

FIRMWARE = "/boot/efi/EFI/redhat"


def read(shell: list[str], name: str, tree: Path) -> Any:
    """The fact's value with /boot, /etc, /proc, /run and /sys in that tree; in what is printed they are the host's again."""
    text = fact(name).probes["linux"].script
    for folder in ("boot", "etc", "proc", "run", "sys"):
        text = text.replace(f" /{folder}/", f" {tree}/{folder}/").replace(f'"/{folder}/', f'"{tree}/{folder}/')
        text = text.replace(f"</{folder}/", f"<{tree}/{folder}/")
    done = run(shell, ALLOWED + text)
    assert done.returncode == 0, done.stderr
    return fact(name).value(done.stdout.replace(f"{tree}/", "/"), {})


def lay(tree: Path, **files: str) -> None:
    """Write files, their paths with ``__`` for each slash."""
    for path, text in files.items():
        place = tree / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_grub_on_the_efi_partition_is_grub(shell: list[str], tmp_path: Path) -> None:
    """Regression: of RHEL 8 with UEFI, whose /boot/grub2 is empty, it was told that there is no GRUB."""
    lay(tmp_path, proc__cmdline="ro quiet\n", boot__grub2__grubenv="")
    cfg = "  password_pbkdf2 root ${GRUB2_PASSWORD}\n  set superusers=root\n"
    lay(tmp_path, **{f"{FIRMWARE[1:]}/grub.cfg".replace("/", "__"): cfg})
    without = read(shell, "boot_loader", tmp_path)
    (tmp_path / FIRMWARE[1:] / "user.cfg").write_text("GRUB2_PASSWORD=grub.pbkdf2.sha512.1.AB\n")
    with_one = read(shell, "boot_loader", tmp_path)
    assert (without["grub"], without["password"], without["path"]) == (True, False, f"{FIRMWARE}/grub.cfg")
    assert with_one["password"] is True

    # RHEL 9 reads what is in /boot/grub2: a user.cfg that an upgrade left on the EFI partition is no password
    (tmp_path / "boot/grub2/grub.cfg").write_text(cfg)
    newer = read(shell, "boot_loader", tmp_path)
    assert (newer["password"], newer["path"]) == (False, "/boot/grub2/grub.cfg")


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_what_zfs_holds_is_unknown_and_not_absent(shell: list[str], tmp_path: Path) -> None:
    """Regression: file systems of ZFS were left out, as if the host had none; swap on zram was a disk in the clear."""
    mounts = "rpool/ROOT/u / zfs rw 0 0\nrpool/home /home zfs rw 0 0\nbpool/BOOT/u /boot zfs rw 0 0\ntmpfs /run tmpfs rw 0 0\n"
    lay(tmp_path, proc__self__mounts=mounts, proc__swaps="Filename Type\n/dev/zram0 partition 1 0 100\n")
    (tmp_path / "sys/class/block/zram0").mkdir(parents=True)
    volumes = read(shell, "disk_encryption", tmp_path)["volumes"]
    assert volumes == [{"point": "rpool", "device": "rpool", "encrypted": False, "known": False}]


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_a_disk_on_two_paths_is_one(shell: list[str], tmp_path: Path) -> None:
    """Regression: each path to an NVMe disk, which the kernel hides, was told as a disk."""
    lay(tmp_path, proc__cpuinfo="flags : fpu\n")
    for disk in ("nvme0n1", "nvme0c0n1", "nvme0c1n1", "sda"):
        (tmp_path / "sys/block" / disk / "device").mkdir(parents=True)
    assert read(shell, "hardware", tmp_path)["disks"] == ["nvme0n1", "sda"]


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("SELINUX=enforcing\nSELINUXTYPE=targeted\n", "enforcing"),
        ("SELINUX=permissive\nSELINUX=enforcing\n", "permissive"),
        ("SELINUX=on\nSELINUX= Disabled \n", "disabled"),
        (" SELINUX=enforcing\nSELINUX = enforcing\n", "unset"),
    ],
)
def test_the_line_that_selinux_reads_holds(shell: list[str], config: str, told: str, tmp_path: Path) -> None:
    """Regression: the last line counted, and lines that SELinux does not read: permissive at the next start passed."""
    lay(tmp_path, proc__filesystems="nodev\tsysfs\n", proc__cmdline="ro\n", etc__selinux__config=config)
    assert read(shell, "mandatory_access", tmp_path)["selinux_at_boot"] == told


def settings(*lines: str) -> Any:
    """The kernel's settings, of what /proc/sys says."""
    return fact("sysctl").value("\n".join(("/proc/sys/kernel/randomize_va_space:2", *lines, "end", "")), {})


def test_an_interface_without_ipv6_takes_nothing_of_it() -> None:
    """Regression, false failure: where IPv6 was off, what the kernel would take of it was a finding for each interface."""
    folder = "/proc/sys/net/ipv6/conf"
    names = ("accept_ra", "accept_redirects", "forwarding")
    lines = [f"{folder}/{card}/{name}:1" for card in ("all", "eth0.5") for name in names]
    off = settings(*lines, f"{folder}/all/disable_ipv6:0", f"{folder}/eth0.5/disable_ipv6:1")
    assert [key for key in off if "eth0.5" in key] == ["net.ipv6.conf.eth0.5.forwarding", "net.ipv6.conf.eth0.5.disable_ipv6"]
    assert off["net.ipv6.conf.all.accept_ra"] == "1"


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_what_each_interface_forwards_is_told(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: the value of each interface decides for IPv4, and only that of all was read."""
    lay(tmp_path, proc__sys__kernel__ostype="Linux", proc__sys__kernel__randomize_va_space="2\n")
    for card in ("eth0", "lo"):
        lay(tmp_path, **{f"proc__sys__net__ipv4__conf__{card}__forwarding": "1\n", f"proc__sys__net__ipv6__conf__{card}__x": ""})
    lay(tmp_path, proc__sys__net__ipv6__conf__eth0__disable_ipv6="1\n")
    told = read(shell, "sysctl", tmp_path)
    assert {key: told[key] for key in told if "lo" in key.split(".") or "eth0" in key} == {
        "net.ipv4.conf.eth0.forwarding": "1",
        "net.ipv6.conf.eth0.disable_ipv6": "1",
    }


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
@pytest.mark.parametrize(
    ("static", "hosts", "servers", "stub"),
    [
        ("nameserver 127.0.0.53\n", "files dns", ["192.0.2.53"], True),
        ("nameserver 127.0.0.53\nnameserver 8.8.8.8 # in haste\n", "files dns", ["192.0.2.53", "8.8.8.8"], True),
        ("nameserver 192.0.2.1\n", "files resolve [!UNAVAIL=return] dns", ["192.0.2.53", "192.0.2.1"], True),
        ("nameserver 192.0.2.1\n", "files dns # not resolve", ["192.0.2.1"], False),
    ],
)
def test_whoever_may_be_asked_for_a_name_is_told(
    shell: list[str], static: str, hosts: str, servers: list[str], stub: bool, tmp_path: Path
) -> None:
    """Regression, false pass: servers beside systemd-resolved's stub were left out, and resolved's own where nsswitch asks it."""
    lay(tmp_path, etc__x="", run__systemd__resolve__x="")
    (tmp_path / "etc/resolv.conf").write_text(static)
    (tmp_path / "etc/nsswitch.conf").write_text(f"passwd: files\nhosts: {hosts}\n")
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text("nameserver 192.0.2.53\n")
    told = read(shell, "resolver", tmp_path)
    assert (told["servers"], told["stub"]) == (servers, stub)


def boot(*lines: str) -> Any:
    """What is told of how the host starts."""
    return fact("boot_loader").value("\n".join(("cmdline=ro", "efi=yes", *lines, "end", "")), {})


def test_an_open_file_of_the_hash_is_told() -> None:
    """Regression, false pass: boot-loader-files looked at grub.cfg alone, and RHEL keeps the hash in user.cfg."""
    closed = boot("file=600 0 /boot/grub2/grub.cfg", "file=600 0 /boot/grub2/user.cfg")
    opened = boot("file=600 0 /boot/grub2/grub.cfg", "file=644 0 /boot/grub2/user.cfg")
    both = boot("file=644 0 /boot/grub2/user.cfg", "file=644 0 /boot/grub2/grub.cfg")
    elsewhere = boot("file=700 0 /boot/efi/EFI/redhat/grub.cfg", "file=644 0 /boot/grub2/user.cfg")
    told = [(value["mode"], value["path"].rpartition("/")[2]) for value in (closed, opened, both, elsewhere)]
    assert told == [("0600", "grub.cfg"), ("0644", "user.cfg"), ("0644", "grub.cfg"), ("0700", "grub.cfg")]


def test_secure_boot_that_shim_does_not_check_is_off() -> None:
    """Regression, false pass: after `mokutil --disable-validation` the firmware's variable still says 1."""
    assert boot("secure= 6 0 0 0 1 ")["secure_boot"] is True
    assert boot("secure= 6 0 0 0 1 ", "insecure= 6 0 0 0 1 ")["secure_boot"] is False
    assert boot("secure= 6 0 0 0 1 ", "insecure= 6 0 0 0 0 ")["secure_boot"] is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_a_closed_boot_folder_is_not_no_grub(shell: list[str], tmp_path: Path) -> None:
    """Regression: where /boot was closed to the login, all checks of GRUB were not applicable, and closed their findings."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    (tmp_path / "boot/grub").mkdir(parents=True)
    (tmp_path / "boot").chmod(0o700)
    text = fact("boot_loader").probes["linux"].script.replace(" /boot", f" {tmp_path}/boot")
    asked = "as_root() { case $* in *stat*/boot/grub/grub.cfg*) echo '644 0 /boot/grub/grub.cfg' ;; esac; }\n"
    done = run(shell, asked + text, user=65534, group=65534, extra_groups=[])
    assert fact("boot_loader").value(done.stdout, {})["grub"] is True


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_a_volume_is_encrypted_where_all_that_is_under_it_is(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: a volume on an encrypted and an open disk passed, and so did what dm-integrity only checks."""
    below = {"dm-0": ["sda2"], "dm-1": ["dm-0"], "dm-2": ["dm-0", "sdb"], "dm-3": ["sdb"]}
    below |= {"dm-4": ["dm-0", "dm-5"], "dm-5": ["sdb"]}
    kinds = {"dm-0": "CRYPT-LUKS2-a-x", "dm-1": "LVM-a", "dm-2": "LVM-b", "dm-3": "CRYPT-INTEGRITY-c", "dm-5": "CRYPT-PLAIN-d"}
    for name in ("sda2", "sdb", *below):
        (tmp_path / "sys/class/block" / name).mkdir(parents=True)
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    for name, slaves in below.items():
        for slave in slaves:
            (tmp_path / "sys/class/block" / name / "slaves" / slave).mkdir(parents=True)
    for name, kind in kinds.items():
        lay(tmp_path, **{f"sys__class__block__{name}__dm__uuid": f"{kind}\n"})
    points = "".join(f"/dev/{name} /{name} ext4 rw 0 0\n" for name in below)
    lay(tmp_path, proc__self__mounts=points)
    told = {volume["point"]: volume["encrypted"] for volume in read(shell, "disk_encryption", tmp_path)["volumes"]}
    assert told == {"/dm-0": True, "/dm-1": True, "/dm-2": False, "/dm-3": False, "/dm-4": True, "/dm-5": True}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_words_that_wait_for_the_next_start_are_told(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: what was written to switch SELinux or AppArmor off went unseen until the host was restarted."""
    lay(tmp_path, proc__filesystems="nodev\tsysfs\n", proc__cmdline="ro security=apparmor\n")
    grub = '#GRUB_CMDLINE_LINUX="selinux=0"\nGRUB_CMDLINE_LINUX="security=apparmor"\n'
    grub += "GRUB_CMDLINE_LINUX_DEFAULT='quiet apparmor=0'\n"
    lay(tmp_path, etc__default__grub=grub + 'GRUB_CMDLINE_LINUX_RECOVERY="selinux=0"\n', etc__kernel__cmdline="ro enforcing=0\n")
    assert read(shell, "mandatory_access", tmp_path)["boot"] == ["security=apparmor", "enforcing=0", "apparmor=0"]
