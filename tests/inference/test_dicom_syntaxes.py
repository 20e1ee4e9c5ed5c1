"""Every transfer syntax gives the same volume; what cannot be decoded is refused."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from inference.dicom import compressed, files, read_instance, read_volume, study_of
from inference.dicom.compressed import DECODER
from inference.errors import NotDicomError, UnsuitableStudyError
from tests.inference.series import enhanced_series, small_series, small_volume
from tests.inference.syntaxes import (
    LOSSLESS,
    LOSSY,
    OPENJPH,
    encoded,
    in_syntax,
    written,
)

LOSS = 8  # of 4095: what the lossy encoders of these tests may change


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    return small_series()


@pytest.fixture(scope="module")
def voxels(series: list[Dataset]) -> np.ndarray:
    return read_volume(series).voxels


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
def test_lossless_syntaxes_give_the_same_volume(
    series: list[Dataset], voxels: np.ndarray, syntax: UID, tmp_path: Path
) -> None:
    classic = [in_syntax(item, syntax, tmp_path) for item in series]
    np.testing.assert_array_equal(read_volume(classic).voxels, voxels)
    enhanced = in_syntax(enhanced_series(small_volume()), syntax, tmp_path)
    np.testing.assert_array_equal(read_volume([enhanced]).voxels, voxels)
    assert study_of(classic).slice_count == study_of([enhanced]).slice_count == 6


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda uid: uid.name)
def test_lossy_syntaxes_give_nearly_the_same_volume(
    series: list[Dataset], voxels: np.ndarray, syntax: UID, tmp_path: Path
) -> None:
    lossy = [in_syntax(item, syntax, tmp_path) for item in series]
    assert lossy[0].file_meta.TransferSyntaxUID == syntax
    np.testing.assert_allclose(read_volume(lossy).voxels, voxels, atol=LOSS)


def test_baseline_jpeg_holds_eight_bits(
    series: list[Dataset], voxels: np.ndarray, tmp_path: Path
) -> None:
    eight = deepcopy(series)
    for item in eight:
        values = np.frombuffer(item.PixelData, "<u2") >> 4
        item.PixelData = values.astype(np.uint8).tobytes()
        item.BitsAllocated, item.BitsStored, item.HighBit = 8, 8, 7
    read = [in_syntax(item, JPEGBaseline8Bit, tmp_path) for item in eight]
    np.testing.assert_allclose(read_volume(read).voxels, voxels / 16, atol=3)


@pytest.mark.parametrize(
    "syntax", [uid for uid in LOSSLESS if uid not in OPENJPH], ids=lambda uid: uid.name
)
def test_signed_values_survive_every_lossless_syntax(
    series: list[Dataset], voxels: np.ndarray, syntax: UID, tmp_path: Path
) -> None:
    signed = deepcopy(series)
    for item in signed:
        values = np.frombuffer(item.PixelData, "<u2").astype("<i2") - 2048
        item.PixelData, item.PixelRepresentation = values.tobytes(), 1
    read = [in_syntax(item, syntax, tmp_path) for item in signed]
    np.testing.assert_array_equal(read_volume(read).voxels, voxels - 2048)


def test_a_file_without_preamble_is_read(
    series: list[Dataset], voxels: np.ndarray
) -> None:
    bare = [read_instance(written(item)[132:]) for item in series]
    np.testing.assert_array_equal(read_volume(bare).voxels, voxels)


def test_a_file_on_disk_is_read_as_its_bytes(
    series: list[Dataset], tmp_path: Path
) -> None:
    path = tmp_path / "slice"
    path.write_bytes(written(series[0]))
    assert read_instance(path) == read_instance(path.read_bytes())


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"PK\x03\x04"])
def test_something_else_is_no_dicom(content: bytes) -> None:
    with pytest.raises(NotDicomError, match="no DICOM prefix"):
        read_instance(content)


def test_a_header_of_the_wrong_length_is_refused(series: list[Dataset]) -> None:
    """Found by the fuzzer: pydicom's error for it is no ValueError."""
    content = written(series[0])
    length = content[132:140]
    assert length == b"\x02\x00\x00\x00UL\x04\x00"
    damaged = content.replace(length, length[:6] + b"\x05\x00", 1)
    with pytest.raises(UnsuitableStudyError, match="BytesLengthException"):
        read_instance(damaged)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableStudyError, match="FileNotFoundError"):
        read_instance(tmp_path / "nothing")


