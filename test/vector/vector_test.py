#!/usr/bin/python3
"""Opens frozen vectors with the second reader, and prints TAP.

  vector_test.py [--holdfast build/holdfast] [--pages VECTOR]
                 [--revoked VECTOR] VECTOR...

With --holdfast the program opens them too, and a vector is made afresh, so
that neither reading nor writing can drift away from the format unseen.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import reader  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
WHEN = 1700000000123456789  # ns


# The tree of a vector, and a description of a tree

def make_tree(top):
    """One of everything that a tree can hold, as far as this user may."""
    top, noise = os.fsencode(top), random.Random(1)

    def put(name, data):
        with open(os.path.join(top, name), "wb") as f:
            f.write(data)

    for folder in (b".", b"a", b"a/empty", b"a.b", b"a0"):
        os.makedirs(os.path.join(top, folder))
    put(b"empty", b"")
    put(b"a/small", b"hello\n")
    put(b"a.b/between", b"'.' sorts below '/' to a naive eye\n")
    put(b"a0/after", b"and '0' above it\n")
    put(b"noise", noise.randbytes(40000))
    put(b"big", b"".join(b"line %08d\n" % i for i in range(160000)))
    put(b"caf\xe9 not \xff utf-8", b"latin-1\n")
    with open(os.path.join(top, b"sparse"), "wb") as f:
        f.seek(1 << 20)
        f.write(b"in the middle of nowhere")
        f.truncate(3 << 20)
    os.symlink(b"a/small", os.path.join(top, b"link"))
    os.symlink(b"/nowhere/at all", os.path.join(top, b"dangling"))
    os.link(os.path.join(top, b"a/small"), os.path.join(top, b"z-hard"))
    os.mkfifo(os.path.join(top, b"fifo"))
    os.chmod(os.path.join(top, b"a/small"), 0o4751)
    with contextlib.suppress(OSError):
        os.setxattr(os.path.join(top, b"noise"), b"user.note", b"\0binary")
    with contextlib.suppress(PermissionError):
        os.mknod(os.path.join(top, b"null"), 0o666 | stat.S_IFCHR,
                 os.makedev(1, 3))
    for folder, folders, files in os.walk(top, topdown=False):
        for name in files:
            os.utime(os.path.join(folder, name), ns=(WHEN, WHEN),
                     follow_symlinks=False)
        os.utime(folder, ns=(WHEN, WHEN))


TYPES = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l",
         stat.S_IFIFO: "p", stat.S_IFSOCK: "s", stat.S_IFCHR: "c",
         stat.S_IFBLK: "b"}


def line(kind, mode, size, mtime, what, xattrs, path):
    return " ".join((kind, "%04o" % mode, str(size), str(mtime), what,
                     repr(sorted(xattrs)), ascii(path)))


def describe(top):
    """A line for each thing in a tree, in the order of the format."""
    top, seen, lines = os.fsencode(top), {}, []
    paths = [b"."]
    for folder, folders, files in os.walk(top):
        paths += [os.path.relpath(os.path.join(folder, name), top)
                  for name in folders + files]
    for path in sorted(paths, key=reader.path_order):
        full = os.path.join(top, path)
        s = os.lstat(full)
        kind, size, what, xattrs = TYPES[stat.S_IFMT(s.st_mode)], 0, "-", []
        if kind == "l":
            what = ascii(os.readlink(full))
        elif kind == "c":
            what = "%d:%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
        elif kind == "f" and (s.st_dev, s.st_ino) in seen:
            kind, what = "h", ascii(seen[s.st_dev, s.st_ino])
        elif kind == "f":
            seen[s.st_dev, s.st_ino] = path
            size = s.st_size
            with open(full, "rb") as f:
                what = hashlib.sha256(f.read()).hexdigest()
            xattrs = [(os.fsencode(n), os.getxattr(full, n))
                      for n in os.listxattr(full) if n.startswith("user.")]
        lines.append(line(kind, stat.S_IMODE(s.st_mode), size, s.st_mtime_ns,
                          what, xattrs, path))
    return lines


def describe_backup(backup):
    """The same lines, from what the second reader says."""
    lines = []
    for e in backup.entries():
        what, size = "-", 0
        data = b"".join(backup.data(e)) if e["type"] == "f" else b""
        if e["type"] == "f":
            size, whole, at = e["size"], bytearray(e["size"]), 0
            for off, n in e["extents"] or [(0, size)]:
                whole[off:off + n] = data[at:at + n]
                at += n
            what = hashlib.sha256(whole).hexdigest()
        elif e["type"] in "lh":
            what = ascii(e["target"])
        elif e["type"] == "c":
            what = "%d:%d" % (e["rdev"] >> 32, e["rdev"] & 0xffffffff)
        xattrs = [x for x in e["xattrs"] if x[0].startswith(b"user.")]
        lines.append(line(e["type"], e["mode"], size, e["mtime"], what,
                          xattrs, e["path"]))
    return lines


# Tests

class Vector:
    def __init__(self, path, name):
        self.path, self.name = path, name
        self.place = os.path.join(path, "repo")
        self.key_texts = ["file:" + self.file("site.key"),
                          "passphrase:file:" + self.file("passphrase"),
                          "identity:" + self.file("identity")]

    def file(self, name):
        return os.path.join(self.path, name)

    def text(self, name):
        with open(self.file(name)) as f:
            return f.read()

    def repo(self, key=0):
        r = reader.Repository(self.place,
                              keys=[reader.Key(self.key_texts[key])])
        r.check_root_keys()
        return r

    def objects(self):
        for folder, _, files in os.walk(self.place):
            for name in files:
                yield os.path.join(folder, name)


def newest(repo, source):
    return [m for m in repo.backups() if m["source"] == source][-1]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def same(got, want):
    for i, (a, b) in enumerate(zip(got, want)):
        check(a == b, "line %d\n  is   %s\n  want %s" % (i + 1, a, b))
    check(len(got) == len(want), "%d lines instead of %d"
          % (len(got), len(want)))


def test_the_chain_is_whole_with_a_tombstone_and_an_attestation(v):
    found = v.repo().backups()
    check([m["seq"] for m in found] == [1, 2, 3, 4], "the numbers")
    check([m["removed"] for m in found] == [True, False, False, False],
          "which are removed")
    good = [a["level"] for a in found[2]["attested"] if a["result"] == 1]
    check(good == [3], "the attestation")


def test_increments_build_on_the_one_before(v):
    found = v.repo().backups()
    if v.name == "v1":
        check([m["kind"] for m in found] == [reader.FULL] * 4, "all are full")
        return
    full, one, two, stream = found
    check([m["kind"] for m in found] == [
        reader.FULL, reader.INCREMENT, reader.INCREMENT, reader.FULL],
        "the kinds")
    check(one["base"] == full["sha256"] and two["base"] == one["sha256"],
          "the bases")
    check([len(m["keys"]) for m in found] == [1, 2, 3, 1], "the keys")
    check(two["stored_bytes"] < full["stored_bytes"] // 4, "the sizes")
    check(one["plain_bytes"] == full["plain_bytes"] + 22, "the plain bytes")


def test_what_leads_to_the_data_is_there_twice(v):
    repo = v.repo()
    for m in repo.backups():
        backup = reader.Backup(repo, m)
        copies = backup.copies()
        for kind, name in ((reader.ENTRIES, "entry_segs"),
                           (reader.FRAME_LIST, "frame_segs")):
            for r in backup.priv[name]:
                oid = m["packs"][r["pack"]]["oid"]
                if v.name in ("v1", "v1-increment") or len(m["packs"]) == 1:
                    check((kind, oid, r["frame"]) not in copies, "no copy")
                else:
                    check(copies[kind, oid, r["frame"]] ==
                          backup.frame(r, kind), "a copy differs")


def test_a_lost_pack_loses_no_more_than_its_data(v):
    if v.name in ("v1", "v1-increment"):
        return
    with tempfile.TemporaryDirectory() as d:
        copy = Vector(os.path.join(d, "v"), v.name)
        shutil.copytree(v.path, copy.path)
        repo = copy.repo()
        m = newest(repo, b"tree")
        whole = describe_backup(reader.Backup(repo, m))
        lost = set()
        for path in [x for x in copy.objects() if x.endswith(".hfp")]:
            os.rename(path, path + ".away")
            backup = reader.Backup(repo, m)
            check(len(list(backup.entries())) == len(whole), "the names")
            for e in backup.entries():
                try:
                    list(backup.data(e))
                except OSError:
                    lost.add(e["path"])
            os.rename(path + ".away", path)
        check(lost == {e["path"] for e in reader.Backup(repo, m).entries()
                       if e["len"]}, "what is lost of all of them")


def test_every_kind_of_key_opens_the_tree(v):
    want = v.text("tree.txt").splitlines()
    for i in range(len(v.key_texts)):
        repo = v.repo(i)
        same(describe_backup(reader.Backup(repo, newest(repo, b"tree"))),
             want)


def test_the_stream_is_what_was_read(v):
    repo = v.repo()
    backup = reader.Backup(repo, newest(repo, b"stream"))
    entries = list(backup.entries())
    check(len(entries) == 1 and entries[0]["type"] == "f", "one file")
    data = b"".join(backup.data(entries[0]))
    check(hashlib.sha256(data).hexdigest() ==
          v.text("stream.sha256").strip(), "its hash")


def open_hfs(v, name, key=0):
    out = io.BytesIO()
    with open(v.file(name), "rb") as f:
        reader.open_hfs(f.read(), [reader.Key(v.key_texts[key])], out.write)
    return out.getvalue()


def test_every_kind_of_key_opens_the_sealed_stream(v):
    for i in range(len(v.key_texts)):
        check(hashlib.sha256(open_hfs(v, "stream.hfs", i)).hexdigest() ==
              v.text("stream.sha256").strip(), "its hash")
    check(open_hfs(v, "empty.hfs") == b"", "the empty one")


def refused(read, what):
    try:
        read()
    except reader.Bad:
        return
    raise AssertionError("%s was not noticed" % what)


def test_a_wrong_key_opens_nothing(v):
    with tempfile.NamedTemporaryFile() as f:
        f.write(bytes(32))
        f.flush()
        repo = reader.Repository(v.place,
                                 keys=[reader.Key("file:" + f.name)])
        refused(lambda: reader.Backup(repo, newest(repo, b"tree")), "it")


def test_a_flipped_bit_anywhere_is_noticed(v):
    """One bit of each object, at a place that differs from one to the next."""
    with tempfile.TemporaryDirectory() as d:
        copy = Vector(os.path.join(d, "v"), v.name)
        shutil.copytree(v.path, copy.path)

        def read():
            for key in range(len(copy.key_texts)):
                repo = copy.repo(key)
                for m in repo.backups():
                    backup = reader.Backup(repo, m)
                    describe_backup(backup)
                    for i in range(len(m["packs"])):
                        backup.pack(i)

        read()
        for path in list(copy.objects()):
            with open(path, "rb") as f:
                good = f.read()
            at = sum(path.encode()) * 7919 % len(good)
            bad = bytearray(good)
            bad[at] ^= 1 << at % 8
            with open(path, "wb") as f:
                f.write(bad)
            refused(read, "byte %d of %s" % (at, path))
            with open(path, "wb") as f:
                f.write(good)


def test_the_program_restores_the_same(v, holdfast):
    root, want = os.geteuid() == 0, v.text("tree.txt").splitlines()
    if not root:
        want = [x for x in want if x[0] not in "cb"]
    if not root and v.name != "fresh":
        # Root's setuid files are not for another user to own.
        want = [re.sub(r"^([fh]) [0-7]", r"\1 0", x) for x in want]
    with tempfile.TemporaryDirectory() as d:
        # A copy: verify adds an attestation, and a key must be nobody else's.
        copy = Vector(os.path.join(d, "v"), v.name)
        shutil.copytree(v.path, copy.path)
        for name in ("site.key", "passphrase", "identity"):
            os.chmod(copy.file(name), 0o600)

        def run(command, *args):
            done = subprocess.run([holdfast, command, "--quiet", *args],
                                  capture_output=True)
            # Who is not root cannot make devices: 3, with a warning.
            check(done.returncode in ((0,) if root else (0, 3)), "%s: %s" % (
                command, done.stderr.decode(errors="replace")))
            return done.stdout

        for i, key in enumerate(copy.key_texts):
            at = ["--repo", "file:" + copy.place, "--key", key,
                  "--state-dir", os.path.join(d, "state")]
            to = os.path.join(d, str(i))
            run("restore", "latest:tree", "--to", to, *at)
            same(describe(to), want)
            sealed = run("open", "--key", key, copy.file("stream.hfs"))
            check(hashlib.sha256(sealed).hexdigest() ==
                  v.text("stream.sha256").strip(), "the sealed stream")
        run("verify", "--level", "3", *at)


# Pages: a vector of its own, for it takes an etcd to make one

def paged_backups(v):
    found, want = v.repo().backups(), v.text("sha256").split()
    check([m["kind"] for m in found] == [reader.FULL, reader.INCREMENT],
          "the kinds")
    return list(zip(found, want))


def pages_are_the_file_that_etcd_sent(v, holdfast):
    for m, want in paged_backups(v):
        name, data = reader.paged_file(reader.Backup(v.repo(), m))
        check(name == b"snapshot.db", "its name")
        check(hashlib.sha256(data).hexdigest() == want, "its hash")
        check(hashlib.sha256(data[:-32]).digest() == data[-32:],
              "the digest at its end")


def pages_of_an_increment_are_those_that_changed(v, holdfast):
    (full, _), (increment, _) = paged_backups(v)
    check(increment["stored_bytes"] < full["stored_bytes"] // 4, "the sizes")
    old, new = (
        reader.read_map(b"".join(b.data(list(b.entries())[-1])))
        for b in (reader.Backup(v.repo(), m) for m in (full, increment)))
    check(len(new["groups"]) == len(old["groups"]) + 1, "the groups")
    check(any(g["bitmap"] for g in new["groups"]), "the bitmaps")


def pages_are_restored_by_the_program(v, holdfast):
    with tempfile.TemporaryDirectory() as d:
        key = os.path.join(d, "key")
        shutil.copyfile(v.file("site.key"), key)
        os.chmod(key, 0o600)
        for m, want in paged_backups(v):
            done = subprocess.run(
                [holdfast, "cat", m["id"], "snapshot.db", "--quiet",
                 "--repo", "file:" + v.place, "--key", "file:" + key,
                 "--state-dir", os.path.join(d, "state")],
                check=True, capture_output=True)
            check(hashlib.sha256(done.stdout).hexdigest() == want, "its hash")


# A vector with a writer who was revoked and a removal that was undone.

def with_late(v, folder, check_it):
    """Call check_it with a copy into whose folder the late object went."""
    with tempfile.TemporaryDirectory() as d:
        copy = Vector(os.path.join(d, "v"), v.name)
        shutil.copytree(v.path, copy.path)
        os.chmod(copy.file("site.key"), 0o600)
        for name in os.listdir(copy.file("late")):
            if name.endswith({"s": ".hfm", "t": ".hft"}[folder]):
                to = os.path.join(copy.place, "hf1", "main", folder)
                os.makedirs(to, exist_ok=True)
                shutil.copy(os.path.join(copy.file("late"), name), to)
        check_it(copy)


def revoked_what_was_there_stays(v, holdfast):
    found = v.repo().backups()
    check(sorted(m["source"] for m in found) == [b"lost", b"tree", b"tree"],
          "the backups")
    check(not any(m["removed"] for m in found), "the undo")
    for m in found:
        describe_backup(reader.Backup(v.repo(), m))


def revoked_what_comes_late_does_not_count(v, holdfast):
    def refuses(copy):
        refused(copy.repo().backups, "a manifest of who was revoked")
    with_late(v, "s", refuses)


def revoked_a_tombstone_put_back_removes_nothing(v, holdfast):
    def keeps(copy):
        check(not any(m["removed"] for m in copy.repo().backups()), "it did")
    with_late(v, "t", keeps)


def revoked_the_program_says_the_same(v, holdfast):
    def run(copy, status):
        done = subprocess.run(
            [holdfast, "list", "--json", "--repo", "file:" + copy.place,
             "--key", copy.key_texts[0],
             "--state-dir", os.path.join(copy.path, "state")],
            capture_output=True)
        check(done.returncode == status, done.stderr.decode())
        lines = [json.loads(x) for x in done.stdout.splitlines()]
        return sorted(x["source"] for x in lines), done.stderr.decode()

    # The list is complete without it.
    def manifest(copy):
        sources, err = run(copy, 0)
        check(sources == ["lost", "tree", "tree"] and "was revoked" in err,
              err)

    # Somebody has put it back, and that is to be looked into.
    def tombstone(copy):
        sources, err = run(copy, 3)
        check(sources == ["lost", "tree", "tree"] and "was undone" in err,
              err)
    with_late(v, "s", manifest)
    with_late(v, "t", tombstone)


def run_tests(vectors, pages, revoked, holdfast):
    """Each is (name, does it need the program, what to call)."""
    tests = []
    for v in vectors:
        for n, f in sorted(globals().items()):
            if not n.startswith("test_"):
                continue
            takes = f is test_the_program_restores_the_same
            tests.append(("%s: %s" % (v.name, n[5:]), takes,
                          lambda v=v, f=f, takes=takes:
                          f(v, holdfast) if takes else f(v)))
    for n, f in sorted(globals().items()) if revoked else ():
        if n.startswith("revoked_"):
            tests.append(("%s: %s" % (revoked.name, n),
                          f is revoked_the_program_says_the_same,
                          lambda f=f: f(revoked, holdfast)))
    for n, f in sorted(globals().items()) if pages else ():
        if n.startswith("pages_"):
            tests.append(("%s: %s" % (pages.name, n),
                          f is pages_are_restored_by_the_program,
                          lambda f=f: f(pages, holdfast)))
    print("1..%d" % len(tests))
    failed = 0
    for i, (name, takes_program, test) in enumerate(tests, 1):
        if takes_program and holdfast is None:
            print("ok %d - %s # SKIP no --holdfast" % (i, name))
            continue
        try:
            test()
            print("ok %d - %s" % (i, name))
        except (AssertionError, reader.Bad, OSError,
                subprocess.CalledProcessError) as e:
            for text in str(e).splitlines():
                print("# %s" % text)
            print("not ok %d - %s" % (i, name))
            failed += 1
        sys.stdout.flush()
    return failed > 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--make-tree", metavar="PATH")
    p.add_argument("--describe", metavar="PATH")
    p.add_argument("--holdfast", metavar="PROGRAM")
    p.add_argument("--pages", metavar="VECTOR")
    p.add_argument("--revoked", metavar="VECTOR")
    p.add_argument("vectors", nargs="*")
    a = p.parse_args()
    if a.make_tree:
        return make_tree(a.make_tree)
    if a.describe:
        return print("\n".join(describe(a.describe)))
    vectors = [Vector(x, os.path.basename(x)) for x in a.vectors]
    pages = Vector(a.pages, os.path.basename(a.pages)) if a.pages else None
    revoked = (Vector(a.revoked, os.path.basename(a.revoked))
               if a.revoked else None)
    with tempfile.TemporaryDirectory() as d:
        if a.holdfast:
            fresh = os.path.join(d, "fresh")
            subprocess.run([os.path.join(HERE, "make-vectors.sh"),
                            a.holdfast, fresh], check=True,
                           stdout=subprocess.DEVNULL)
            vectors.append(Vector(fresh, "fresh"))
        return run_tests(vectors, pages, revoked, a.holdfast)


if __name__ == "__main__":
    sys.exit(main())
