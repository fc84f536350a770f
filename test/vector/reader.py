#!/usr/bin/python3
"""The second reader: opens what holdfast wrote, from doc/format.md alone.

  reader.py list PLACE [--vault NAME] [--fingerprint HEX]
  reader.py show PLACE ID --key KEY...
  reader.py extract PLACE ID OUTDIR --key KEY...
  reader.py pages PLACE ID --key KEY...         (to standard output)
  reader.py open FILE.hfs --key KEY...          (likewise)

PLACE is a folder; ID is an id, the start of one, or "latest".  KEY is
file:/path, passphrase:file:/path, passphrase:env:VAR or identity:/path.

It shares no code and no thought with the C program, so that what both agree
on is what the page says.  It needs Python 3.9, python3-nacl and
python3-zstandard; it is made to be read, not to be fast.
"""

import argparse
import contextlib
import fnmatch
import hashlib
import os
import stat
import struct
import sys
import time

import nacl.bindings as sodium
import zstandard

ZERO16, ZERO32 = bytes(16), bytes(32)
TIME_MAX = 253402300799999
FULL, INCREMENT, LOG = 1, 2, 3
WRITES, PRUNES, VERIFIES = 1, 2, 4
DATA, ENTRIES, FRAME_LIST, TABLE, MANIFEST, COPY = 1, 2, 3, 4, 5, 6


class Bad(Exception):
    """The input breaks a rule of the format."""


def need(condition, what):
    if not condition:
        raise Bad(what)


# Encoding

