#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of bench/run from Google Benchmark's JSON files.

usage: table.py [--markdown] roof.json nets.json [ops.json]

A time is the median where a benchmark was repeated; "spread" is from its fastest to its slowest repetition, in percent of the median.
"error" is the largest error / bound. Of other libraries a table of its own tells how many times longer they take than Lanewise, measured in
turns, with an interval: of 95 % in a round, its hull over rounds (docs/report.md). A benchmark that failed its check is printed as such, without a time, and makes
the exit code 1.
"""
import sys

from results import FC_LAYERS, MODES, BadResults, Results, error_text, four_digits, ratio_words, time_text, times_text


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


def number(benchmark, key, form):
    value = benchmark.value(key)
    return "" if value is None else form(value) if callable(form) else format(value, form)


def time_cells(benchmark):
    """Time and spread."""
    if benchmark.seconds is None:
        return [f"FAILED: {benchmark.error}" if benchmark.error is not None else "", ""]
    spread = benchmark.spread
    return [time_text(benchmark.seconds), f"{100 * (spread[1] - spread[0]) / benchmark.seconds:.1f} %" if spread else ""]


def ratio_cells(benchmark):
    """Of modes exact and fast."""
    ratios = [benchmark.ratio(mode) for mode in MODES]
    return ["" if r is None else ratio_words(r) for r in ratios]


def fc_table(printer, results):
    layers = results.fully_connected()
    if layers:
        printer.title("Fully connected layers of VGG16")
        printer.table(["layer", "by", "caches", "threads", "time", "spread", "GB/s", "% of DRAM read"],
                      [[FC_LAYERS[k.case], k.isa, k.way, k.threads, *time_cells(k.benchmark), number(k.benchmark, "GB/s", ".1f"),
                        "" if results.share_of_dram(k) is None else f"{results.share_of_dram(k):.0f}"] for k in layers])


def peer_kernel_table(printer, results):
    peers = [k for k in results.kernels if k.is_peer]
    if peers:
        printer.title("single operators: other libraries, times longer than Lanewise")
        printer.table(["operator", "case", "library", "caches", "threads", "time", *MODES, "error", "note"],
                      [[k.op, k.case, k.isa, k.way, k.threads, time_cells(k.benchmark)[0], *ratio_cells(k.benchmark),
                        number(k.benchmark, "error_over_bound", error_text), "; ".join(k.benchmark.notes[1:])] for k in peers])


def roof_tables(printer, results):
    found = {}
    for c in results.ceilings:
        if c.value is not None:
            found.setdefault(f"{c.kind} {c.name} ({c.key})", {})[c.threads] = c.value
    threads = sorted({t for values in found.values() for t in values})
    printer.title("Measured roofs")
    printer.table(["ceiling"] + [f"t{t}" for t in threads],
                  [[name] + [f"{v[t]:.1f}" if t in v else "" for t in threads] for name, v in found.items()])


def net_tables(printer, results):
    for net in results.net_names:
        printer.title(f"{net}: whole passes")
        printer.table(["isa", "mode", "batch", "threads", "time", "spread", "images/s", "GFLOP/s", "% of roof", "x naive", "x autovec", "error"],
                      [[p.isa, p.mode, p.batch, p.threads, *time_cells(p.benchmark), number(p.benchmark, "images/s", four_digits),
                        number(p.benchmark, "GFLOP/s", ".1f"), number(p.benchmark, "percent_of_roof", ".0f"),
                        number(p.benchmark, "speedup_over_naive", times_text), number(p.benchmark, "speedup_over_autovec", times_text),
                        number(p.benchmark, "error_over_bound", error_text)]
                       for p in results.passes if p.net == net and p.benchmark])
        peers = [p for p in results.passes if p.net == net and p.is_peer and p.benchmark]
        if peers:
            printer.title(f"{net}: other libraries, times longer than Lanewise")
            printer.table(["library", "batch", "threads", *MODES, "pairs", "note"],
                          [[p.isa, p.batch, p.threads, *ratio_cells(p.benchmark), number(p.benchmark, "pairs", ".0f"),
                            "; ".join(n for n in p.benchmark.notes if n)] for p in peers])
        steps = [p for p in results.steps if p.net == net and p.benchmark]
        if steps:
            printer.title(f"{net}: steps of training")
            printer.table(["isa", "mode", "batch", "threads", "time", "spread", "images/s", "GFLOP/s", "% of roof", "x naive", "MB", "x least"],
                          [[p.isa, p.mode, p.batch, p.threads, *time_cells(p.benchmark), number(p.benchmark, "images/s", four_digits),
                            number(p.benchmark, "GFLOP/s", ".1f"), number(p.benchmark, "percent_of_roof", ".0f"),
                            number(p.benchmark, "speedup_over_naive", times_text), number(p.benchmark, "memory_bytes", lambda v: f"{v / 1e6:.1f}"),
                            number(p.benchmark, "memory_ratio", ".2f")] for p in steps])
    for p in results.passes:
        if not p.layers:
            continue
        printer.title(f"{p.net}/{p.mode}/{p.isa}/b{p.batch}/t{p.threads}: per layer")
        total = sum(b.seconds or 0 for _, b in p.layers) or 1
        printer.table(["layers", "time", "spread", "% of pass", "GFLOP/s", "GB/s", "% of roof", "binds", "error"],
                      [[name, *time_cells(b), "" if b.seconds is None else f"{100 * b.seconds / total:.1f}", number(b, "GFLOP/s", ".1f"),
                        number(b, "GB/s", ".1f"), number(b, "percent_of_roof", ".0f"), b.label,
                        number(b, "error_over_bound", error_text)] for name, b in p.layers])


def main():
    arguments = [a for a in sys.argv[1:] if a != "--markdown"]
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    try:
        results = Results(*arguments)
    except BadResults as error:
        sys.exit(f"table.py: {error}")
    printer = Printer("--markdown" in sys.argv)
    for key in ("machine", "compiler", "commit", "warning"):
        if results.context.get(key):
            print(f"{key}: {results.context[key]}")
    noise = results.nets.noise
    if noise and noise.value("stolen_percent") is not None:
        print(f"noise: {noise.value('stolen_percent'):.1f} % of CPU time stolen, clock drift {noise.value('clock_drift_percent'):+.1f} %, "
              f"throttled {noise.value('throttled'):.0f} times")
    roof_tables(printer, results)
    net_tables(printer, results)
    fc_table(printer, results)
    peer_kernel_table(printer, results)
    if results.failed:
        sys.exit(f"\n{len(results.failed)} benchmarks failed their check: {', '.join(b.name for b in results.failed)}")


if __name__ == "__main__":
    main()
