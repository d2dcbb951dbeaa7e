"""Releases that nobody should accept, numbered so that one can be made again: spoilt on the way, or signed by a member that lies.

Each kind says which rules may refuse it. `OUTSIDE` changes a sealed folder; `SIGNED` changes what it says, and signs again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from bombs import bombs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from privacy import buckets, cells
from privacy.errors import VerificationRefusal
from privacy.parquet import encode
from privacy.policy import canonical_json
from privacy.verification import release_id

WORD = "ornithorynque"  # in everything put in: no decision may hold it
ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's group
WILD: tuple[Any, ...] = (
    None, True, 1.5, -1, 10**40, 10**4000, float("nan"), float("inf"), 1e400, [], {}, [[WORD]], {WORD: WORD}, WORD * 500, "1/0",
    "1e999999999", "-1", "9" * 3000, "\u0663", "\ud800", "nan", "../" * 9 + WORD,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Good:
    """A member's sealed release; one of its older revisions, which the hub holds a newer of; another member's release."""

    key: bytes
    folder: Path
    older: Path
    other: Path
    other_key: bytes


def member_key(venue: str) -> bytes:
    return hashlib.sha256(venue.encode()).digest()


def public(key: bytes) -> str:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(folder: Path, manifest: dict[str, Any], key: bytes, text: bytes | None = None) -> None:
    """Write and sign a manifest, with the digests of the tables there are."""
    text = canonical_json(manifest) if text is None else text
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(key).sign(text).hex())


def as_of(source: Path, into: Path, venue: str, revision: int = 1) -> Path:
    """The same figures as another member's, sealed by it: a release as good as any."""
    manifest = json.loads((source / "manifest.json").read_bytes())
    manifest["venue"] = {"id": venue, "public_key": public(member_key(venue))}
    manifest["revision"] = revision
    manifest["release_id"] = release_id(venue, manifest["period"], manifest["policy"]["digest"], revision)
    there = into / manifest["release_id"]
    shutil.copytree(source, there)
    sign(there, manifest, member_key(venue))
    return there


