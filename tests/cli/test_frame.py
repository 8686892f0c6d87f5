# SPDX-License-Identifier: Apache-2.0
"""The frame around all subcommands: help, exit codes, colour, a full disk behind stdout."""
import os
import re
import subprocess

import kit

COMMANDS = ["info", "classify", "train", "filter", "features", "plan", "init", "conform"]
WITHOUT_MACHINE = ["init"]  # no --threads and --isa


class Frame(kit.Case):
    def test_help(self):
        overview = self.good("--help")
        self.assertEqual(overview, self.good("-h"))
        self.assertEqual(overview, self.good("help"))
        for command in COMMANDS:
            self.assertRegex(overview, rf"\n  {command} +\w")
            text = self.good(command, "--help")
            self.assertIn(f"Usage: lanewise {command} ", text)
            self.assertIn("Examples:\n  lanewise " + command, text)
            self.assertEqual(text, self.good("help", command))

    def test_version(self):
        header = kit.read(os.path.join(kit.SOURCE, "include", "lanewise.h")).decode()
        numbers = [re.search(rf"LW_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(self.good("--version"), "lanewise " + ".".join(numbers) + "\n")
        self.assertEqual(self.json("info", "--json")["version"], ".".join(numbers))

    def test_wrong_usage(self):
        done = self.lanewise()
        self.assertEqual((done.code, done.out), (2, ""))
        self.assertIn("usage: lanewise <command>", done.err)
        self.bad(2, "paint", has='"paint" is no command')
        self.bad(2, "help", "paint", has='"paint" is no command')
        for command in COMMANDS:
            self.bad(2, command, "--paint", has=["unrecognized option '--paint'", f"lanewise {command} --help"])
            if command in WITHOUT_MACHINE:
                continue
            self.bad(2, command, "--threads", "0", has='--threads is "0", expected a whole number from 1 to 1024')
            self.bad(2, command, "--threads", "3x", has='--threads is "3x"')

    def test_wrong_machine(self):
        self.bad(1, "info", "--isa", "mmx", has=['"mmx"', "expected ref, naive, avx2"])
        self.bad(1, "info", "--isa", "amx", has=['"amx"', "no kernel uses it so far", "the best here is"])
        self.bad(1, "info", env={"LANEWISE_ISA": "mmx"}, has='LANEWISE_ISA is "mmx"')
        self.bad(1, "plan", "lenet5", env={"LANEWISE_THREADS": "many"}, has='LANEWISE_THREADS is "many"')

    def test_full_disk(self):
        for arguments in (["--help"], ["info"], ["info", "--json"], ["plan", "vgg16"], ["plan", "--list"], ["filter", "--list"]):
            with open("/dev/full", "w") as full:
                self.bad(1, *arguments, stdout=full, has=["stdout cannot be written", "No space left on device"])

    def test_colour_only_on_a_terminal(self):
        self.assertIn("\033[1m", self.terminal("stdout", "info", TERM="xterm"))
        self.assertIn("\033[1m", self.terminal("stdout", "info", TERM="xterm", NO_COLOR=""))
        self.assertNotIn("\033", self.terminal("stdout", "info", TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\033", self.terminal("stdout", "info", TERM="dumb"))
        self.assertNotIn("\033", self.terminal("stdout", "info"))
        self.assertNotIn("\033", self.good("info", env={"TERM": "xterm"}))

    def test_completion(self):
        def completed(*words):
            script = (f"source {kit.SOURCE}/cli/completion.bash; COMP_WORDS=(lanewise \"$@\"); COMP_CWORD=$#; "
                      f"_lanewise {kit.BINARY} \"${{@: -1}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"")
            return subprocess.run(["bash", "--norc", "-c", script, "bash", *words], capture_output=True, check=True, text=True).stdout.split()
        self.assertLessEqual(set(COMMANDS), set(completed("")))
        self.assertEqual(completed("cl"), ["classify"])
        for command in "plan", "init", "train":
            self.assertEqual(completed(command, ""), ["lenet5", "lenet5_1998", "vgg16", "net", "mlp"])
        self.assertEqual(completed("classify", "--net", "v"), ["vgg16"])
        self.assertEqual(completed("features", "--sc"), ["--scale"])
        self.assertEqual(completed("filter", "sobel"), ["sobel_x", "sobel_y", "sobel"])
        self.assertIn("ref", completed("info", "--isa", ""))
        self.assertEqual(completed("filter", "blur", "in"), [])  # then bash offers files
        self.assertEqual(completed("paint", "--"), [])
