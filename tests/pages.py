"""A page as a test reads it: elements, attributes, ids, text, scripts. Anything crooked raises."""

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "input", "img", "hr"}
RAW = {"script", "style"}


class Crooked(AssertionError):
    """An element that is closed where it is not open, or never."""


class Page(HTMLParser):
    """`elements` are (name, attributes) in their order, `text` what a reader sees."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.raw, self.words, self.stack = [], {"script": [], "style": []}, [], []
        self.feed(source)
        self.close()
        if self.stack:
            raise Crooked(f"never closed: {self.stack}")
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        assert len(dict(attributes)) == len(attributes), (tag, attributes)
        if tag not in VOID:
            self.stack.append(tag)
        if tag in RAW:
            self.raw[tag].append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            raise Crooked(f"</{tag}> within {self.stack}")

    def handle_data(self, data):
        if self.stack and self.stack[-1] in RAW:
            self.raw[self.stack[-1]][-1] += data
        else:
            self.words.append(data)

    @property
    def ids(self):
        return [known["id"] for _, known in self.elements if "id" in known]

    @property
    def names(self):
        return [name for name, _ in self.elements]

    def policy(self):
        """The directives of its Content-Security-Policy."""
        (content,) = [
            known["content"]
            for name, known in self.elements
            if name == "meta" and known.get("http-equiv") == "Content-Security-Policy"
        ]
        return dict(part.strip().split(" ", 1) for part in content.split(";"))


def check_closed(page):
    """It asks for nothing from outside and runs nothing but what its policy knows by hash."""
    rules = page.policy()
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in " ".join(rules.values())
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        digests = [hashlib.sha256(each.encode()).digest() for each in page.raw[tag]]
        hashes = {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}
        assert hashes == set(rules[rule].split())
    assert len(page.raw["script"]) == 2
    for name, known in page.elements:
        assert not [key for key in known if key.startswith("on") or key in ("style", "srcdoc")]
        assert "src" not in known, (name, known)
        href = known.get("href", "#")
        assert href.startswith("#") or href == "data:,", (name, known)
        assert name not in {"iframe", "object", "embed", "base", "img", "image", "use", "form"} or (
            name == "form" and "action" not in known
        )
    assert len(page.ids) == len(set(page.ids))
    anchors = {known["href"][1:] for _, known in page.elements if "#" in known.get("href", "")}
    assert anchors <= set(page.ids)


UNSEEN = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]"
)


def no_controls(source):
    """Nothing in it that is not seen, newlines aside."""
    return not UNSEEN.search(source)
