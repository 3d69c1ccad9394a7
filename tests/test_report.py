"""The report: one page that holds what the ledger says, and in which hostile text is text."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import Page, check_closed, no_controls
from test_history import after, experiment, judged, tried, with_baseline

from benchmarks.thousand import HOSTILE, make_ledger
from benchmarks.thousand_project import make_campaign
from harness.believed import posteriors
from harness.evaluation import LevelResult, mean_interval
from harness.experiment import Proposed, Started, Tried
from harness.history import History
from harness.ledger import Entry, read
from harness.problems import LADDER
from harness.published import when_changed
from harness.repo import Repo
from harness.report import Report, progress, text, write_report
from harness.report.experiment import log_of
from harness.report.figures import figure, interval_of, points, verdict
from harness.report.svg import ticks, told_apart, up
from harness.report.text import Long
from harness.researcher.quoting import one_line, visible
from scripts.pictures import terminal

ROOT = Path(__file__).resolve().parent.parent
N = 40


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A made-up campaign in a repository of its own, hostile texts in it: its results folder."""
    return make_campaign(tmp_path_factory.mktemp("report") / "project", N)


@pytest.fixture(scope="module")
def history(campaign):
    return History.of(read(campaign / "ledger.jsonl"))


@pytest.fixture(scope="module")
def source(campaign, history):
    """The report's text, written off the main thread as a listener does."""
    repo = Repo(campaign.parent.parent, campaign.name)
    thread = Thread(target=write_report, args=(campaign, history, repo))
    thread.start()
    thread.join()
    return (campaign / "report.html").read_bytes().decode()


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def thinker(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- the page ---


def test_the_page_needs_nothing_and_runs_nothing_but_its_own(page):
    """One file: no address but its own places, no handler, scripts and style known by hash, every
    id once and every link with an end."""
    check_closed(page)


def test_hostile_text_is_only_text(source, page):
    """Every hostile hypothesis stands on the page as it is, in what a reader sees; nothing in the
    file is unseen."""
    assert no_controls(source)
    for hostile in HOSTILE[:3]:  # those that this campaign has
        assert one_line(hostile, 300) in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "alert(1)" not in "".join(page.raw["script"])
    assert "characters)" in page.text  # the megabyte was cut, and that is said


def test_every_experiment_has_a_row_with_its_figures(page, history):
    """Rows e0 to eN with verdicts, effects and counts; each trial is in the drawing of progress."""
    assert {f"e{number}" for number in history.records} <= set(page.ids)
    ok = [o for r in history.records.values() for o in r.outcomes if o.status == "ok"]
    for outcome in ok:
        assert f"{outcome.experiment}: {outcome.accuracy:.3f} [" in page.text
    level = ok[0].levels[0]
    pooled = sum(o.levels[0].correct for o in history.records[0].outcomes)
    assert f"{pooled}/{len(history.records[0].outcomes) * level.total}" in page.text


def test_differences_are_those_of_git(campaign, history, page):
    """Each experiment's difference to its parent, line for line, though one process gave many."""
    for number in (1, 7, N):
        record = history.records[number]
        parent = history.records[record.experiment.parent]
        told = subprocess.run(
            ["git", "diff", "--no-ext-diff", parent.commit, record.commit, "--", "train.py"],
            cwd=campaign.parent.parent, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        lines = [each for each in told.split("\n")[4:] if each]
        assert lines
        for line in lines:
            assert Long.of([line]).lines[0] in page.text


def test_logs_of_crashes_and_transcripts_are_folded_in(page, history):
    """The end of a crashed trial's log, and what was said with the language model."""
    crashed = [
        r for r in history.records.values() if r.outcomes and r.outcomes[0].status == "crash"
    ]
    assert crashed
    assert page.text.count("Traceback (most recent call last):") == len(crashed)
    assert "(thinking) What has not been tried yet?" in page.text


def test_what_is_written_again_is_what_would_be_written_anew(campaign, history):
    """The page of a campaign that went on is the same, whether or not an earlier one was kept."""
    repo = Repo(campaign.parent.parent, campaign.name)
    entries = read(campaign / "ledger.jsonl")
    kept = Report(campaign, repo)
    for end in range(60, len(entries), 50):
        kept.page(History.of(entries[:end]))
    assert kept.page(history) == Report(campaign, repo).page(history)


def test_a_campaign_that_has_just_begun_has_a_page(campaign):
    """After each of its first events, and of its last ones, there is a page that holds together."""
    entries = read(campaign / "ledger.jsonl")
    report = Report(campaign, None)
    for end in [*range(1, 16), *range(len(entries) - 8, len(entries))]:
        check_closed(Page(report.page(History.of(entries[:end]))))


def test_the_page_replaces_the_old_one_whole(campaign, history, tmp_path):
    """Nothing but report.html is left behind, not even what one that was killed left; without a
    folder the error is the caller's."""
    (tmp_path / ".report.999999999.tmp").write_text("half a page")
    write_report(tmp_path, history)
    write_report(tmp_path, history)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OSError, match="gone"):
        write_report(tmp_path / "gone", history)


def test_a_running_campaigns_page_follows_its_verdicts(campaign, tmp_path):
    """It is written after each verdict and trial, not after each call of a language model."""
    entries = read(campaign / "ledger.jsonl")[:40]
    follow, written = when_changed(Report(tmp_path, None).write), []
    for end in range(1, len(entries) + 1):
        follow(History.of(entries[:end]))
        stamp = (tmp_path / "report.html").stat()
        written.append((stamp.st_ino, stamp.st_mtime_ns))
    kinds = [type(entry.event).__name__ for entry in entries]
    for before, now, kind in zip(written, written[1:], kinds[1:], strict=False):
        assert (before != now) == (kind in ("Tried", "Judged")), kind
    assert {"Tried", "Judged", "Proposed", "Reserved", "Settled"} <= set(kinds)


def test_the_pages_templates_are_installed_with_the_package():
    """Whatever the page is made of is named in pyproject.toml, so that an installed one has it."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    named = patterns["package-data"]["harness"]
    files = [p for p in (ROOT / "harness" / "report").iterdir() if p.suffix not in (".py", "")]
    assert {"page.html", "style.css", "page.js"} <= {path.name for path in files}
    for path in files:
        assert any(path.relative_to(ROOT / "harness").match(pattern) for pattern in named), path


def test_telemetry_that_wants_to_be_in_the_way_is_passed_over(history, tmp_path):
    """Curves of nonsense, huge numbers and links leave the page whole."""
    seed = history.records[0].outcomes[0].seed
    folder = tmp_path / "experiments" / "0000" / str(seed)
    folder.mkdir(parents=True)
    rows = [
        {"seconds": 1.0, "loss": float("nan"), "exact_match": {"add:4": 1e308, "mul:2": "x"}},
        {"seconds": 1e300, "loss": 1e308},
        {"seconds": 1e300, "loss": -1.0, "exact_match": {"</script>": 1.0}},
        {"seconds": 10**400, "loss": 1.0},
    ]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\x00{")
    check_closed(Page(Report(tmp_path, None).page(history)))


def test_a_log_that_is_cut_says_where_the_whole_is(history, tmp_path):
    """The page holds its end alone."""
    record = next(r for r in history.records.values() if any(o.status != "ok" for o in r.outcomes))
    seed = [o.seed for o in record.outcomes if o.status != "ok"][-1]
    name = f"experiments/{record.experiment.id:04d}/{seed}/log.txt"
    (tmp_path / name).parent.mkdir(parents=True)
    for count, cut in ((3, False), (900, True)):
        (tmp_path / name).write_text("a line of it\n" * count)
        lines = log_of(tmp_path, record).lines
        assert lines[-1] == "a line of it"
        assert (lines[0] == f"… the end of {name}") == cut


def test_whiskers_end_within_the_drawing():
    """At its top; below, collapses are drawn on its edge, and told of."""
    young = with_baseline()
    read = progress.readings_of(young)
    scale, _ = progress.heights(young, read, {})  # no band makes room for them
    assert read
    assert all(reading.high <= scale.high for reading in read)


def test_the_incumbents_line_follows_the_verdicts(tmp_path):
    """Where they fall in another order than the experiments' numbers, as after a refusal, a keep's
    step is at its own number and stays; no incumbent stands left of itself."""
    state = after(with_baseline(30), Proposed(experiment(1)), Proposed(experiment(2)))
    state = judged(after(state, *tried(2, 20)), 2)
    state = judged(after(state, *tried(1, 80)), 1)
    place = progress.by_number(state, up(0.0, 1.0))
    assert progress.steps_of(state, place) == [(-0.5, 1, 0), (1, 2.5, 1)]
    state = judged(after(state, Proposed(experiment(3, 1)), *tried(3, 90)), 3)
    place = progress.by_number(state, up(0.0, 1.0))
    assert progress.steps_of(state, place) == [(-0.5, 1, 0), (1, 3, 1), (3, 3.5, 3)]


def test_a_loss_that_hardly_moves_has_an_axis(history, tmp_path):
    """Two figures at least, though no decade is near."""
    seed = history.records[0].outcomes[0].seed
    folder = tmp_path / "experiments" / "0000" / str(seed)
    folder.mkdir(parents=True)
    rows = [{"seconds": float(s), "loss": 3100.0 + 30 * (s % 2)} for s in range(40)]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = Page(Report(tmp_path, None).page(history)).text
    assert "2800300032003400" in words


# --- hostile text anywhere ---

WORDS = st.text(max_size=40) | st.sampled_from(
    [*HOSTILE, "</script><script>x", "]]>", '"><img onerror=x>', "\u2028", "\x00", "\ud800", "--!>"]
)


@settings(max_examples=20, deadline=None)
@given(words=st.lists(WORDS, min_size=8, max_size=8))
def test_the_page_has_the_same_elements_whatever_the_texts(hostile_folder, words):
    """Texts of edits, models and machines change the page's words and not its structure."""
    entries, folder = hostile_folder
    hypothesis, kind, researcher, reason, flag, machine, said, log = words

    def told(event, plain):
        if isinstance(event, Started):
            return replace(event, machine="m" if plain else machine + "m")
        if isinstance(event, Proposed) and event.experiment.id:
            texts = ("h", "k", "r") if plain else (f"h{hypothesis}", f"k{kind}", f"r{researcher}")
            named = dict(zip(("hypothesis", "kind", "researcher"), texts, strict=True))
            return Proposed(replace(event.experiment, **named))
        if isinstance(event, Tried):
            texts = ("w", "f") if plain else (f"w{reason}", f"f{flag}")
            outcome = replace(event.outcome, reason=texts[0], flags=(texts[1],))
            crashed = outcome.experiment == 3  # its log is shown
            return Tried(replace(outcome, status="crash", levels=()) if crashed else outcome)
        return event

    pages = []
    for plain in (True, False):
        shutil.rmtree(folder / "experiments", ignore_errors=True)
        for number in range(1, 6):
            mine = folder / "experiments" / f"{number:04d}"
            (mine / "1049872458").mkdir(parents=True)
            entry = {"kind": "reply", "usd": 0.1, "content": [{"type": "text", "text": "t"}]}
            if not plain:
                entry["content"][0]["text"] = "t" + said
            (mine / "transcript.jsonl").write_text(json.dumps(entry) + "\n")
            shown = "l" if plain else "l" + log
            (mine / "1049872458" / "log.txt").write_text(shown, errors="replace")
        history = History.of([entry._replace(event=told(entry.event, plain)) for entry in entries])
        source = Report(folder, None).page(history, "d" if plain else f"d{reason}")
        assert no_controls(source)
        pages.append(Page(source))
    assert pages[0].names == pages[1].names
    assert [sorted(known) for _, known in pages[0].elements] == [
        sorted(known) for _, known in pages[1].elements
    ]
    check_closed(pages[1])
    assert visible(hypothesis)[:20].strip() in pages[1].text or not hypothesis.isprintable()


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return read(make_ledger(folder / "five", 5, hostile=False)), folder


# --- what is cut ---


@given(st.lists(st.integers(0, 10**6), max_size=50), st.integers(20_000, 10**6))
def test_caps_hold_the_total(sizes, total):
    """Texts cut to the cap hold to the total, however long they are."""
    assert sum(min(each, text.cap(sizes, total)) for each in sizes) <= max(total, 512 * len(sizes))


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(0, 600))
def test_what_is_cut_says_how_to_see_all(lines, most):
    """First lines and last lines that fit, and a line that says how many more there are."""
    long = Long.of(lines)
    lines = list(long.lines)
    for cut, whole in (
        (text.first(long, most, "see"), lines),
        (text.last(long, most, "see")[::-1], lines[::-1]),
    ):
        if long.weight <= most:
            assert cut == whole
        elif lines:
            *kept, mark = cut
            assert whole[: len(kept)] == kept
            assert f"{len(lines) - len(kept):,}" in mark
            assert Long.of(kept).weight <= most


