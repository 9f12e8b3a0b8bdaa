"""Where pip, npm, gem and Flatpak fetch software for the whole host, and whether they verify what they get.

Only the settings of the host are read, not those in people's home folders. Where a tool has no setting of its own, it uses its
maker's index and verifies it; such defaults are not listed.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import files, whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

# Of a line only what is asked leaves the host: npm's files hold tokens, addresses hold passwords.
_SCRIPT = (
    THERE
    + r"""
show() {
  kind=$1 file=$2 wanted=$3
  exists "$file" || return 0
  [ -r "$file" ] || exit 1
  text=$(sed -n -e 's#://[^/[:space:]]*@#://#g' -e 's/\r$//' -e "/^[[:space:]]*[#;]/d" -e "/$wanted/p" "$file") || exit 1
  printf '%s\n' "$text" | while IFS= read -r line; do
    if [ -n "$line" ]; then printf '%s:%s %s\n' "$file" "$kind" "$line"; fi
  done
}
keys='\(extra[-_]\)*index[-_]url\|trusted[-_]host\|find[-_]links'
for file in /etc/pip.conf /etc/xdg/pip/pip.conf /etc/xdg/xdg-*/pip/pip.conf; do
  show pip "$file" "^\[\|^[[:space:]][[:space:]]*[^[:space:]]\|^\($keys\)[[:space:]]*[=:]"
done
for file in /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc; do
  show npm "$file" '^[[:space:]]*\(@[^=]*:\)*\(registry\|strict-ssl\)[[:space:]]*='
done
show gem /etc/gemrc '^[[:space:]]*:*\(ssl_verify_mode\|sources\):\|^[[:space:]]*-[[:space:]]*[a-z]*:'
show flatpak /var/lib/flatpak/repo/config '^\[\|^[[:space:]]*\(url\|gpg-verify\|gpg-verify-summary\|xa.disable\)[[:space:]]*='
echo end
"""
)

Index = dict[str, Json]


def parse(output: str, _args: Arguments) -> Json:
    """``path:tool line`` for each setting asked of the tools' files."""
    found: list[Index] = []
    for path, text in files([line for line in whole(output, "package_indexes") if line.strip()], "package_indexes").items():
        kinds = {line.partition(" ")[0] for line in text}
        if len(kinds) != 1:
            raise ParseError(f"package_indexes: {path} is told as of several tools")
        lines = [line.partition(" ")[2].rstrip() for line in text]
        match kinds.pop():
            case "pip":
                found += _pip(path, lines)
            case "npm":
                found += _npm(path, lines)
            case "gem":
                found += _gem(path, lines)
            case "flatpak":
                found += _flatpak(path, lines)
            case other:
                raise ParseError(f"package_indexes: no such tool: {other[:40]!r}")
    unique: dict[str, Index] = {}
    for index in found:
        known = unique.setdefault(str(index["name"]), index)
        known["verified"] = bool(known["verified"]) and bool(index["verified"])
    return list(unique.values())


def _index(tool: str, path: str, url: str, *, verified: bool) -> Index:
    clean = re.sub(r"://[^/\s]*@", "://", url.strip("\"'")).rstrip("/")
    scheme, sign, rest = clean.partition("://")
    host = rest.partition("/")[0].partition(":")[0].lower() if sign else ""
    verified = verified and scheme.lower() not in ("http", "ftp", "git+http", "oci+http")
    return {"name": f"{tool} {clean}", "tool": tool, "file": path, "host": host, "verified": verified}


def _pip(path: str, lines: list[str]) -> list[Index]:
    """Values may go on in indented lines. A trusted host is one whose certificate pip does not verify."""
    values: list[tuple[str, str]] = []
    key = ""
    for line in lines:
        if line.startswith("["):
            key = ""
        elif line[:1] in " \t":
            if key:
                values.append((key, line.strip()))
        else:
            name, *rest = re.split("[=:]", line, maxsplit=1)  # a pattern with the blanks would take their square
            key = name.strip().replace("_", "-")
            values.append((key, "".join(rest)))
    words = [(key, word) for key, text in values for word in text.split()]
    trusted = {word.partition(":")[0].lower() for key, word in words if key == "trusted-host"}
    urls = [_index("pip", path, word, verified=True) for key, word in words if key != "trusted-host"]
    for index in urls:
        index["verified"] = bool(index["verified"]) and index["host"] not in trusted
    told = {index["host"] for index in urls}
    return urls + [_index("pip", path, f"https://{host}", verified=False) for host in sorted(trusted) if host not in told]


def _npm(path: str, lines: list[str]) -> list[Index]:
    pairs = [(key.strip(), text.strip()) for key, _, text in (line.partition("=") for line in lines)]
    strict = dict(pairs).get("strict-ssl", "true").strip("\"'").lower() != "false"
    urls = [text for key, text in pairs if key != "strict-ssl"]
    return [_index("npm", path, url, verified=strict) for url in urls or ([] if strict else ["https://registry.npmjs.org"])]


def _gem(path: str, lines: list[str]) -> list[Index]:
    text = [line.strip().lstrip(":-").strip() for line in lines]
    unverified = any(re.fullmatch(r"ssl_verify_mode:\s*0", line) for line in text)
    urls = [line for line in text if "://" in line]
    return [_index("gem", path, url, verified=not unverified) for url in urls or (["https://rubygems.org"] if unverified else [])]


def _flatpak(path: str, lines: list[str]) -> list[Index]:
    remotes: dict[str, dict[str, str]] = {}
    keys: dict[str, str] = {}
    for line in lines:
        if line.startswith("["):
            match = re.fullmatch(r'\[remote "(.*)"\]', line.strip())
            keys = remotes.setdefault(match[1], {}) if match else {}
        else:
            key, _, text = line.partition("=")
            keys[key.strip()] = text.strip()
    return [
        _index("flatpak", path, keys.get("url", name), verified=_signed_or_registry(keys))
        for name, keys in remotes.items()
        if keys.get("xa.disable", "false").lower() != "true"
    ]


def _signed_or_registry(keys: dict[str, str]) -> bool:
    """Flatpak cannot ask a registry of containers, such as Red Hat's own, for signatures: there the certificate must do."""
    return keys.get("gpg-verify", "true").lower() == "true" or keys.get("url", "").startswith("oci+https://")


FACT = Fact(
    name="package_indexes",
    title=Text(en="Package indexes of pip, npm, gem and Flatpak", ar="فهارس الحزم لأدوات pip وnpm وgem وFlatpak"),
    shape=ListOf(record(name=STR, tool=STR, file=STR, host=STR, verified=BOOL)),
    parse=parse,
    example=[
        {
            "name": "pip https://pypi.gov.example/simple",
            "tool": "pip",
            "file": "/etc/pip.conf",
            "host": "pypi.gov.example",
            "verified": True,
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT)},
)
