"""A new workspace: everything a committee needs beside its own inventories, laid out whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import Language
from auditor.text import _
from auditor.text.reasons import reason_of

_SETTINGS = """\
# إعدادات مساحة العمل. يجوز حذف أي مفتاح، وعندئذ تسري القيمة المكتوبة أمامه هنا.
# The settings of this workspace. Any key may be left out; then the value written here holds.

[auditor]
# لغة المخرجات: ar أو en؛ وهي ar ما لم تُذكر.
# Language of what is printed: ar or en; ar when it is left out.
language = "{language}"
# من يرتب النص العربي على الشاشة: terminal (الطرفية) أو reorder (المدقق) أو auto (ما يثبت أنه مناسب).
# Who orders Arabic on the screen: terminal, reorder (the auditor), or auto (whichever is found fit).
bidi = "auto"

[paths]
# المسارات منسوبة إلى مجلد هذا الملف.
# Paths are relative to the folder of this file.
policies = "policies"
checks = "checks"
inventories = "inventories"
ledger = "findings/ledger.db"
# مفاتيح مضيفات SSH الموثوقة؛ يضاف إليها بالأمر: auditor hosts trust
# The SSH host keys that are trusted; add to them with: auditor hosts trust
known_hosts = "known_hosts"

# السياسة المعتمدة هي وحدها التي تفتح الملاحظات وتغلقها. يلزم ذكرها متى وُجدت أكثر من سياسة.
# The policy of record alone opens and closes findings. It must be named once there is more than one policy.
# [policy]
# of_record = "{policy}"

[audit]
# أدنى درجة خطورة تجعل رمز الخروج 1: critical أو high أو medium أو low.
# The lowest severity that makes the exit code 1: critical, high, medium or low.
fail_severity = "low"
# عدد المضيفات التي تُجمع بياناتها في وقت واحد.
# How many hosts are collected at a time.
concurrency = 32
# المهل بالثواني: للاتصال، ولتسجيل الدخول، وللمضيف كله.
# Deadlines in seconds: for a connection, for a login, for a whole host.
connect_timeout = 10
login_timeout = 20
host_timeout = 120
# مهلة كل تشغيل لأداة nmap بالثواني لكل 64 مضيفًا فيه أو لكل مرة من مرتَي المرور على الشبكات، وعدد مرات تشغيلها في وقت واحد.
# The deadline of one run of nmap in seconds, for every 64 hosts in it or each of two rounds through networks, and how many
# run at a time.
network_timeout = 600
network_concurrency = 4

# شكل التقارير وكتابة الأرقام والتواريخ: western (123) أو arabic (١٢٣)، وiso (2026-11-22) أو long (22 نوفمبر 2026).
# How reports look, and how numbers and dates are written: western or arabic digits, iso or long dates.
# [report]
# numerals = "western"
# dates = "iso"
# logo = "logo.svg"
# letterhead = {{en = "Joint Compliance Committee", ar = "لجنة الالتزام المشتركة"}}
#
# [report.departments.example]
# logo = "example.png"

# من يحق لهم التصرف في الملاحظات واتخاذ القرار، كل منهم باسم مستخدمه في نظام التشغيل.
# الأدوار: operator (مشغّل المدقق) وofficer (مسؤول جهة) وcommittee (عضو اللجنة عن وزارة) وviewer (مطّلع).
# Who may work on findings and decide, each by their user name at the operating system.
# Roles: operator, officer (of a department), committee (for a ministry), viewer.
# [people.sara]
# name = {{en = "Sara Nasser", ar = "سارة ناصر"}}
# roles = ["officer"]
# department = "example"
#
# [people.huda]
# name = {{en = "Huda Saleh", ar = "هدى صالح"}}
# roles = ["committee"]
# ministry = "Interior"
"""

_INVENTORY = """\
# مثال لجرد أصول جهة واحدة، وفيه هذا الجهاز وحده دون أي اتصال بالشبكة. يُنسخ باسم معرف الجهة ثم يُعدَّل.
# An example of one department's inventory: this machine alone, without any network. Copy it under the department's id, then edit.
# لا يُكتب في هذا الملف أي سر: تُذكر مسارات المفاتيح، أو أسماء متغيرات البيئة (password_env)، أو أمر يطبع السر (password_command).
# No secret is ever written here: name keys by path, environment variables (password_env) or a command (password_command).
department: example
title:
  en: Example department
  ar: جهة للتمثيل
