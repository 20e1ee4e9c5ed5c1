"""The parts of a body do not depend on how it arrives, and none is held without end."""

from collections.abc import Iterator

import pytest

from smart_app.archive.multipart import parts

# DICOM has an even length (PS3.5, 7.1.1), and so do these
FIRST = b"\0" * 128 + b"DICM" + b"first!\r\n--not-it\r\n\r\n" + bytes(range(256))
SECOND = b"\0" * 128 + b"DICM" + b"--" * 300
KIND = 'multipart/related; type="application/dicom"; boundary="b-1"'
STANDARD = (
    b"--b-1\r\nContent-Type: application/dicom\r\n\r\n"
    + FIRST
    + b"\r\n--b-1\r\nContent-Type: application/dicom\r\n\r\n"
    + SECOND
    + b"\r\n--b-1--\r\n"
)
LIMIT = 10_000


def in_pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def read(body: bytes, size: int, kind: str = KIND) -> list[tuple[bytes, bool]]:
    found = parts(in_pieces(body, size), kind, max_part_bytes=LIMIT)
    return [(part.body, part.is_closed) for part in found]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 131, 133, 100_000])
def test_pieces_of_any_size_give_the_same_parts(size: int) -> None:
    assert read(STANDARD, size) == [(FIRST, True), (SECOND, True)]
    assert read(STANDARD.replace(b"\r\n--b-1", b"\n--b-1"), size, kind="") == [
        (FIRST, True),
        (SECOND, True),
    ]


@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_a_body_that_is_cut_never_has_a_closed_part_too_many(size: int) -> None:
    whole = len(STANDARD)
    for length in range(0, whole, 37):
        found = read(STANDARD[:length], size)
        closed = [body for body, is_closed in found if is_closed]
        assert closed == [FIRST, SECOND][: len(closed)]
        assert len(closed) < 2 or length > whole - len(b"--b-1--\r\n")


@pytest.mark.parametrize("size", [1, 100_000])
def test_one_instance_without_multipart_is_one_part(size: int) -> None:
    assert read(FIRST, size, kind="application/dicom") == [(FIRST, False)]


@pytest.mark.parametrize("body", [STANDARD.replace(SECOND, b"x" * LIMIT), FIRST * 40])
def test_a_part_without_end_is_given_up(body: bytes) -> None:
    taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for piece in in_pieces(body + b"x" * 10 * LIMIT, 64):
            taken += len(piece)
            yield piece

    with pytest.raises(ValueError, match="10000 bytes"):
        list(parts(counted(), KIND, max_part_bytes=LIMIT))
    assert taken < 3 * LIMIT
