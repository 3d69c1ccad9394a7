"""Notifications: what is told, to real servers and commands, and that failures do not matter."""

import json
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest
from conftest import begin, make_project, mounted, toy_source, until
from test_history import START, after, experiment

from harness.errors import Misuse
from harness.experiment import Judged, Proposed, Stopped, Verdict
from harness.history import History
from harness.notify import STUCK, Notifier, hide_in_environment, take_from_environment
from harness.status import Status
from harness.webhook import Message, NotTold, command_of, shaped, webhook_of

SECRET = "T0KEN-of-the-topic"
MESSAGE = Message("keep", "night", "night: keep #3: wider", {"experiment": 3})


@contextmanager
def server(answer=200, *, hangs=None, also=lambda: None):
    """A web server that answers so, or waits for `hangs` first; and the requests that it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            also()
            got.append((self.path, dict(self.headers), body))
            if hangs:
                hangs.wait(10)
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", f"http://127.0.0.1:{httpd.server_port}/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/{SECRET}", got
    finally:
        if hangs:
            hangs.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def test_a_message_arrives_as_json():
    """A server of one's own gets the event, the campaign, the text and the figures."""
    with server() as (url, got):
        webhook_of(url).tell(MESSAGE)
    ((path, headers, body),) = got
    assert path == f"/{SECRET}"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "event": "keep",
        "tag": "night",
        "text": "night: keep #3: wider",
        "experiment": 3,
    }


@pytest.mark.parametrize("answer", [500, 404, 302, 307])
def test_what_a_server_refuses_is_said_without_the_address(answer):
    """Neither the path nor a place that it was sent on to is asked or shown."""
    with server(answer) as (url, got), pytest.raises(NotTold) as caught:
        webhook_of(url).tell(MESSAGE)
    assert str(caught.value) == f"127.0.0.1 answered {answer}"
    assert [path for path, _, _ in got] == [f"/{SECRET}"]


def test_a_server_that_hangs_is_given_up():
    """After its seconds, and with its host alone named."""
    with server(hangs=threading.Event()) as (url, _):
        began = time.monotonic()
        with pytest.raises(NotTold, match=r"^127.0.0.1 did not answer within 0.3 s$"):
            replace(webhook_of(url), answers_s=0.3).tell(MESSAGE)
        assert time.monotonic() - began < 3


def test_a_server_that_is_down():
    """What the system says of it, and no address."""
    with server() as (url, _):
        pass
    with pytest.raises(NotTold, match=r"^127.0.0.1 cannot be reached \(Connection refused\)$"):
        webhook_of(url).tell(MESSAGE)


HOSTILE = "<!channel> @everyone *b* `c` [x](http://y) \u202e & <b>"


def test_shapes_of_services():
    """Each service gets what it takes, and what a model wrote can address nobody there."""
    message = replace(MESSAGE, text=HOSTILE)
    hosts = {
        "https://hooks.slack.com/services/a/b": "slack",
        "https://discord.com/api/webhooks/1/x": "discord",
        "https://ntfy.sh/topic": "ntfy",
        "https://ntfy.example.org/topic": "ntfy",
        "https://example.org/hook": "json",
        "slack+https://chat.example.org/hook": "slack",
        "ntfy+http://10.0.0.2:8080/topic": "ntfy",
    }
    assert {url: webhook_of(url).shape for url in hosts} == hosts
    slack = json.loads(shaped("slack", message)[1])["text"]
    assert "<" not in slack
    assert slack.startswith("&lt;!channel&gt;")
    discord = json.loads(shaped("discord", message)[1])
    assert discord["allowed_mentions"] == {"parse": []}
    assert r"\*b\* \`c\`" in discord["content"]
    headers, body = shaped("ntfy", message)
    assert body.decode() == HOSTILE
    assert headers["Title"] == "thinker keep"
    for shape in ("slack", "discord", "ntfy", "json"):
        assert len(shaped(shape, replace(MESSAGE, text="x" * 10**6))[1]) < 4096


def test_a_password_goes_into_a_header():
    """And is part of no address."""
    with server() as (url, got):
        hook = webhook_of(url.replace("http://", "http://me:pass%20word@"))
        assert "pass" not in hook.url
        assert "me" not in repr(hook)
        hook.tell(MESSAGE)
    assert got[0][1]["Authorization"] == "Basic bWU6cGFzcyB3b3Jk"


@pytest.mark.parametrize(
    "url",
    ["ftp://x/T0KEN", "T0KEN", "http://", "https://h/\nT0KEN", "http://h:x/T0KEN", "http://é/T"],
)
def test_what_is_no_address_is_refused_unseen(url):
    """It may be half of a secret."""
    with pytest.raises(Misuse) as caught:
        webhook_of(url)
    assert "T0KEN" not in str(caught.value)


