"""import: a bookmark is for a file's content, all of it, and for nothing else of the file."""

from pathlib import Path

import orjson
import pytest

from split_dest.cli import lines
from tests.support.commands import ended, interrupted, start, wait_until
from tests.support.service import tracks

STREAM = "sd:web:events:stream"
ENDS = 65_536


def name(path: Path) -> str:
    """Return the name of a file's content."""
    with lines.opened(path) as source:
        return source.digest


def content(middle: bytes) -> bytes:
    """Return a content with long ends that are always the same."""
    return b"a" * ENDS + middle + b"z" * ENDS


def test_each_byte_of_a_file_makes_its_name(tmp_path):
    """Also one in the middle, and one more at the end; where the file lies and what it is called does not."""
    contents = [b"", b"a", content(b"1"), content(b"2"), content(b"1") + b"z", content(b"12") + b"z" * 10_000_000]
    files = [tmp_path / str(n) for n in range(len(contents))]
    for file, text in zip(files, contents, strict=True):
        file.write_bytes(text)
    (tmp_path / "copy").write_bytes(content(b"1"))

    names = [name(file) for file in files]

    assert len(set(names)) == len(files)
    assert name(tmp_path / "copy") == name(files[2])


def test_a_name_begins_with_the_one_that_versions_before_gave(tmp_path):
    """It was made of the size and the ends, so it is the same for what differs in the middle."""
    for n in (1, 2):
        (tmp_path / str(n)).write_bytes(content(b"%d" % n))

    assert name(tmp_path / "1")[:32] == name(tmp_path / "2")[:32] == "d0ddc1cc6b237f9678c983c395eb856f"


def test_the_lines_are_those_of_the_whole_file_after_it_was_named(tmp_path):
    """It is read twice."""
    (tmp_path / "file").write_bytes(b"1\n2\n")

    with lines.opened(tmp_path / "file") as source:
        assert source.digest
        assert [line.text for line in source.lines(100)] == [b"1\n", b"2\n"]


@pytest.fixture
def twins(tmp_path):
    """Two files of the same size, with the same first and last 64 KiB; some ids in the middle differ."""
    files = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    for file, first in zip(files, (5000, 6000), strict=True):
        ends = tracks(600), tracks(600, 600)
        of_file = [*ends[0], *tracks(100, first), *ends[1]]
        file.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in of_file))
    one, two = (file.read_bytes() for file in files)
    assert (len(one), one[:ENDS], one[-ENDS:]) == (len(two), two[:ENDS], two[-ENDS:])
    assert one != two
    return files


def test_files_with_the_same_ends_do_not_share_a_bookmark(twins, settings, store):
    """One is stopped in the middle; the other is imported from its first line, and then the first one goes on."""
    settings.file.write_text(settings.file.read_text() + "intake: {dedupe_hours: 0}\n")
    one, two = twins

    def begin(file, rate=100_000):
        return start("import", file, "--destination", "web", "--rate", rate, environ=settings.environ)

    process = begin(one, 500)
    wait_until(lambda: store.client.xlen(STREAM) >= 650)
    stopped = interrupted(process)
    held = store.client.xlen(STREAM)

    other = ended(begin(two))
    again = ended(begin(one))

    assert stopped.code == 130
    assert (other.code, other.err, other.json[-1]["accepted"]) == (0, "", 1300)
    assert (again.code, again.err) == (0, f"Resuming after line {held}\n")
    assert again.json[-1]["accepted"] == 1300 - held


def test_a_file_that_has_grown_is_another_one(tmp_path, settings, store):
    """It is imported from its first line; what came before is recognised by its ids."""
    file = tmp_path / "file.jsonl"
    file.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in tracks(60)))
    process = start("import", file, "--destination", "web", "--rate", 20, environ=settings.environ)
    wait_until(lambda: store.client.xlen(STREAM) >= 2)
    interrupted(process)
    held = store.client.xlen(STREAM)
    with file.open("ab") as end:
        end.write(orjson.dumps(tracks(1, 60)[0]) + b"\n")

    result = ended(start("import", file, "--destination", "web", environ=settings.environ))

    assert (result.code, result.err) == (0, "")
    assert (result.json[-1]["accepted"], result.json[-1]["duplicates"]) == (61 - held, held)