# --- figures ---


def test_the_verdict_is_one_sentence(history):
    """What the whole campaign came to, from the beginning of it to its end."""
    said = verdict(history, posteriors(history))
    assert said.startswith("Accuracy 0.")
    assert f"after {N} experiments; " in said
    begun = History.of([Entry(history.started_at, history.started)])
    assert verdict(begun, {}) == "The baseline has no accuracy yet"


def test_intervals_are_those_of_the_scored_table(history):
    """A trial's whisker is the interval that evaluating it by hand prints."""
    levels = history.records[0].outcomes[0].levels
    results = tuple(
        LevelResult(level, each.correct, each.total, 0.0, 0.0, "")
        for level, each in zip(LADDER, levels, strict=True)
    )
    assert interval_of(levels) == pytest.approx(mean_interval(results))


def test_figures_are_written_as_people_read_them():
    """A minus sign, no sign before zero, nothing for what is not known."""
    assert figure(-0.0123, 0.004, "+") == "−0.012 ± 0.004"
    assert figure(-0.0001, sign="+") == "0.000"
    assert figure(None, 0.1) == ""
    assert (points(-0.0001, 0), points(0.126, 0), points(None, 1)) == ("0", "+13", "")


@given(st.floats(-1.0, 1.0), st.floats(1e-4, 1e6))
def test_ticks_are_few_and_within_the_range(low, width):
    """Never more than asked for and one, all of them within, at equal steps."""
    found = ticks(low, low + width, 6)
    assert len(found) <= 7
    assert all(low - width * 1e-6 <= each <= low + width * (1 + 1e-6) for each in found)


