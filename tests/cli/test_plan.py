# SPDX-License-Identifier: Apache-2.0
import json
import os

import kit

# Parameters and multiply-adds of one image, worked out from the layer tables by hand: kernel area x channels x pixels.
LENET5 = {"conv1": (25 * 6 + 6, 25 * 6 * 28 * 28), "conv2": (25 * 6 * 16 + 16, 25 * 6 * 16 * 100),
          "fc1": (400 * 120 + 120, 400 * 120), "fc2": (120 * 84 + 84, 120 * 84), "fc3": (84 * 10 + 10, 84 * 10)}


class Plan(kit.Case):
    def test_lenet5(self):
        for more, batch in (([], 1), (["--batch", "7"], 7), (["--no-fuse", "--isa", "ref"], 1)):
            plan = self.json("plan", "lenet5", "--json", *more)
            steps = {s["layers"][0]: s for s in plan["steps"] if s["layers"]}
            self.assertEqual(plan["parameters"], 61706)
            self.assertEqual((plan["batch"], plan["input"], plan["outputs"]), (batch, [1, 28, 28], 10))
            for layer, (parameters, macs) in LENET5.items():
                self.assertEqual(steps[layer]["parameters"], parameters)
                self.assertEqual(steps[layer]["flops"], 2 * macs * batch)
                self.assertEqual(steps[layer]["op"], "conv2d" if layer.startswith("conv") else "linear")
            self.assertEqual(sum(s["parameters"] for s in plan["steps"]), 61706)
        self.assertEqual([s["layers"] for s in plan["steps"]], [[l] for l in "conv1 relu1 pool1 conv2 relu2 pool2 fc1 relu3 fc2 relu4 fc3".split()])
        self.assertEqual(steps["pool1"]["output"], [6, 14, 14])
        self.assertEqual(steps["conv1"]["kernel"], "ref_conv2d")

    def test_vgg16_without_weights(self):
        plan = self.json("plan", "vgg16", "--json")
        self.assertEqual(plan["parameters"], 138357544)
        self.assertGreaterEqual(plan["weight_bytes"], 4 * 138357544)
        macs = 15470264320  # torchvision's count for 224x224
        self.assertEqual(sum(s["flops"] for s in plan["steps"] if s["op"] in ("conv2d", "linear")), 2 * macs)
        text = self.good("plan", "vgg16")
        self.assertIn("138,357,544", text)
        self.assertIn("features.28 + features.29 + features.30", text) if plan["isa"] not in ("ref", "naive") else None

    def test_modes(self):
        for isa in ("ref", None):
            more = ["--isa", isa] if isa else []
            plan = self.json("plan", "vgg16", "--json", "--mode", "fast", *more)
            self.assertEqual(plan["mode"], "fast")
            used = {s["layers"][0]: s["algorithm"] for s in plan["steps"] if s["op"] == "conv2d"}
            self.assertEqual(sum(a == "winograd4" for a in used.values()), 9)
            self.assertEqual([l for l, a in used.items() if a == "winograd2"], ["features.24", "features.26", "features.28"])
        self.assertEqual(self.json("plan", "vgg16", "--json")["mode"], "exact")
        self.assertIn("winograd4", self.good("plan", "vgg16", "--mode", "fast"))
        self.bad(2, "plan", "vgg16", "--mode", "fuzzy", has='--mode is "fuzzy", expected exact or fast')

    def test_budgets(self):
        def algorithms(*more):
            plan = self.json("plan", "vgg16", "--json", "--mode", "fast", *more)
            return [s["algorithm"] for s in plan["steps"] if s["op"] == "conv2d"], plan["steps"], plan["weight_bytes"]
        used, steps, free = algorithms("--accuracy", "1")
        self.assertEqual(set(used) - {"direct", "columns", "pooled"}, {"winograd2"})
        self.assertIn("accuracy budget: F(4,3) has 7.12", [s["reason"] for s in steps])
        used, steps, few = algorithms("--weight-budget", "1.05x")
        self.assertLessEqual(few, 1.05 * 4 * 138357544)
        self.assertTrue({"winograd4", "winograd2", "direct"} <= set(used), used)
        self.assertIn("memory budget: F(4,3) takes 37.8 MB", " ".join(s["reason"] for s in steps))
        self.assertEqual(algorithms("--weight-budget", str(few))[2], few)
        self.assertEqual(algorithms("--weight-budget", "1G")[0], algorithms()[0])
        text = self.good("plan", "vgg16", "--mode", "fast")
        self.assertIn("14x14: too few tiles for F(4,3)\n", text)
        self.assertRegex(text, r"Weights 6\d\d MiB, workspace [0-9.]+ MiB, in all 6\d\d MiB = 1\.2\d\d x the parameters\.")
        self.bad(1, "plan", "vgg16", "--weight-budget", "500M", has="its weights take 553561280 bytes at least, weight_budget is 524288000")
        self.bad(1, "plan", "vgg16", "--memory-limit", "0.5G", has="memory_limit is 536870912")
        for wrong in ("0", "-1", "x", "5Q", "5MB", "nan", "1e30", "0x", "inf", ""):
            for option in ("--memory-limit", "--weight-budget"):
                self.bad(2, "plan", "vgg16", option, wrong, has=f'{option} is "{wrong}", expected bytes')
        self.bad(2, "plan", "vgg16", "--memory-limit", "1.2x", has='--memory-limit is "1.2x", expected bytes')
        for wrong in ("0", "0.99", "-3", "many", "nan", ""):
            self.bad(2, "plan", "vgg16", "--accuracy", wrong, has=f'--accuracy is "{wrong}", expected a number from 1')

    def test_wisdom(self):
        file, model = self.path("wisdom"), self.json("plan", "net", "--json")
        if model["isa"] in ("ref", "naive"):
            self.skipTest("plain loops have nothing to choose")
        by = lambda plan: [s["chosen_by"] for s in plan["steps"]]
        self.assertEqual(set(by(model)), {"model"})
        measured = self.json("plan", "net", "--json", "--measure", "--wisdom", file)
        self.assertIn("measured", by(measured))
        for s in measured["steps"]:
            self.assertEqual(s["seconds"] > 0, s["chosen_by"] == "measured")
            self.assertEqual(s["model_seconds"] > 0, s["chosen_by"] == "measured")
        with open(file) as f:
            self.assertEqual(f.readline(), "lanewise wisdom 1\n")
        wise = self.json("plan", "net", "--json", "--wisdom", file)
        self.assertEqual(by(wise), [b.replace("measured", "wisdom") for b in by(measured)])
        self.assertEqual(wise, self.json("plan", "net", "--json", env={"LANEWISE_WISDOM": file}))
        self.assertEqual(wise, self.json("plan", "net", "--json", "--measure", "--wisdom", file))
        self.assertEqual(set(by(self.json("plan", "net", "--json", "--wisdom", "", env={"LANEWISE_WISDOM": file}))), {"model"})
        self.assertRegex(self.good("plan", "net", "--wisdom", file), r"\n    wisdom: \d parts?: [0-9.]+ us, the model's choice [0-9.]+ us\n")
        with open(file, "a") as f:
            f.write("garbage\n")
        done = self.lanewise("plan", "net", "--wisdom", file)
        self.assertEqual(done.code, 0)
        self.assertIn("wisdom: ", done.out)
        self.assertIn(f"lanewise plan: wisdom file {file}: 1 of ", done.err)
        done = self.lanewise("plan", "net", "--wisdom", file, "--json")
        self.assertIn(f"lanewise plan: {json.loads(done.out)['notice']}\n", done.err)

    def test_place_of_wisdom(self):
        env = {"XDG_CACHE_HOME": self.path("cache"), "HOME": self.path("home")}
        os.mkdir(self.path("home"))
        if self.json("plan", "lenet5", "--json")["isa"] in ("ref", "naive"):
            self.skipTest("plain loops have nothing to choose")
        self.good("plan", "lenet5", env=env)
        self.assertEqual(os.listdir(self.folder), ["home"])
        self.good("plan", "lenet5", "--measure", env=env)
        self.assertTrue(os.path.exists(self.path("cache/lanewise/wisdom")))
        self.good("plan", "lenet5", "--measure", env={**env, "XDG_CACHE_HOME": "not/absolute"})
        self.assertTrue(os.path.exists(self.path("home/.cache/lanewise/wisdom")))
        self.good("plan", "lenet5", "--measure", env={**env, "LANEWISE_WISDOM": self.path("named")})
        self.assertTrue(os.path.exists(self.path("named")))
        done = self.lanewise("plan", "lenet5", "--measure", env={"HOME": "/proc/none", "XDG_CACHE_HOME": ""})
        self.assertEqual(done.code, 0)
        self.assertIn("lanewise plan: wisdom file /proc/none/.cache/lanewise/wisdom cannot be written: ", done.err)

    def test_wisdom_of_others(self):
        sample, file = os.path.join(kit.SAMPLES, "digit_3.png"), self.path("wisdom")
        plain = self.json("classify", sample, "--json")["images"]
        tuned = self.json("classify", sample, "--json", "--measure", "--wisdom", file)["images"]
        same = lambda images: [i["top"] for i in images]
        self.assertEqual(same(plain), same(tuned))
        self.assertEqual(self.json("evaluate", "--limit", "50", "--json")["right"],
                         self.json("evaluate", "--limit", "50", "--json", "--measure", "--wisdom", file)["right"])

    def test_list(self):
        self.assertEqual([(n["net"], n["parameters"]) for n in self.json("plan", "--list", "--json")],
                         [("lenet5", 61706), ("lenet5_1998", 61706), ("vgg16", 138357544), ("net", 241802), ("mlp", 266610)])
        self.assertIn("vgg16        3x224x224, 38 layers, 138,357,544 parameters\n", self.good("plan", "--list"))

    def test_wrong(self):
        self.bad(2, "plan", has="NET is missing; --list names the networks")
        self.bad(2, "plan", "lenet6", has='NET is "lenet6", expected lenet5, lenet5_1998, vgg16, net or mlp')
        self.bad(2, "plan", "lenet5", "vgg16", has='"vgg16" is one argument too many')
        self.bad(2, "plan", "lenet5", "--batch", "0", has='--batch is "0"')
        self.bad(2, "plan", "lenet5", "--batch", "2147483648", has='--batch is "2147483648"')
