"""Real VS Code on the embedded model: what a person sees, and what reaches the database."""

import pytest

from tests.e2e.conftest import COMPLETER, stored_acceptance
from tests.lsp.editors.codeserver import browser, build, code_server, window

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture
def address(home, project, tmp_path):
    settings = {"completer.command": str(COMPLETER)}
    vsix = build(tmp_path / "vscode")
    with code_server(vsix, project, tmp_path / "data", settings, **home) as address:
        yield address


def shown(code):
    """Type and ask until something is shown: what a person asks for is not held back."""
    for text in ("\ngrand_tot", "al = price_w", "ith_tax(", "\nprint(pr"):
        code.type(text)
        code.page.wait_for_timeout(300)
        code.keys("Alt+Backslash")
        try:
            code.until(lambda: code.ghost, 20)
        except AssertionError:
            continue
        return code.ghost
    raise AssertionError((code.tooltip, code.page.locator(".view-lines").all_text_contents()))


def test_type_see_accept_and_report(address, home):
    with browser() as chromium, window(chromium, address) as code:
        code.open("app.py")
        first = shown(code)
        code.keys("Control+ArrowRight")
        code.until(lambda: code.ghost != first)
        code.keys("Tab")
    assert stored_acceptance(home["COMPLETER_TELEMETRY__FOLDER"], home)["n"] >= 1
