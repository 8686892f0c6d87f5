# SPDX-License-Identifier: Apache-2.0
"""Figures by matplotlib as SVG that follows the page: colours are CSS variables, text is text.

matplotlib only knows fixed colours. So it draws in placeholders, one for each variable, which are replaced in the SVG.
"""
import io
import re
import warnings
import xml.etree.ElementTree as ET

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# CSS variables of page.css; their values for light and dark stand there.
VARIABLES = ("ink", "soft", "faint", "paper", "plain", "autovec", "narrow", "wide", "other", "memory", "peer", "failed")
COLOURS = {name: f"#0101{i + 16:02x}" for i, name in enumerate(VARIABLES)}

# Letters that its font lacks are measured wrongly, but the reader's browser draws them.
warnings.filterwarnings("ignore", "Glyph .* missing from current font")
matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "lanewise", "font.family": "DejaVu Sans", "font.size": 12, "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["faint"], "axes.linewidth": 1, "axes.labelcolor": COLOURS["soft"], "axes.facecolor": "none",
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "axes.labelsize": 12, "xtick.color": COLOURS["faint"],
    "ytick.color": COLOURS["faint"], "xtick.labelcolor": COLOURS["soft"], "ytick.labelcolor": COLOURS["soft"], "xtick.labelsize": 11,
    "ytick.labelsize": 12, "grid.color": COLOURS["faint"], "grid.linewidth": 0.8, "figure.facecolor": "none", "text.parse_math": False,
})


class Canvas:
    """A figure measured in CSS pixels from the top left corner."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasAgg(self.figure)
        self.tips = {}

    def axes(self, left, top, width, height, **options):
        return self.figure.add_axes((left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height),
                                    **options)

    def text(self, x, y, text, colour="ink", **options):
        return self.figure.text(x / self.width, 1 - y / self.height, text, color=COLOURS[colour], **options)

    def tip(self, artist, text):
        """What a mouse that rests on it shows."""
        artist.set_gid(f"tip{len(self.tips)}")
        self.tips[artist.get_gid()] = text

    def extent(self, text):
        """Its box in pixels; the font that a reader has may be a little narrower."""
        return text.get_window_extent(self.figure.canvas.get_renderer())

    def svg(self, prefix, title, description):
        stream = io.StringIO()
        self.figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        root = ET.fromstring(stream.getvalue())
        tidy(root, prefix, self.tips)
        root.attrib.update({"viewBox": f"0 0 {self.width} {self.height}", "role": "img",
                            "aria-labelledby": f"{prefix}-title {prefix}-desc", "width": str(self.width), "height": str(self.height)})
        for tag, text in (("desc", description), ("title", title)):
            element = ET.Element(tag, {"id": f"{prefix}-{tag}"})
            element.text = text
            root.insert(0, element)
        return root


def colour_variables(style):
    def variable(found):
        name = next((n for n, c in COLOURS.items() if c == found[0].lower()), None)
        if name is None:
            raise ValueError(f"{found[0]} is no colour of the report")
        return f"var(--{name})"
    return re.sub(r"#[0-9a-fA-F]{6}\b", variable, style)


def tidy(root, prefix, tips):
    """In place: no name spaces, no style sheet of its own, ids that are unique in the page, tips as titles."""
    referenced = set()
    for element in root.iter():
        for value in element.attrib.values():
            referenced.update(re.findall(r"^#([\w-]+)$|url\(#([\w-]+)\)", value))
    referenced = {a or b for a, b in referenced}
    for parent in list(root.iter()):
        parent.tag = parent.tag.partition("}")[2] or parent.tag
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
        attributes = {}
        for name, value in parent.attrib.items():
            name = name.rpartition("}")[2]
            if name == "id" and value in tips:
                tip = ET.Element("title")
                tip.text = tips[value]
                parent.insert(0, tip)
                attributes["class"] = "tip"
                continue
            if name == "id" and value not in referenced:
                continue
            if name == "id":
                value = f"{prefix}-{value}"
            value = re.sub(r"^#", f"#{prefix}-", value) if name == "href" else value.replace("url(#", f"url(#{prefix}-")
            value = re.sub(r"'DejaVu Sans'[^;]*", "var(--font)", value)
            attributes[name] = colour_variables(value) if name in ("style", "fill", "stroke") else value
        parent.attrib.clear()
        parent.attrib.update(attributes)
    for name in ("version", "xmlns"):
        root.attrib.pop(name, None)
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")


def spread(wanted, gap):
    """Positions as near as possible to the wanted ones, in their order, at least `gap` apart."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups = []  # [sum of wanted places of the first label, count]: labels that touch move together
    for i in order:
        groups.append([wanted[i], 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] + groups[-2][1] * gap > groups[-1][0] / groups[-1][1]:
            start, count = groups.pop()
            groups[-1][0] += start - count * groups[-1][1] * gap
            groups[-1][1] += count
    places, at = [0.0] * len(wanted), 0
    for start, count in groups:
        for k in range(count):
            places[order[at]] = start / count + k * gap
            at += 1
    return places
