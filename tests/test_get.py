#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/test_get.py DATA_GET

data/get against a server of our own on the loopback: right, wrong, cut short, resumed, gone."""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

GET = ""
BODY = bytes(range(256)) * 400


class Handler(http.server.BaseHTTPRequestHandler):
    cut = 0  # 0: send all; else claim all and send so many bytes
    ranges = []
    etag = None

    def do_GET(self):
        if self.path != "/file.bin":
            self.send_error(404)
            return
        first = 0
        asked = self.headers.get("Range")
        Handler.ranges.append(asked)
        if asked:
            first = int(asked[6:].split("-")[0])
        if first >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(BODY) - first))
        if Handler.etag:
            self.send_header("X-Linked-ETag", f'"{Handler.etag}"')
        self.end_headers()
        self.wfile.write(BODY[first:Handler.cut or None])

    def log_message(self, *_):
        pass


class Get(unittest.TestCase):
    def setUp(self):
        Handler.cut, Handler.ranges, Handler.etag = 0, [], None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.to = folder.name
        self.file = os.path.join(self.to, "sub", "file.bin")

    def get(self, sha256=hashlib.sha256(BODY).hexdigest(), url=None, kind=None, options=()):
        entry = {"url": url or f"http://127.0.0.1:{self.server.server_port}/file.bin", "path": "sub/file.bin"}
        entry |= {"sha256": sha256} if sha256 else {}
        entry |= {"kind": kind} if kind else {}
        manifest = os.path.join(self.to, "manifest.json")
        with open(manifest, "w", encoding="utf-8") as f:
            json.dump({"thing": [entry]}, f)
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run([sys.executable, GET, "--to", self.to, "--manifest", manifest, *options, "thing"], env=environment,
                              capture_output=True, text=True, timeout=60)

    def left(self):
        return sorted(os.listdir(os.path.dirname(self.file)))

    def content(self):
        with open(self.file, "rb") as f:
            return f.read()

    def test_right(self):
        self.assertEqual(self.get().returncode, 0)
        self.assertEqual(self.content(), BODY)
        self.assertEqual(self.left(), ["file.bin"])
        again = self.get()
        self.assertIn("there already", again.stdout)
        self.assertEqual(len(Handler.ranges), 1)

    def test_mirror(self):
        run = self.get(url="http://127.0.0.1:1/elsewhere/file.bin", options=["--base-url", f"http://127.0.0.1:{self.server.server_port}/"])
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_wrong_checksum_leaves_the_old_file(self):
        os.makedirs(os.path.dirname(self.file))
        with open(self.file, "wb") as f:
            f.write(b"old")
        run = self.get(sha256="0" * 64)
        self.assertEqual(run.returncode, 1)
        self.assertIn("expected " + "0" * 64, run.stderr)
        self.assertEqual((self.content(), self.left()), (b"old", ["file.bin"]))

    def test_announced_checksum(self):
        Handler.etag = "1" * 64
        run = self.get(sha256=None)
        self.assertEqual(run.returncode, 1)
        self.assertIn("expected " + "1" * 64, run.stderr)
        Handler.etag = hashlib.sha256(BODY).hexdigest()
        self.assertEqual(self.get(sha256=None).returncode, 0)

    def test_cut_short_then_resumed(self):
        Handler.cut = 1000
        run = self.get()
        self.assertEqual(run.returncode, 1)
        self.assertIn("1000", run.stderr)
        self.assertFalse(os.path.exists(self.file))
        Handler.cut = 0
        self.assertEqual(self.get().returncode, 0)
        self.assertEqual(Handler.ranges, [None, "bytes=1000-"])
        self.assertEqual((self.content(), self.left()), (BODY, ["file.bin"]))

    def test_no_server(self):
        run = self.get(url="http://127.0.0.1:1/file.bin")
        self.assertEqual(run.returncode, 1)
        for words in ("http://127.0.0.1:1/file.bin", "refused", "By hand", self.file, "is there a network?"):
            self.assertIn(words, run.stderr)

    def test_missing_on_the_server(self):
        run = self.get(url=f"http://127.0.0.1:{self.server.server_port}/other.bin")
        self.assertEqual(run.returncode, 1)
        self.assertIn("404", run.stderr)

    def test_contents(self):
        for kind, words in (("labels", "is not text"), ("vgg16", "no safetensors")):
            run = self.get(sha256=None, kind=kind)
            self.assertEqual(run.returncode, 1)
            self.assertIn(words, run.stderr)
            self.assertEqual(self.left(), [])

    def test_usage(self):
        run = subprocess.run([sys.executable, GET, "nothing"], capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 2)
        self.assertIn("expected vgg16, labels, mnist or all", run.stderr)


if __name__ == "__main__":
    GET = os.path.abspath(sys.argv.pop(1))
    unittest.main()
