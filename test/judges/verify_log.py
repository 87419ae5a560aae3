#!/usr/bin/env python3
"""Verifies a Parapet log from its published files, independently of Parapet.

Written from the specifications alone (C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof; RFC 6962) and from
docs/reference/ledger.md. Needs Python 3 and python3-cryptography.

    verify_log.py FOLDER VKEY [--older CHECKPOINT]... [--receipt RECEIPT.json]... [--witness VKEY]...

A witness's vkey (type 0x04) asks that the log's checkpoint carries its cosignature.

Prints one line and exits 0 when everything verifies; prints what is wrong and exits 1 otherwise.
"""
import base64
import hashlib
import json
import pathlib
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELDS = "kind measure scope clause level signers case seq refers day public party court pad".split()


class Wrong(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Wrong(what)


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves):
    """MTH of RFC 6962 section 2.1, with a stack instead of recursion."""
    stack = []
    for i, leaf in enumerate(leaves):
        stack.append(leaf)
        while i & 1:
            right, left = stack.pop(), stack.pop()
            stack.append(node_hash(left, right))
            i >>= 1
    if not stack:
        return hashlib.sha256(b"").digest()
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return root


def open_checkpoint(note, vkey):
    name, key_id, key = vkey.split("+", 2)
    key_bytes = base64.b64decode(key, validate=True)
    computed = hashlib.sha256(name.encode() + b"\n" + key_bytes).digest()[:4]
    require(computed.hex() == key_id and key_bytes[0] == 1, "the vkey is inconsistent")
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    verified = False
    for line in signatures.decode().splitlines():
        match = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        require(match, "a signature line is malformed")
        signature = base64.b64decode(match[2], validate=True)
        if match[1] == name and signature[:4] == computed:
            try:
                Ed25519PublicKey.from_public_bytes(key_bytes[1:]).verify(signature[4:], text)
            except InvalidSignature:
                raise Wrong("the log's signature does not verify") from None
            verified = True
    require(verified, "the log has not signed the checkpoint")
    lines = text.decode().split("\n")
    require(len(lines) == 4 and lines[3] == "", "the checkpoint has not three lines")
    require(lines[0] == name, "the checkpoint is of another log")
    require(re.fullmatch("0|[1-9][0-9]*", lines[1]), "the size is malformed")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


def check_cosignature(note, vkey):
    """C2SP tlog-cosignature, cosignature/v1 with Ed25519."""
    name, key_id, key = vkey.split("+", 2)
    key_bytes = base64.b64decode(key, validate=True)
    require(key_bytes[0] == 4, "the witness's vkey is not of type 4")
    computed = hashlib.sha256(name.encode() + b"\n" + key_bytes).digest()[:4]
    require(computed.hex() == key_id, "the witness's vkey is inconsistent")
    text, _, signatures = note.rpartition(b"\n\n")
    for line in signatures.decode().splitlines():
        _, line_name, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if line_name == name and signature[:4] == computed:
            require(len(signature) == 4 + 8 + 64, "the cosignature has the wrong length")
            time = int.from_bytes(signature[4:12], "big")
            try:
                Ed25519PublicKey.from_public_bytes(key_bytes[1:]).verify(
                    signature[12:], b"cosignature/v1\ntime %d\n" % time + text + b"\n"
                )
            except InvalidSignature:
                raise Wrong("the cosignature does not verify") from None
            return
    raise Wrong("the witness has not cosigned the checkpoint")


def tile_path(level, index, width):
    groups = []
    while True:
        groups.insert(0, f"{index % 1000:03d}")
        index //= 1000
        if index == 0:
            break
    name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{name}" + (f".p/{width}" if width < 256 else "")


def read(folder, path):
    try:
        return (folder / path).read_bytes()
    except OSError:
        raise Wrong(f"{path} cannot be read") from None


def read_entries(folder, size):
    entries = []
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        path = tile_path("entries", index, width)
        data = read(folder, path)
        for _ in range(width):
            length = int.from_bytes(data[:2], "big")
            require(len(data) >= 2 + length, f"{path} ends too early")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
        require(data == b"", f"{path} goes on after its last entry")
    return entries


