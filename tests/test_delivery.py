"""What travels and what is answered, by its texts alone: damaged, forged or nonsense is told by rule."""

import json
from pathlib import Path

import pytest

from privacy.delivery import Answer, pack, parcel, read_answer, write_answer
from privacy.errors import Fault, VerificationRefusal
from privacy.release import Release, read
from privacy.verification import FORMAT
from tests.releases import sender, small_policy

OTHER = "00" * 32


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return sender(tmp_path_factory.mktemp("home"), policy=small_policy("loyalty")).release()


def test_a_parcel_is_held_to_the_keys_of_its_venue(release: Release) -> None:
    packed, own = pack(release.folder), release.manifest["venue"]["public_key"]
    packed.check([OTHER, own])
    for keys in ([OTHER], []):
        with pytest.raises(VerificationRefusal, match="signature"):
            packed.check(keys)
    unread = parcel(packed.name, dict(packed.texts) | {"manifest.sig": "no héx".encode()})
    with pytest.raises(VerificationRefusal, match="signature"):
        unread.check([own])


@pytest.mark.parametrize("change", [
    lambda m: m["venue"].update(id="Nobody's"),
    lambda m: m.update(tables={f"t{i}": m["tables"]["loyalty"] for i in range(65)}),
    lambda m: m.update(tables={"../loyalty": m["tables"]["loyalty"]}),
    lambda m: m["tables"]["loyalty"].update(sha256="x"),
    lambda m: m.pop("venue"),
])  # fmt: skip
def test_what_a_manifest_cannot_say_is_refused(release: Release, change) -> None:
    texts = dict(pack(release.folder).texts)
    manifest = json.loads(texts["manifest.json"])
    change(manifest)
    with pytest.raises(VerificationRefusal, match="manifest"):
        parcel(release.id, texts | {"manifest.json": json.dumps(manifest).encode()})


def test_a_damaged_folder_is_not_packed(release: Release, tmp_path: Path) -> None:
    for damage in (lambda f: f.write_bytes(f.read_bytes() + b"x"), lambda f: f.unlink()):
        there = tmp_path / damage.__code__.co_code.hex()[:8] / release.id
        for file in (f for f in release.folder.rglob("*") if f.is_file()):
            (there / file.relative_to(release.folder)).parent.mkdir(parents=True, exist_ok=True)
            (there / file.relative_to(release.folder)).write_bytes(file.read_bytes())
        damage(there / "tables" / "loyalty.parquet")
        with pytest.raises(Fault, match="damaged"):
            pack(there)


def test_a_refusal_is_told_with_the_hubs_own_rule() -> None:
    told = Answer("refused", "policy", "policy: k is 5", "policy : k vaut 5").refusal()
    assert (told.rule, told.en) == ("policy", "policy: the hub refused this release. k is 5")
    assert told.fr == "policy : le hub a refusé cette publication. k vaut 5"
    assert Answer("refused").refusal().rule == "hub"
    assert [Answer("refused", "policy", "a", "b").sentence(language) for language in ("en", "fr")] == ["a", "b"]


def test_an_answer_about_a_name_that_is_no_text_is_filed_all_the_same() -> None:
    filed = write_answer(Answer("refused", "identity", "é", "é"), "\udcff49", None)
    assert read_answer(filed) == Answer("refused", "identity", "é", "é")


@pytest.mark.parametrize("text", ["[]", "{}", '{"state": "well"}', '{"state": "accepted", "there": 3}', "no"])
def test_what_is_no_answer_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_answer(text)


@pytest.mark.parametrize(("x", "rule"), [('"\\ud800"', "manifest"), ("NaN", "layout")])
def test_what_json_should_not_hold_is_no_manifest(tmp_path: Path, x: str, rule: str) -> None:
    folder = tmp_path / ("0" * 32)
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest.json").write_text(f'{{"format": "{FORMAT}", "tables": {{}}, "x": {x}}}')
    (folder / "manifest.sig").write_text("00" * 64)
    with pytest.raises(VerificationRefusal, match=rule):
        read(folder)
