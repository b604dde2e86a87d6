"""Notebooks 0, 3, 4 and 6 in a real JupyterLab, in a real Chromium."""

import json
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from helpers import ROOT
from helpers.course import export, notebooks

#: Where pictures go; `make screenshots` sets it to the folder that the README shows.
PICTURES = Path(os.environ.get("COURSE_SCREENSHOTS", ROOT / "build" / "screenshots"))
#: Messages of JupyterLab and Chromium themselves, which are none of ours.
FOREIGN = (
    r"jlab_core|/static/|lab/extensions|favicon|Permissions-Policy|service-?worker"
)


class Page:
    """One notebook, open in JupyterLab; notes what it asks for and complains of."""

    def __init__(self, browser, address, token, name):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page, self.asked, self.errors = context.new_page(), [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.goto(f"{address}/lab/tree/notebooks/{name}?token={token}&reset")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self.idle()

    def _note(self, message):
        where = (message.location or {}).get("url", "")
        if message.type == "error" and not re.search(FOREIGN, where + message.text):
            self.errors.append(f"{message.text} ({where})")

    def idle(self, seconds=180):
        """Wait until the kernel is idle, and stays so: between cells it blinks."""
        light = self.page.locator('.jp-NotebookPanel-toolbar [data-status="idle"]')
        deadline, calm = time.monotonic() + seconds, 0
        while calm < 12:
            assert time.monotonic() < deadline, "the kernel did not come to rest"
            self.page.wait_for_timeout(250)
            calm = calm + 1 if light.count() else 0

    def run_all(self):
        """Run all cells through the menu; a click that runs nothing is repeated."""
        started = self.page.locator(".jp-InputPrompt", has_text="[*]").first
        for _ in range(3):
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_text("Run All Cells", exact=True).click()
            try:
                started.wait_for(timeout=10_000)
                break
            except PlaywrightTimeout:  # the kernel was not connected yet
                continue
        self.idle()

    def scroll_to(self, text):
        """Bring a heading to the top: only cells in sight are drawn."""
        if self.page.locator("#filebrowser").is_visible():
            self.page.keyboard.press("Control+b")  # more room for the notebook
        self.page.get_by_role("heading", name=text).first.evaluate(
            "heading => heading.scrollIntoView({block: 'start'})"
        )
        self.page.wait_for_timeout(800)

    def picture(self, name):
        """Save what is to be seen."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture
def opened(browser, lab):
    """Return a function that opens a notebook; afterwards, look what it asked for."""
    pages = []

    def open_notebook(name):
        pages.append(Page(browser, *lab, name))
        return pages[-1]

    yield open_notebook
    for page in pages:
        own = (lab[0], lab[0].replace("http", "ws"), "data:", "blob:", "about:")
        foreign = [url for url in page.asked if not url.startswith(own)]
        page.page.context.close()
        assert not foreign
        assert not page.errors


def test_without_the_token_nobody_gets_in(lab):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab[0]}/api/contents")


def test_a_newcomer_gets_through_notebook_0_and_asks_a_question(opened):
    lab = opened("00_start_here.ipynb")
    lab.run_all()
    lab.scroll_to("How alike are they?")
    lab.page.locator("mjx-container").first.wait_for()  # the formula is typeset
    lab.scroll_to("Search")
    cell = lab.page.locator(".jp-CodeCell", has_text="Are my coins safe?").first
    first = cell.locator(".jp-OutputArea-output").first
    assert "crypto" in first.inner_text().splitlines()[0]
    lab.picture("start_here")
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type('found = search("My knees ache after squats.")')
    lab.page.keyboard.press("Shift+Enter")
    lab.idle()
    hit = lab.page.get_by_text(re.compile(r"^\s*0\.\d\d  powerlifting  Squat until"))
    hit.first.wait_for()
    lab.scroll_to("Teach it a word")
    told = lab.page.get_by_text(re.compile(r"before 0\.14, after (0\.\d\d), reloaded"))
    told.first.scroll_into_view_if_needed()
    after, again = re.findall(r"(?:after|reloaded) (0\.\d\d)", told.first.inner_text())
    assert after == again and float(after) > 0.8
    lab.picture("taught")
    lab.scroll_to("0. Start here")
    lab.page.get_by_role("link", name="contents").click()
    lab.page.get_by_role("tab", name="README.md").wait_for()


def test_the_search_box_ranks_anew_for_another_world(opened):
    lab = opened("03_semantic_search.ipynb")
    lab.run_all()
    lab.scroll_to("3.5 Your own queries")
    box = lab.page.get_by_placeholder("type a query and press Enter")
    columns = lab.page.locator(".jp-OutputArea-output section")

    def topics():
        texts = columns.locator("li div:nth-child(2)").all_inner_texts()
        return [text.split(" · ")[1] for text in texts]

    columns.first.wait_for()
    columns.last.evaluate("column => column.scrollIntoView({block: 'end'})")
    assert columns.count() == 3
    assert set(topics()[:3]) == {"powerlifting"}
    box.fill("pump and dump of a worthless coin")
    box.press("Enter")
    columns.first.get_by_text("crypto").first.wait_for()
    assert set(topics()[:3]) == {"crypto"}
    assert columns.nth(1).locator("mark").count() >= 2
    columns.last.evaluate("column => column.scrollIntoView({block: 'end'})")
    lab.page.wait_for_timeout(300)
    lab.picture("search_box")
    # With the keyboard alone: from the box to the first tick, and off with it.
    box.press("Tab")
    lab.page.keyboard.press("Space")
    columns.nth(2).wait_for(state="detached")
    assert columns.locator("h4").all_inner_texts() == ["BM25", "fused"]


def test_own_files_are_searched_judged_and_reported(opened, browser, tmp_path):
    lab = opened("06_your_own_corpus.ipynb")
    lab.run_all()
    lab.scroll_to("6.3 Search it")
    box = lab.page.get_by_placeholder("type a query and press Enter")
    box.fill("keeping the neighbours from hearing the weights")
    box.press("Enter")
    source = re.compile(r"^0\.\d+ · shoebox/notes/garage_gym\.md, part 3$")
    lab.page.locator("section li div", has_text=source).first.wait_for()
    lab.picture("own_corpus")
    lab.scroll_to("6.5 Judge it")
    lab.page.get_by_text("All 10 results have a grade, saved in qrels.tsv.").wait_for()
    cell = lab.page.locator(".jp-CodeCell", has_text="answers = {").first
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type('judging.judge(queries, pools, "mine.tsv")')
    lab.page.keyboard.press("Shift+Enter")
    cell = lab.page.locator(".jp-CodeCell", has_text="mine.tsv").first
    cell.get_by_text("0 of 10 judged").wait_for()
    cell.get_by_role("button", name="3 answers it").click()
    cell.get_by_text("1 of 10 judged").wait_for()
    cell.get_by_role("button", name="skip").click()
    lab.picture("judging")
    report = tmp_path / "report.html"
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type(f'print(report.write("{report.as_posix()}"))')
    lab.page.keyboard.press("Shift+Enter")
    lab.page.get_by_text(report.as_posix(), exact=True).wait_for()
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.get_by_text("shoebox/notes/garage_gym.md").first.wait_for()
    page.frame_locator("iframe").locator("circle").nth(100).wait_for()
    context.close()


def test_the_hover_map_shows_hides_and_finds_sentences(opened):
    lab = opened("04_umap_visualization.ipynb")
    lab.run_all()
    lab.scroll_to("4.3 The map")
    frame = lab.page.frame_locator("iframe").first
    dots = frame.locator("circle")
    dots.first.wait_for(timeout=30_000)
    lab.page.locator("iframe").first.evaluate(
        "frame => frame.scrollIntoView({block: 'start'})"
    )
    lab.page.wait_for_timeout(1_000)
    tip, output = frame.locator("#tip"), frame.locator("output")
    rows = drawn(frame)
    assert dots.count() == len(rows) == 480
    coin, lift = (lonely(rows, topic) for topic in ("crypto", "powerlifting"))
    svg = frame.locator("svg")

    def hover(row):
        box = svg.bounding_box()
        x, y = box["x"] + row["x"] * zoom(box), box["y"] + row["y"] * zoom(box)
        lab.page.mouse.move(x - 9, y)
        lab.page.mouse.move(x, y, steps=3)
        lab.page.wait_for_timeout(200)

    for row in (coin, lift):
        hover(row)
        assert tip.locator("span").inner_text() == row["sentence"]
    assert f"powerlifting · {lift['subtopic']}" in tip.locator("small").inner_text()
    lab.picture("hover_map")
    svg.hover(position={"x": 2, "y": 2})  # the margin: no dots
    tip.wait_for(state="hidden")

    lit = frame.locator("circle.found")
    wanted = [row for row in rows if "whale" in row["sentence"].lower()]
    frame.locator("input").fill("Whale")
    assert lit.count() == len(wanted) > 5
    assert output.inner_text() == f"{len(wanted)} of 480"
    frame.locator("input").fill("")
    assert lit.count() == 0

    for hidden in (True, False):
        frame.get_by_role("button", name="crypto").click()
        hover(lift)
        assert tip.locator("span").inner_text() == lift["sentence"]
        hover(coin)
        assert tip.is_hidden() == hidden
    assert tip.locator("span").inner_text() == coin["sentence"]


def zoom(box):
    """Return the pixels on the screen for one of the map's own."""
    return box["width"] / 860


def drawn(frame):
    """Return the rows that the map was given, with their places in its own pixels."""
    script = frame.locator('script[type="application/json"]').first.text_content()
    names = "x", "y", "sentence", "topic", "subtopic", "id"
    return [dict(zip(names, dot, strict=True)) for dot in json.loads(script)["dots"]]


def lonely(rows, topic):
    """Return the row of a topic that is farthest from all others."""

    def room(row):
        others = (other for other in rows if other is not row)
        return min((row["x"] - o["x"]) ** 2 + (row["y"] - o["y"]) ** 2 for o in others)

    return max((row for row in rows if row["topic"] == topic), key=room)


def test_an_exported_notebook_shows_the_map_and_asks_for_nothing(browser, tmp_path):
    path = notebooks.NOTEBOOKS / "04_umap_visualization.ipynb"
    export.to_html(notebooks.read(path), tmp_path / "page.html")
    page, asked, errors = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "page.html").as_uri())
    dots = page.frame_locator("iframe").first.locator("circle")
    dots.first.wait_for(timeout=30_000)
    assert dots.count() == 480
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []
    page.close()


def test_ten_thousand_points_answer_quickly(browser, tmp_path):
    """A hidden sentence cannot run as HTML, and typing redraws in under a second."""
    import numpy as np

    from helpers import visualization
    from helpers.corpus import Document

    evil = "<img src=x onerror=\"document.title='bitten'\"></script><script>"
    documents = [Document(str(i), "", f"{evil} {i}", "crypto") for i in range(10_000)]
    points = np.random.default_rng(0).normal(size=(10_000, 2))
    page = browser.new_page(viewport={"width": 900, "height": 700})
    visualization.hover_map(points, documents, title="many").save(tmp_path / "m.html")
    page.goto((tmp_path / "m.html").as_uri())
    dots = page.locator("circle")
    dots.last.wait_for(timeout=30_000)
    assert dots.count() == 10_000
    dots.last.hover()
    assert page.locator("#tip span").inner_text() == f"{evil} 9999"
    assert page.title() == "many"
    started = time.monotonic()
    page.locator("input").fill("777")
    assert page.locator("output").inner_text() == "19 of 10000"
    assert time.monotonic() - started < 1
    assert page.locator("img").count() == 0
    page.close()
