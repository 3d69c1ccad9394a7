"""The report in a real browser: sorted, filtered, opened, darkened, without a word of complaint."""

import os
from pathlib import Path

import pytest

from benchmarks.thousand_project import make_campaign
from harness.history import History
from harness.ledger import read
from harness.repo import Repo
from harness.report import write_report
from scripts.browser import Browser, NoBrowser

pytestmark = pytest.mark.long
N = 60
CONTRAST = """
(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, i) => sum + each * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const found = parse(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const worst = [21, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || element.closest("script, style, title, .sr, summary span"))
      continue;
    const style = getComputedStyle(element);
    const key = [style.color, style.fill, element.className.baseVal ?? element.className].join();
    if (seen.has(key)) continue;
    seen.add(key);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(parse(ink)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst.splice(0, 2, ratio, element.outerHTML.slice(0, 200));
  }
  return worst;
})()
"""
ROWS = "[...document.querySelectorAll('#table > tbody:not([hidden])')]"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    results = make_campaign(tmp_path_factory.mktemp("browser") / "project", N)
    history = History.of(read(results / "ledger.jsonl"))
    return write_report(results, history, Repo(results.parent.parent, results.name)).as_uri()


@pytest.fixture(scope="module")
def running():
    try:
        with Browser() as browser:
            yield browser
    except NoBrowser as error:
        pytest.skip(str(error))


@pytest.fixture
def browser(running, url):
    """With the page open, and at the end neither a complaint nor a request for anything else."""
    running.requests.clear()
    running.complaints.clear()
    running.resize(1280, 900)
    running.prefer("light")
    running.open(url)
    running.run("localStorage.clear()")
    running.open(url)
    yield running
    running.settle()
    assert running.complaints == []
    assert {each.partition("#")[0] for each in running.requests} == {url}


def numbers(browser):
    return [int(name[1:]) for name in browser.run(f"{ROWS}.map((each) => each.id)")]


def test_a_click_on_a_head_sorts(browser):
    """By effect, the largest first, then the smallest; what has none is last; it is announced."""
    assert numbers(browser) == list(range(N + 1))
    effect = f"{ROWS}.map((row) => row.rows[0].cells[3].textContent)"
    for order, sign in (("descending", -1), ("ascending", 1)):
        browser.click("#table > thead th:nth-child(4) button")
        assert browser.run("document.querySelector('#table th:nth-child(4)').ariaSort") == order
        found = [text.partition(" ")[0].replace("−", "-") for text in browser.run(effect)]
        known = [float(text) for text in found if text]
        assert known == sorted(known, key=lambda each: sign * each)
        assert "" not in found[: len(known)]
        assert len(known) < N + 1  # some have none
    assert browser.run("document.querySelectorAll('[aria-sort]').length") == 1


def test_a_filter_leaves_what_fits(browser):
    """By verdict, kind and text together, with the count beside them."""
    browser.run("document.getElementById('by-verdict').value = 'crash'")
    browser.run("document.getElementById('by-verdict').dispatchEvent(new Event('input'))")
    few = numbers(browser)
    assert 0 < len(few) < N
    assert browser.run(f"{ROWS}.every((row) => row.className === 'crash')")
    assert browser.run("document.getElementById('count').textContent") == f"{len(few)} of {N + 1}"
    browser.run("document.getElementById('by-verdict').value = ''")
    browser.click("#by-text")
    browser.send("Input.insertText", text="<script>alert")
    found = numbers(browser)
    assert found
    assert all(browser.run(f"e{n}.rows[0].textContent").find("<script>alert") > 0 for n in found)


def test_a_row_opens_to_its_difference(browser):
    """By mouse anywhere on it, and by keyboard; the difference is shown, coloured by element."""
    browser.click("#e7 > tr:first-child .h")
    assert browser.run("e7.querySelector('details').open")
    assert browser.run("e7.querySelector('pre.diff ins').textContent").startswith("+")
    assert browser.box("#e7 pre.diff")[3] > 40
    browser.run("e8.querySelector('summary').focus()")
    browser.key("Enter")
    assert browser.run("e8.querySelector('details').open")


def test_the_drawing_leads_to_the_row(browser):
    """A trial tells of itself with the focus, arrows go to its neighbours, Enter opens its row."""
    browser.run("document.querySelector('.plot.number a.base').focus()")
    assert browser.run("tip.hidden") is False
    assert browser.run("tip.textContent").startswith("0: 0.")
    for _ in range(3):  # past the baseline's own trials
        browser.key("ArrowRight")
    number = browser.run("document.activeElement.getAttribute('href').slice(2)")
    assert number != "0"
    assert browser.run("tip.textContent").startswith(f"{number}: ")
    browser.key("Enter")
    browser.settle()
    assert browser.run(f"e{number}.querySelector('details').open")
    browser.click("label[for=x-time]")
    assert browser.run("getComputedStyle(document.querySelector('.plot.number')).display") == "none"


def test_a_link_opens_a_row_that_a_filter_hides(browser):
    """An address with a row's place shows that row."""
    browser.run("document.getElementById('by-text').value = 'nothing has this'")
    browser.run("document.getElementById('by-text').dispatchEvent(new Event('input'))")
    assert numbers(browser) == []
    browser.run("location.hash = '#e9'")
    browser.settle()
    assert 9 in numbers(browser)
    assert browser.run("e9.querySelector('details').open")


def test_dark_and_light_stay_chosen(browser, url):
    """The person's system decides until a click does, and that is remembered."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.prefer("dark")
    dark = browser.run(ground)
    assert dark != light
    browser.click("#theme")  # auto -> light
    assert browser.run(ground) == light
    browser.click("#theme")
    browser.prefer("light")
    assert browser.run(ground) == dark
    browser.open(url)
    assert browser.run(ground) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out(browser, theme):
    """Contrast of at least 4.5 to 1 with what is behind it."""
    browser.prefer(theme)
    browser.run("e7.querySelector('details').open = true")
    ratio, element = browser.run(CONTRAST)
    assert ratio >= 4.5, element


def test_a_phone_needs_no_sideways_scrolling(browser, url):
    """390 pixels hold the page, with a row open, too."""
    browser.resize(390, 844)
    browser.open(url)
    browser.run("for (const each of [e0, e7, e13]) each.querySelector('details').open = true")
    assert browser.run("document.documentElement.scrollWidth") <= 390


def test_pictures_are_taken(browser, tmp_path):
    """A PNG of the page in both themes and on a phone; in THINKER_PICTURES, if that is set."""
    folder = Path(os.environ.get("THINKER_PICTURES", tmp_path))
    kinds = (("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"))
    for name, width, theme in kinds:
        browser.resize(width, 900)
        browser.prefer(theme)
        path = folder / f"report-{name}.png"
        browser.picture(path)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 20_000
