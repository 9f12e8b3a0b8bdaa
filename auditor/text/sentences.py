"""Sentences that the ledger keeps in English, told again in the reader's language.

Why an asset was not reached is recorded as one English sentence, so that the record does not depend on who ran the audit.
Each such sentence is made from one of the patterns below; here it is recognised by its pattern and said in Arabic with the same
names and numbers. A sentence that no pattern fits is shown as it is. A test holds the patterns against the code that makes the
sentences.
"""

from __future__ import annotations

import functools
import re

from auditor.text.bidi import isolate
from auditor.text.catalogue import N_, _, current

SENTENCES = (
    N_("No connection to {host} port {port}: {why}."),
    N_("The name {name} is not known."),
    N_("The jump host {host} could not be used: {why}"),
    N_("The jump host {host} cannot connect to {target} port {port}: {why}"),
    N_("The jump host {host} was still being logged in to when the host's time was over."),
    N_("The jump host {host} is not of the form [user@]host[:port]."),
    N_("The host key of {host} has CHANGED: it shows {key}, which is not on record. "
       "Find out why before you accept it with: {command}"),
    N_("The host key of {host} is not on record: {key}. Accept it with: {command}"),
    N_("The host key of {host}, {key}, is marked as revoked."),
    N_("{host} refused the login of {user} (tried: {tried})."),
    N_("The environment variable {name}, which is to hold the secret of the login, is not set."),
    N_("The command that is to print the password failed ({error})."),
    N_("The key {path} is locked, and no passphrase_env is configured for it."),
    N_("The key {path} cannot be read: not a private key that is supported, or a wrong passphrase."),
    N_("The SSH configuration {path} does not exist."),
    N_("The SSH configuration {path} cannot be used: {error}."),
    N_("The SSH configuration asks for a ProxyCommand for {host}; only jump hosts are supported."),
    N_("The SSH configuration asks for the command {command}, which did not end within {seconds} seconds."),
    N_("The SSH configuration asks for a command, but {shell} cannot be run: {error}."),
    N_("The whole audit of the host took too long."),
    N_("The whole audit of this machine took longer than {seconds} s."),
    N_("The connection took too long."),
    N_("The login took too long."),
    N_("The host sent more than all probes together may print; the session was cut."),
    N_("The login succeeded, but its shell did not run the script; it said: {words}. "
       "The audit needs a login that may run /bin/sh."),
    N_("The login succeeded, but its shell did not run the script{heard}. The audit needs a login that may run /bin/sh."),
    N_("The login succeeded, but its shell did not run the script{heard}."),
    N_("The login succeeded, but its shell did not begin the script in time; it said: {words}. "
       "The audit needs a login that may run /bin/sh."),
    N_("The login succeeded, but its shell did not begin the script in time{heard}. "
       "The audit needs a login that may run /bin/sh."),
    N_("The login succeeded, but the host does not let it run commands. The audit needs a login that may run /bin/sh."),
    N_("The login succeeded, but the host opened no session in time."),
    N_("The login succeeded, but the host left the request for a shell without an answer."),
    N_("The host accepted the connection, but sent no SSH greeting in time."),
    N_("The host greeted, but did not finish the key exchange in time."),
    N_("The host left the login of {user} without an answer."),
    N_("The host closed the connection before it greeted as an SSH server does."),
    N_("The host closed the connection in the middle of the key exchange."),
    N_("The host hung up in the middle of the login of {user}, as hosts do when the account has expired or is locked."),
    N_("What answers at the SSH port does not greet as an SSH server does."),
    N_("What answers at the SSH port gave no SSH greeting in its first {count} bytes."),
    N_("The host announced an SSH packet of {count} bytes, more than is taken; the session was cut."),
    N_("The host asked for new session keys again and again; the session was cut."),
    N_("The host sent more than it was given room for; the session was cut."),
    N_("The session ended before the script did."),
    N_("The SSH session ended."),
    N_("The host broke the SSH protocol ({error})."),
    N_("The inventory says connection: local, but {address} is not known as an address of this machine: correct one of them."),
    N_("The local shell does not start: {error}."),
    N_("The local shell broke off: {error}."),
    N_("The auditor failed on this host: {error}"),
    N_("Nothing was observed from the network."),
    N_("Under maintenance until {until}: {why}."),
    N_("Left out by the tag {tag}: {why}."),
    N_("The window closed before its turn came."),
    N_("The window closed while it was being visited."),
    N_("Stopped by the operator."),
    N_("no answer"),
    N_("the run ended before it came to this asset"),
    N_("it did not answer, which is no proof that it is gone"),
    N_("it was not seen this time, which is no proof that it is gone"),
    N_("reading {fact}: all that the asset says takes more than {seconds} seconds"),
    N_("deciding it: all that the asset says takes more than {seconds} seconds"),
    N_("reading {fact} takes more than {seconds} seconds"),
    N_("deciding it takes more than {seconds} seconds"),
    N_("reading {fact} takes more than {size} MB of memory"),
    N_("deciding it takes more than {size} MB of memory"),
    N_("{fact} lists more than {count} entries, too many for this check"),
    N_("the host tells of more than {count} of what the check looks at one by one"),
    N_("{fact}: the SSH server has not read its files since {file} changed; reload it"),
    N_("{fact}: what runs on the host cannot be seen"),
    N_("{fact}: a closed folder hides whether {file} is there"),
    N_("{fact}: {folder} may not be looked into"),
    N_("{fact}: {server} has not read its files since {file} changed; reload it"),
    N_("{fact}: {server} has not read its files since {file} changed; restart it"),
    N_("{fact}: nothing shows that PostgreSQL has read its files since {file} changed; reload it by systemctl or restart it"),
    N_("{probe}: the server answers only some of what it is asked; something limits how often it answers"),
)  # fmt: skip

