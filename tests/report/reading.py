# SPDX-License-Identifier: Apache-2.0
"""Reads a page back: its elements, its numbers, and whether they are those of the JSON. Knows nothing of how the page was made."""
import html.parser
import math
import re
import statistics
import xml.etree.ElementTree as ET

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Reader(html.parser.HTMLParser):
    """Into a tree; a tag that is not closed, or closed twice, is an error."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.builder, self.open = ET.TreeBuilder(), []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        if len(names) != len(set(names)):
            raise AssertionError(f"<{tag}> has an attribute twice")
        self.builder.start(tag, {name: value or "" for name, value in attributes})
        if tag in VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> at {self.getpos()} closes nothing")
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)
        elif data.strip():
            raise AssertionError(f"text outside of the page: {data!r}")


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise AssertionError(f"not closed: {reader.open}")
    return reader.builder.close()


def text_of(element):
    return "".join(element.itertext())


def external_references(root):
    """All by which a browser would fetch something."""
    found = []
    for element in root.iter():
        if element.tag in ("script", "link", "iframe", "object", "embed", "base"):
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            name = name.rpartition("}")[2].rpartition(":")[2]
            if name in ("src", "srcset", "href", "data", "action", "poster", "background") and not value.startswith(("#", "data:")):
                found.append(f"{name}={value}")
            if name.startswith("on"):
                found.append(f"{name}={value}")
            if name != "xmlns" and name not in ("data-name", "aria-label"):
                found += url_references(value)
        if element.tag == "style":
            found += url_references(element.text or "")
    return found


def url_references(text):
    urls = re.findall(r"url\(\s*['\"]?([^)'\"]*)", text)
    return [u for u in urls if not u.startswith(("#", "data:"))] + re.findall(r"@import[^;]*|https?:\S*", text)


UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


def shown_is(text, value):
    """Is `text` the number `value`, rounded to the digits that it shows? Its unit has been taken off both."""
    found = re.fullmatch(r"([+-]?[\d,]+)(?:\.(\d+))?", text)
    if not found:
        return False
    digits = len(found[2] or "")
    shown = float(text.replace(",", ""))
    step = 10.0 ** -digits
    if not digits and abs(shown) >= 1e4:  # four significant digits
        step = max(step, 10.0 ** (math.floor(math.log10(abs(shown))) - 3))
    return abs(shown - value) <= step * 0.5000001


def clean(name):
    """A benchmark's name without what Google Benchmark adds."""
    return re.sub(r"/(iterations:\d+|repeats:\d+|min_time:[\d.]+|manual_time|real_time)(?=/|$)", "", name)


class Expected:
    """What the JSON says: of each benchmark its runs, in order."""

    def __init__(self, files):
        self.runs = {}
        self.aggregates = {}
        for kind, data in files.items():
            for entry in data["benchmarks"]:
                key = (kind, clean(entry["run_name"]))
                if entry["run_type"] == "aggregate":
                    self.aggregates.setdefault(key, {})[entry["aggregate_name"]] = entry
                else:
                    self.runs.setdefault(key, []).append(entry)

    def failed(self, key):
        return any(e.get("error_occurred") for e in self.runs[key])

    def median(self, key, counter):
        """Of an interval's ends the outermost."""
        function = min if counter.endswith("_low") else max if counter.endswith("_high") else statistics.median
        return function(e[counter] for e in self.runs[key] if counter in e)

    def derived(self, what, key):
        times = [e["real_time"] for e in self.runs[key]]
        if what == "spread":
            return 100 * (max(times) - min(times)) / statistics.median(times)
        if what == "intensity":
            return self.median(key, "flops") / self.median(key, "bytes")
        if what == "share_of_dram":
            return 100 * self.median(key, "GB/s") / self.median(("roof", f"roof/read/DRAM/t{key[1].rpartition('/t')[2]}"), "GB/s")
        if what == "share":
            whole = key[1].rpartition("/")[0]
            layers = [k for k in self.runs if k[0] == key[0] and k[1].startswith(whole + "/") and not self.failed(k)]
            return 100 * self.median(key, "real_time") / sum(self.median(k, "real_time") for k in layers)
        raise AssertionError(f"unknown: {what}")


def check_numbers(root, files):
    """Compares every cell with the JSON, and that every number of the JSON has a cell. Returns how many cells were compared."""
    expected = Expected(files)
    compared, seen = 0, set()
    for row in root.iter("tr"):
        which = row.get("data-which")
        for cell in row.iter("td"):
            name = row.get("data-name") or cell.get("data-name")
            if name is None or "data-key" not in cell.attrib:
                assert cell.get("class") in ("text", "key", "failed") or not re.search(r"\d", text_of(cell)), f"{text_of(cell)}: of what?"
                continue
            key = (row.get("data-file") or cell.get("data-file"), name)
            counter = cell.get("data-key")
            assert not expected.failed(key), f"{key} failed and yet has a number"
            value = float(cell.get("data-value"))
            if which:
                entry = expected.aggregates[key][which] if not which.startswith("run ") else expected.runs[key][int(which[4:]) - 1]
                want = entry[counter]
                seen.add((key, which, counter))
            elif counter.startswith("derived:"):
                want = expected.derived(counter[8:], key)
            else:
                want = expected.median(key, counter)
            if math.isnan(want):
                assert math.isnan(value) and text_of(cell) == "nan", f"{key} {counter}"
                compared += 1
                continue
            same = math.isclose(value, want, rel_tol=1e-9, abs_tol=1e-9) if counter.startswith("derived:") else value == want
            assert same, f"{key} {which} {counter}: the page says {value}, the JSON {want}"
            check_shown(cell, value, expected.runs[key][0].get("time_unit") if counter == "real_time" and not which else None)
            compared += 1
    for source, names in ((expected.runs, None), (expected.aggregates, True)):
        for key, entries in source.items():
            if expected.failed(key):
                continue
            for which, entry in entries.items() if names else ((f"run {i + 1}", e) for i, e in enumerate(entries)):
                for counter in ("real_time", "cpu_time", "iterations", "GFLOP/s", "GB/s", "images/s", "flops", "bytes", "percent_of_roof",
                                "speedup_over_naive", "speedup_over_autovec", "stolen_percent", "error_over_bound", "ratio_exact", "ratio_fast",
                                "pairs", "memory_bytes", "memory_ratio"):
                    assert counter not in entry or (key, which, counter) in seen, f"{key} {which} {counter} is missing in the page"
    return compared


def check_shown(cell, value, time_unit):
    text = text_of(cell)
    if time_unit:
        number, _, unit = text.partition(" ")
        assert unit in UNITS, f"{text}: no unit of time"
        value = value * UNITS[time_unit] / UNITS[unit]
    else:
        number = text.removesuffix(" %")
    assert shown_is(number, value), f"{text} is shown for {value}"
