"""The page: one file, drawn in a browser that may ask nobody for anything."""

import html.parser
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks.simulation.simulate import simulate
from benchmarks.simulation.vocabulary import ARMS, EXPERIMENT
from telemetry.report import Plan, build, to_html, write_html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--virtual-time-budget=2000"),
)
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "a.sqlite3"
    simulate(1_500, path, people=40)
    return build(path, compare_arms=ARMS, plan=Plan(EXPERIMENT))


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(report, path)
    return path


class Markup(html.parser.HTMLParser):
    """Tags that are open, and every address that the page could ask for."""

    void = frozenset({"meta", "br", "link", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "data", "srcset")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_names_no_address(page):
    text = page.read_text("utf-8")
    markup = Markup()
    markup.feed(text)
    assert markup.open == []
    assert markup.addresses == []
    assert not {"script", "link", "img", "iframe"} & set(markup.tags)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_every_figure_has_its_n(page):
    tiles = re.findall(r'<div class="tile">.*?</div>', page.read_text("utf-8"), re.DOTALL)
    assert len(tiles) == 8
    assert all(re.search(r"n [\d,]+", tile) for tile in tiles)


def test_what_came_of_an_experiment_is_said(page):
    text = page.read_text("utf-8")
    assert "Experiment simulated, decided by Acceptance" in text
    assert "which arm wins" in text or "wins." in text
    assert "<h2>treatment against control</h2>" in text


def test_who_uses_it_is_drawn_without_names(page):
    text = page.read_text("utf-8")
    assert "Active people by day" in text
    assert "the median person" in text
    assert "Everybody" not in text


def test_names_in_the_data_cannot_become_markup(book):
    book.opportunity(model="<script src=http://evil>", lang="<img src=x>")
    book.suggestion()
    text = to_html(book.report())
    assert "<script" not in text
    assert "<img" not in text


def test_headers_of_tables_say_what_they_head(page):
    headers = re.findall(r"<th\b[^>]*>", page.read_text("utf-8"))
    assert set(headers) == {'<th scope="col">', '<th scope="row">'}


def test_a_page_without_events_says_so(book):
    book.session()
    assert "no events yet" in to_html(book.report())


class Witness(HTTPServer):
    """A proxy that notes what it is asked for and answers nothing."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Refusal)
        self.asked = []


class Refusal(BaseHTTPRequestHandler):
    def do_GET(self):
        assert isinstance(self.server, Witness)
        self.server.asked.append(self.path)
        self.send_error(403)

    do_CONNECT = do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def witness():
    witness = Witness()
    thread = threading.Thread(target=witness.serve_forever, daemon=True)
    thread.start()
    yield witness
    witness.shutdown()
    thread.join()
    witness.server_close()


def browse(page, witness, profile, *flags):
    assert BROWSER is not None
    command = [
        BROWSER,
        *FLAGS,
        f"--user-data-dir={profile}",
        f"--proxy-server=127.0.0.1:{witness.server_port}",
        "--proxy-bypass-list=<-loopback>",
        *flags,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@needs_browser
@pytest.mark.slow
def test_charts_draw_and_no_request_leaves_the_page(report, page, witness, tmp_path):
    picture = tmp_path / "page.png"
    drawn = browse(
        page,
        witness,
        tmp_path / "profile",
        "--dump-dom",
        f"--screenshot={picture}",
        "--window-size=390,1600",
    )
    assert drawn.count("<svg") == page.read_text("utf-8").count("<svg") >= 9
    assert drawn.count("<polyline") >= 8
    assert picture.stat().st_size > 20_000
    assert [address for address in witness.asked if page.name in address] == []
    pages_own = [a for a in witness.asked if not re.search(r"google|gstatic|chrome", a)]
    assert pages_own == []


MEASURE = """
<script>
addEventListener("load", () => {
  const small = [...document.querySelectorAll("svg text")]
    .filter(text => text.textContent.trim() && text.getBoundingClientRect().height < 9).length;
  const overflow = document.documentElement.scrollWidth > innerWidth;
  const ground = getComputedStyle(document.body).backgroundColor;
  parent.postMessage(`width=${innerWidth} small=${small} overflow=${overflow} ${ground}`, "*");
});
</script></body>
"""
PHONE = """<!doctype html><body>
<script>addEventListener("message", event => { document.title = event.data; });</script>
<iframe style="width: 390px; height: 3000px; border: 0" src="page.html"></iframe>
"""


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "ground"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(15, 20, 25)")]
)
def test_the_page_fits_a_phone_in_light_and_dark(page, witness, tmp_path, scheme, ground):
    # The measuring script is the test's: the page's own policy would not run it.
    text = page.read_text("utf-8").replace("default-src 'none'", "default-src 'unsafe-inline'")
    (tmp_path / "page.html").write_text(text.replace("</body>", MEASURE), "utf-8")
    (tmp_path / "phone.html").write_text(PHONE, "utf-8")
    setting = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    drawn = browse(tmp_path / "phone.html", witness, tmp_path / "p", "--dump-dom", setting)
    assert f"<title>width=390 small=0 overflow=false {ground}</title>" in drawn
