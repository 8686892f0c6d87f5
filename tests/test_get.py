#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/test_get.py DATA_GET

data/get against a server of our own on the loopback: right, wrong, cut short, resumed, unpacked, gone."""
import fcntl
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

GET = ""
BODY = bytes(range(256)) * 400


def archive(*files):
    """A .tar.gz of (name, bytes) in a folder, after an entry for that folder itself."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        folder = tarfile.TarInfo("cifar")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one body under any name that begins with /file."""

    body, most, ranges_known, ranges = BODY, None, True, []

    def do_GET(self):
        if not self.path.startswith("/file"):
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        Handler.ranges.append(asked)
        first = int(asked[6:].split("-")[0]) if asked and Handler.ranges_known else 0
        if asked and first >= len(Handler.body):
            self.send_error(416)
            return
        self.send_response(206 if asked and Handler.ranges_known else 200)
        self.send_header("Content-Length", str(len(Handler.body) - first))
        self.end_headers()
        self.wfile.write(Handler.body[first:][:Handler.most])  # all is claimed, no more than `most` is sent

    def log_message(self, *_):
        pass


class Get(unittest.TestCase):
    def setUp(self):
        Handler.body, Handler.most, Handler.ranges_known, Handler.ranges = BODY, None, True, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.to = folder.name
        self.sub = os.path.join(self.to, "sub")
        self.file = os.path.join(self.sub, "file.bin")

    def get(self, sha256=None, url=None, options=(), **more):
        sha256 = sha256 or hashlib.sha256(Handler.body).hexdigest()
        entry = {"url": url or f"http://127.0.0.1:{self.server.server_port}/file.bin", "path": "sub/file.bin", "sha256": sha256, **more}
        manifest = os.path.join(self.to, "manifest.json")
        with open(manifest, "w", encoding="utf-8") as f:
            json.dump({"thing": [entry]}, f)
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run([sys.executable, GET, "--to", self.to, "--manifest", manifest, *options, "thing"], env=environment,
                              capture_output=True, text=True, timeout=60)

    def good(self, *arguments, **more):
        run = self.get(*arguments, **more)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def bad(self, *words, **more):
        run = self.get(**more)
        self.assertEqual(run.returncode, 1)
        for word in words:
            self.assertIn(word, run.stderr)
        return run.stderr

    def left(self):
        return sorted(os.listdir(self.sub))

    def content(self, name="file.bin"):
        with open(os.path.join(self.sub, name), "rb") as f:
            return f.read()

    def write(self, name, data):
        os.makedirs(self.sub, exist_ok=True)
        with open(os.path.join(self.sub, name), "wb") as f:
            f.write(data)

    def test_right(self):
        self.good()
        self.assertEqual((self.content(), self.left()), (BODY, ["file.bin"]))
        self.assertIn("there already", self.good())
        self.assertEqual(Handler.ranges, [None])

    def test_mirror(self):
        self.good(url="http://127.0.0.1:1/elsewhere/file.bin", options=["--base-url", f"http://127.0.0.1:{self.server.server_port}/"])
        self.assertEqual(self.content(), BODY)

    def test_wrong_checksum_leaves_nothing(self):
        self.bad(hashlib.sha256(BODY).hexdigest(), "expected " + "0" * 64, "nothing was kept", sha256="0" * 64)
        self.assertEqual((self.left(), Handler.ranges), ([], [None]))

    def test_another_file_there_is_not_touched(self):
        self.write("file.bin", b"mine")
        self.bad(self.file, hashlib.sha256(b"mine").hexdigest(), "move it away")
        self.assertEqual((self.content(), self.left(), Handler.ranges), (b"mine", ["file.bin"], []))

    def test_cut_short_then_resumed(self):
        self.write("file.bin.part", BODY[:1000])
        Handler.most = 0
        self.bad(f"ended after 1000 of {len(BODY)} bytes; run it again to go on", "By hand")
        self.assertEqual(self.content("file.bin.part"), BODY[:1000])
        Handler.most = None
        self.good()
        self.assertEqual(Handler.ranges, ["bytes=1000-"] * 2)
        self.assertEqual((self.content(), self.left()), (BODY, ["file.bin"]))

    def test_goes_on_by_itself_while_something_comes(self):
        Handler.most = 30000
        self.good()
        self.assertEqual(Handler.ranges, [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"])
        self.assertEqual((self.content(), self.left()), (BODY, ["file.bin"]))

    def test_resumed_where_nothing_is_missing(self):
        self.write("file.bin.part", BODY)
        self.good()
        self.assertEqual((self.content(), self.left(), len(Handler.ranges)), (BODY, ["file.bin"], 1))

    def test_resumed_after_another_file(self):
        for rest in (b"another", BODY + b"longer"):
            self.write("file.bin.part", rest)
            self.good()
            self.assertEqual((self.content(), self.left()), (BODY, ["file.bin"]))
            os.unlink(self.file)

    def test_server_that_cannot_resume(self):
        Handler.ranges_known = False
        self.write("file.bin.part", b"x" * 1000)
        self.good()
        self.assertEqual((self.content(), self.left(), len(Handler.ranges)), (BODY, ["file.bin"], 1))

    def test_two_at_once(self):
        self.write("file.bin.part", BODY[:10])
        with open(self.file + ".part", "ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            self.bad("file.bin.part: another process is writing it")
        self.assertEqual((self.content("file.bin.part"), Handler.ranges), (BODY[:10], []))

    def test_unpacked(self):
        Handler.body = archive(("cifar/a.bin", b"first"), ("cifar/b.bin", BODY))
        self.good(unpack="sub/cifar")
        self.assertEqual((self.left(), sorted(os.listdir(self.sub + "/cifar"))), (["cifar"], ["SHA256SUMS", "a.bin", "b.bin"]))
        self.assertEqual((self.content("cifar/a.bin"), self.content("cifar/b.bin")), (b"first", BODY))
        self.assertIn("there already", self.good(unpack="sub/cifar"))
        self.write("cifar/a.bin", b"other")
        self.bad("sub/cifar: is there, but not as its archive has it", unpack="sub/cifar")
        self.assertEqual((self.content("cifar/a.bin"), len(Handler.ranges)), (b"other", 1))

    def test_unpacked_from_an_archive_put_there(self):
        Handler.body = archive(("cifar/a.bin", b"first"))
        self.write("file.bin", Handler.body)
        self.good(unpack="sub/cifar")
        self.assertEqual((self.left(), self.content("cifar/a.bin"), Handler.ranges), (["cifar", "file.bin"], b"first", []))

    def test_archives_keep_to_their_folder(self):
        Handler.body = archive(("../../outside.bin", b"out"))
        self.good(unpack="sub/cifar")
        self.assertEqual((self.left(), sorted(os.listdir(self.sub + "/cifar"))), (["cifar"], ["SHA256SUMS", "outside.bin"]))
        Handler.body = archive(("cifar/a.bin", b"1"), ("other/a.bin", b"2"))
        self.bad("File exists", unpack="sub/twice")
        Handler.body = b"no archive"
        os.unlink(self.file)
        self.bad("gzip", unpack="sub/none")
        self.assertEqual(self.left(), ["cifar", "file.bin"])

    def test_no_server(self):
        self.bad("http://127.0.0.1:1/file.bin", "refused", "By hand", self.file, "1" * 64, "is there a network?",
                 url="http://127.0.0.1:1/file.bin", sha256="1" * 64)
        self.assertEqual(self.left(), [])

    def test_missing_on_the_server(self):
        self.bad("other.bin: the server answers 404", "By hand", url=f"http://127.0.0.1:{self.server.server_port}/other.bin")

    def test_folder_that_cannot_be_made(self):
        self.write("plain", b"")
        os.rename(os.path.join(self.sub, "plain"), os.path.join(self.to, "plain"))
        self.bad("plain", path="plain/file.bin")

    def test_usage(self):
        for arguments, words in ((["nothing"], "'nothing' is unknown, expected vgg16, labels, mnist, cifar10 or all"), ([], "WHAT is missing"),
                                 (["--manifest", "/nowhere", "all"], "/nowhere"), (["--such", "all"], "--such")):
            run = subprocess.run([sys.executable, GET, *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertIn(words, run.stderr)
        run = subprocess.run([sys.executable, GET, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0)
        self.assertIn("usage: data/get [--to FOLDER]", run.stdout)


if __name__ == "__main__":
    GET = os.path.abspath(sys.argv.pop(1))
    unittest.main()
