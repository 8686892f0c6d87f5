# SPDX-License-Identifier: Apache-2.0
import os
import re

import kit


class Info(kit.Case):
    def test_json(self):
        info = self.json("info", "--json")
        isas = {i["name"]: i for i in info["isas"]}
        self.assertEqual(list(isas), ["ref", "naive", "neon", "avx2", "avx512", "amx"])
        for isa in isas.values():
            self.assertEqual(isa["runnable"], isa["missing"] is None)
        self.assertEqual(info["isa"], [name for name, i in isas.items() if i["runnable"]][-1])
        flags = re.search(r"^(?:flags|Features)\s*:(.*)$", kit.read("/proc/cpuinfo").decode(), re.M).group(1).split()
        x86 = os.uname().machine == "x86_64"
        self.assertEqual(isas["avx2"]["runnable"], x86 and {"avx2", "fma", "f16c"} <= set(flags))
        self.assertEqual(isas["neon"]["missing"], "it belongs to AArch64" if x86 else None)
        memory = int(re.search(r"MemTotal: *(\d+) kB", kit.read("/proc/meminfo").decode()).group(1)) * 1024
        self.assertEqual(info["memory"]["bytes"], memory)
        self.assertEqual(info["threads"], info["cpu"]["cores"])
        ops = {}
        for kernel in info["kernels"]:
            ops.setdefault(kernel["op"], []).append(kernel["kernel"])
        self.assertEqual(ops["topk"], ["ref_topk"])
        self.assertIn(f"lw_conv2d_direct_{info['isa']}", ops["conv2d"])
        for op in re.findall(r"^\| `(\w+)` \|", kit.read(os.path.join(kit.SOURCE, "README.md")).decode(), re.M):
            self.assertIn(op, ops)

    def test_isa_and_threads(self):
        info = self.json("info", "--json", "--isa", "ref", "--threads", "3")
        self.assertEqual((info["isa"], info["threads"]), ("ref", 3))
        self.assertIn("ref_conv2d", [k["kernel"] for k in info["kernels"]])
        self.assertEqual(self.json("info", "--json", env={"LANEWISE_ISA": "ref", "LANEWISE_THREADS": "5"})["threads"], 5)
        self.assertIn("ref      used", self.good("info", "--isa", "ref"))

    def test_topology(self):
        def cores(o):
            return [o] * (o["kind"] == "core" and o["usable"]) + [c for child in o.get("children", []) for c in cores(child)]
        info = self.json("info", "--json")
        if info["topology"] is None:
            self.skipTest("built without hwloc")
        self.assertEqual(info["topology"]["kind"], "machine")
        self.assertEqual(len(cores(info["topology"])), info["cpu"]["cores"])

    def test_drawing(self):
        """Machines made up by hwloc: every core on its line, or one for many that are alike."""
        if "unknown: built without hwloc" in self.good("info"):
            self.skipTest("built without hwloc")

        def drawing(synthetic, **env):
            text = self.good("info", env={"HWLOC_SYNTHETIC": synthetic, **env})
            return re.search(r"Topology\n(.*?)\n\n", text, re.S).group(1).split("\n")
        caches = "l3:1(size=33554432) l2:2(size=1048576) l1d:1(size=32768) core:1 pu:2"
        self.assertEqual(drawing("pack:2 " + caches, LC_ALL="C"), [
            "  Machine 1 GiB, NUMA node 0 1 GiB",
            "  |- Package 0 + L3 32 MiB",
            "  |  |- L2 1 MiB + L1 32 KiB + Core 0",
            "  |  |  |- CPU 0",
            "  |  |  `- CPU 1",
            "  |  `- L2 1 MiB + L1 32 KiB + Core 1",
            "  |     |- CPU 2",
            "  |     `- CPU 3",
            "  `- Package 1 + L3 32 MiB",
            "     |- L2 1 MiB + L1 32 KiB + Core 2",
            "     |  |- CPU 4",
            "     |  `- CPU 5",
            "     `- L2 1 MiB + L1 32 KiB + Core 3",
            "        |- CPU 6",
            "        `- CPU 7"])
        self.assertEqual(drawing("l3:2 core:16 pu:1", LC_ALL="C.UTF-8")[1:], [
            "  ├─ L3 16 MiB",
            "  │  └─ 16 x Core + CPU  CPUs 0-15",
            "  └─ L3 16 MiB",
            "     └─ 16 x Core + CPU  CPUs 16-31"])
        self.assertEqual(drawing("pack:1 core:8 pu:2(indexes=0,8,1,9,2,10,3,11,4,12,5,13,6,14,7,15)", LC_ALL="C.UTF-8")[1:], ["  └─ 8 x Core + 2 CPUs  CPUs 0-15"])
        self.assertEqual(drawing("pack:2 core:8 pu:1(indexes=0,2,4,6,8,10,12,14,1,3,5,7,9,11,13,15)")[1:], [
            "  |- Package 0",
            "  |  `- 8 x Core + CPU  CPUs 0,2,4,6,8,10,12,14",
            "  `- Package 1",
            "     `- 8 x Core + CPU  CPUs 1,3,5,7,9,11,13,15"])
        self.assertEqual(drawing("pack:2 l3:8 l2:4 core:1 pu:2")[1:4], [
            "  |- Package 0",
            "  |  `- 8 x L3 16 MiB  CPUs 0-63",
            "  |     `- 4 x L2 4 MiB + Core + 2 CPUs"])