timezone: UTC
# العطل لا تُحسب في المهل؛ وعطلة نهاية الأسبوع الجمعة والسبت ما لم يُذكر غير ذلك.
# Days off do not count in deadlines; the weekend is Friday and Saturday unless it is named here.
# calendar: {weekend: [friday, saturday], holidays: ["2027-03-20"]}
hosts:
  - uid: example-this-machine
    name: this-machine
    address: 127.0.0.1
    connection: local
    criticality: low
# مضيف يُفحص عبر SSH:
# A host that is audited over SSH:
#  - uid: example-web-01
#    name: web-01
#    address: 10.1.1.11
#    user: auditor
#    key: ~/.ssh/id_ed25519
#    role: web
#    zone: dmz
#    criticality: high
#    ports: [22/tcp, 443/tcp]
"""

_GITIGNORE = """\
# نتائج التدقيق لا تُحفظ مع السياسات.
# What audits found is not kept with the policies.
findings/
"""


def init_workspace(path: Path, *, stock: Path, language: Language = "ar") -> tuple[Path, ...]:
    """Lay out a workspace in ``path``, which speaks ``language``, and return the files written, sorted.

    ``stock`` holds the ``policies`` and ``checks`` that are copied. It is built beside ``path`` and moved into place in one
    step, so that nobody ever meets half of one. Raises UsageError when ``path`` is anything but missing or an empty folder.
    """
    path = path.absolute()  # not resolved: a link that leads nowhere must be seen as what it is
    for name in ("policies", "checks"):
        if not (stock / name).is_dir():
            raise UsageError(_("{path} holds no {name}; install the auditor again").format(path=stock, name=name))
    try:
        _refuse_occupied(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
            built = Path(scratch) / "workspace"
            _build(built, stock, language)
            _move(built, path)
    except OSError as error:
        raise UsageError(_("{path} cannot be laid out: {reason}").format(path=path, reason=reason_of(error))) from error
    return tuple(sorted(file for file in path.rglob("*") if file.is_file()))


def _refuse_occupied(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise UsageError(_("{path} is a link that leads nowhere; name another folder").format(path=path))
    if path.exists() and not path.is_dir():
        raise UsageError(_("{path} exists and is no folder; name another").format(path=path))
    if path.is_dir() and any(path.iterdir()):
        message = _("{path} is not empty, and nothing is written over; name a new or an empty folder")
        raise UsageError(message.format(path=path))


def _build(root: Path, stock: Path, language: Language) -> None:
    root.mkdir()
    for name in ("policies", "checks"):
        shutil.copytree(stock / name, root / name, ignore=shutil.ignore_patterns("departments"), copy_function=shutil.copyfile)
    (root / "policies" / "departments").mkdir()
    (root / "inventories").mkdir()
    (root / "findings").mkdir(mode=0o700)
    policies = sorted(p.stem for p in (root / "policies").glob("*.yaml"))
    settings = _SETTINGS.format(policy=policies[0] if policies else "national-policy", language=language)
    for name, text in (("auditor.toml", settings), ("inventories/example.yaml", _INVENTORY), (".gitignore", _GITIGNORE)):
        (root / name).write_text(text, encoding="utf-8")


def _move(built: Path, path: Path) -> None:
    """Put the workspace in place: in one step where there was nothing. An empty folder that is there already stays itself, for
    a shell may stand in it, and is filled; auditor.toml, which makes it a workspace, comes last."""
    if not path.exists():
        built.rename(path)
        return
    for item in sorted(built.iterdir(), key=lambda item: item.name == "auditor.toml"):
        shutil.move(item, path)