@given(st.floats(-1.0, 1.0), st.floats(1e-4, 1e3))
def test_ticks_say_where_they_are(low, width):
    """However small the range, each has a figure of its own, and it is not rounded."""
    found = told_apart(ticks(low, low + width, 6))
    assert len({text for _, text in found}) == len(found)
    assert all(float(text) == pytest.approx(value, abs=1e-8) for value, text in found)


# --- the command ---


def test_report_prints_the_path_of_what_it_wrote(campaign):
    """`thinker report` writes the newest campaign's page; a second one replaces it."""
    project = campaign.parent.parent
    (campaign / "report.html").unlink(missing_ok=True)
    done = thinker("report", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / done.stdout.strip()).resolve() == campaign / "report.html"
    check_closed(Page((campaign / "report.html").read_text()))


def test_a_damaged_ledger_has_a_page_that_says_so(campaign, tmp_path):
    """What stands before the damage is shown, the damage first; the exit code is 1."""
    results = tmp_path / "results" / "torn"
    results.mkdir(parents=True)
    lines = (campaign / "ledger.jsonl").read_bytes().split(b"\n")
    (results / "ledger.jsonl").write_bytes(
        b"\n".join([*lines[:40], b"{<b>", *lines[40:60]]) + b"\n"
    )
    done = thinker("report", "torn", cwd=tmp_path)
    assert done.returncode == 1
    assert "without differences" in done.stderr  # there is no repository
    assert "line 41" in Page((results / "report.html").read_text()).text
    assert thinker("report", "none", cwd=campaign.parent.parent).returncode == 2


def test_a_picture_of_a_terminal_needs_nothing_from_elsewhere(campaign, tmp_path, monkeypatch):
    """The README's SVG holds what a command prints, as text, and names no font's address."""
    monkeypatch.chdir(campaign.parent.parent)
    path = terminal(("board", campaign.name), tmp_path / "board.svg", 100)
    root = ElementTree.fromstring(path.read_text())
    words = " ".join("".join(root.itertext()).split())
    assert "hypothesis" in words
    assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", "").replace(
        "https://www.textualize.io", ""
    )
