"""What `run` measures with, and how it says what came of it."""
import os
import subprocess
import sys
import time


class Took:
    """Seconds, processor seconds and MiB that a command took."""

    def __init__(self, wall, cpu, rss):
        self.wall, self.cpu, self.rss = wall, cpu, rss

    def __str__(self):
        return f"{self.wall:7.2f} s {self.cpu:7.2f} CPU s {self.rss:6.0f} MiB"


def command(argv, env, cwd, out, sync):
    """Run a command once; a failure ends the whole run with its words."""
    os.sync()
    start = time.monotonic()
    with open(out, "ab") as log:
        child = subprocess.Popen(argv, env=env, cwd=cwd, stdout=log,
                                 stderr=log, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        with open(out, encoding="utf-8", errors="replace") as log:
            sys.exit(f"{' '.join(argv)}: exit status {child.returncode}\n"
                     + log.read()[-2000:])
    if sync:
        # What a program left to the kernel is part of its work.
        os.sync()
    return Took(time.monotonic() - start,
                usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Report:
    """The table: what each took, and a verdict for each figure."""

    def __init__(self):
        self.missed = self.met = 0

    def title(self, text):
        print(f"\n{text}", flush=True)

    def line(self, what, took):
        print(f"  {what:<34}{took}", flush=True)

    def note(self, text):
        print(f"  {text}", flush=True)

    def figure(self, what, value, limit, unit=""):
        """The figure ${what} is ${value} and should be at most ${limit}."""
        good = value <= limit
        self.met += good
        self.missed += not good
        print(f"  {'met   ' if good else 'MISSED'} {what}: {value:.2f}{unit}"
              f" (at most {limit:.2f}{unit})", flush=True)
