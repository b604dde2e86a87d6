"""The report of hostile texts in a real Chromium, without a network.

`make faults` compares its HTML with a harmless one's; here it has the chance to run.
"""

import pytest
from support import HOSTILE, write_hostile


@pytest.fixture
def report(command, tmp_path):
    """Return the report that the commands make of hostile texts."""
    where = ["--index", tmp_path / "my.db"]
    assert command("index", write_hostile(tmp_path), *where)[0] == 0
    page = tmp_path / "report.html"
    assert command("report", *where, "--out", page)[0] == 0
    return page


def test_nothing_in_a_report_runs_or_asks_the_network(browser, report):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, asked, talked = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: talked.append(dialog.message))
    page.on("pageerror", lambda error: talked.append(str(error)))
    page.on("console", lambda message: talked.append(message.text))
    context.set_offline(True)
    page.goto(report.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("circle").first.wait_for(timeout=30_000)
    for number in range(frame.locator("circle").count()):
        frame.locator("circle").nth(number).dispatch_event("pointerover")
        shown = frame.locator("#tip span").inner_text()
        assert shown  # the text of a dot
    frame.locator("input").fill("<script>")
    page.wait_for_timeout(500)
    for each in page.frames:
        assert each.evaluate("window.bitten") is None
    assert [
        url for url in asked if not url.startswith(("file:", "data:", "about:"))
    ] == []
    assert talked == []
    text = " ".join(page.inner_text("body").split())
    assert "<img src=x onerror=window.bitten=1>.csv" in text
    assert HOSTILE[0].split(">")[0] in text
    context.close()


def test_a_text_from_right_to_left_leaves_its_neighbours_alone(browser, report):
    """The source behind a text with an override is still read from left to right."""
    page = browser.new_page()
    page.goto(report.as_uri())
    order = page.evaluate("""() => {
        const left = (node, at) => {
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            return range.getBoundingClientRect().left;
        };
        return [...document.querySelectorAll("td.text span")]
            .filter(span => span.previousElementSibling)
            .filter(span => span.previousElementSibling.textContent.includes("\\u202e"))
            .map(span => span.firstChild)
            .map(node => [node.data.indexOf("csv"), node])
            .map(([at, node]) => left(node, at) < left(node, at + 2));
    }""")
    assert order
    assert all(order)
    page.close()