class Cursor:
    """Reads the encoding; what is not there is an error at once."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        need(n <= self.left(), "it ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def _int(self, fmt, n):
        return struct.unpack("<" + fmt, self.take(n))[0]

    def u8(self):
        return self._int("B", 1)

    def u16(self):
        return self._int("H", 2)

    def u32(self):
        return self._int("I", 4)

    def u64(self):
        return self._int("Q", 8)

    def i64(self):
        return self._int("q", 8)

    def time(self):
        ms = self.i64()
        need(0 <= ms <= TIME_MAX, "a time is out of range")
        return ms

    def bytes(self):
        return self.take(self.u32())

    def str(self):
        text = self.bytes()
        need(b"\0" not in text, "a text has a NUL")
        return text

    def list(self, read):
        count = self.u32()
        need(count <= self.left(), "a count cannot fit")
        return [read(self) for _ in range(count)]

    def end(self):
        need(self.left() == 0, "bytes are left over")


def sha256(data):
    return hashlib.sha256(data).digest()


def fp(pk):
    return sha256(b"holdfast verify key\0" + pk)[:16]


def kdf(key, label, msg, n):
    return hashlib.blake2b(label + b"\0" + msg, digest_size=n, key=key).digest()


def open_box(key, nonce, aad, sealed):
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed, aad, nonce, key)
    except Exception as e:
        raise Bad("a seal does not hold") from e


def decompress(codec, data, plain_len):
    need(codec in (0, 1), "a codec is unknown")
    if codec == 1:
        try:
            data = zstandard.ZstdDecompressor().decompress(
                data, max_output_size=plain_len + 1)
        except zstandard.ZstdError as e:
            raise Bad("zstd: %s" % e) from e
    need(len(data) == plain_len, "a frame has another length than it says")
    return data


def check_signature(data, pk):
    """The last 64 bytes sign what is before them."""
    try:
        sodium.crypto_sign_open(data[-64:] + data[:-64], pk)
    except Exception as e:
        raise Bad("the signature does not hold") from e


def signed(data, magic, pk):
    """Check a signed object and give a cursor behind its version."""
    need(len(data) >= 69 and data[:4] == magic, "it is no %r" % magic)
    check_signature(data, pk)
    c = Cursor(data[4:-64])
    need(c.u8() == 1, "the version is unknown")
    return c


def fact(c):
    return c.str(), c.str()


# Objects

def read_head(data):
    need(len(data) >= 70, "it ends too early")
    c, h = signed(data, b"HFF1", data[38:70]), {}
    need(c.u8() == 1, "the suite is unknown")
    h["repo"], h["vault_id"], h["root_pk"] = c.take(16), c.take(16), c.take(32)
    h["reuse"], h["deadline"], h["grace"] = c.u32(), c.u32(), c.u32()
    h["created"], h["vault"] = c.time(), c.str()
    c.end()
    need(h["deadline"] >= 3600 and h["grace"] >= h["deadline"] + 3600,
         "the periods do not fit")
    return h


def read_writer(data, root_pk):
    c, w = signed(data, b"HFW1", root_pk), {}
    w["vault_id"], w["pk"], w["roles"] = c.take(16), c.take(32), c.u32()
    w["created"], w["expires"], w["name"] = c.time(), c.time(), c.str()
    w["sources"] = c.list(Cursor.str)
    c.end()
    need(1 <= w["roles"] <= 7, "the roles are unknown")
    return w


def read_wrapped(data):
    c, k = Cursor(data), {}
    need(c.take(4) == b"HFK1" and c.u8() == 1 and c.u8() == 1,
         "it is no wrapped key of a known version and suite")
    k["class"] = c.u8()
    k["vault_id"], k["id"], k["opener"] = c.take(16), c.take(16), c.take(16)
    k["kind"], k["public"], k["wrapping"] = c.str(), c.str(), c.bytes()
    need(k["class"] in (0, 1), "its class is unknown")
    need(sha256(data[:c.at])[:8] == c.take(8), "it is damaged")
    if k["class"] == 1:
        c.take(64)  # Checked by who trusts it: check_root_keys.
    c.end()
    return k


def pack_row(c):
    return {"oid": c.take(20), "hour": c.u32(), "len": c.u32(),
            "key": c.u16(), "sha256": c.take(32)}


def read_manifest(data, pk):
    c, m = signed(data, b"HFM1", pk), {"sha256": sha256(data)}
    need(c.u8() == 1, "the suite is unknown")
    m["kind"] = c.u8()
    need(m["kind"] in (FULL, INCREMENT, LOG) and c.u8() == 0, "its kind is unknown")
    m["repo"], m["vault_id"], m["writer"] = c.take(16), c.take(16), c.take(16)
    m["seq"], m["parent"], m["base"] = c.u64(), c.take(32), c.take(32)
    m["start"], m["commit"] = c.time(), c.time()
    for name in ("source", "type", "class", "host", "program"):
        m[name] = c.str()
    for name in ("plain_bytes", "stored_bytes", "entries", "warnings"):
        m[name] = c.u64()
    m["keys"] = c.list(lambda c: c.take(16))
    m["packs"] = c.list(pack_row)
    m["evidence"] = c.list(fact)
    m["priv_key"], m["priv_oid"], m["priv_commit"] = (
        c.u16(), c.take(20), c.take(32))
    m["priv_plain"], m["priv_codec"], m["priv_sealed"] = (
        c.u32(), c.u8(), c.bytes())
    c.end()
    need(m["seq"] > 0 and (m["seq"] == 1) == (m["parent"] == ZERO32),
         "number and parent do not fit")
    need((m["kind"] == FULL) == (m["base"] == ZERO32),
         "kind and base do not fit")
    need(m["start"] <= m["commit"], "it was committed before it began")
    need(all(i < len(m["keys"]) for i in
             [m["priv_key"]] + [p["key"] for p in m["packs"]]),
         "a key index is out of range")
    return m


def read_tombstone(data, pk):
    c, t = signed(data, b"HFT1", pk), {}
    t["vault_id"], t["pruner"], t["time"] = c.take(16), c.take(16), c.time()
    t["manifest"], t["sha256"] = c.str(), c.take(32)
    t["writer"], t["seq"], t["parent"] = c.take(16), c.u64(), c.take(32)
    t["reason"] = c.str()
    c.end()
    return t


def read_undo(data, pk):
    c, u = signed(data, b"HFU1", pk), {}
    u["vault_id"], u["pruner"], u["time"] = c.take(16), c.take(16), c.time()
    u["tombstone"] = c.take(32)
    c.end()
    return u


def read_revocation(data, root_pk):
    c, r = signed(data, b"HFR1", root_pk), {}
    r["vault_id"], r["writer"], r["time"] = c.take(16), c.take(16), c.time()
    kept = c.list(lambda c: c.take(32))
    c.end()
    need(r["time"] > 0 and all(a < b for a, b in zip(kept, kept[1:])),
         "what stays is out of order")
    r["kept"] = set(kept)
    return r


def read_attestation(data, pk):
    c, a = signed(data, b"HFA1", pk), {}
    a["vault_id"], a["verifier"] = c.take(16), c.take(16)
    a["sha256"], a["level"], a["result"] = c.take(32), c.u8(), c.u8()
    a["time"], a["took"], a["objects"], a["bytes"] = (
        c.time(), c.u64(), c.u64(), c.u64())
    a["host"], a["message"], a["facts"] = c.str(), c.str(), c.list(fact)
    c.end()
    need(a["level"] <= 4 and a["result"] <= 1, "level or result is unknown")
    return a


def ref(c):
    return {"pack": c.u32(), "frame": c.u32(), "off": c.u32(),
            "len": c.u32(), "plain": c.u32(), "codec": c.u8()}


def read_private(data):
    c, p = Cursor(data), {}
    p["label"], p["stream_len"] = c.str(), c.u64()
    p["entry_segs"], p["frame_segs"] = c.list(ref), c.list(ref)
    p["warnings"] = c.list(fact)
    c.end()
    need(len(p["warnings"]) <= 100, "it has too many warnings")
    return p


def path_ok(path):
    return path == b"." or not any(
        part in (b"", b".", b"..") for part in path.split(b"/"))


def read_entry(c):
    e = {"path": c.str(), "type": chr(c.u8())}
    flags = c.u8()
    need(path_ok(e["path"]) and e["type"] in "fdlhpscb" and flags <= 3,
         "an entry's path, type or flags are none")
    e["mode"], e["uid"], e["gid"] = c.u16(), c.u32(), c.u32()
    e["user"], e["group"] = c.str(), c.str()
    e["mtime"], e["ctime"], e["size"] = c.i64(), c.i64(), c.u64()
    e["dev"], e["ino"], e["rdev"] = c.u64(), c.u64(), c.u64()
    e["target"] = c.str()
    e["xattrs"] = c.list(lambda c: (c.str(), c.bytes()))
    e["extents"] = None
    if flags & 1:
        e["extents"] = c.list(lambda c: (c.u64(), c.u64()))
    e["sha256"] = c.take(32) if flags & 2 else None
    e["pos"], e["len"] = c.u64(), c.u64()
    return e


def path_order(path):
    """A sort key: '/' below every other byte, "." before all."""
    if path == b".":
        return b""
    return bytes(b"".join(
        b"\1" if b == 0x2f else b"\2" + bytes([b]) for b in path))


# Keys

class Key:
    """What opens wrapped keys."""

    def __init__(self, text):
        self.type, _, rest = text.partition(":")
        if self.type == "passphrase":
            where, _, rest = rest.partition(":")
            self.secret = (os.environ[rest].encode() if where == "env" else
                           open(rest, "rb").read().removesuffix(b"\n"))
            return
        need(self.type in ("file", "identity"), "%r is no key" % text)
        with open(rest, "rb") as f:
            self.secret = f.read()
        if self.type == "identity":
            self.secret = self._identity(self.secret.strip())
        elif len(self.secret) != 32:
            self.secret = bytes.fromhex(self.secret.decode())
        need(len(self.secret) == 32, "%r is no key" % text)

    @staticmethod
    def _identity(text):
        raw = bytes.fromhex(text[4:].decode())
        need(text[:4] == b"hfi1" and len(raw) == 36 and
             sha256(b"hfi1" + raw[:32])[:4] == raw[32:], "it is no identity")
        return raw[:32]

    def unwrap(self, k):
        """The key in the wrapped key k, or None if this one is not for it."""
        w, opener = Cursor(k["wrapping"]), None
        kind = {"identity": "recipient"}.get(self.type, self.type)
        if k["kind"] != kind.encode():
            return None
        if kind == "file":
            key = kdf(self.secret, b"holdfast file wrap", b"", 32)
            opener = kdf(self.secret, b"holdfast file fingerprint", b"", 16)
            nonce = w.take(24)
        elif kind == "passphrase":
            passes, kib, salt = w.u32(), w.u32(), w.take(16)
            need(passes <= 16 and kib <= 2 << 20, "it asks for too much")
            a = sodium.crypto_pwhash_alg(
                32, self.secret, salt, passes, kib * 1024,
                sodium.crypto_pwhash_ALG_ARGON2ID13)
            key = kdf(a, b"holdfast passphrase wrap", b"", 32)
            opener = kdf(a, b"holdfast passphrase fingerprint", b"", 16)
            nonce = w.take(24)
        else:
            public = sodium.crypto_scalarmult_base(self.secret)
            opener = sha256(b"holdfast recipient\0" + public)[:16]
            ephemeral = w.take(32)
            try:
                shared = sodium.crypto_scalarmult(self.secret, ephemeral)
            except Exception as e:
                raise Bad("a public half is of low order") from e
            key = kdf(shared, b"holdfast recipient wrap",
                      ephemeral + public, 32)
            nonce = bytes(24)
        if opener != k["opener"]:
            return None
        context = b"HF1K" + k["vault_id"] + k["id"] + bytes([k["class"]])
        plain = open_box(key, nonce, context, w.take(48))
        w.end()
        return plain


def object_key(data_key, vault_id, key_id, oid, commitment):
    okm = kdf(data_key, b"holdfast object", vault_id + key_id + oid, 64)
    need(okm[32:] == commitment, "it was sealed under another data key")
    return okm[:32]


def nonce(oid, i):
    return oid[:16] + struct.pack("<Q", i)


# Repository

class Pack:
    """A whole pack, checked against the manifest's row and its own header."""

    def __init__(self, data, row, vault_id, key_id, data_key):
        need(len(data) == row["len"] and sha256(data) == row["sha256"],
             "the pack is not the one that was written")
        c = Cursor(data)
        need(c.take(8) == b"HFP1\1\0\0\0", "the pack's header is none")
        need(c.take(20) == row["oid"] and c.take(16) == vault_id and
             c.take(16) == key_id, "the pack belongs elsewhere")
        commitment, frame_max = c.take(32), c.u32()
        need(c.u32() == 0, "the pack's header is none")
        self.oid, self.data, self.frame_max = row["oid"], data, frame_max
        self.key = object_key(data_key, vault_id, key_id, row["oid"],
                              commitment)
        open_box(self.key, nonce(self.oid, 2**64 - 1), data[:100], c.take(16))
        self._check_table()

    def frame(self, r, kind):
        need(r["plain"] <= self.frame_max, "a frame is too long")
        need(r["off"] >= 116 and r["off"] + r["len"] <= len(self.data),
             "a frame lies outside of its pack")
        aad = b"HF1F" + self.oid + struct.pack(
            "<QIBB", r["frame"], r["plain"], r["codec"], kind)
        plain = open_box(self.key, nonce(self.oid, r["frame"]), aad,
                         self.data[r["off"]:r["off"] + r["len"]])
        return decompress(r["codec"], plain, r["plain"])

    def _check_table(self):
        """The table must tell of the very frames that lie in the pack."""
        t = Cursor(self.data[-28:])
        r = {"off": t.u64(), "len": t.u32(), "plain": t.u32(),
             "codec": t.u8()}
        need(t.take(3) == bytes(3) and t.take(8) == b"HFP1END\n",
             "the pack's trailer is none")
        need(r["off"] + r["len"] + 28 == len(self.data),
             "the pack's trailer does not fit")
        # One row of 10 bytes for each frame before it: so its number follows.
        n = r["frame"] = (r["plain"] - 4) // 10
        table = Cursor(self.frame(r, TABLE))
        rows = table.list(lambda c: (c.u32(), c.u32(), c.u8(), c.u8()))
        table.end()
        need(len(rows) == n and 116 + sum(x[0] for x in rows) == r["off"],
             "the pack's table does not fit")
        self.frames, off = [], 116
        for i, (length, plain, codec, kind) in enumerate(rows):
            self.frames.append((kind, {"frame": i, "off": off, "len": length,
                                       "plain": plain, "codec": codec}))
            off += length

    def copies(self):
        """What the copies in this pack are of, and the bytes of it."""
        for kind, r in self.frames:
            if kind != COPY:
                continue
            plain = self.frame(r, COPY)
            need(len(plain) > 25, "a copy is too short")
            tail = Cursor(plain[-25:])
            yield (tail.u8(), tail.take(20), tail.u32()), plain[:-25]


