"""Studies are found wherever they lie, and no archive can do harm."""

import os
import zipfile
from pathlib import Path

import pytest
from pydicom import Dataset

from inference.errors import UnsuitableStudyError
from inference.studies import search
from inference.studies.search import Found, Source, find_studies, read_sources
from tests.sandbox.tiny_dicom import tiny_series

FIRST, SECOND = "1.2.1", "1.2.2"
#: An entry of a zip file has this bit when it is encrypted (APPNOTE 4.4.4).
ENCRYPTED = 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two studies, deep in folders, and a file that is no image."""
    save(tiny_series(study_uid=FIRST, description="T2"), tmp_path / "in" / "a" / "b")
    save(tiny_series(study_uid=SECOND, description="T1"), tmp_path / "in" / "c")
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path / "in"


def save(series: list[Dataset], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.dcm" for number in range(len(series))]
    for dataset, path in zip(series, paths, strict=True):
        dataset.save_as(path)
    return paths


def zipped(folder: Path, path: Path, *, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(folder.rglob("*")):
            archive.write(item, prefix + str(item.relative_to(folder)))
    return path


def counts(found: Found) -> dict[str, int]:
    return {
        uid: sum(len(instances) for instances in study.sources.values())
        for uid, study in found.studies.items()
    }


def test_studies_of_a_folder_are_told_apart(folder: Path) -> None:
    found = find_studies([folder])
    assert counts(found) == {FIRST: 3, SECOND: 3}
    assert (found.others, not found.unreadable) == (1, True)


def test_a_zip_file_holds_the_same_as_its_folder(folder: Path, tmp_path: Path) -> None:
    plain, packed = (
        find_studies([folder]),
        find_studies([zipped(folder, tmp_path / "z")]),
    )
    assert counts(packed) == counts(plain)
    assert packed.others == plain.others
    for uid, study in plain.studies.items():
        for series, instances in study.sources.items():
            other = packed.studies[uid].sources[series]
            assert list(read_sources([*other.values()])) == list(
                read_sources([*instances.values()])
            )


def test_a_copy_of_an_instance_is_not_another_slice(
    folder: Path, tmp_path: Path
) -> None:
    archive = zipped(folder, tmp_path / "copy.zip")
    assert counts(find_studies([folder, archive, folder])) == {FIRST: 3, SECOND: 3}


def test_what_is_kept_of_a_series_has_no_pixels(folder: Path) -> None:
    for study in find_studies([folder]).studies.values():
        for instance in study.first_instances.values():
            assert "PixelData" not in instance
            assert instance.SeriesDescription in {"T1", "T2"}


def test_names_in_a_zip_file_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    archive = zipped(folder, tmp_path / "z.zip", prefix="../../../evil/")
    before = sorted(tmp_path.rglob("*"))
    assert counts(find_studies([archive])) == {FIRST: 3, SECOND: 3}
    assert sorted(tmp_path.rglob("*")) == before


def bomb(path: Path, size: int, *, entries: int = 1, head: bytes = b"") -> Path:
    """Write a zip file whose entries unpack to zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(entries):
            archive.writestr(f"{number}.dcm", head + bytes(size))
    return path


DICOM_HEAD = bytes(128) + b"DICM"


def test_a_bomb_that_is_no_dicom_is_not_unpacked(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb.zip", 64 << 20)
    found = find_studies([path])
    assert (found.studies, found.others) == ({}, 1)


def test_an_entry_that_grows_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_FILE_BYTES", 1 << 20)
    path = bomb(tmp_path / "bomb.zip", 8 << 20, head=DICOM_HEAD)
    (reason,) = find_studies([path]).unreadable
    assert "larger than 1048576 bytes" in reason


def test_many_entries_that_grow_too_large_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SMALL_ZIP_BYTES", 1 << 20)
    path = bomb(tmp_path / "bomb.zip", 1 << 20, entries=20, head=DICOM_HEAD)
    assert path.stat().st_size * search.MAX_ZIP_RATIO < 20 << 20
    assert (
        "a zip file unpacks to more than is allowed" in find_studies([path]).unreadable
    )


def test_too_many_entries_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_ZIP_ENTRIES", 3)
    (reason,) = find_studies([zipped(folder, tmp_path / "z.zip")]).unreadable
    assert "at most 3" in reason


def test_an_encrypted_entry_is_named_and_the_others_are_read(
    folder: Path, tmp_path: Path
) -> None:
    path = zipped(folder, tmp_path / "z.zip")
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    while not content[first + 46 :].startswith(b"a/b/0.dcm"):
        first = content.index(b"PK\x01\x02", first + 1)
    content[first + 8] |= ENCRYPTED
    path.write_bytes(content)
    found = find_studies([path])
    assert counts(found) == {FIRST: 2, SECOND: 3}
    assert "encrypted" in next(iter(found.unreadable))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + bytes(500)])
def test_a_broken_zip_file_does_not_stop_the_search(
    folder: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "broken.zip").write_bytes(content)
    found = find_studies([tmp_path / "broken.zip", folder])
    assert counts(found) == {FIRST: 3, SECOND: 3}
    assert sum(found.unreadable.values()) == 1


def test_a_file_without_a_study_is_counted(folder: Path) -> None:
    (dataset,) = tiny_series(study_uid="", description="T2", slices=1)
    dataset.save_as(folder / "none.dcm")
    assert find_studies([folder]).unreadable == {"a file has no StudyInstanceUID": 1}


def test_a_path_that_is_not_there_is_counted(folder: Path, tmp_path: Path) -> None:
    found = find_studies([tmp_path / "absent", folder])
    assert counts(found) == {FIRST: 3, SECOND: 3}
    assert sum(found.unreadable.values()) == 1


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert counts(find_studies([folder])) == {FIRST: 3, SECOND: 3}


def test_a_file_that_went_away_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableStudyError, match="cannot be read"):
        list(read_sources([Source(path=tmp_path / "gone.dcm")]))