def forge(good: Good, inbox: Path, number: int) -> tuple[str, set[str]]:
    """Lay a forgery in the inbox; return what was done and the rules that may refuse it."""
    draw = random.Random(number)  # seeded, so that a failure can be made again
    kind = KINDS[number % len(KINDS)]
    if kind in OUTSIDE:
        source = good.older if kind is replayed else good.folder
        folder = Path(shutil.copytree(source, inbox / source.name))
        what = kind(folder, good, draw)
        return f"#{number} {kind.__name__} {what or ''}", OUTSIDE[kind]
    folder = Path(shutil.copytree(good.folder, inbox / good.folder.name))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    what = kind(folder, manifest, draw)
    for file in folder.glob("*/*.parquet") if kind in FILES else ():
        spec_of(manifest, file)["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    try:
        text = canonical_json(manifest)
    except (ValueError, UnicodeError):
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    sign(folder, manifest, good.key, text)
    return f"#{number} {kind.__name__} {what or ''}", SIGNED[kind]


OUTSIDE: dict[Callable[..., Any], set[str]] = {}
SIGNED: dict[Callable[..., Any], set[str]] = {}
FILES: set[Callable[..., Any]] = set()
Folder = Callable[[Path, Good, random.Random], Any]


def outside(*rules: str):
    return lambda kind: OUTSIDE.setdefault(kind, set(rules)) and kind


def signed(*rules: str, files: bool = False):
    def enter(kind):
        SIGNED[kind] = set(rules)
        FILES.update({kind} if files else ())
        return kind

    return enter


def any_file(folder: Path, draw: random.Random) -> Path:
    return draw.choice(sorted(p for p in folder.rglob("*") if p.is_file()))


def any_table(folder: Path, draw: random.Random) -> Path:
    return draw.choice(sorted((folder / "tables").iterdir()))


def any_parquet(folder: Path, draw: random.Random) -> Path:
    return draw.choice(sorted(folder.glob("*/*.parquet")))


def spec_of(manifest: dict[str, Any], file: Path) -> dict[str, Any]:
    return manifest[file.parent.name][file.stem]


# ---- on the way


BYTES = ("layout", "size", "manifest", "member", "signature", "digest")


@outside(*BYTES)
def flipped(folder: Path, _: Good, draw: random.Random) -> str:
    file = any_file(folder, draw)
    spoilt = bytearray(file.read_bytes())
    for at in draw.sample(range(len(spoilt)), draw.choice([1, 1, 3, 30])):
        spoilt[at] ^= draw.randrange(1, 256)
    file.write_bytes(spoilt)
    return file.name


@outside(*BYTES)
def truncated(folder: Path, _: Good, draw: random.Random) -> str:
    file = any_file(folder, draw)
    file.write_bytes(file.read_bytes()[: draw.choice([0, draw.randrange(file.stat().st_size)])])
    return file.name


@outside(*BYTES)
def grown(folder: Path, _: Good, draw: random.Random) -> str:
    file = any_file(folder, draw)
    more = draw.choice([b"\n", b" ", b"\0", WORD.encode(), WORD.encode() * 200_000])
    file.write_bytes(more + file.read_bytes() if draw.random() < 0.3 else file.read_bytes() + more)
    return file.name


@outside("layout", "size")
def sparse(folder: Path, _: Good, draw: random.Random) -> str:
    file = any_file(folder, draw)
    os.truncate(file, 10 * 2**30)
    return file.name


@outside("layout")
def missing(folder: Path, _: Good, draw: random.Random) -> str:
    gone = draw.choice([any_file(folder, draw), folder / "tables", folder])
    if gone.is_file():
        gone.unlink()
    else:
        shutil.rmtree(gone)
        gone.write_bytes(b"PAR1") if draw.random() < 0.5 else gone.mkdir()
    return gone.name


ODD = ("notes.txt", ".hidden", "manifest.json.", "MANIFEST.JSON", "manifest.json ", "mani\u0301fest.json", "a\nb", "\u202egsij",
       "x" * 255, "..\\..\\etc", "CON", "-rf", "family.parquet", "$(id)", "'; drop table releases; --", "\udcff\udcfe")  # fmt: skip


@outside("layout")
def extra(folder: Path, _: Good, draw: random.Random) -> str:
    there = draw.choice([folder, folder / "tables"]) / draw.choice([*ODD, "FAMILY.parquet", "family.parquet.bak"])
    if there.exists():
        there = there.with_name("other")
    there.write_text(WORD) if draw.random() < 0.5 else there.mkdir()
    return ascii(there.name)


@outside("layout")
def nested(folder: Path, _: Good, draw: random.Random) -> None:
    there = draw.choice([folder, folder / "tables"])
    for _n in range(draw.choice([1, 3, 200])):
        there /= "tables"
        there.mkdir(exist_ok=True)
    (there / draw.choice(["deep.parquet", "manifest.json"])).write_text(WORD)


@outside("layout")
def crowded(folder: Path, _: Good, draw: random.Random) -> None:
    for n in range(200):
        (folder / draw.choice(["", "tables"]) / f"{n}.parquet").touch()


@outside("layout")
def wrapped(folder: Path, _: Good, draw: random.Random) -> None:
    whole = folder.rename(folder.with_name(".whole"))
    folder.mkdir()
    whole.rename(folder / folder.name)


@outside("identity")
def renamed(folder: Path, _: Good, draw: random.Random) -> str:
    name = folder.name
    odd = draw.choice([name.upper(), name + " ", name + ".", name + "\n", name + "\u200b", "\uff10" + name[1:], name[:-1], name + "x" * (255 - len(name)),
                       "\udcff" + name, "\u202e" + name, name + ".parquet", "\\udcff" + name, "-" + name])  # fmt: skip
    folder.rename(folder.with_name(odd if odd != name else name + "x"))
    return ascii(odd)


@outside("layout", "digest")
def swapped_tables(folder: Path, _: Good, draw: random.Random) -> None:
    one, two = draw.sample(sorted((folder / "tables").iterdir()), 2)
    one.rename(folder / "x")
    two.rename(one)
    (folder / "x").rename(two)


@outside("digest")
def spliced(folder: Path, good: Good, draw: random.Random) -> str:
    """A table, whole or in its second half, of another release: of the same venue, or another one."""
    table = any_table(folder, draw)
    mine, theirs = table.read_bytes(), (good.older / "tables" / table.name).read_bytes()
    table.write_bytes(theirs if draw.random() < 0.5 else mine[: len(mine) // 2] + theirs[len(theirs) // 2 :])
    return table.name


@outside("signature", "identity", "digest")
def crossed(folder: Path, good: Good, draw: random.Random) -> str:
    """The manifest, the signature or both of another member's release, or of an older revision."""
    source = draw.choice([good.other, good.older])
    names = draw.choice([["manifest.json"], ["manifest.sig"], ["manifest.json", "manifest.sig"]])
    for name in names:
        shutil.copy(source / name, folder / name)
    return str(names)


@outside("revision")
def replayed(folder: Path, good: Good, draw: random.Random) -> None:
    """As it was, every byte of it; the hub holds a newer one."""
    os.utime(folder / "manifest.json", (draw.random(), 1))


@outside("layout")
def linked(folder: Path, good: Good, draw: random.Random) -> str:
    there = draw.choice([any_file(folder, draw), folder / "tables", folder])
    to = draw.choice(
        [good.folder / there.relative_to(folder), Path("/dev/zero"), there, Path("/proc/self/mem"), Path("..")]
    )
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    there.symlink_to(to)
    return f"{there.name} to {to.name}"


@outside("layout")
def no_file(folder: Path, _: Good, draw: random.Random) -> str:
    there = draw.choice([any_file(folder, draw), folder / "tables", folder])
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    kind = draw.choice(["pipe", "socket", "device", "folder"])
    if kind == "socket":
        above = os.open(there.parent, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"/proc/self/fd/{above}/{there.name}")  # a socket's own path is short
        os.close(above)
    elif kind == "device" and os.geteuid() == 0:
        os.mknod(there, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero: it never ends
    elif kind == "folder":
        there.mkdir()
    else:
        os.mkfifo(there)  # whoever opens it waits
    return f"{there.name} {kind}"


@outside("layout", "size", "manifest", "member", "signature")
def bad_json(folder: Path, _: Good, draw: random.Random) -> str:
    text = (folder / "manifest.json").read_bytes()
    spoilt = draw.choice([
        b"[" * 200_000, b'{"tables":' * 100_000, b'{"tables":{},"venue":' + b"[" * 900 + b"]" * 900 + b"}", b"1" * 900_000, b"NaN",
        b"", b"{}", b"[]", b"null", b'"tables"', b'{"tables":[]}', b'{"tables":{"../../x":1}}', b'{"tables":{"x":1e999}}',
        b"\xef\xbb\xbf" + text, text.decode().encode("utf-16"), text + b"\n", b" " + text, text * 2, text.replace(b":1,", b":1.0,", 1),
        text[:-1] + b',"venue":{"id":"' + WORD.encode() + b'"}}', b'{"venue":{"id":"x"},' + text[1:], text.replace(b",", b", ", 1),
        text.replace(b'"theatre"', b'"\\u0074heatre"'), text.replace(b'"k":{"minimum":11', b'"k":{"minimum":NaN'),
        text.replace(b"11", b"1" * 5000, 1), text.replace(b"11", b"1e400", 1), text.replace(b'"format"', b'"\\ud800"'),
        text.replace(b'"id":"', b'"id":"' + WORD.encode()), b'{"tables":{' + b",".join(b'"%d":0' % n for n in range(60_000)) + b"}}",
        json.dumps(json.loads(text), indent=1).encode(), json.dumps(json.loads(text)).encode() + b" ",
    ])  # fmt: skip
    (folder / "manifest.json").write_bytes(spoilt if spoilt != text else text + b" ")
    return ascii(spoilt[:40])


@outside("layout", "size", "signature")
def bad_signature(folder: Path, good: Good, draw: random.Random) -> str:
    text, sig = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_text()
    raw = bytes.fromhex(sig)
    more = int.from_bytes(raw[32:], "little") + ORDER  # as good an equation; RFC 8032 says to refuse it
    spoilt = draw.choice([
        sig.upper(), sig + "\n", " " + sig, sig[:64] + " " + sig[64:], sig[:-2], sig + "00", "0" * 128, "z" * 128, "", "é" * 64,
        "\0" * 128, (raw[:32] + more.to_bytes(32, "little")).hex(), "01" + "0" * 126, WORD * 9, sig[::-1],
        Ed25519PrivateKey.from_private_bytes(good.other_key).sign(text).hex(),
        Ed25519PrivateKey.from_private_bytes(good.key).sign(text + b" ").hex(),
        Ed25519PrivateKey.from_private_bytes(good.key).sign(hashlib.sha256(text).digest()).hex(),
    ])  # fmt: skip
    (folder / "manifest.sig").write_text(spoilt)
    return ascii(spoilt[:20])


@outside("member", "signature", "manifest")
def wrong_venue(folder: Path, good: Good, draw: random.Random) -> str:
    """Another's name under one's own key, one's own name under another's key, a stranger, no name at all."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    other = json.loads((good.other / "manifest.json").read_bytes())["venue"]
    what, venue, key = draw.choice([
        ("another's name", {"id": other["id"]}, good.key), ("another's name and key", other, good.key),
        ("another's key", {}, good.other_key), ("another's key, said", {"public_key": other["public_key"]}, good.other_key),
        ("a stranger", {"id": "stranger"}, good.key), ("a strange name", {"id": WORD + "\n" * 9}, good.key),
        ("a new key, said", {"public_key": public(b"9" * 32)}, b"9" * 32), ("no name", {"id": ""}, good.key),
    ])  # fmt: skip
    manifest["venue"] |= venue
    manifest["revision"] = draw.randrange(2, 10**9)  # so that no two of a batch have one name
    facts = manifest["venue"]["id"], manifest["period"], manifest["policy"]["digest"], manifest["revision"]
    manifest["release_id"] = release_id(*facts)
    folder = folder.rename(folder.with_name(manifest["release_id"]))
    sign(folder, manifest, key)
    return what


# ---- signed by a member that lies


LIES: tuple[tuple[str, set[str], Callable[[dict[str, Any], dict[str, Any], random.Random], Any]], ...] = (
    ("epsilon lower", {"accounting"}, lambda m, t, d: loss(m).update(epsilon=loss(m)["epsilon"] * d.random() * 0.99)),
    ("rho other", {"accounting"}, lambda m, t, d: loss(m).update(rho=f"{d.randrange(1000)}/1001")),
    ("shift other", {"accounting"}, lambda m, t, d: loss(m).update(shift="0")),
    ("delta other", {"accounting", "manifest", "policy"}, lambda m, t, d: loss(m).update(delta=f"1/{10 ** d.randrange(9, 90)}")),
    ("delta of selection other", {"accounting", "policy"}, lambda m, t, d: loss(m).update(delta_selection="1/10000000000")),
    ("a table's delta", {"accounting", "suppression", "manifest"}, lambda m, t, d: t.update(delta=d.choice(["0", "1", "9", "1/10"]))),
    ("season too large", {"policy"}, lambda m, t, d: m["privacy_loss"]["person"]["season"].update(epsilon=f"{d.randrange(5, 99)}")),
    ("season's delta", {"policy"}, lambda m, t, d: m["privacy_loss"]["person"]["season"].update(delta="1/1000")),
    ("a unit left out", {"accounting"}, lambda m, t, d: m["privacy_loss"].clear()),
    ("a unit too many", {"accounting"}, lambda m, t, d: m["privacy_loss"].update(admission=m["privacy_loss"]["person"])),
    ("k lower", {"policy", "table"}, lambda m, t, d: m["k"].update(minimum=d.randrange(1, 11))),
    ("k higher", {"suppression"}, lambda m, t, d: m["k"].update(minimum=d.randrange(100, 10**6))),
    ("k probable", {"policy"}, lambda m, t, d: m["k"].update(rule="probable")),
    ("threshold lower", {"suppression"}, lambda m, t, d: t.update(threshold=t["threshold"] - d.randrange(1, 10**6))),
    ("threshold higher", {"suppression"}, lambda m, t, d: t.update(threshold=10**12)),
    ("noise lower", {"accounting", "schema", "policy", "suppression"}, lambda m, t, d: any_drawn(t, d).update(sigma=d.randrange(1, 9999))),
    ("bounds lower", {"accounting", "policy"}, lambda m, t, d: any_drawn(t, d).update(bound_squared=d.randrange(1, 10**5))),
    ("full cells", {"policy"}, lambda m, t, d: t.update(full_cells=t["full_cells"] + d.randrange(1, 99))),
    ("reach", {"policy", "table"}, lambda m, t, d: [v.update(reach=v["reach"] + 10**6) for v in t["levels"]] or t.update(levels=[{"dimensions": [], "reach": 1}])),
    ("levels", {"policy", "table", "manifest"}, lambda m, t, d: t.update(levels=[] if t["levels"] else [{"dimensions": [], "reach": 1}])),
    ("format", {"manifest"}, lambda m, t, d: m.update(format=d.choice(["jauge-release/1", "jauge-release/2", "", WORD]))),
    ("period", {"identity"}, lambda m, t, d: m.update(period=d.choice(["2024-2025", "2025-2026-T9", "", WORD]))),
    ("season", {"manifest"}, lambda m, t, d: m.update(season=d.choice(["2024-2025", "", WORD]))),
    ("date", {"manifest"}, lambda m, t, d: m.update(published=d.choice(["yesterday", "2026-02-30", "20261122", WORD]))),
    ("revision", {"identity", "manifest"}, lambda m, t, d: m.update(revision=d.choice([0, -1, 2, 99, 10**15]))),
    ("policy", {"identity"}, lambda m, t, d: m["policy"].update(digest="0" * 64)),
    ("digest", {"digest", "manifest"}, lambda m, t, d: t.update(sha256=d.choice(["0" * 64, "", WORD]))),
    ("records", {"table"}, lambda m, t, d: t.update(records=d.choice(["interactions", "counts", WORD]))),
    ("unit", {"table", "accounting", "manifest"}, lambda m, t, d: t.update(unit=d.choice(["admission", WORD]))),
    ("minors let in", {"table", "manifest"}, lambda m, t, d: m["tables"]["family"].update(leaves_out=[])),
    ("dimensions reordered", {"table"}, lambda m, t, d: m["tables"]["family"]["dimensions"].reverse()),
    ("a dimension twice", {"manifest"}, lambda m, t, d: t["dimensions"].append(t["dimensions"][0])),
    ("a dimension less", {"table"}, lambda m, t, d: m["tables"]["family"]["dimensions"].pop()),
    ("a dimension more", {"table"}, lambda m, t, d: t["dimensions"].append(t["dimensions"][0] | {"name": WORD})),
    ("a vast domain", {"size"}, lambda m, t, d: t.update(dimensions=[t["dimensions"][0] | {"name": f"d{n}"} for n in range(9)])),
    ("a large domain", {"table"}, lambda m, t, d: t["dimensions"][0].update(values=[[f"{n}", "", ""] for n in range(9999)])),
    ("codes reordered", {"table"}, lambda m, t, d: t["dimensions"][0]["values"].reverse()),
    ("a code twice", {"table"}, lambda m, t, d: t["dimensions"][0]["values"].append(t["dimensions"][0]["values"][0])),
    ("a code less", {"table"}, lambda m, t, d: t["dimensions"][0]["values"].pop(0)),
    ("a code more", {"table"}, lambda m, t, d: t["dimensions"][0]["values"].append([WORD, "", ""])),
    ("measures reordered", {"table", "suppression", "policy"}, lambda m, t, d: t["measures"].reverse()),
    ("a measure twice", {"manifest"}, lambda m, t, d: t["measures"].append(t["measures"][-1])),
    ("a measure less", {"accounting", "schema"}, lambda m, t, d: t["measures"].pop()),
    ("a measure renamed", {"table"}, lambda m, t, d: d.choice(t["measures"]).update(name=WORD)),
    ("a measure's unit", {"table"}, lambda m, t, d: d.choice(t["measures"]).update(unit=WORD)),
    ("a measure's clip", {"table", "suppression"}, lambda m, t, d: d.choice(t["measures"]).update(clip=d.randrange(100, 999))),
    ("a measure's step", {"table", "suppression"}, lambda m, t, d: d.choice(t["measures"]).update(step=d.randrange(1, 999))),
    ("typical", {"table"}, lambda m, t, d: d.choice(t["measures"]).update(typical=d.randrange(100, 999))),
    ("a sketch left out", {"layout"}, lambda m, t, d: m["sketches"].clear()),
    ("a sketch more", {"layout"}, lambda m, t, d: m["sketches"].update(other=reach(m))),
    ("another sketch's season", {"manifest"}, lambda m, t, d: reach(m).update(season="2024-2025")),
    ("another sketch's buckets", {"sketch"}, lambda m, t, d: reach(m).update(buckets=d.choice([1, 256, 1024, 2**14]))),
    ("no end of buckets", {"manifest"}, lambda m, t, d: reach(m).update(buckets=d.choice([0, -1, 2**40]))),
    ("no noise in a sketch", {"accounting"}, lambda m, t, d: d.choice(reach(m)["groups"]).update(sigma=d.randrange(1, 999))),
    ("another mechanism", {"manifest"}, lambda m, t, d: reach(m).update(mechanism=d.choice(["none", WORD]))),
    ("half a person", {"schema"}, lambda m, t, d: d.choice(reach(m)["groups"]).update(bound_squared=1)),
    ("another step", {"sketch"}, lambda m, t, d: d.choice(reach(m)["groups"]).update(step=1)),
    ("smaller audiences", {"sketch"}, lambda m, t, d: reach(m).update(minimum=d.randrange(1, 50))),
    ("a threshold of a sketch", {"suppression"}, lambda m, t, d: d.choice(reach(m)["groups"]).update(threshold=0)),
    ("a part more", {"schema"}, lambda m, t, d: reach(m).update(parts=[*reach(m)["parts"], WORD])),
    ("many parts", {"size"}, lambda m, t, d: reach(m).update(parts=[str(n) for n in range(5000)])),
    ("minors in a sketch", {"sketch"}, lambda m, t, d: reach(m).update(leaves_out=[])),
    ("groups in a sketch", {"sketch"}, lambda m, t, d: reach(m).update(max_tickets=10**6)),
    ("an attribute less", {"sketch"}, lambda m, t, d: reach(m)["attributes"].pop()),
    ("rows in a sketch's place", {"manifest"}, lambda m, t, d: reach(m).update({WORD: [[WORD, 1]]})),
    ("rows in the manifest", {"manifest"}, lambda m, t, d: d.choice([m, t, m["venue"], m["k"]]).update({WORD: [[WORD, 1]] * 9})),
    ("many rows in it", {"size"}, lambda m, t, d: m["accounting"].update({f"row_{n}": WORD * 60 for n in range(2000)})),
)  # fmt: skip


def loss(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest["privacy_loss"]["person"]["privacy_parameters"]


def reach(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest["sketches"]["reach"]


def any_drawn(spec: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    return draw.choice([v for m in spec["measures"] for v in (m, *m["levels"])])


LIE_RULES = {what: rules for what, rules, _ in LIES}


@signed(*{rule for _, rules, _ in LIES for rule in rules})
def lied(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    what, _, change = draw.choice(LIES)
    change(manifest, draw.choice(list(manifest["tables"].values())), draw)
    return what


@signed("layout", "size", "manifest", "member", "identity", "accounting")
def wild(_: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    """A field of any kind or none, anywhere: its name is told by its place in the walk."""
    value: Any = manifest
    path = []
    while True:
        key = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        path.append(str(key))
        if not value[key] or not isinstance(value[key], dict | list) or draw.random() < 0.15:
            break
        value = value[key]
    odd = draw.choice(WILD)
    if isinstance(value, dict) and draw.random() < 0.2:
        del value[key]
    elif isinstance(value[key], list | float) or type(odd) is type(value[key]):
        value[key] = {WORD: 1} if draw.random() < 0.5 else None
    else:
        value[key] = odd
    return ".".join(path)


@signed("layout", "table")
def tables_renamed(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    old = draw.choice(list(manifest["tables"]))
    new = draw.choice([WORD, "secret", "loyalty2", "releases", "cells_family", "é"])
    manifest["tables"][new] = manifest["tables"][old] if draw.random() < 0.5 else manifest["tables"].pop(old)
    if draw.random() < 0.8:
        (folder / "tables" / f"{old}.parquet").rename(folder / "tables" / f"{new}.parquet")
    return new


ROWS: tuple[Callable[[pl.DataFrame, dict[str, Any], random.Random], pl.DataFrame], ...] = (
    lambda f, s, d: f.head(-1),
    lambda f, s, d: f.slice(1),
    lambda f, s, d: pl.concat([f, f.tail(1)]),
    lambda f, s, d: pl.concat([f.head(1), f.head(1), f.slice(2)]),
    lambda f, s, d: f.reverse(),
    lambda f, s, d: f.clear(),
    lambda f, s, d: pl.concat([f] * 50),
    lambda f, s, d: f.with_columns(pl.col(f.columns[0]).fill_null("*")),
    lambda f, s, d: f.with_columns(pl.col(f.columns[0]) + WORD),
    lambda f, s, d: f.with_columns(pl.lit(None, pl.String).alias(f.columns[0])),
    lambda f, s, d: put_in(f, s, d, "", d.choice([np.nan, np.inf, -np.inf, -1.0, 1e300, 1e6, 5e-324])),
    lambda f, s, d: put_in(f, s, d, "_se", d.choice([np.nan, np.inf, -1.0, 0.0, 1e-9])),
    lambda f, s, d: put_in(f, s, d, "_common_se", d.choice([np.nan, np.inf, -1.0, 1e300])),
    lambda f, s, d: put_in(f, s, d, "_noisy", d.choice([np.nan, np.inf, -5.0, 0.0, 1e300, 11.0, 1e6 + 1e-7])),
    lambda f, s, d: put_in(f, s, d, d.choice(["", "_se", "_noisy"]), None),
    lambda f, s, d: put_in(f, s, d, d.choice(["_se", "_common_se"]), None, level=True),
    lambda f, s, d: put_in(f, s, d, "_noisy", d.choice([np.nan, np.inf, 1e300, 0.12345]), level=True),
    lambda f, s, d: put_in(f, s, d, "", d.choice([np.nan, np.inf]), level=True),
    lambda f, s, d: f.with_columns(pl.col(pl.Float64).fill_null(17.0)),
    lambda f, s, d: f.with_columns(pl.all().exclude(pl.String).cast(pl.Float32)),
    lambda f, s, d: f.with_columns(pl.col("people").fill_null(0).cast(pl.Int64)),
    lambda f, s, d: f.with_columns(pl.col("people").cast(pl.String)),
    lambda f, s, d: f.with_columns(pl.concat_list("people")),
    lambda f, s, d: f.with_columns(pl.struct("people").alias("people")),
    lambda f, s, d: f.with_columns(pl.col(f.columns[0]).cast(pl.Binary)),
    lambda f, s, d: f.with_columns(pl.lit(WORD).alias("names")),
    lambda f, s, d: f.with_columns(pl.lit(1.0).alias(WORD)),
    lambda f, s, d: f.drop(f.columns[-1]),
    lambda f, s, d: f.rename({f.columns[-1]: WORD}),
    lambda f, s, d: f.select(*f.columns[:-2], f.columns[-1], f.columns[-2]),
    lambda f, s, d: f.select(*reversed(f.columns)),
)


def put_in(rows: pl.DataFrame, spec: dict[str, Any], draw: random.Random, part: str, value, *, level: bool = False) -> pl.DataFrame:  # fmt: skip
    """One figure of a shown cell, or of a shown level."""
    dimensions = [d["name"] for d in spec["dimensions"]]
    full = pl.all_horizontal(pl.col(dimensions).is_not_null()) & pl.col("people").is_not_null()
    chosen = (
        rows.with_row_index("at").filter(pl.col("people").is_not_null() & (~full if level else full))["at"].to_list()
    )
    name = draw.choice(spec["measures"])["name"] + part
    return rows.with_columns(pl.when(pl.int_range(pl.len()) == draw.choice(chosen)).then(pl.lit(value, pl.Float64)).otherwise(name).alias(name))  # fmt: skip


@signed("schema", "suppression", "size", files=True)
def other_rows(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    table = any_table(folder, draw)
    which = draw.randrange(len(ROWS))
    table.write_bytes(encode(ROWS[which](pl.read_parquet(table), manifest["tables"][table.stem], draw)))
    return f"{table.stem} {which}"


BUCKETS: tuple[Callable[[pl.DataFrame], pl.DataFrame], ...] = (
    lambda r: r.reverse(), lambda r: r.head(-1), lambda r: pl.concat([r, r.tail(1)]), lambda r: r.clear(),
    lambda r: r.with_columns(pl.col("count") + 40_000), lambda r: r.with_columns(count=pl.lit(0, pl.Int32)),
    lambda r: r.with_columns(count=pl.when(pl.col("bucket") > 0).then("count")), lambda r: r.select("part", "count", "bucket"),
    lambda r: r.with_columns(part=pl.lit(WORD)), lambda r: r.with_columns(person=pl.col("bucket")), lambda r: r.drop("bucket"),
)  # fmt: skip


@signed("schema", "suppression", "size", files=True)
def other_buckets(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    sketch, which = folder / "sketches" / "reach.parquet", draw.randrange(len(BUCKETS))
    sketch.write_bytes(encode(BUCKETS[which](pl.read_parquet(sketch))))
    return f"{which}"


STYLES: tuple[dict[str, Any], ...] = (
    *({"compression": c} for c in ("snappy", "gzip", "brotli", "lz4", "zstd")),
    {"write_statistics": True}, {"write_page_index": True, "write_statistics": True}, {"row_group_size": 3}, {"store_schema": True},
)  # fmt: skip


@signed("schema", "size", files=True)
def other_parquet(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    """The right rows, in a file with more in it than they, or harder to read."""
    table = any_parquet(folder, draw)
    rows, plain = pl.read_parquet(table), {"compression": "none", "write_statistics": False, "store_schema": False}
    strings = [n for n, t in rows.schema.items() if t == pl.String]
    arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    which = draw.randrange(len(STYLES) + 5)
    data = table.read_bytes()
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if which < len(STYLES):
        pq.write_table(arrow, table, use_dictionary=strings, **plain | STYLES[which])
    elif which == len(STYLES):
        rows.write_parquet(table)
    elif which == len(STYLES) + 1:
        people = pa.table({"name": [WORD] * 20, "born": [1980] * 20}).to_pydict()
        pairs = {draw.choice([WORD, "pandas", "ARROW:schema"]): draw.choice([json.dumps(people), WORD, "\0" * 99])}
        pq.write_table(arrow.replace_schema_metadata(pairs), table, **plain | {"store_schema": True})
    elif which == len(STYLES) + 2:
        field = pa.field(arrow.schema[0].name, pa.string(), metadata={"PARQUET:field_id": "7"})
        pq.write_table(arrow.cast(pa.schema([field, *list(arrow.schema)[1:]])), table, **plain)
    elif which == len(STYLES) + 3:
        more = WORD.encode() * draw.choice([1, 20])
        table.write_bytes(data[:end] + more + data[end:])
    else:
        table.write_bytes(
            data[:-8] + draw.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\1\0\0\0"]) + draw.choice([b"PAR1", b"PARE"])
        )
    return f"{table.stem} {which}"


@signed("schema", "size", "suppression", files=True)
def flipped_parquet(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    """A footer, page header or level spoilt and signed: never in a figure's own bytes, where a digit is as good as another."""
    table = any_parquet(folder, draw)
    data = bytearray(table.read_bytes())
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in [draw.randrange(4, 12), *(draw.randrange(end, len(data)) for _ in range(draw.choice([0, 1, 20])))]:
        data[at] ^= draw.randrange(1, 256)
    try:
        (buckets if table.parent.name == "sketches" else cells).read_rows(bytes(data), spec_of(manifest, table))
        same = True  # spoilt in the name of the program, or in hints that nobody reads
    except VerificationRefusal:
        same = False
    if same:
        data[-1] ^= 1
    table.write_bytes(data)
    return table.stem


@signed("schema", "size", "suppression", files=True)
def a_bomb(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    table = any_table(folder, draw)
    spec = manifest["tables"][table.stem]
    rows = pl.read_parquet(table)
    what, data = draw.choice(_bombs(tuple(rows.columns), len(spec["dimensions"]), rows.height))
    table.write_bytes(data)
    return f"{table.stem} {what}"


@cache
def _bombs(columns: tuple[str, ...], strings: int, rows: int) -> list[tuple[str, bytes]]:
    return list(bombs(columns[:strings], columns[strings:], rows))


@signed("size", files=True)
def huge(folder: Path, manifest: dict[str, Any], draw: random.Random) -> str:
    table = any_parquet(folder, draw)
    data, kind = table.read_bytes(), buckets if table.parent.name == "sketches" else cells
    more = draw.choice([kind.most_bytes(spec_of(manifest, table)), 2_000_000])
    table.write_bytes(data[:-8] + b"\0" * more + data[-8:])
    return table.stem


KINDS = [
    *OUTSIDE, *SIGNED, *[lied] * 8, *[wild] * 4, *[other_rows] * 5, *[a_bomb] * 3, *[flipped] * 3, *[bad_json] * 2, other_parquet,
]  # fmt: skip