class Repository:
    def __init__(self, place, vault="main", fingerprint=None, keys=()):
        self.root = os.path.join(place, "hf1", vault)
        self.head = read_head(self.get("F"))
        need(self.head["vault"] == vault.encode(), "it is another vault")
        self.root_fp = fp(self.head["root_pk"])
        need(fingerprint in (None, self.root_fp.hex()),
             "the root fingerprint is %s" % self.root_fp.hex())
        self.keys, self.opened = list(keys), {}
        self.writers = {}
        for name in self.names("w"):
            w = read_writer(self.get(name), self.head["root_pk"])
            self.belongs(w, name, "w/%s.hfw" % fp(w["pk"]).hex())
            self.writers[fp(w["pk"])] = w
        self.revoked = {}
        for name in self.names("r"):
            r = read_revocation(self.get(name), self.head["root_pk"])
            self.belongs(r, name, "r/%s.hfr" % r["writer"].hex())
            self.revoked[r["writer"]] = r["kept"]

    def get(self, name):
        with open(os.path.join(self.root, name), "rb") as f:
            return f.read()

    def names(self, folder):
        try:
            found = os.listdir(os.path.join(self.root, folder))
        except FileNotFoundError:
            return []
        return ["%s/%s" % (folder, x) for x in sorted(found)]

    def belongs(self, thing, name, want):
        need(thing["vault_id"] == self.head["vault_id"],
             "%s is of another vault" % name)
        need(name == want, "%s should be %s" % (name, want))

    def signer(self, data, offset, role):
        w = self.writers.get(data[offset:offset + 16])
        need(w is not None and w["roles"] & role, "who signed may not do so")
        kept = self.revoked.get(data[offset:offset + 16])
        need(kept is None or sha256(data) in kept, "who signed was revoked")
        return w

    def backups(self):
        """All manifests, oldest first, each judged."""
        found = []
        for name in self.names("s"):
            data = self.get(name)
            w = self.signer(data, 40, WRITES)
            m = read_manifest(data, w["pk"])
            m["id"] = m["sha256"].hex()[:16]
            m["name"], m["writer_name"] = name, w["name"]
            self.belongs(m, name, "s/%012d-%s-%s.hfm" % (
                m["seq"], stamp(m["commit"]), m["id"]))
            need(m["repo"] == self.head["repo"], "it is another repository's")
            need(not w["sources"] or any(
                fnmatch.fnmatchcase(m["source"], s) for s in w["sources"]),
                "its writer may not back up this source")
            found.append(m)
        self.mark(found)
        self.check_chain(found)
        return sorted(found, key=lambda m: (m["commit"], m["name"]))

    def mark(self, found):
        """Tombstones and attestations."""
        by_hash = {m["sha256"]: m for m in found}
        for m in found:
            m["removed"], m["attested"] = False, []
        self.tombstones, undone = [], set()
        for name in self.names("u"):
            data = self.get(name)
            u = read_undo(data, self.signer(data, 21, PRUNES)["pk"])
            self.belongs(u, name, "u/%s.hfu" % u["tombstone"].hex())
            undone.add(u["tombstone"])
        for name in self.names("t"):
            data = self.get(name)
            t = read_tombstone(data, self.signer(data, 21, PRUNES)["pk"])
            self.belongs(t, name, "t/%s.hft" % t["sha256"].hex()[:16])
            self.tombstones.append(t)
            if t["sha256"] in by_hash and sha256(data) not in undone:
                by_hash[t["sha256"]]["removed"] = True
        for name in self.names("a"):
            data = self.get(name)
            a = read_attestation(data, self.signer(data, 21, VERIFIES)["pk"])
            need(a["vault_id"] == self.head["vault_id"], "of another vault")
            need(name.startswith("a/%s-%s-" % (
                a["sha256"].hex()[:16], stamp(a["time"]))),
                "%s has another name" % name)
            if a["sha256"] in by_hash:
                by_hash[a["sha256"]]["attested"].append(a)

    def check_chain(self, found):
        links = {}
        for x in found + self.tombstones:
            at = links.setdefault((x["writer"], x["seq"]),
                                  (x["sha256"], x["parent"]))
            need(at[0] == x["sha256"], "a chain forks")
        for (writer, seq), (_, parent) in links.items():
            before = links.get((writer, seq - 1))
            need(seq == 1 or (before and before[0] == parent),
                 "a chain has a gap")

    def find(self, text):
        live = [m for m in self.backups() if not m["removed"]]
        if text == "latest":
            live = [m for m in live if m["kind"] != LOG]
        else:
            live = [m for m in live if m["id"].startswith(text)]
        need(live and (text == "latest" or len(live) == 1),
             "%r names %d backups" % (text, len(live)))
        return live[-1]

    def data_key(self, key_id):
        if key_id in self.opened:
            return self.opened[key_id]
        for name in self.names("k"):
            if not name.startswith("k/%s." % key_id.hex()):
                continue
            k = read_wrapped(self.get(name))
            self.belongs(k, name, "k/%s.%s.hfk" % (
                k["id"].hex(), k["opener"].hex()))
            for key in self.keys:
                plain = key.unwrap(k)
                if plain is not None:
                    self.opened[key_id] = plain
                    return plain
        raise Bad("no key at hand opens %s" % key_id.hex())

    def check_root_keys(self):
        """Every wrapped root seed is signed by the root."""
        for name in self.names("k"):
            data = self.get(name)
            k = read_wrapped(data)
            if k["class"] == 1 and k["vault_id"] == self.head["vault_id"]:
                need(k["id"] == self.root_fp, "%s is another root's" % name)
                check_signature(data, self.head["root_pk"])

    def private(self, m):
        key_id = m["keys"][m["priv_key"]]
        key = object_key(self.data_key(key_id), m["vault_id"], key_id,
                         m["priv_oid"], m["priv_commit"])
        aad = b"HF1F" + m["priv_oid"] + struct.pack(
            "<QIBB", 0, m["priv_plain"], m["priv_codec"], MANIFEST)
        plain = open_box(key, nonce(m["priv_oid"], 0), aad, m["priv_sealed"])
        return read_private(decompress(
            m["priv_codec"], plain, m["priv_plain"]))


