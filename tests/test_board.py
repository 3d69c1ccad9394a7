"""The morning's tables: board, show, diff, campaigns beside each other, leaderboard files."""

import csv
import io
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from conftest import fill, thinker
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmarks.thousand import HOSTILE, make_ledger
from benchmarks.thousand_project import make_campaign
from harness.board_command import Wanted, board, read
from harness.board_files import markdown, quoted, tsv, write_leaderboard
from harness.board_table import table
from harness.board_words import span_words, time_left
from harness.errors import Misuse
from harness.evaluation import LevelResult, mean_accuracy
from harness.figures import probability
from harness.history import History
from harness.leaderboard import order, rows
from harness.ledger import Ledger, now
from harness.ledger import read as read_ledger
from harness.level_table import apart
from harness.metrics import mean_exact
from harness.paint import Paint, columns_of, cut, fit_lines, wrapped
from harness.plain import plain
from harness.reading import read_at
from harness.report.figures import keys
from harness.report.progress import by_number
from harness.report.svg import up
from harness.researcher.transcript import path_of
from harness.show_command import diff
from harness.show_words import against_hope
from harness.status import Running, Status, write_status
from harness.tasks import ladder_of
from harness.text_plot import plot
from harness.transcript_command import print_transcript
from harness.transcript_command import told as told_lines
from tests import board_pages

TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The small campaign of the pages."""
    return board_pages.make(tmp_path_factory.mktemp("board") / "project")


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """A ledger of 100 experiments, every hostile text among them; its project's folder."""
    folder = tmp_path_factory.mktemp("hundred")
    make_ledger(folder / "results" / "hundred", 100)
    return folder


def history_of(folder, tag="hundred"):
    return History.of(read_ledger(folder / "results" / tag / "ledger.jsonl"))


# ---------------------------------------------------------------------------
# Pages
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("columns", board_pages.WIDTHS)
@pytest.mark.parametrize("name", ["board", "keep", "crash"])
def test_pages_are_as_they_were(project, name, columns):
    """Board and show at 80, 120 and 200 columns; `python -m tests.board_pages` writes them anew."""
    what = {"board": Wanted(), "keep": 12, "crash": 3}[name]
    expected = (board_pages.PAGES / f"{name}-{columns}.txt").read_text(encoding="utf-8")
    assert board_pages.page(project, columns, what) == expected


def test_the_baseline_is_called_so(project):
    """By show as by the board, and no keep."""
    first = board_pages.page(project, 80, 0).splitlines()[0]
    assert first.startswith("experiment 0 of night · baseline · ")


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_one_line_an_experiment(hundred, columns):
    """Each experiment has one line, no wider than the terminal."""
    lines = list(table(rows(history_of(hundred)), columns, Paint()))
    assert len(lines) == 102
    assert max(map(columns_of, lines)) <= columns
    assert lines[0].split()[:2] == ["id", "verdict"]
    assert [int(re.match(r" *(\d+)", line)[1]) for line in lines[1:]] == list(range(101))


def test_a_wide_board_has_every_column(hundred):
    """At 200 columns nothing that is known is left out."""
    head = next(table(rows(history_of(hundred)), 200, Paint())).split()
    wanted = "id verdict standing status accuracy raw change P(real) on trials seconds dollars"
    assert head == [*wanted.split(), "parameters", "samples/s", "MB", "kind", "hypothesis"]


def test_styles_change_no_text(hundred):
    """What a terminal shows in colours is what a pipe gets."""
    listed = rows(history_of(hundred))
    coloured = list(table(listed, 120, Paint(True)))
    assert any("\x1b[32m" in line for line in coloured)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured]
    assert [line.rstrip() for line in bare] == list(table(listed, 120, Paint()))


