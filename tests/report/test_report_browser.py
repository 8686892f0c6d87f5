#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The report of bench/run in headless Chromium: what is in the document, how wide it is, its colours, its print."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import kit
import reading
from made_up import Machine

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr")
LIGHT, DARK = 1, 0  # of preferredColorScheme

# Shows a page in a frame of a given width and writes into the document what it measured there.
HARNESS = """<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><pre id="measured"></pre><script>
const frame = document.createElement("iframe");
frame.style.cssText = "border: 0; width: WIDTHpx; height: 800px";
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement, out = [], shown = new Set();
  for (const e of page.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    if (!box.width || e.closest("svg") && e.tagName !== "svg" && e.tagName !== "text") continue;
    if (e.tagName === "svg") shown.add(e.getAttribute("class"));
    if (!e.closest(".scroll table") && (box.right > WIDTH + 0.5 || box.left < -0.5))
      out.push(e.tagName + " " + box.left + ".." + box.right + " " + e.textContent.slice(0, 40));
  }
  const style = frame.contentWindow.getComputedStyle(page.body);
  document.getElementById("measured").textContent = JSON.stringify({out, shown: [...shown], width: root.scrollWidth,
    background: style.backgroundColor, ink: style.color, tables: page.querySelectorAll("table").length});
};
frame.srcdoc = PAGE;
document.body.append(frame);
</script></body></html>"""


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.text, cls.files = kit.make_page(cls.folder, Machine(rounds=2))
        cls.page = cls.folder / "report.html"

    def browse(self, path, *options):
        """Runs the browser; returns its output and the messages of its console."""
        with tempfile.TemporaryDirectory() as profile:
            result = subprocess.run([BROWSER, *FLAGS, f"--user-data-dir={profile}", *options, path.as_uri()], capture_output=True, text=True,
                                    check=False, timeout=180)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        return result.stdout, re.findall(r"CONSOLE[:(]\d+\)?\] (.*)", result.stderr)

    def measure(self, width, text=None, scheme=LIGHT):
        harness = self.folder / "harness.html"
        source = json.dumps(text or self.text).replace("</", "<\\/").replace("<!--", "<\\!--")
        harness.write_text(HARNESS.replace("WIDTH", str(width)).replace("PAGE", source), encoding="utf-8")
        document, console = self.browse(harness, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1200,900",
                                        "--virtual-time-budget=20000", "--dump-dom")
        self.assertEqual(console, [])
        found = re.search(r'<pre id="measured">(.*?)</pre>', document, re.DOTALL)
        self.assertTrue(found[1], "the page did not load")
        return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    def pixels(self, scheme, width=900):
        import matplotlib.image
        picture = self.folder / "picture.png"
        _, console = self.browse(self.page, f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={width},1600",
                                 f"--screenshot={picture}")
        self.assertEqual(console, [])
        return matplotlib.image.imread(picture)[:, :, :3]

    def test_document(self):
        for scheme in (LIGHT, DARK):
            document, console = self.browse(self.page, f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom")
            self.assertEqual(console, [])
            root = reading.read(document)
            self.assertGreater(reading.check_numbers(root, self.files), 1000)
            self.assertGreaterEqual(len(root.findall(".//table")), 10)
            self.assertEqual(len(root.findall(".//figure")), 6)

    def test_planted_error_is_seen(self):
        spoilt = self.folder / "spoilt.html"
        spoilt.write_text(self.text.replace("</body>", "<script>planted.error</script></body>"), encoding="utf-8")
        _, console = self.browse(spoilt, "--dump-dom")
        self.assertEqual(len(console), 1)
        self.assertIn("planted is not defined", console[0])

    def test_width(self):
        for width, kind in ((360, "slim"), (1000, "broad")):
            measured = self.measure(width)
            self.assertEqual(measured["out"], [])
            self.assertEqual(measured["width"], width)
            self.assertEqual(measured["shown"], [kind])
            self.assertGreaterEqual(measured["tables"], 10)

    def test_planted_overflow_is_seen(self):
        measured = self.measure(360, self.text.replace("<main>", "<main><div style='width: 500px'>wide</div>"))
        self.assertGreater(measured["width"], 360)
        self.assertTrue(any("wide" in o for o in measured["out"]))

    def test_colours(self):
        light, dark = self.measure(900, scheme=LIGHT), self.measure(900, scheme=DARK)
        self.assertEqual(light["background"], "rgb(255, 255, 255)")
        self.assertEqual(dark["background"], "rgb(20, 23, 27)")
        self.assertNotEqual(light["ink"], dark["ink"])
        for scheme, ground in ((LIGHT, (255, 255, 255)), (DARK, (20, 23, 27))):
            picture = self.pixels(scheme)
            away = abs(picture * 255 - ground).max(axis=2) > 8
            self.assertFalse(away[:10].any(), "the ground is not that of the page")
            self.assertGreater(away.mean(), 0.03)
            self.assertLess(away.mean(), 0.6)
            self.assertTrue(away[1000:].any(), "nothing is drawn where the figures are")

    def test_print(self):
        pdf = self.folder / "page.pdf"
        self.browse(self.page, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
        content = pdf.read_bytes()
        self.assertTrue(content.startswith(b"%PDF-"))
        pages = re.findall(rb"/Type\s*/Page\b", content)
        self.assertTrue(3 <= len(pages) <= 15, f"{len(pages)} pages")
        boxes = {tuple(round(float(v)) for v in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", content)}
        self.assertEqual(boxes, {(0, 0, 595, 842)}, "not A4")


if __name__ == "__main__":
    kit.need_matplotlib()
    if BROWSER is None:
        print("skipped: there is no Chromium (Debian: chromium)")
        sys.exit(kit.SKIPPED)
    unittest.main()
