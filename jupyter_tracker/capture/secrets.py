"""Secrets are masked before anything is written.

Three things count as a secret: a text in the known form of a credential (`PATTERNS`), a value that stands
next to a name such as ``password`` or ``api_key``, and the value of an environment variable with such a name
or of a ``.netrc`` password wherever it turns up. Entropy is looked at only beside a name: hashes, ids, images
and numbers on their own stay as they are. Every expression is bounded or anchored so that the time is linear
in the text.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

MASK = "[masked]"


class Pattern(NamedTuple):
    """A known form: `literal` must occur at all, `regex` finds it; group 1, if any, is the secret part."""

    literal: str
    regex: re.Pattern[str]


def _form(literal: str, body: str, within: str = "A-Za-z0-9") -> Pattern:
    """A token that starts with `literal`, is no continuation of a run of `within`, and goes on as `body`."""
    text = re.escape(literal)
    return Pattern(literal, re.compile(rf"{text}(?<![{within}]{text}){body}(?![{within}])"))


_WORD = r"A-Za-z0-9_\-"
_AWS = [_form(prefix, r"[A-Z2-7]{16}") for prefix in ("AKIA", "ASIA", "AGPA", "AIDA", "AROA", "ABIA", "ACCA")]
_GITHUB = [_form(f"gh{kind}_", r"[A-Za-z0-9]{36,251}") for kind in "pousr"]
_GITLAB = [
    _form(f"gl{kind}-", rf"[{_WORD}.]{{20,200}}", _WORD)
    for kind in ("pat", "dt", "rt", "ptt", "cbt", "ft", "soat")
]
_SLACK = [_form(f"xox{kind}-", rf"[{_WORD}]{{10,200}}", _WORD) for kind in "abeoprs"]

PATTERNS: tuple[Pattern, ...] = (
    *_AWS,
    *_GITHUB,
    *_GITLAB,
    *_SLACK,
    _form("github_pat_", r"[A-Za-z0-9_]{22,251}", r"A-Za-z0-9_"),
    _form("xapp-", rf"[{_WORD}]{{10,200}}", _WORD),
    Pattern(
        "hooks.slack.com/", re.compile(r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_]{20,120})")
    ),
    # A digit is asked for within the token: "sk-learn-contrib-…" is a package, not a key.
    _form(
        "sk-",
        rf"(?=[A-Za-z_\-]{{0,80}}[0-9])(?=[{_WORD}]{{0,80}}[A-Za-z0-9]{{16}})[{_WORD}]{{20,400}}",
        _WORD,
    ),
    _form("sk_live_", r"[A-Za-z0-9]{16,200}"),
    _form("sk_test_", r"[A-Za-z0-9]{16,200}"),
    _form("rk_live_", r"[A-Za-z0-9]{16,200}"),
    _form("whsec_", r"[A-Za-z0-9+/=]{24,100}"),
    _form("AIza", rf"[{_WORD}]{{35}}", _WORD),
    _form("ya29.", rf"[{_WORD}]{{20,400}}", _WORD),
    _form("GOCSPX-", rf"[{_WORD}]{{28}}", _WORD),
    _form("hf_", r"[A-Za-z]{30,60}"),
    _form("hf_", r"[A-Za-z0-9]{34,60}"),
    _form("gsk_", r"[A-Za-z0-9]{30,80}"),
    _form("r8_", r"[A-Za-z0-9]{37}"),
    _form("xai-", r"[A-Za-z0-9]{40,120}"),
    _form("pplx-", r"[A-Za-z0-9]{40,80}"),
    _form("nvapi-", rf"[{_WORD}]{{40,100}}", _WORD),
    _form("npm_", r"[A-Za-z0-9]{36}"),
    _form("pypi-AgE", rf"[{_WORD}]{{50,400}}", _WORD),
    _form("dop_v1_", r"[a-f0-9]{64}"),
    _form("dapi", r"[a-f0-9]{32}(?:-\d)?"),
    _form("shpat_", r"[a-fA-F0-9]{32}"),
    _form("SG.", rf"[{_WORD}]{{22}}\.[{_WORD}]{{43}}", _WORD),
    _form("hvs.", rf"[{_WORD}]{{24,200}}", _WORD),
    _form("lsv2_", r"[a-z]{2}_[a-f0-9]{32}_[a-f0-9]{10}"),
    _form("AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    _form("eyJ", rf"[{_WORD}]{{10,8000}}\.eyJ[{_WORD}]{{4,8000}}(?:\.[{_WORD}]{{0,8000}})?", _WORD),
    Pattern(
        "PRIVATE KEY-----",
        re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----([^-]*(?:-(?!----)[^-]*)*)"),
    ),
    Pattern(
        "earer", re.compile(r"\b[Bb]earer[ \t]{1,4}(?=[A-Za-z_\-.~+/]{0,64}\d)([\w\-.~+/]{16,4000}={0,2})")
    ),
    Pattern(
        "asic",
        re.compile(
            r"(?i)authorization[\"']?\s{0,4}[:=,]\s{0,4}[\"']?basic[ \t]{1,4}([A-Za-z0-9+/]{6,800}={0,2})"
        ),
    ),
    Pattern(
        "://",
        re.compile(r"://[^\s/@:\"'<>\[\]{}$%()|,;]{0,256}:(?![{$<*]|\[masked|%[(s])([^\s/@\"'<>]{1,256})@"),
    ),
    Pattern("://", re.compile(r"://((?=[A-Za-z_\-]{0,64}\d)[A-Za-z0-9_\-]{20,256})@")),
    Pattern(
        "=",
        re.compile(
            r"(?i)[?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|auth)=([\w%+/=\-.~]{12,2000})"
        ),
    ),
)

# Stems of names that hold secrets, and the class of the name. They are looked for with `str.find` in the
# lower-cased text: a case-blind alternation costs 0.3 s per MB, this 0.02 s.
_STEMS: tuple[tuple[str, str], ...] = (
    *((stem, "strong") for stem in ("password", "passwd", "passphrase", "passcode", "pwd", "pswd")),
    ("key", "key"),
    *(
        (stem, "weak")
        for stem in ("secret", "token", "credential", "_pass", "-pass", "_pat", "-pat", "_auth", "-auth")
    ),
)
_KEY_OF = re.compile(
    r"(?:api|access|secret|private|auth|encryption|signing|account|subscription|master|license|storage)[_-]?$"
)

_TAIL = re.compile(
    r"""(?ix)
    s?(?:[_-]?(?:key|value|string|prod|dev|test|live|base64|b64|\d{1,3}))?(?![a-z0-9_])
    (?P<shut>\\?["'])?\]?
    (?P<sep>
        [ \t]{0,8}:[ \t]{0,4}[a-z_.\[\]|\ ]{1,40}[ \t]{0,4}=(?!=)[ \t]{0,8}      # an annotated assignment
      | [ \t]{0,8}(?:[=!]=|:=|=>|[:=])[ \t]{0,8}
      | ,[ \t]{0,4}(?=\\?["'])
      | [ \t]{1,4}(?=[^\s=:,|&<>-])
    )
    (?:
        [rbfu]{0,2}(?P<quote>\\?(?:\"\"\"|\'\'\'|["']))(?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\\\n])){1,512})(?P=quote)
      | (?P<bare>[^\s"'`,;&(){}\[\]<>\\]{1,512})(?P<after>[ \t]{0,4}[(\[]?)
    )
    """
)

_ENV_NAME = re.compile(
    r"(?i)passwo?r?d|passphrase|(?:^|_)pass(?:$|_)|secret|(?<!kenizers_)token(?!iz)|api_?key|access_?key|private_?key"
    r"|credential|_pat$|_key$|(?<!ssh)_auth$"
)
_PLAIN_ENV = re.compile(
    r"(?i)true|false|none|null|enabled|disabled|\d{1,15}(?:\.\d{0,6})?|(?:/|~|\./|[a-z]:\\).{0,4000}"
)
_PLACEHOLDER = re.compile(
    r"""(?ix) [*x.•…_-]+ | <.*> | \[.*\] | \{.*\} | \$.* | %\(.*\)s? | %s | \{\{.*
    | (?:your|my|the)?[-_\s]{0,2}
      (?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_\s]?key|key)(?:[-_\s]?here)?s?
    | true | false | none | null | nan | str | string | bytes | int | float | bool | object | text
    | hidden | optional | required
    | getpass.* | env.* | os\..* | input.* | self\..* | args\..* | config\..* | settings\..*"""
)
_TOKEN_CHARS = re.compile(r"[A-Za-z0-9_\-+/=.~!@#$%^&*:|?]+")
_WORDY = re.compile(r"[A-Za-z]{0,14}\d{0,4}[a-z]{0,8}|v?\d{1,4}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_.]*\d?")


def entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


def _random(value: str, least: int) -> bool:
    """Whether `value`, which stands beside a secret name, looks generated rather than written by a person."""
    if len(value) < least or value.isdigit() or not _TOKEN_CHARS.fullmatch(value):
        return False
    if all(_WORDY.fullmatch(part) for part in re.split(r"[/_.:\-]", value)):
        return False
    return entropy(value) >= (3.0 if len(value) >= 16 else 2.5)


def _is_secret(kind: str, value: str) -> bool:
    """`kind` is the class of the name: any real value of a "strong" one, a random one of "key" and "weak"."""
    if MASK in value or _PLACEHOLDER.fullmatch(value):
        return False
    if kind == "strong":
        return True
    return _random(value, 8 if kind == "key" else 12)


class _Name(NamedTuple):
    """A name of a secret in a text: where it stands and its class."""

    start: int
    end: int
    kind: str


def _names(text: str) -> list[_Name]:
    """Every name of a secret in `text`, in order."""
    lower = text.replace("İ", "I").lower()  # the one character whose lower case is longer
    names = []
    for stem, kind in _STEMS:
        at = lower.find(stem)
        while at >= 0:
            if _is_name(lower, stem, at):
                names.append(_Name(at, at + len(stem), "key" if _client(lower, stem, at) else kind))
            at = lower.find(stem, at + len(stem))
    return sorted(names)


def _is_name(lower: str, stem: str, at: int) -> bool:
    if stem == "key":
        return _KEY_OF.search(lower, max(0, at - 16), at) is not None
    return not (stem in ("pwd", "pswd") and lower[max(0, at - 1) : at].isalpha())


def _client(lower: str, stem: str, at: int) -> bool:
    return stem == "secret" and lower[max(0, at - 7) : at].rstrip("_-").endswith("client")


def _mask_named(text: str) -> tuple[str, int]:
    """Mask the values that stand beside a name of a secret."""
    parts, done = [], 0
    for name in _names(text):
        tail = _TAIL.match(text, name.end) if name.start >= done else None
        part = _secret_part(name, tail) if tail else None
        if tail and part:
            start, stop = tail.span(part)
            parts += [text[done:start], MASK]
            done = stop
    return "".join([*parts, text[done:]]), len(parts) // 2


def _secret_part(name: _Name, tail: re.Match[str]) -> str | None:
    """Which group of `tail` is to be masked: "quoted", "bare" or none."""
    sep = tail["sep"].strip()
    before = tail.string[max(0, name.start - 48) : name.start]
    option = not sep and "--" in before and re.search(r"--[\w-]{0,40}$", before)
    if tail["quoted"] is None:
        return "bare" if _is_bare_secret(name, tail, bool(option)) else None
    if sep == ",":
        return "quoted" if tail["shut"] and _is_secret("weak", tail["quoted"]) else None
    return "quoted" if (sep or option) and _is_secret(name.kind, tail["quoted"]) else None


def _is_bare_secret(name: _Name, tail: re.Match[str], option: bool) -> bool:
    """A value without quotes may be code: only what is no expression, or stands as in a shell or DSN."""
    value, sep = tail["bare"], tail["sep"].strip()
    if tail["after"].strip() or not _is_secret(name.kind, value):
        return False
    if option or not sep:
        return option
    if sep in ("==", "!=", ":=") or (name.kind == "strong" and value[0] in "/~."):
        return False
    if re.fullmatch(r"[A-Za-z_][\w.]*|[\d.]+", value):
        return (name.kind != "strong" and not _IDENTIFIER.fullmatch(value)) or _stands_alone(name, tail)
    return True


def _stands_alone(name: _Name, tail: re.Match[str]) -> bool:
    """Whether ``name=value`` is no Python but a setting in capitals, part of a DSN or a line of YAML."""
    text, end = tail.string, tail.end("bare")
    following = text[end : end + 40]
    ends = following[:1] in ("", "\n", "\r")
    if tail["sep"].strip() == ":":
        return ends and not tail["bare"][:1].isupper()
    if tail["sep"] != "=":
        return False
    before = text[max(0, name.start - 40) : name.start]
    dsn = re.match(r";|[\"']|&|[ \t]+\w{1,30}=(?!=)", following) and re.search(
        r"[;?&\"'\s]\w{0,20}$|^$", before
    )
    return bool(dsn) or (text[name.start : name.end].isupper() and (ends or following[:1] == " "))


@lru_cache(maxsize=4096)
def name_is_secret(name: str) -> bool:
    """Whether a variable, parameter or setting of this name is expected to hold a secret."""
    return _ENV_NAME.search(name) is not None


class Masker:
    """Masks secrets in texts and values. Thread-safe: it holds nothing but what it was made from.

    `environ` and `netrc` are looked at on every call, so a token set by an earlier cell is known to the next.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, netrc: str | Path | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._netrc = Path(netrc) if netrc is not None else _netrc_path(self._environ)
        self._netrc_read: tuple[int, frozenset[str]] = (-1, frozenset())

    def mask(self, text: str) -> tuple[str, int]:
        """`text` with every secret replaced by `MASK`, and how many there were. Idempotent; never raises."""
        found = 0
        for value in self._known(text):
            text, n = re.subn(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", MASK, text)
            found += n
        for literal, regex in PATTERNS:
            if literal in text:
                text, n = _replace(regex, text)
                found += n
        text, n = _mask_named(text)
        return text, found + n

    def mask_item(self, key: str, value: Any) -> tuple[Any, int]:
        """`value` as it may be written under `key`: texts inside are masked, also because of their key."""
        if isinstance(value, str):
            names = [name for name in _names(key) if _TAIL.match(f'{key}="x"', name.end)]
            if any(_is_secret(name.kind, value) for name in names):
                return MASK, 1
            return self.mask(value)
        if isinstance(value, Mapping):
            pairs = {name: self.mask_item(str(name), item) for name, item in value.items()}
            return {name: item for name, (item, _) in pairs.items()}, sum(n for _, n in pairs.values())
        if isinstance(value, (list, tuple)):
            items = [self.mask_item(key, item) for item in value]
            return type(value)([item for item, _ in items]), sum(n for _, n in items)
        return value, 0

    def _known(self, text: str) -> list[str]:
        """Secret values of this process that occur in `text`, the longest first."""
        named = [self._environ.get(name, "") for name in tuple(self._environ) if name_is_secret(name)]
        values = frozenset(value for value in named if _is_value(value)) | self._netrc_values()
        return [form for form in _forms(values) if form in text]

    def _netrc_values(self) -> frozenset[str]:
        try:
            changed = self._netrc.stat().st_mtime_ns
            if changed != self._netrc_read[0]:
                words = self._netrc.read_text(errors="replace").split()
                passwords = [b for a, b in itertools.pairwise(words) if a == "password"]
                self._netrc_read = (changed, frozenset(p for p in passwords if _is_value(p)))
        except OSError:
            self._netrc_read = (-1, frozenset())
        return self._netrc_read[1]


@lru_cache(maxsize=16)
def _forms(values: frozenset[str]) -> list[str]:
    """The values as they are, as in a URL and as in JSON; the longest first."""
    forms = {form for value in values for form in (value, quote(value, safe=""), json.dumps(value)[1:-1])}
    return sorted(forms, key=len, reverse=True)


def _is_value(value: str) -> bool:
    return len(value) >= 8 and not _PLAIN_ENV.fullmatch(value) and MASK not in value


def _netrc_path(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("NETRC") or os.path.expanduser("~/.netrc"))


def _replace(regex: re.Pattern[str], text: str) -> tuple[str, int]:
    if not regex.groups:
        return regex.subn(MASK, text)
    found = 0

    def cut(match: re.Match[str]) -> str:
        nonlocal found
        if match[1].strip() in ("", MASK):
            return match[0]
        found += 1
        start, end = (place - match.start() for place in match.span(1))
        return match[0][:start] + MASK + match[0][end:]

    return regex.sub(cut, text), found


_masker: Masker | None = None


def masker() -> Masker:
    """The masker of this process, over its environment."""
    global _masker
    if _masker is None:
        _masker = Masker()
    return _masker


def mask(text: str) -> tuple[str, int]:
    """`Masker.mask` with the masker of this process."""
    return masker().mask(text)
