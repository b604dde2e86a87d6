"""Every slide of every notebook, in a real Chromium without a network."""

import pytest

from helpers.course import notebooks, slides

#: Of the slide that shows: how far it would scroll, and whether it shows anything.
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), box = slide.getBoundingClientRect();
  const seen = [...slide.querySelectorAll("pre, p, li, td, h1, h2, img, iframe")];
  return {
    shows: seen.some(each => !each.closest("aside") && each.offsetHeight),
    over: Math.max(slide.scrollHeight - slide.clientHeight,
      slide.scrollWidth - slide.clientWidth, box.bottom - innerHeight,
      box.right - innerWidth),
  };
}"""


@pytest.fixture(scope="session")
def folder():
    """Write all slides; return their folder."""
    return slides.write(notebooks.series())


@pytest.fixture
def open_slides(browser, folder):
    """Return what opens a notebook's slides; nothing is asked, nothing goes wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_offline(True)
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))

    def opened(name):
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        return page

    yield opened
    assert all(url.startswith(("file:", "data:", "about:")) for url in asked)
    assert said == []
    context.close()


@pytest.mark.parametrize("path", notebooks.series(), ids=lambda path: path.stem)
def test_no_slide_overflows_or_is_empty(open_slides, path):
    page, looks = open_slides(path.stem), []
    for _ in range(page.evaluate("Reveal.getTotalSlides()")):
        looks.append(page.evaluate(LOOK))
        page.evaluate("Reveal.next()")
    assert page.evaluate("Reveal.isLastSlide()")
    over = [number for number, look in enumerate(looks, 1) if look["over"] > 1]
    print(f"\n{path.stem}: {len(looks)} slides, {len(over)} overflow")
    assert all(look["shows"] for look in looks)
    assert not over


def test_the_notes_open_in_a_window_of_their_own(open_slides):
    page = open_slides("03_semantic_search")
    while not page.evaluate("Reveal.getCurrentSlide().querySelector('aside')"):
        page.evaluate("Reveal.next()")
    whole = page.evaluate("Reveal.getCurrentSlide().querySelector('aside').textContent")
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.wait_for(timeout=30_000)
    assert notes.text_content().split() == whole.split()