CAUSES = (
    N_("The host key is not the one on record"),
    N_("The key is locked by a passphrase that was not given"),
    N_("The host does not accept this kind of login"),
    N_("The host asks for a second proof of identity"),
    N_("The login was refused"),
    N_("The host refused the session"),
    N_("The host offers no algorithm that the auditor accepts"),
    N_("The proxy command failed"),
    N_("No connection could be made"),
    N_("The host's name could not be made canonical"),
    N_("The SSH configuration cannot be read"),
    N_("The host broke the order of the protocol"),
    N_("The SSH session broke"),
    N_("No answer came in time"),
    N_("The host's name is not known"),
    N_("The connection was refused"),
    N_("The connection broke"),
    N_("The host closed the connection"),
)
"""What went wrong with a connection; a library's own words, which nobody translates, may follow a colon."""


PROOFS = (
    N_("key {path} cannot be read: {reason}"),
    N_("key {path}"),
    N_("agent key"),
    N_("password"),
    N_("a second proof is asked for"),
    N_("no key, agent or password is configured"),
)
"""By what the auditor tried to log in; of several, a semicolon between."""


def retell(sentence: str) -> str:
    """A recorded English sentence in the current language."""
    if current() == "en":
        return sentence
    for pattern, message in _patterns():
        match = pattern.fullmatch(sentence)
        if match:
            held = match.groupdict().items()
            return _(message).format(**{n: _proofs(value) if n == "tried" else isolate(retell(value)) for n, value in held})
    cause, colon, words = sentence.removesuffix(".").partition(": ")
    return f"{_(cause)}{colon}{isolate(words)}." if cause in CAUSES else sentence


def _proofs(tried: str) -> str:
    return _("; ").join(_proof(proof) for proof in tried.split("; "))


def _proof(proof: str) -> str:
    for message in PROOFS:
        match = pattern_of(message).fullmatch(proof)
        if match:
            return _(message).format(**{name: isolate(value) for name, value in match.groupdict().items()})
    return isolate(proof)


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((pattern_of(message), message) for message in SENTENCES)


def pattern_of(message: str) -> re.Pattern[str]:
    """What a message looks like once its places are filled."""
    parts = re.split(r"\{(\w+)\}", message)
    # the last place may hold whole sentences; the others stop where the message goes on
    texts = [re.escape(part) if i % 2 == 0 else f"(?P<{part}>.*?)" for i, part in enumerate(parts)]
    return re.compile("".join(texts), re.DOTALL)
