# SPDX-License-Identifier: Apache-2.0
"""HTML as a tree, so that every text is escaped."""
import math
import xml.etree.ElementTree as ET


def element(tag, *children, **attributes):
    """class_="x" is class, data_key="k" is data-key; None among children or attributes is left out."""
    node = ET.Element(tag, {k.rstrip("_").replace("_", "-"): str(v) for k, v in attributes.items() if v is not None})
    return append(node, *children)


def append(node, *children):
    for child in children:
        if child is None:
            continue
        if isinstance(child, ET.Element):
            node.append(child)
        elif len(node):
            node[-1].tail = (node[-1].tail or "") + str(child)
        else:
            node.text = (node.text or "") + str(child)
    return node


def html(root):
    return "<!DOCTYPE html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"


def number_cell(value, form, key, missing="", **attributes):
    """A cell that shows `value` by `form` and keeps all its digits. key: its name in the JSON, or derived:... where it is computed."""
    if value is None:
        return element("td", missing, class_="none")
    shown = form(value) if math.isfinite(value) else str(value)
    return element("td", shown, data_key=key, data_value=repr(value), **attributes)


def table(head, rows, name):
    """head: words; one that starts with "<" stands over text, which is aligned left. rows: cells or whole rows."""
    top = element("tr", *(element("th", word.lstrip("<"), scope="col", class_="text" if word.startswith("<") else None) for word in head))
    body = [row if isinstance(row, ET.Element) else element("tr", *row) for row in rows]
    node = element("table", element("thead", top), element("tbody", *body))
    return element("div", node, class_="scroll", tabindex="0", role="region", aria_label=name)
