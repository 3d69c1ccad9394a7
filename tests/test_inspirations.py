"""The notes of inspirations/ can be listed and read, whatever somebody put into the folder."""

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inspirations import (
    LONGEST,
    MOST_BYTES,
    MOST_NOTES,
    SHOWN,
    NoNote,
    Note,
    index,
    read_note,
)

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"data", "positions", "architecture", "memory", "optimisation", "throughput"}
KINDS |= {"simplification", "constant", "other"}
SHIPPED = (
    "adaptive_computation.md",
    "adderboard.md",
    "autoresearch.md",
    "factorisation.md",
    "grokking_and_curricula.md",
    "looped_transformers.md",
    "multiplication.md",
    "optimisers.md",
    "perceiver.md",
    "positions_and_length.md",
)
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r\b"
# What anyone might call a file, and what leads out of a folder.
NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20).map(
        lambda stem: stem + ".md"
    ),
    st.sampled_from([".md", "..md", "-rf.md", "a b.md", "Read Me.md", "\udcff.md", "a.MD", "é.md"]),
)


@pytest.fixture
def folder(tmp_path):
    """An inspirations folder with one note, beside a file that is nobody's business."""
    (tmp_path / "secret.md").write_text("# A secret\n\nsecret-word\n")
    inside = tmp_path / "inspirations"
    inside.mkdir()
    (inside / "good.md").write_text("# A good note\n\nWhat it says.\n")
    return inside


GOOD = Note("good.md", "A good note", "What it says.", 29)


def test_our_own_notes_are_listed_and_fit():
    """Every note that the repository ships has a title and a summary, and can be read whole."""
    folder = ROOT / "inspirations"
    notes = {note.name: note for note in index(folder)}
    assert list(notes) == sorted(notes)
    for name in (*SHIPPED, "plain_transformer.py"):
        assert notes[name].title != name
        assert notes[name].summary
        assert read_note(folder, name) == (folder / name).read_text()


@pytest.mark.parametrize("name", SHIPPED)
def test_our_own_notes_end_with_what_to_try(name):
    """Every note in words names its sources and ends with 2 to 5 ideas, each of a known kind."""
    text = (ROOT / "inspirations" / name).read_text()
    *_, last = text.split("\n## ")
    title, _, ideas = last.partition("\n")
    assert title == "What it suggests for Thinker"
    kinds = re.findall(r"^\d\. \((\w+)\) ", ideas, re.MULTILINE)
    assert len(kinds) == len(re.findall(r"^\d\. ", ideas, re.MULTILINE))
    assert 2 <= len(kinds) <= 5
    assert set(kinds) <= KINDS
    assert "arXiv" in text or "github.com" in text


def test_the_program_explains_every_kind():
    """program.md has a direction of each kind, by the very word that a proposal gives."""
    text = (ROOT / "program.md").read_text()
    assert set(re.findall(r"^\*\*(\w+)\*\* — ", text, re.MULTILINE)) == KINDS
    assert len(text) <= 9 * 1024


def test_a_file_dropped_in_is_there_at_once(folder):
    """The folder is read afresh each time."""
    assert index(folder) == (GOOD,)
    (folder / "mine.md").write_text("no heading, only words\n")
    assert index(folder) == (GOOD, Note("mine.md", "mine.md", "no heading, only words", 23))
    (folder / "mine.md").write_text("#hashtag\n---\n## Mine\n***\n\n> said\n")
    assert index(folder)[1] == Note("mine.md", "Mine", "#hashtag", 33)
    (folder / "mine.md").unlink()
    assert index(folder) == (GOOD,)


@pytest.mark.parametrize(
    ("source", "title", "summary"),
    [
        ('"""A rival.\n\nMore of it.\n"""\nx = 1\n', "A rival.", "More of it."),
        ("#!/usr/bin/python\n# a \"\"\"comment\"\"\"\n\nr'''Raw \\d.'''\n", "Raw \\d.", ""),
        ('"one line"\nimport torch\n', "one line", ""),
        ('"""\n  Title below\n  and more\n"""', "Title below", "and more"),
        ("import torch\n'''no docstring'''\n", "x.py", "import torch"),
        ('""" never closed\n', "x.py", '""" never closed'),
        ("#" * 30_000, "x.py", ""),
        ("(" * 30_000 + "a", "x.py", ("(" * 30_000)[:SHOWN]),
    ],
)
def test_a_script_is_named_by_its_docstring(folder, source, title, summary):
    """The first line of a module's docstring is its title, whether or not the module parses."""
    (folder / "x.py").write_text(source)
    began = time.monotonic()
    assert index(folder)[1] == Note("x.py", title, summary, len(source))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["README.md", "readme.md", "README.py", "notes.txt", ".hid.md"])
def test_what_is_no_note_is_left_out(folder, name):
    """A README, another ending and a hidden file are neither listed nor read."""
    (folder / name).write_text("# Something\n\nelse\n")
    assert index(folder) == (GOOD,)
    with pytest.raises(NoNote):
        read_note(folder, name)


def as_link(path):
    path.symlink_to(path.parent.parent / "secret.md")


def as_link_within(path):
    path.symlink_to("good.md")


def as_hard_link(path):
    os.link(path.parent.parent / "secret.md", path)


def as_link_to_nothing(path):
    path.symlink_to("/proc/self/fd/0")


def as_pipe(path):
    os.mkfifo(path)


def as_folder(path):
    path.mkdir()
    (path / "x.md").write_text("# deeper")


def as_binary(path):
    path.write_bytes(b"# Title\n\0\x01\x02")


def as_latin(path):
    path.write_bytes(b"# Caf\xe9\n")