def test_a_campaign_that_has_only_begun_has_a_board(tmp_path):
    """With a first line alone, and with a baseline that waits."""
    path = make_ledger(tmp_path / "results" / "young", 3)
    lines = path.read_text().splitlines(keepends=True)
    for count in (1, 2, 3, 5):
        path.write_text("".join(lines[:count]))
        said = board_pages.page(tmp_path, 80, Wanted())
        assert said.startswith("young · ")
        assert "young is unfinished" in said


def test_a_ledger_of_before_is_read(tmp_path):
    """One whose outcomes do not know their parameters has a board without that column."""
    path = make_ledger(tmp_path / "results" / "old", 8)
    text = re.sub(r', "parameters": (\d+|null)', "", path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    said = board_pages.page(tmp_path, 200, Wanted())
    assert "samples/s" in said
    assert "parameters" not in said


def test_sorting_and_keeping(hundred):
    """The largest first, unknown last; --kept leaves keeps and the baseline."""
    listed = rows(history_of(hundred))
    assert [row.id for row in order(listed, "id")] == list(range(101))
    for by in ("accuracy", "effect", "p-real", "seconds", "usd", "parameters"):
        found = [getattr(row, by.replace("-", "_")) for row in order(listed, by)]
        known = [value for value in found if value is not None]
        assert known == sorted(known, reverse=True)
        assert found[: len(known)] == known
    said = board_pages.page(hundred, 80, Wanted(kept=True, sort="effect"))
    assert " discard " not in said
    assert re.search(r"^ *0 +baseline +.*The baseline$", said, re.MULTILINE)


# ---------------------------------------------------------------------------
# Which campaign
# ---------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two campaigns, `later` begun after `early`; the latter was copied over a moment ago."""
    make_ledger(tmp_path / "results" / "later", 4)
    early = make_ledger(tmp_path / "results" / "early", 4)
    text = (
        early.read_text()
        .replace("2026-01-31T", "2026-01-30T")
        .replace('"budget_s": 9', '"budget_s": 8')
    )
    early.write_text(text)
    os.utime(early)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_newest_is_the_one_that_was_begun_last(two):
    """A copy or a touch does not change which; its board says that there is another."""
    assert read(None)[0].tag == "later"
    said = board_pages.page(two, 80, Wanted())
    assert said.startswith("later · ")
    assert "1 other campaign is here: thinker board --all" in said
    assert "other campaign" not in board_pages.page(two, 80, Wanted(tags=("early",)))


def test_a_rehearsal_is_not_what_is_meant(two):
    """A later one leaves the night's campaign the one that commands without a tag speak of."""
    path = two / "results" / "later" / "ledger.jsonl"
    path.write_text(path.read_text().replace('"rehearse": false', '"rehearse": true', 1))
    assert read(None)[0].tag == "early"


def test_what_runs_right_now_is_told(tmp_path, monkeypatch, capsys):
    """By the harness that holds the ledger; what another one left behind says nothing."""
    folder = tmp_path / "results" / "now"
    make_ledger(folder, 5)
    path = folder / "ledger.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if '"type": "judged"' in line)
    number = json.loads(lines[last])["verdict"]["experiment"]
    path.write_text("".join(lines[:last]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for pid, word in ((os.getpid(), "running"), (os.getpid() + 1, "waiting")):
        with Ledger(path):
            write_status(folder, Status(pid, now(), (Running(0, number, 1, now()),)))
            board(Wanted(form="json"))
        told = {row["id"]: row["verdict"] for row in json.loads(capsys.readouterr().out)}
        assert told[number] == word


def test_campaigns_beside_each_other(two):
    """A line each, newest first where all are listed, and what keeps them from being compared."""
    every = board_pages.page(two, 80, Wanted(every=True))
    assert [line.split()[0] for line in every.splitlines()[:3]] == ["campaign", "later", "early"]
    assert "they differ in budgets" in every
    assert "rm -r results/TAG" in every
    named = board_pages.page(two, 80, Wanted(tags=("early", "later")))
    assert "kept in early" in named
    assert named.count("The baseline") == 2
    assert max(map(columns_of, (every + named).splitlines())) <= 80
    told = json.loads(board_pages.page(two, 80, Wanted(tags=("early", "later"), form="json")))
    assert [each["campaign"] for each in told] == ["early", "later"]
    assert [row["id"] for row in told[0]["rows"]] == list(range(5))
    with pytest.raises(Misuse):
        board(Wanted(tags=("early",), every=True))


def test_what_waits_is_not_tried(two):
    """A proposal without a verdict: `tried` is the same wherever a campaign is summed up."""
    path = two / "results" / "early" / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    proposed = [place for place, line in enumerate(lines) if '"type": "proposed"' in line]
    path.write_text("".join(lines[: proposed[-1] + 1]))
    waiting = read("early")[0].history
    told = json.loads(board_pages.page(two, 80, Wanted(every=True, form="json")))[1]
    assert (told["experiments"], told["waiting"]) == (3, 1)
    assert "3 experiments: " in board_pages.page(two, 80, Wanted(tags=("early",)))
    assert keys(waiting)[0].value == "3"
    axis = by_number(waiting, up(0.0, 1.0)).x
    assert axis.high == 3.5, "no empty place for it in the report's drawing"


def test_a_ledger_that_cannot_be_read_hides_no_other(two, capsys):
    """--all leaves it out and says so; the newest is another."""
    broken = two / "results" / "broken"
    broken.mkdir()
    (broken / "ledger.jsonl").write_bytes(b"\xff\x00 nothing\n")
    assert read(None)[0].tag == "later"
    assert "later" in board_pages.page(two, 80, Wanted(every=True))
    assert "broken is left out" in capsys.readouterr().err


# ---------------------------------------------------------------------------
# One experiment
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_an_experiment_fits(project, columns):
    """No line of a page is wider than the terminal, whatever it has; and shares say whose."""
    for number in (0, 3, 5, 12, 13, 16, 17):
        lines = board_pages.page(project, columns, number).splitlines()
        assert max(map(columns_of, lines)) <= columns
        if number == 12 and columns >= 60:
            (head,) = [line for line in lines if line.startswith("exact match")]
            assert {"#12", "#5"} <= set(head.split())


def test_what_a_gate_said_stands_in_lines(two):
    """A preflight's traceback, below the first line of it."""
    path = two / "results" / "later" / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    place = [n for n, line in enumerate(lines) if '"type": "proposed"' in line][-1]
    event = json.loads(lines[place])
    event["experiment"]["refused"] = "preflight: it failed\n  File x, line 3\nNameError: absent"
    verdict = json.loads(next(line for line in reversed(lines) if '"type": "judged"' in line))
    verdict["verdict"] |= {
        "experiment": event["experiment"]["id"],
        "decision": "discard",
        "reason": event["experiment"]["refused"],
        "posterior": None,
        "accuracy": None,
    }
    path.write_text("".join([*lines[:place], json.dumps(event) + "\n", json.dumps(verdict) + "\n"]))
    said = board_pages.page(two, 80, event["experiment"]["id"]).splitlines()
    assert "verdict    discard: preflight: it failed" in said
    start = said.index("what the gate said")
    assert said[start + 1 : start + 4] == [
        "│ preflight: it failed",
        "│   File x, line 3",
        "│ NameError: absent",
    ]
    assert "preflight  failed" in said


def test_show_needs_no_git(hundred):
    """Without the repository an experiment is shown, but for its diff."""
    said = board_pages.page(hundred, 80, 7)
    assert "exact match" in said
    assert "no git repository" in " ".join(said.split())


def test_diff_of_two_experiments(project, monkeypatch, capsys):
    """To its parent, to another, and of the baseline, which has none."""
    monkeypatch.chdir(project)
    assert diff(None, 12, None) == 0
    assert "+# tried as 12.1" in capsys.readouterr().out
    assert diff(None, 12, 3) == 0
    out = capsys.readouterr().out
    assert "+# tried as 12.1" in out
    assert "-# tried as 3.1" in out
    assert diff(None, 0, None) == 0
    assert "it has no parent" in capsys.readouterr().out
    assert diff(None, 3, 3) == 0
    assert "is that of experiment 3" in capsys.readouterr().out
    with pytest.raises(Misuse, match="no experiment 99"):
        diff(None, 12, 99)


def test_commands_as_processes(project):
    """What is typed reaches what answers: flags, forms, exit codes."""
    assert thinker(project, "--version")[1].startswith("thinker ")
    code, out = thinker(project, "diff", "12", "3")
    assert (code, "-# tried as 3.1" in out) == (0, True)
    code, out = thinker(project, "board", "--kept", "--sort", "p-real", "--tsv")
    assert (code, out.splitlines()[1].split("\t")[:2]) == (0, ["night", "12"])
    assert thinker(project, "board", "--json", "--md")[0] == 2
    assert thinker(project, "diff", "12", "--against", "3")[0] == 2
    assert thinker(project, "show", "13", "--full")[1].count("megabyte") > 40_000


def test_what_is_long_is_cut_and_says_so(project):
    """Hypothesis, log and line of a page are short unless all is asked for."""
    short = board_pages.page(project, 80, 13)
    assert len(short) < 12_000
    assert "characters; --full shows all" in short
    assert "the end of results/night/experiments/0003" in board_pages.page(project, 80, 3)
    whole = board_pages.page(project, 80, 3, full=True)
    assert "│ step 0" in whole
    assert "│ step 0" not in board_pages.page(project, 80, 3)
    reply = {"kind": "said", "content": [{"type": "text", "text": "\n".join("x" * 50)}]}
    assert told_lines(reply)[-1] == "[10 lines more; --full shows them]"
    assert len(told_lines(reply, None)) == 1 + 50
    assert "the end of" not in whole


def test_hope_against_what_happened(hundred):
    """Words follow the figures: a gain needs a probability, and so does harm."""
    for row in rows(history_of(hundred))[1:]:
        said = against_hope(row)
        assert (row.expected is None) == said.startswith("nothing was predicted")
        if row.effect is None:
            assert said.endswith("nothing was measured")
        elif ": a gain" in said:
            assert row.p_real >= 0.95
        elif said.endswith("it may be luck"):
            assert row.effect > 0
        elif said.endswith("it does harm"):
            assert row.effect + 1.96 * row.effect_sd < 0


def test_no_zero_has_a_minus(hundred):
    """Neither the effect nor an end of its interval."""
    row = next(row for row in rows(history_of(hundred)) if row.effect is not None)
    for effect, sd in ((-0.0001, 0.01), (-0.01, 0.0051), (0.01, 0.0052)):
        said = against_hope(replace(row, effect=effect, effect_sd=sd))
        assert "-0.000" not in said
        assert "+0.000" in said


def test_intervals_of_a_difference():
    """Newcombe's own examples: 56 of 70 against 48 of 80, and 0 of 10 against 0 of 20."""
    low, high = apart((56 / 70, 70), (48 / 80, 80))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    low, high = apart((0.0, 10), (0.0, 20))
    assert (round(low, 4), round(high, 4)) == (-0.1611, 0.2775)


# ---------------------------------------------------------------------------
# Hostile text
# ---------------------------------------------------------------------------


def test_hostile_text_is_text_on_a_terminal(hundred, project):
    """No control character reaches the terminal, whatever was typed, and a megabyte is a line."""
    shown = [board_pages.page(hundred, columns, Wanted()) for columns in (80, 200)]
    shown += [board_pages.page(project, 80, n, full=n != 13) for n in (5, 12, 13, 17)]
    for text in shown:
        assert [c for c in text if not c.isprintable() and c != "\n"] == []
        assert len(text) < 60_000
    assert "<script>alert(1)</script>" in shown[0]
    assert "[bold red]markup" in shown[0]


BAD = "\x1b[31m<b>|\n\u202e`@x` \x07"


def spoilt(value, key=""):
    """The same with BAD wherever the ledger lets any text stand."""
    if isinstance(value, dict):
        return {name: spoilt(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [BAD] if key == "flags" else [spoilt(each, key) for each in value]
    anywhere = "tag machine version model name hypothesis researcher kind reason sandbox torch gpu"
    fields = {*anywhere.split(), "driver", "end", "text", "refused", "why", "based_on", "problems"}
    is_text = isinstance(value, str) and key in fields and (value or key in ("gpu", "driver"))
    return BAD + value if is_text and ":" not in value else value


def test_a_strangers_ledger_is_text(tmp_path):
    """One that was written to do harm shows as text, whichever field the harm is in."""
    path = make_ledger(tmp_path / "results" / "strange", 20)
    lines = []
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        kind = entry["type"]
        lines.append(json.dumps(spoilt(entry) | {"type": kind, "time": entry["time"]}))
    path.write_text("\n".join(lines) + "\n")
    shown = [board_pages.page(tmp_path, 120, Wanted(form=form)) for form in ("", "md")]
    shown += [board_pages.page(tmp_path, 120, number) for number in range(21)]
    for text in shown:
        assert "<b>" in text
        assert [c for c in text if not c.isprintable() and c != "\n"] == []
    text = board_pages.page(tmp_path, 120, Wanted(form="tsv"))
    assert {line.count("\t") for line in text.splitlines()} == {23}


def test_hostile_text_is_text_in_markdown(hundred):
    """GitHub's markdown makes one table of it, with no tag, link or mention from a hypothesis."""
    history = history_of(hundred)
    page = markdown(history, rows(history))
    html = MarkdownIt("commonmark").enable("table").render(page)
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    assert tags == {
        "h2",
        "p",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "strong",
    }
    cells = [re.findall(r"<td", line) for line in html.split("<tr>")[2:]]
    assert {len(each) for each in cells} == {8}
    assert len(cells) == 101
    assert len(page) < 40_000


def test_markdown_fits_a_pull_request(tmp_path):
    """A long campaign is told by what it kept, and says how many are left out."""
    history = history_with(tmp_path, '"deadline": null', 600)
    listed = rows(history)
    page = markdown(history, listed)
    kept = sum(row.verdict == "keep" for row in listed)
    assert len(page) < 65_536
    assert page.count("\n| ") == kept + 2, "and a head of two lines"
    assert f"{len(listed) - kept} more are in `leaderboard.tsv`." in page
    assert len(markdown(history, [row for row in listed if row.verdict == "keep"] * 20)) < 65_536


@given(TEXTS)
def test_a_code_span_is_what_was_typed(text):
    """Any text comes out of a table's cell as it went in."""
    page = f"| a |\n| --- |\n| {quoted(text)} |\n"
    html = MarkdownIt("commonmark").enable("table").render(page)
    found = re.findall(r"<td>(.*?)</td>", html, re.DOTALL)
    assert len(found) == 1
    inside = re.fullmatch(r"<code>(.*)</code>", found[0], re.DOTALL)
    shown = inside[1] if inside else found[0]
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, sign)
    expected = plain(text)
    assert shown == (expected if len(expected) <= 200 else expected[:199].rstrip() + "…")


def test_hostile_text_is_text_in_a_spreadsheet(hundred):
    """Every line has every cell, and none is a formula."""
    text = tsv({"hundred": rows(history_of(hundred))})
    lines = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert {len(line) for line in lines} == {24}
    assert len(lines) == 102
    assert any(line[-1].startswith("'=cmd|") for line in lines)
    assert not any(line[-1].startswith(("=", "+", "@")) for line in lines)


@given(TEXTS, st.integers(8, 60), st.integers(0, 3))
def test_lines_are_no_wider_than_wanted(text, columns, indent):
    """Whatever the words, and none is lost on the way."""
    said = plain(text)
    lines = wrapped(said, columns, indent).split("\n")
    assert max(map(columns_of, lines)) <= columns
    assert "".join("".join(lines).split()) == "".join(said.split())
    assert all(word in said.split() for line in lines for word in line.split()) or any(
        columns_of(word) > columns - indent for word in said.split()
    )
    assert columns_of(cut(said, columns)) <= columns


def test_lines_for_a_terminal_are_broken_between_words():
    """Margins stay, commands stay whole, and so does all where there is no terminal."""
    lines = ["  " + "word " * 20, "thinker adopt 5 --tag night " + "x" * 80, "short"]
    *words, command, last = fit_lines(lines, 40).split("\n")
    assert (command, last) == (lines[1], "short")
    assert " ".join(words).split() == ["word"] * 20
    assert all(line.startswith("  ") and columns_of(line) <= 40 for line in words)
    assert fit_lines(lines, None) == "\n".join(lines)


# ---------------------------------------------------------------------------
# Small figures
# ---------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e5), st.floats(allow_nan=True)), max_size=60), st.booleans()
)
def test_a_plot_of_anything(points, is_log):
    """Any telemetry gives lines that fit, or none."""
    lines = plot("loss", sorted(points, key=lambda point: point[0]), 40, 6, 1e5, is_log=is_log)
    assert len(lines) in (0, 8)
    assert all(columns_of(line) <= 40 for line in lines)


@given(st.data())
def test_exact_match_while_training_is_made_as_the_score_is(data):
    """The mean over tasks of the mean over the campaign's levels, those not asked yet as 0."""
    tasks = data.draw(st.sampled_from([None, "add", "add:1-8,copy:1-16", "mul:1-3,factor"]))
    ladder = ladder_of(tasks)
    asked = data.draw(st.lists(st.sampled_from(ladder), unique=True, min_size=1))
    shares = {level: data.draw(st.integers(0, 50)) for level in asked}
    results = [LevelResult(each, shares.get(each, 0), 50, 0.0, 0.0, "") for each in ladder]
    exact = {level.name: right / 50 for level, right in shares.items()} | {"other:3": 1.0}
    found = mean_exact(exact, [level.name for level in ladder])
    assert found == pytest.approx(mean_accuracy(results))
    assert mean_exact({"other:3": 1.0}, [level.name for level in ladder]) is None


def test_a_transcript_is_whole_whatever_is_in_it(tmp_path, capsys):
    """Signs that end a line elsewhere, within what a model said."""
    path = path_of(tmp_path, 7)
    path.parent.mkdir(parents=True)
    entries = [{"kind": "said", "content": f"one{sign}two"} for sign in "\u2028\u2029\x85\x0b"]
    path.write_text("".join(f"{json.dumps(e, ensure_ascii=False)}\n" for e in entries))
    assert print_transcript(tmp_path, 7, True, False) == 0
    assert json.loads(capsys.readouterr().out) == entries


def test_a_falling_line_falls():
    """The first dot stands at the top left, the last at the bottom right."""
    lines = plot("loss", [(float(x), 10.0 - x) for x in range(11)], 30, 4, 10.0)
    drawn = [line.partition("▏")[2].rstrip("⠀") for line in lines[1:5]]
    assert [len(line) for line in drawn] == sorted(len(line) for line in drawn)
    assert (drawn[0][0] != "⠀", len(drawn[-1])) == (True, 22)


def test_a_share_that_stays_at_zero():
    """Its axis has no figure below zero."""
    lines = plot("exact match", [(0.0, 0.0), (9.0, 0.0)], 40, 6, 9.0)
    assert "-" not in "".join(lines)


def test_time_that_is_left(tmp_path):
    """Until the deadline, in two units at most, and experiments until the limit."""
    history = history_with(tmp_path, '"deadline": "2026-02-01T07:30:00+00:00"')
    now = datetime(2026, 2, 1, 4, 18, tzinfo=UTC)
    assert time_left(history, now) == "3 h 12 min until 07:30 UTC, 0 of 3 experiments"
    assert span_words(timedelta(days=2, hours=3, minutes=4)) == "2 d 3 h"
    assert span_words(timedelta(seconds=59)) == "59 s"


def history_with(folder, setting, n=3):
    path = make_ledger(folder / "results" / "tag", n)
    path.write_text(path.read_text().replace('"deadline": null', setting))
    return history_of(folder, "tag")


def test_nothing_is_certain():
    """What comes close to 1 or 0 is not said to be either."""
    assert [probability(p) for p in (0.999, 0.99, 0.5, 0.004, None)] == [
        ">0.99", "0.99", "0.50", "<0.01", "",
    ]  # fmt: skip


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------


def test_leaderboard_files_are_whole_or_as_before(small_disk):
    """Both hold the board; where the disk is full the old ones stay, and nothing else is left."""
    folder = small_disk / "tag"
    history = History.of(read_ledger(make_ledger(folder, 12, hostile=False)))
    write_leaderboard(folder, history)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["leaderboard.md", "leaderboard.tsv", "ledger.jsonl"]
    before = (folder / "leaderboard.tsv").read_text()
    assert before.count("\n") == 14
    larger = History.of(read_ledger(make_ledger(small_disk.parent / "large", 200)))
    fill(small_disk)
    with pytest.raises(OSError, match="space"):
        write_leaderboard(folder, larger)
    assert (folder / "leaderboard.tsv").read_text() == before
    assert sorted(path.name for path in folder.iterdir()) == names


def test_a_deleted_campaign_comes_back_from_git(tmp_path):
    """As docs/BOARD.md says: results/TAG alone, then all that git has of it."""
    project = tmp_path / "project"
    results = make_campaign(project, 2, tag="gone", train=board_pages.TRAIN)
    blob = thinker_git(project, "hash-object", "-w", str(results / "ledger.jsonl"))
    thinker_git(project, "update-ref", "refs/autoresearch/gone/ledger", blob)
    shutil.rmtree(results)
    make_ledger(project / "results" / "other", 1)
    assert "in git alone: gone" in board_pages.page(project, 80, Wanted(every=True))
    assert board_pages.page(project, 80, Wanted(tags=("gone",))).startswith("gone · ")
    shutil.rmtree(results)
    text = (board_pages.PAGES.parents[2] / "docs" / "BOARD.md").read_text()
    command = next(line for line in text.splitlines() if line.startswith("git for-each-ref"))
    os.system(f"cd {project} && {command.replace('TAG', 'gone')}")
    assert thinker_git(project, "for-each-ref", "refs/autoresearch") == ""
    assert "gone" not in board_pages.page(project, 80, Wanted(every=True))


def thinker_git(project, *words):
    from conftest import git

    return git(project, *words)


def test_the_made_campaign_is_one(tmp_path):
    """Every status and standing is in it, and the same arguments give the same ledger."""
    first = make_ledger(tmp_path / "one" / "tag", 160)
    history = History.of(read_ledger(first))
    listed = rows(history)
    assert {row.verdict for row in listed} == {"keep", "discard", "crash"}
    assert {row.standing for row in listed} == {"", "provisional", "confirmed", "withdrawn"}
    assert {"ok", "crash", "refused", "not_learned"} <= {row.status for row in listed}
    assert {*HOSTILE} <= {row.hypothesis for row in listed}
    assert history.is_finished
    assert make_ledger(tmp_path / "two" / "tag", 160).read_bytes() == first.read_bytes()
    assert read_at(first)[1] == ""