def test_a_command_gets_text_and_event(tmp_path, monkeypatch):
    """Its words reach it as they are, through no shell, and no key does."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("THINKER_NOTIFY", "https://ntfy.sh/x")
    code = "import os,sys,json; json.dump([sys.argv[2:], sys.stdin.read(), dict(os.environ)],"
    code += " open(sys.argv[1], 'w'))"
    out = tmp_path / "out put"
    command_of(f'"{sys.executable}" -c "{code}" "{out}" "$HOME; ls" a').tell(MESSAGE)
    words, text, environment = json.loads(out.read_text())
    assert words == ["$HOME; ls", "a"]
    assert text == MESSAGE.text
    assert (environment["THINKER_EVENT"], environment["THINKER_TAG"]) == ("keep", "night")
    assert "ANTHROPIC_API_KEY" not in environment
    assert "THINKER_NOTIFY" not in environment


def test_commands_that_fail():
    """A missing one, one that ends badly, one that hangs with a child, one that reads nothing."""
    cases = {
        "/nowhere/tell": "tell cannot be run (No such file or directory)",
        "sh -c 'exit 3'": "sh ended with exit code 3",
    }
    for line, said in cases.items():
        with pytest.raises(NotTold) as caught:
            command_of(line).tell(MESSAGE)
        assert str(caught.value) == said
    with pytest.raises(NotTold, match=r"^sh did not end within 0.3 s$"):
        replace(command_of("sh -c 'sleep 987.5 & sleep 987.5'"), ends_s=0.3).tell(MESSAGE)

    def sleepers():
        lines = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"])]
        return lines.count(["sleep", "987.5"])

    until(lambda: not sleepers(), 10)  # a killed process goes when its parent has seen it
    command_of("true").tell(replace(MESSAGE, text="x" * 10**6))
    with pytest.raises(Misuse):
        command_of("  ")
    with pytest.raises(Misuse):
        command_of("'open")


def history_of(*decisions):
    """A baseline and experiments with these verdicts."""
    state = after(History(), START)
    for number, decision in enumerate(("keep", *decisions)):
        verdict = Verdict(number, decision, "so", None, 0, None)
        state = after(state, Proposed(experiment(number)), Judged(verdict, f"c{number}"))
    return state


class Status_:
    """What the harness does, as the test says."""

    def __init__(self):
        self.now = Status(1, "")

    def __call__(self):
        return self.now


def events(notifier, history):
    return [(message.event, message.text) for message in notifier.messages(history)]


def test_keeps_are_told_once():
    """Those before it began are old; several at once are one message."""
    notifier = Notifier((), Status_(), history_of("keep", "discard"))
    ((event, text),) = events(notifier, history_of("keep", "discard"))
    assert event == "begin"
    assert text.startswith("t goes on: 2 experiments: 1 kept")
    ((event, text),) = events(notifier, history_of("keep", "discard", "keep", "crash", "keep"))
    assert event == "keep"
    assert [line for line in text.splitlines() if "keep #" in line] == text.splitlines()
    assert "#3" in text
    assert "#5" in text
    assert events(notifier, history_of("keep", "discard", "keep", "crash", "keep")) == []


def test_a_plateau_is_told_once():
    """When so many verdicts in a row kept nothing, and again only after another keep."""
    notifier = Notifier((), Status_(), history_of("keep"))
    events(notifier, history_of("keep"))
    assert events(notifier, history_of("keep", *["discard"] * (STUCK - 1))) == []
    ((event, _),) = events(notifier, history_of("keep", *["discard"] * STUCK))
    assert event == "stuck"
    assert events(notifier, history_of("keep", *["discard"] * (STUCK + 9))) == []
    more = ["keep", *["discard"] * STUCK]
    found = events(notifier, history_of("keep", *["discard"] * STUCK, *more))
    assert [event for event, _ in found] == ["keep", "stuck"]
    again = Notifier((), Status_(), history_of("keep", *["discard"] * STUCK))
    resumed = events(again, history_of("keep", *["discard"] * (STUCK + 1)))
    assert [event for event, _ in resumed] == ["begin"], "it was told before the harness stopped"


def test_trouble_is_told_and_its_end():
    """A researcher that is away, and back; a full disk; but not each turn of to and fro."""
    status, now = Status_(), [0.0]
    notifier = Notifier((), status, history_of(), clock=lambda: now[0])
    history = history_of()
    events(notifier, history)
    status.now = Status(1, "", trouble="claude is away (529 overloaded\x1b[2J)")
    ((event, text),) = events(notifier, history)
    assert (event, text) == ("outage", "t: claude is away (529 overloaded [2J)")
    assert events(notifier, history) == []
    status.now = Status(1, "")
    assert [event for event, _ in events(notifier, history)] == ["back"]
    status.now = Status(1, "", trouble="again")
    assert events(notifier, history) == []
    now[0] = 1000.0
    assert [event for event, _ in events(notifier, history)] == ["outage"]
    status.now = Status(1, "", note="7 MB are free", is_low=True, trouble="again")
    assert events(notifier, history) == [("disk", "t: 7 MB are free")]
    assert events(notifier, history) == []


def test_the_end_is_told():
    """With its reason and what came of it."""
    notifier = Notifier((), Status_(), history_of())
    history = history_of("keep")
    assert [event for event, _ in events(notifier, history)] == ["begin", "keep"]
    ((event, text),) = events(notifier, after(history, Stopped("the deadline", True)))
    assert event == "stop"
    assert text.startswith("t ended: the deadline. 1 experiment: 1 kept")


def test_a_failure_of_the_harness_is_told():
    """Once, with what goes on from there."""
    status, history = Status_(), history_of()
    notifier = Notifier((), status, history)
    events(notifier, history)
    status.now = Status(1, "", died="Broken: git failed: no such object")
    ((event, text),) = events(notifier, history)
    assert event == "stop"
    assert text == "t failed: Broken: git failed: no such object. thinker run --tag t goes on"
    assert events(notifier, history) == []


def test_what_does_not_arrive_is_tried_once_more():
    """Then it counts as a failure; whoever else is to be told is told."""
    with server(500) as (bad, refused), server() as (good, got):
        tellers = webhook_of(bad), webhook_of(good)
        notifier = Notifier(tellers, Status_(), history_of(), again_s=0.01)
        with pytest.raises(NotTold, match="127.0.0.1 answered 500"):
            notifier(history_of())
        notifier(history_of())
    assert len(refused) == 2
    assert len(got) == 1


def test_words_of_notifications_leave_the_command_line(monkeypatch):
    """They go into the environment, and from there to nobody else."""
    for name in ("THINKER_NOTIFY", "THINKER_NOTIFY_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    words = ["run", "--notify", "https://ntfy.sh/T0KEN", "--tag", "t", "--notify-command=say x"]
    words += ["--", "agent", "--notify", "its own"]
    kept = hide_in_environment(words, "https://ntfy.sh/T0KEN", "say x")
    assert kept == ["run", "--tag", "t", "--", "agent", "--notify", "its own"]
    web, command = take_from_environment()
    assert (web.host, command.words) == ("ntfy.sh", ("say", "x"))
    assert take_from_environment() == ()


RUN = ["run", "--rehearse", "--tag", "t", "--researcher", "list", "edits.jsonl"]


def new_project(folder):
    """One in which RUN rehearses three edits."""
    project = make_project(folder, toy_source())
    edits = (
        {"hypothesis": f"edit {n}", "replace": [["STEPS = 100 ", f"STEPS = {n + 101} "]]}
        for n in range(3)
    )
    (project / "edits.jsonl").write_text("\n".join(map(json.dumps, edits)))
    return project


def test_a_campaign_tells_and_keeps_the_address_to_itself(tmp_path):
    """From its beginning to its end; no file, line or process shows the address."""
    project, told = new_project(tmp_path / "project"), tmp_path / "told"
    lines = set()

    def look():
        for process in psutil.process_iter(["cmdline"]):
            lines.update(process.info["cmdline"] or [])

    code = f"import sys; open('{told}', 'a').write(sys.stdin.read() + chr(10))"
    command = f'{sys.executable} -c "{code}"'
    with server(also=look) as (url, got):
        process = begin(project, *RUN, "--notify", url, "--notify-command", command)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    found = [json.loads(body)["event"] for _, _, body in got]
    assert found[0] == "begin"
    assert found[-1] == "stop"
    assert "notify     127.0.0.1, " in out
    assert told.read_text().splitlines()[0] == "t has begun"
    assert not any(SECRET in line for line in lines)
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p != told]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
    assert SECRET not in out


def notes_of(path):
    return dict(line.split("|", 1) for line in path.read_text().splitlines() if "|" in line)


def test_a_disk_without_room_is_told(tmp_path):
    """While the campaign waits; with room it goes on, and that it ended is told too."""
    told = tmp_path / "told"
    command = f"""sh -c 'echo "$THINKER_EVENT|$(cat)" >> "$0"' {told}"""
    with mounted(tmp_path / "disk", "90m") as disk:
        project = new_project(disk / "project")
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(50 * 2**20))
        process = begin(project, *RUN, also={"THINKER_NOTIFY_COMMAND": command})
        until(lambda: told.exists() and "disk|" in told.read_text())
        ballast.unlink()
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    notes = notes_of(told)
    assert "a trial needs 64: waiting for room" in notes["disk"]
    assert notes["stop"].startswith("t ended: ")


def test_a_researcher_that_is_away_is_told(tmp_path):
    """A command that fails, say: another proposes for it, and a person may mend it."""
    told, project = tmp_path / "told", new_project(tmp_path / "project")
    command = f"""sh -c 'echo "$THINKER_EVENT|$(cat)" >> "$0"' {told}"""
    words = ["run", "--rehearse", "--tag", "t", "--experiments", "2", "--notify-command", command]
    process = begin(project, *words, "--sandbox", "none", "--researcher", "command", "--", "false")
    out, _ = process.communicate(timeout=120)
    assert "offline proposes for it until it works" in out
    assert "offline proposes for it until it works" in notes_of(told)["outage"]


def test_a_campaign_whose_server_refuses_runs_to_its_end(tmp_path):
    """The failures are counted in a line of a file, and nothing else is lost."""
    project = new_project(tmp_path / "project")
    with server(500) as (url, _):
        process = begin(project, *RUN, also={"THINKER_NOTIFY": url})
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    errors = (project / "results" / "t" / "harness-error.txt").read_text()
    assert errors == "notify: NotTold: 127.0.0.1 answered 500\n"