def test_a_large_file_is_refused_before_it_is_read(
    series: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    with pytest.raises(UnsuitableStudyError, match=r"has \d+ bytes, at most 1000"):
        read_instance(written(series[0]))


def test_a_deflated_bomb_is_refused_before_it_grows(
    series: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = encoded(series[0], DeflatedExplicitVRLittleEndian, tmp_path)
    monkeypatch.setattr(files, "MAX_INFLATED_BYTES", 1000)
    with pytest.raises(UnsuitableStudyError, match="grows beyond 1000 bytes"):
        read_instance(content)


def test_an_unknown_syntax_is_named(series: list[Dataset]) -> None:
    film = deepcopy(series)
    for item in film:
        item.file_meta.TransferSyntaxUID = MPEG2MPML
    with pytest.raises(
        UnsuitableStudyError, match=r"TransferSyntaxUID \(0002,0010\) is 'MPEG2"
    ):
        read_volume(film)


@pytest.fixture
def packed(series: list[Dataset], tmp_path: Path) -> list[Dataset]:
    return [in_syntax(item, JPEG2000Lossless, tmp_path) for item in series]


def cut(frame: bytes) -> bytes:
    return frame[: len(frame) // 4]


def of_another_size(frame: bytes) -> bytes:
    return frame.replace((40).to_bytes(4, "big"), (4000).to_bytes(4, "big"))


def of_astronomic_size(frame: bytes) -> bytes:
    return frame.replace((40).to_bytes(4, "big"), (2**31 - 1).to_bytes(4, "big"))


@pytest.mark.parametrize("damage", [cut, of_another_size, of_astronomic_size])
def test_a_damaged_codestream_is_refused(
    packed: list[Dataset], damage: Callable[[bytes], bytes]
) -> None:
    (frame,) = generate_frames(packed[2].PixelData, number_of_frames=1)
    packed[2].PixelData = encapsulate([damage(frame)])
    with pytest.raises(
        UnsuitableStudyError, match=r"PixelData \(7FE0,0010\) cannot be decoded: \w+"
    ):
        read_volume(packed)


def test_frames_that_are_not_there_are_refused(tmp_path: Path) -> None:
    short = in_syntax(enhanced_series(small_volume()), RLELossless, tmp_path)
    frames = list(generate_frames(short.PixelData, number_of_frames=6))
    short.PixelData = encapsulate(frames[:4])
    with pytest.raises(UnsuitableStudyError, match="cannot be decoded"):
        read_volume([short])


def run_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    path = tmp_path / "decoder.py"
    path.write_text(code)
    monkeypatch.setattr(compressed, "DECODER", path)


def test_a_decoder_that_crashes_stops_nothing_else(
    packed: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_instead(monkeypatch, tmp_path, "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(UnsuitableStudyError, match="the decoder ended with -11"):
        read_volume(packed)


def test_a_decoder_that_hangs_is_ended(
    packed: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_instead(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(compressed, "WALL_FACTOR", 0.1)
    with pytest.raises(UnsuitableStudyError, match=r"is not decoded after 0\.4 s"):
        read_volume(packed)


def test_a_decoder_that_computes_for_ever_is_ended(
    packed: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = DECODER.read_text().replace("decoder = get_decoder", "while True: pass #")
    run_instead(monkeypatch, tmp_path, code)
    monkeypatch.setattr(compressed, "CPU_S", 0.5)
    with pytest.raises(UnsuitableStudyError, match="takes more than 1 s to decode"):
        read_volume(packed)


def test_a_decoder_sees_no_secret_of_ours(
    packed: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPOILS_SECRET_KEY", "secret")
    run_instead(monkeypatch, tmp_path, "import os, sys; sys.exit(str(os.environ))")
    with pytest.raises(UnsuitableStudyError, match="cannot be decoded") as caught:
        read_volume(packed)
    assert "OPENBLAS" in str(caught.value)
    assert "SPOILS" not in str(caught.value)