@pytest.mark.parametrize(
    "put",
    [
        as_link,
        as_link_within,
        as_hard_link,
        as_link_to_nothing,
        as_pipe,
        as_folder,
        as_binary,
        as_latin,
    ],
)
def test_what_is_no_plain_text_is_passed_over(folder, put):
    """Links, pipes, folders and binary files neither hang nor show; the other notes stay."""
    put(folder / "a.md")
    began = time.monotonic()
    assert index(folder) == (GOOD,)
    with pytest.raises(NoNote, match=r"there are good\.md"):
        read_note(folder, "a.md")
    assert time.monotonic() - began < 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_passed_over(folder):
    """A file that this user may not read is no error."""
    (folder / "a.md").write_text("# Closed")
    (folder / "a.md").chmod(0)
    assert index(folder) == (GOOD,)


def test_no_folder_is_no_notes(folder):
    """A missing folder, or a file in its place, has no notes; asking for one says so."""
    for path in (folder / "missing", folder / "good.md"):
        assert index(path) == ()
        with pytest.raises(NoNote, match="there are none"):
            read_note(path, "good.md")


@pytest.mark.parametrize(
    "name",
    ["../secret.md", "/etc/passwd", "", ".", "..", "good.md/", "./good.md", "good.md\0", "GOOD.MD"]
    + ["inspirations/../../secret.md", "a" * 5000 + ".md", "\udcff.md", ESCAPES],
)
def test_only_names_of_the_index_are_read(folder, name):
    """A path leads nowhere, and the refusal names the notes there are, in one plain line."""
    with pytest.raises(NoNote) as caught:
        read_note(folder, name)
    text = str(caught.value)
    assert text.endswith("there are good.md")
    assert text.isprintable()
    assert len(text) < SHOWN + 100


@given(name=st.one_of(st.text(max_size=30), st.text("./\\~good.md", max_size=30)))
def test_no_name_leads_out_of_the_folder(name, tmp_path_factory):
    """Whatever is asked for, either the one note is read or NoNote is raised."""
    folder = tmp_path_factory.getbasetemp() / "inspirations"
    folder.mkdir(exist_ok=True)
    (folder / "good.md").write_text("# A good note\n\nWhat it says.\n")
    (folder.parent / "secret.md").write_text("secret-word")
    if name == "good.md":
        assert read_note(folder, name).startswith("# A good note")
    else:
        with pytest.raises(NoNote):
            read_note(folder, name)


@given(names=st.lists(NAMES, max_size=6), body=st.text(max_size=300))
def test_whatever_is_dropped_in_can_be_shown_and_read(names, body, tmp_path_factory):
    """Each listed note can be shown in one plain line, and read by the very name that is shown."""
    folder = tmp_path_factory.mktemp("any")
    for name in names:
        try:
            (folder / name).write_bytes(body.encode("utf-8", errors="replace"))
        except (OSError, UnicodeEncodeError):  # no name of a file here
            continue
    for note in index(folder):
        for text in (note.name, note.title, note.summary):
            assert text.isprintable()
            assert len(text) <= max(SHOWN, len(note.name))
        assert note.title
        read = read_note(folder, note.name)
        assert all(c.isprintable() or c in "\n\t" for c in read)


@pytest.mark.parametrize("ending", [".md", ".py"])
def test_hostile_titles_are_made_plain_and_short(folder, ending):
    """Escape codes and overlong lines of a title or a summary reach no terminal."""
    title, summary = ESCAPES + "A" * 500, ESCAPES + "B" * 500
    text = f"# {title}\n\n{summary}\n" if ending == ".md" else f'"""{title}\n\n{summary}\n"""\n'
    (folder / f"evil{ending}").write_text(text)
    evil = index(folder)[0]
    assert evil.name == f"evil{ending}"
    assert evil.title.isprintable()
    assert evil.summary.isprintable()
    assert len(evil.title) == len(evil.summary) == SHOWN
    assert "\x1b" not in read_note(folder, evil.name)


def test_a_name_that_cannot_be_shown_is_not_listed(folder):
    """A file name with escape codes, or that is no text, is passed over."""
    (folder / "\x1b[31mred.md").write_text("# Red")
    (folder / "\udcff.md").write_text("# Not UTF-8")
    assert index(folder) == (GOOD,)


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"])
@pytest.mark.parametrize("more", [0, 1, 15_000])
def test_long_notes_are_cut_and_say_so(folder, letter, more):
    """Up to 24,000 characters come whole; of more, that many and a line that says it was cut."""
    text = letter * (LONGEST + more)
    (folder / "long.md").write_text(text)
    size = len(text.encode())
    read = read_note(folder, "long.md")
    if more == 0:
        assert read == text
    else:
        said = f"\n[cut after 24,000 characters; the file has {size:,} bytes]"
        assert read == text[:LONGEST] + said
    assert index(folder)[1].size == size


def test_a_huge_file_takes_no_more_time_than_a_long_one(folder):
    """Only the start of a file is read, however large it is."""
    with (folder / "huge.md").open("wb") as file:
        file.write(b"# Huge\n\n" + b"words " * MOST_BYTES)
        file.truncate(1 << 40)  # sparse
    began = time.monotonic()
    assert index(folder)[1].size == 1 << 40
    assert "[cut after" in read_note(folder, "huge.md")
    assert time.monotonic() - began < 5


def test_no_more_than_sixty_are_listed(folder):
    """The first sixty by name, of those that can be read."""
    for number in range(100):
        (folder / f"a{number:03}.md").write_bytes(b"\xff" if number < 20 else b"# A note\n")
    notes = index(folder)
    assert len(notes) == MOST_NOTES
    assert notes[0].name == "a020.md"
    with pytest.raises(NoNote):
        read_note(folder, "good.md")
