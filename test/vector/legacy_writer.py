#!/usr/bin/python3
"""The objects of etcd-backup, written and read by other code than holdfast's.

  legacy_writer.py write DIR SIZE     makes DIR/master.key, DIR/x.key, DIR/x.dump
                                      and DIR/x.plain, the same each time
  legacy_writer.py read MASTER KEY DUMP OUT
                                      opens what some program wrote, checks that
                                      each byte is what the format says, and
                                      writes the plaintext to OUT

etcd.md of the tool: a record is nonce(24) | ciphertext | tag(16), the nonces
16 bytes that stay and a big-endian counter; a key object is nonce | key | tag.
"""
import hashlib
import struct
import sys

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt,
)

CHUNK = 1 << 20


def database(size):
    """A first page that looks like bbolt's, and then bytes that differ."""
    page = bytearray(4096)
    struct.pack_into("<QHHI", page, 0, 0, 4, 0, 0)
    struct.pack_into("<III", page, 16, 0xED0CDAED, 2, 4096)
    body = bytes(page) + b"".join(
        hashlib.sha256(struct.pack("<Q", i)).digest()
        for i in range((size + 31) // 32))
    body = body[:max(512, size // 512 * 512)]
    return body + hashlib.sha256(body).digest()


def records(key, base, plain):
    for i, at in enumerate(range(0, len(plain), CHUNK)):
        nonce = base + struct.pack(">Q", i)
        yield nonce + encrypt(plain[at:at + CHUNK], None, nonce, key)


def write(folder, size):
    master, key = bytes(range(32)), bytes(range(100, 132))
    # The time in nanoseconds and random bytes, as the tool makes them.
    nonce = struct.pack(">Q", 1733520145123456789) + b"0123456789abcdef"
    base = struct.pack(">Q", 1733520145987654321) + b"fedcba98"
    plain = database(size)
    for name, data in (
            ("master.key", master.hex().encode()),
            ("x.key", nonce + encrypt(key, None, nonce, master)),
            ("x.dump", b"".join(records(key, base, plain))),
            ("x.plain", plain)):
        with open("%s/%s" % (folder, name), "wb") as f:
            f.write(data)


def slurp(path):
    with open(path, "rb") as f:
        return f.read()


def read(master_path, key_path, dump_path, out):
    master = bytes.fromhex(slurp(master_path).decode())
    wrapped, dump = slurp(key_path), slurp(dump_path)
    assert len(wrapped) == 72, len(wrapped)
    key = decrypt(wrapped[24:], None, wrapped[:24], master)
    assert len(key) == 32
    plain = b"".join(
        decrypt(dump[at + 24:at + CHUNK + 40], None, dump[at:at + 24], key)
        for at in range(0, len(dump), CHUNK + 40))
    # The same bytes again from the plaintext: then nothing else is in there.
    assert b"".join(records(key, dump[:16], plain)) == dump
    assert len(plain) % 512 == 32
    assert hashlib.sha256(plain[:-32]).digest() == plain[-32:]
    with open(out, "wb") as f:
        f.write(plain)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    else:
        read(*sys.argv[2:6])
