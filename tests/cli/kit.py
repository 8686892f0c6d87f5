# SPDX-License-Identifier: Apache-2.0
"""What the command's tests share: the binary, a folder that goes away, PNM and PNG written and read by hand."""
import json
import os
import struct
import subprocess
import tempfile
import unittest
import zlib

BINARY = ""  # set by run
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(SOURCE, "data", "samples")


def environment(more):
    """Without LANEWISE_* and the terminal of the tester, in a C locale unless `more` says otherwise."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LANEWISE_", "LC_", "HWLOC_")) and k not in ("LANG", "NO_COLOR", "TERM")}
    return {**clean, "LC_ALL": "C", **more}


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def lanewise(self, *arguments, env=None, stdout=None):
        """Runs the command in environment(env)."""
        done = subprocess.run([BINARY, *arguments], stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=environment(env or {}), timeout=60)
        return Result(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())

    def terminal(self, stream, *arguments, **env):
        """What the command writes to a terminal behind its `stream`, "stdout" or "stderr"."""
        try:
            outer, inner = os.openpty()
        except OSError as error:
            self.skipTest(f"no terminal can be made here: {error}")
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: inner}
        process = subprocess.Popen([BINARY, *arguments], stdin=subprocess.DEVNULL, env=environment(env), **streams)
        os.close(inner)
        text = b""
        try:
            while part := os.read(outer, 65536):
                text += part
        except OSError:  # the other end is closed
            pass
        os.close(outer)
        self.assertEqual(process.wait(), 0)
        return text.decode()

    def good(self, *arguments, **more):
        done = self.lanewise(*arguments, **more)
        self.assertEqual((done.code, done.err), (0, ""), arguments)
        return done.out

    def bad(self, code, *arguments, has, out="", **more):
        """The command fails with that exit code, prints `out` and no more, and complains with every text of `has`."""
        done = self.lanewise(*arguments, **more)
        self.assertEqual((done.code, done.out), (code, out), (arguments, done.err))
        self.assertTrue(done.err.startswith("lanewise"), done.err)
        for text in [has] if isinstance(has, str) else has:
            self.assertIn(text, done.err)
        return done.err

    def json(self, *arguments, **more):
        return json.loads(self.good(*arguments, **more))

    def write_pnm(self, name, w, h, pixels, c=1):
        with open(self.path(name), "wb") as f:
            f.write(b"P%d\n%d %d\n255\n" % (5 if c == 1 else 6, w, h) + bytes(pixels))
        return self.path(name)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def read_pnm(path):
    """w, h, c, bytes of a P5 or P6 file without comments."""
    magic, size, maxval, pixels = read(path).split(b"\n", 3)
    w, h = map(int, size.split())
    assert maxval == b"255"
    return w, h, {b"P5": 1, b"P6": 3}[magic], pixels


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, w, h, depth, colour, rows, extra=b""):
    """A PNG of unfiltered rows (bytes each), whatever its header claims."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b""))
    return path


def read_png(path):
    """w, h, c, bytes of an 8 bit gray or RGB file that is not interlaced; undoes the filters of section 9 of the PNG specification."""
    data = read(path)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            w, h, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (0, 2) and interlace == 0
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    c = 1 if colour == 0 else 3
    raw, row, pixels = zlib.decompress(packed), bytearray(w * c), bytearray()
    for y in range(h):
        how, line = raw[y * (w * c + 1)], bytearray(raw[y * (w * c + 1) + 1:(y + 1) * (w * c + 1)])
        for i in range(w * c if how else 0):
            left, up, corner = line[i - c] if i >= c else 0, row[i], row[i - c] if i >= c else 0
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, near)[how]) & 255
        pixels += line
        row = line
    return w, h, c, bytes(pixels)