class Backup:
    """The entries and the stream of one backup."""

    def __init__(self, repo, m):
        self.repo, self.m, self.last = repo, m, (None, None)
        self.priv = repo.private(m)
        self.frames, pos = [], 0
        for seg in self.priv["frame_segs"]:
            c = Cursor(self.segment(seg, FRAME_LIST))
            while c.left():
                r = ref(c)
                self.frames.append((pos, r))
                pos += r["plain"]
        need(pos == self.priv["stream_len"],
             "the frames are not as long as the stream")

    def pack(self, i):
        need(i < len(self.m["packs"]), "a pack is not listed")
        if self.last[0] != i:
            row = self.m["packs"][i]
            key_id = self.m["keys"][row["key"]]
            name = "p/%s/%s.hfp" % (
                time.strftime("%Y%m%dT%H", time.gmtime(row["hour"] * 3600)),
                row["oid"].hex())
            self.last = (i, Pack(
                self.repo.get(name), row, self.m["vault_id"], key_id,
                self.repo.data_key(key_id)))
        return self.last[1]

    def frame(self, r, kind):
        return self.pack(r["pack"]).frame(r, kind)

    def copies(self):
        """All copies in the packs that are left."""
        found = {}
        for i in range(len(self.m["packs"])):
            with contextlib.suppress(Bad, OSError):
                found.update(self.pack(i).copies())
        return found

    def segment(self, r, kind):
        """A segment of entries or of the frame list, or its copy."""
        try:
            return self.frame(r, kind)
        except (Bad, OSError):
            oid = self.m["packs"][r["pack"]]["oid"]
            plain = self.copies().get((kind, oid, r["frame"]))
            if plain is None:
                raise
            return plain

    def entries(self):
        before, count = None, 0
        for seg in self.priv["entry_segs"]:
            c = Cursor(self.segment(seg, ENTRIES))
            while c.left():
                e = read_entry(c)
                order = path_order(e["path"])
                need(before is None or before < order,
                     "the entries are out of order")
                before, count = order, count + 1
                yield e
        need(count == self.m["entries"], "entries are missing")

    def data(self, e):
        """A file's data, holes left out, checked against its hash."""
        end, digest = e["pos"] + e["len"], hashlib.sha256()
        need(end <= self.priv["stream_len"], "data lies behind the stream")
        for pos, r in self.frames:
            if pos + r["plain"] <= e["pos"] or pos >= end:
                continue
            plain = self.frame(r, DATA)
            piece = plain[max(e["pos"] - pos, 0):end - pos]
            digest.update(piece)
            yield piece
        need(e["sha256"] in (None, digest.digest()),
             "%r is not what was read" % e["path"])


