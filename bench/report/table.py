#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of bench/run from Google Benchmark's JSON files.

usage: table.py [--markdown] roof.json nets.json

Counters that are read: percent_of_roof, GFLOP/s, GB/s, images/s, speedup_over_naive, speedup_over_autovec. A benchmark that failed its
check carries error_message and is printed as such, without a time.
"""
import json
import sys


def time_text(entry):
    seconds = entry["real_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[entry["time_unit"]]
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.4g} {unit}"
    return f"{seconds * 1e9:.4g} ns"


def number(entry, key, form, missing=""):
    return format(entry[key], form) if key in entry else missing


def entries(data):
    """Plain runs, or the medians where a benchmark was repeated."""
    plain = [e for e in data["benchmarks"] if e.get("run_type", "iteration") == "iteration" and "repetitions" not in e
             or e.get("repetitions", 1) == 1]
    medians = [dict(e, name=e["run_name"]) for e in data["benchmarks"] if e.get("aggregate_name") == "median"]
    repeated = {e["name"] for e in medians}
    return [dict(e, name=e.get("run_name", e["name"])) for e in plain
            if e.get("run_type") != "aggregate" and e.get("run_name", e["name"]) not in repeated] + medians


def clean(name):
    """Without what Google Benchmark adds to names."""
    return "/".join(p for p in name.split("/") if not p.startswith(("iterations:", "repeats:", "min_time:", "manual_time", "real_time")))


class Printer:
    def __init__(self, markdown):
        self.markdown = markdown

    def title(self, text):
        print(f"\n{'### ' if self.markdown else ''}{text}\n")

    def table(self, head, rows):
        rows = [[str(c) for c in row] for row in rows]
        widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
        separator = " | " if self.markdown else "  "
        edge = "| " if self.markdown else "  "

        def line(cells):
            text = separator.join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths)))
            print(edge + text + (" |" if self.markdown else ""))

        line(head)
        if self.markdown:
            print("|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|")
        for row in rows:
            line(row)


def roof_tables(printer, data):
    found = {}
    for e in entries(data):
        if not e["name"].startswith("roof/"):
            continue
        what, name, threads = clean(e["name"]).split("/")[1:4]
        key = "GB/s" if what == "read" else "GFLOP/s"
        if key in e:
            found.setdefault(f"{what} {name} ({key})", {})[threads] = e[key]
    threads = sorted({t for values in found.values() for t in values}, key=lambda t: int(t[1:]))
    printer.title("Measured roofs")
    printer.table(["ceiling"] + threads, [[name] + [f"{v[t]:.1f}" if t in v else "" for t in threads] for name, v in found.items()])


def net_tables(printer, data):
    nets, layers = {}, {}
    for e in entries(data):
        if e["name"].startswith("machine/"):
            continue
        parts = clean(e["name"]).split("/")
        at = next(i for i, p in enumerate(parts) if p[0] == "t" and p[1:].isdigit())
        key = tuple(parts[:at + 1])
        if len(parts) > at + 1:
            layers.setdefault(key, []).append((parts[at + 1], e))
        else:
            nets.setdefault(parts[0], []).append((parts, e))
    for net, runs in nets.items():
        printer.title(f"{net}: whole passes")
        rows = []
        for parts, e in runs:
            mode, isa, batch, threads = "/".join(parts[1:-3]), parts[-3], parts[-2], parts[-1]
            if e.get("error_occurred"):
                rows.append([isa, mode, batch[1:], threads[1:], "FAILED: " + e.get("error_message", ""), "", "", "", "", ""])
                continue
            rows.append([isa, mode, batch[1:], threads[1:], time_text(e), number(e, "images/s", ".4g"), number(e, "GFLOP/s", ".1f"),
                         number(e, "percent_of_roof", ".0f"), number(e, "speedup_over_naive", ".1f"),
                         number(e, "speedup_over_autovec", ".1f")])
        printer.table(["isa", "mode", "batch", "threads", "time", "images/s", "GFLOP/s", "% of roof", "x naive", "x autovec"], rows)
    for key, rows in layers.items():
        printer.title(f"{'/'.join(key)}: per layer")
        total = sum(e["real_time"] for _, e in rows) or 1
        printer.table(["layers", "time", "% of pass", "GFLOP/s", "GB/s", "% of roof"],
                      [[name, time_text(e), f"{100 * e['real_time'] / total:.1f}", number(e, "GFLOP/s", ".1f"),
                        number(e, "GB/s", ".1f"), number(e, "percent_of_roof", ".0f")] for name, e in rows])


def main():
    arguments = [a for a in sys.argv[1:] if a != "--markdown"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    data = []
    for path in arguments:
        with open(path, encoding="utf-8") as f:
            data.append(json.load(f))
    printer = Printer("--markdown" in sys.argv)
    context = data[1]["context"]
    for key in ("machine", "compiler", "warning"):
        if context.get(key):
            print(f"{key}: {context[key]}")
    for e in entries(data[1]):
        if e["name"].startswith("machine/noise"):
            print(f"noise: {e['stolen_percent']:.1f} % of CPU time stolen, clock drift {e['clock_drift_percent']:+.1f} %, "
                  f"throttled {e['throttled']:.0f} times")
    roof_tables(printer, data[0])
    net_tables(printer, data[1])
    failed = [e["name"] for e in data[1]["benchmarks"] if e.get("error_occurred")]
    if failed:
        sys.exit(f"\n{len(failed)} benchmarks failed their check: {', '.join(failed)}")


if __name__ == "__main__":
    main()