def check_tiles(folder, leaves):
    level, row = 0, leaves
    while row:
        for index in range((len(row) + 255) // 256):
            part = row[index * 256 : index * 256 + 256]
            path = tile_path(level, index, len(part))
            require(read(folder, path) == b"".join(part), f"{path} does not hold the entries' hashes")
        row = [tree_hash(row[i : i + 256]) for i in range(0, len(row) - 255, 256)]
        level += 1


def parse_entry(entry):
    require(len(entry) == 512, "an entry has not 512 bytes")
    lines = entry.decode("ascii").split("\n")
    require(lines[0] == "parapet/entry/v1" and lines[-1] == "", "an entry has another version")
    require(len(lines) == len(FIELDS) + 2, "an entry has another number of lines")
    fields = {}
    for name, line in zip(FIELDS, lines[1:-1]):
        require(line.startswith(name + " "), f"an entry lacks its line {name}")
        fields[name] = line[len(name) + 1 :]
    require(set(fields["pad"]) == {"."}, "an entry's padding is not dots")
    for name in ("public", "party", "court"):
        require(re.fullmatch("[0-9a-f]{64}", fields[name]), "a commitment is malformed")
    if fields["kind"] in ("decision", "ratification"):
        require(int(fields["signers"]) >= 2, "a decision of fewer than two")
    return fields


def check_receipt(receipt, vkey):
    """A measure's receipt: tlog-proof, entry, and the opening of the entry's party commitment."""
    entry = base64.b64decode(receipt["entry"], validate=True)
    head, _, note = receipt["proof"].partition("\n\n")
    lines = head.split("\n")
    require(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index "), "not a tlog-proof")
    index = int(lines[1][6:])
    hashes = [base64.b64decode(line, validate=True) for line in lines[2:]]
    size, root = open_checkpoint(note.encode(), vkey)
    require(index < size, "the index is beyond the tree")
    require(root_from_path(leaf_hash(entry), index, size, hashes) == root, "the proof does not lead to the root")
    # RFC 8785 for values whose keys are ASCII and whose numbers are integers.
    payload = json.dumps(receipt["record"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    opened = hashlib.sha256(b"parapet/opening/v1\n" + bytes.fromhex(receipt["salt"]) + payload).hexdigest()
    fields = parse_entry(entry)
    require(opened == fields["party"], "the commitment does not open to the record")
    for name, value in (("measure", "kind"), ("scope", "scope"), ("clause", "clause")):
        require(fields[name] == receipt["record"][value], f"entry and record disagree about the {name}")


def root_from_path(leaf, index, size, path):
    """Recursive reading of PATH in RFC 6962 section 2.1.1: on purpose another algorithm than Parapet's."""
    if size == 1:
        require(not path, "the proof is too long")
        return leaf
    require(path, "the proof is too short")
    k = 1 << ((size - 1).bit_length() - 1)
    if index < k:
        return node_hash(root_from_path(leaf, index, k, path[:-1]), path[-1])
    return node_hash(path[-1], root_from_path(leaf, index - k, size - k, path[:-1]))


def main(args):
    folder, vkey, rest = pathlib.Path(args[0]), args[1], args[2:]
    size, root = open_checkpoint(read(folder, "checkpoint"), vkey)
    entries = read_entries(folder, size)
    leaves = [leaf_hash(entry) for entry in entries]
    require(tree_hash(leaves) == root, "the entries do not lead to the signed root")
    check_tiles(folder, leaves)
    cases = {}
    for i, entry in enumerate(entries):
        fields = parse_entry(entry)
        require((fields["kind"] == "log-start") == (i == 0), "log-start is not the first entry alone")
        if i > 0:
            cases.setdefault(fields["case"], []).append(int(fields["seq"]))
    for case, seqs in cases.items():
        require(sorted(seqs) == list(range(1, len(seqs) + 1)), f"the case {case} has a gap")
    for option, path in zip(rest[::2], rest[1::2]):
        if option == "--older":
            old_size, old_root = open_checkpoint(pathlib.Path(path).read_bytes(), vkey)
            require(old_size <= size and tree_hash(leaves[:old_size]) == old_root, "the log was rewritten")
        elif option == "--witness":
            check_cosignature(read(folder, "checkpoint"), path)
        else:
            check_receipt(json.loads(pathlib.Path(path).read_text()), vkey)
    print(f"verified {size} entries, {len(rest) // 2} other files")


try:
    main(sys.argv[1:])
except (Wrong, ValueError, KeyError, IndexError) as error:
    print(f"not verified: {error}")
    sys.exit(1)