# Pages

def bit(bitmap, i):
    return not bitmap or bitmap[i // 8] >> (i % 8) & 1


def read_map(data):
    c = Cursor(data)
    need(c.take(8) == b"HFPM\1\0\0\0", "the map of pages is none")
    m = {"size": c.u64(), "page": c.u32(), "sha256": c.take(32)}
    need(m["page"] in (4096, 8192, 16384, 32768, 65536),
         "a page size is out of range")
    m["groups"] = c.list(lambda c: {
        "number": c.u64(), "pages": c.u32(), "alive": c.u32(),
        "bitmap": c.bytes()})
    c.end()
    before = -1
    for g in m["groups"]:
        bits, n = g["bitmap"], g["pages"]
        need(before < g["number"] and 0 < g["alive"] <= n,
             "a group of pages makes no sense")
        need((not bits and g["alive"] == n) or (
            len(bits) == (n + 7) // 8 and
            int.from_bytes(bits, "little") >> n == 0 and
            bin(int.from_bytes(bits, "little")).count("1") == g["alive"]),
            "a bitmap of pages makes no sense")
        before = g["number"]
    return m


def read_group(data, page_size, pages):
    """(number, bytes) of each page."""
    need(len(data) <= 1 << 20, "a group of pages is too large")
    c = Cursor(data)
    need(c.take(8) == b"HFPG\1\0\0\0", "a group of pages is none")
    need(c.u32() == page_size and c.u32() == pages,
         "a group is not the one that the map means")
    rows = [(c.u64(), c.u32()) for _ in range(pages)]
    need(all(a[0] < b[0] for a, b in zip(rows, rows[1:])),
         "the pages of a group are out of order")
    found = [(number, c.take(n)) for number, n in rows]
    c.end()
    return found


def paged_file(backup):
    """The name and the bytes of the file that is stored as pages."""
    parts = {e["path"]: e for e in backup.entries() if e["type"] == "f"}
    maps = [p for p in parts if p.endswith(b".pages/map")]
    need(len(maps) == 1, "no file is stored as pages")
    folder = maps[0][:-3]
    m = read_map(b"".join(backup.data(parts.pop(maps[0]))))
    names = [folder + b"%016x" % g["number"] for g in m["groups"]]
    need(sorted(parts) == names, "the groups are not those of the map")
    count = -(-m["size"] // m["page"])
    pages = {}
    for name, g in zip(names, m["groups"]):
        data = b"".join(backup.data(parts[name]))
        for i, (number, page) in enumerate(
                read_group(data, m["page"], g["pages"])):
            if not bit(g["bitmap"], i):
                continue
            need(number < count and number not in pages and len(page) ==
                 min(m["page"], m["size"] - number * m["page"]),
                 "a page is not of this file, or there twice")
            pages[number] = page
    need(len(pages) == count, "pages are missing")
    data = b"".join(pages[i] for i in range(count))
    need(sha256(data) == m["sha256"], "the pages are not the file")
    return folder[:-len(b".pages/")], data


def stamp(ms):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(ms // 1000))


# Sealed stream

def open_hfs(data, keys, write):
    c = Cursor(data)
    need(c.take(8) == b"HFS1\1\0\0\0", "it is no sealed stream")
    oid, key_id, commitment = c.take(20), c.take(16), c.take(32)
    frame_max, _ = c.u32(), c.time()
    wrapped = [read_wrapped(x) for x in c.list(Cursor.bytes)]
    header = data[:c.at]
    tag = c.take(16)
    need(1 << 20 <= frame_max <= 4 << 20 and 1 <= len(wrapped) <= 64,
         "the header is out of range")
    for k in wrapped:
        need(k["vault_id"] == oid[:16] and k["id"] == key_id and
             k["class"] == 0, "a wrapped key belongs elsewhere")
    plain = [p for k in wrapped for key in keys
             if (p := key.unwrap(k)) is not None]
    need(plain, "no key at hand opens it")
    key = object_key(plain[0], oid[:16], key_id, oid, commitment)
    open_box(key, nonce(oid, 2**64 - 1), header, tag)
    i, last = 0, 0
    while not last:
        n, plain_len, codec, last = c.u32(), c.u32(), c.u8(), c.u8()
        need(plain_len <= frame_max and last in (0, 1), "a frame is none")
        aad = b"HF1S" + oid + struct.pack("<QIBB", i, plain_len, codec, last)
        write(decompress(codec, open_box(key, nonce(oid, i), aad, c.take(n)),
                         plain_len))
        i += 1
    c.end()


# Commands

def extract(backup, out):
    os.makedirs(out, exist_ok=True)
    folders = []
    for e in backup.entries():
        path = os.path.join(os.fsencode(out), e["path"])
        if e["type"] == "d":
            os.makedirs(path, exist_ok=True)
            folders.append((path, e))
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if e["type"] == "f":
            extract_file(backup, e, path)
        elif e["type"] == "l":
            os.symlink(e["target"], path)
        elif e["type"] == "h":
            need(path_ok(e["target"]), "a hard link leads outside")
            os.link(os.path.join(os.fsencode(out), e["target"]), path,
                    follow_symlinks=False)
        elif e["type"] == "p":
            os.mkfifo(path)
        else:
            print("left out: %r of type %s" % (e["path"], e["type"]),
                  file=sys.stderr)
            continue
        if e["type"] not in "lh":
            os.chmod(path, stat.S_IMODE(e["mode"]))
            os.utime(path, ns=(e["mtime"], e["mtime"]))
    for path, e in reversed(folders):
        os.chmod(path, stat.S_IMODE(e["mode"]))
        os.utime(path, ns=(e["mtime"], e["mtime"]))


def extract_file(backup, e, path):
    extents = e["extents"] if e["extents"] is not None else [(0, e["size"])]
    need(sum(n for _, n in extents) == e["len"],
         "the extents are not as long as the data")
    data = b"".join(backup.data(e))
    with open(path, "xb") as f:
        at = 0
        for off, n in extents:
            f.seek(off)
            f.write(data[at:at + n])
            at += n
        f.truncate(e["size"])


def show(backup):
    """One line an entry, the same for the same contents."""
    for e in backup.entries():
        what = "-"
        if e["type"] == "f":
            digest = hashlib.sha256()
            for piece in backup.data(e):
                digest.update(piece)
            what = digest.hexdigest()
        elif e["target"]:
            what = repr(e["target"])[2:-1]
        print(e["type"], "%04o" % e["mode"], e["size"], what,
              repr(e["path"])[2:-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("command", choices=("list", "show", "extract", "pages", "open"))
    p.add_argument("args", nargs="+")
    p.add_argument("--vault", default="main")
    p.add_argument("--fingerprint")
    p.add_argument("--key", action="append", default=[])
    a = p.parse_args()
    keys = [Key(text) for text in a.key]
    if a.command == "open":
        with open(a.args[0], "rb") as f:
            open_hfs(f.read(), keys, sys.stdout.buffer.write)
        return
    repo = Repository(a.args[0], a.vault, a.fingerprint, keys)
    repo.check_root_keys()
    if a.command == "list":
        for m in repo.backups():
            print(m["id"], m["seq"], stamp(m["commit"]),
                  m["source"].decode(), m["type"].decode(),
                  m["plain_bytes"], "removed" if m["removed"] else "kept",
                  "attested %d" % len(m["attested"]))
        return
    backup = Backup(repo, repo.find(a.args[1]))
    if a.command == "show":
        show(backup)
    elif a.command == "pages":
        sys.stdout.buffer.write(paged_file(backup)[1])
    else:
        extract(backup, a.args[2])


if __name__ == "__main__":
    try:
        main()
    except Bad as e:
        sys.exit("reader.py: %s" % e)
