"""Secrets that the files of a workspace name and do not hold: read when they are needed, and looked for before."""

from __future__ import annotations

import os
import subprocess

from auditor.errors import NoticeError
from auditor.model import Catalogue, Notify
from auditor.text import N_, _

GIVING = N_("name a command that prints the secret instead, or give the variable where the audit runs: see docs/nightly.md")
"""How a secret reaches an audit that cron or systemd begins."""

_PATIENCE = 30  # seconds


def mail_password(notify: Notify) -> str:
    """The password at the mail server; "" where there is no login. Raises NoticeError."""
    return _secret("password", notify.password_env, notify.password_command) if notify.user else ""


def hook_secret(notify: Notify) -> str:
    """The secret that messages to the hook are signed with. Raises NoticeError."""
    return _secret("webhook_secret", notify.webhook_secret_env, notify.webhook_secret_command)


def _secret(key: str, variable: str, command: str) -> str:
    """A secret from where the settings say that it is; it is kept nowhere."""
    if command:
        return _printed(f"{key}_command", command)
    if variable not in os.environ:
        raise NoticeError(_("the environment variable {name} is not set").format(name=variable or f"{key}_env"))
    return os.environ[variable]


def _printed(key: str, command: str) -> str:
    try:
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # the command and what it printed may hold the secret: neither is repeated
        raise NoticeError(_("the command of {key} failed: {why}").format(key=key, why=type(error).__name__)) from None
    if done.returncode:
        raise NoticeError(_("the command of {key} failed: {why}").format(key=key, why=done.returncode))
    return done.stdout.rstrip("\n")


def variables(catalogue: Catalogue) -> tuple[str, ...]:
    """The environment variables that a night takes secrets from: for letters, and for the logins of hosts."""
    notify = catalogue.settings.notify
    named: set[str | None] = set()
    if notify.user and not notify.password_command:
        named.add(notify.password_env)
    if notify.webhook and not notify.webhook_secret_command:
        named.add(notify.webhook_secret_env)
    for department in catalogue.inventory.departments:
        for asset in department.assets:
            named |= {asset.connection.password_env, asset.connection.passphrase_env}
    return tuple(sorted(name for name in named if name))
