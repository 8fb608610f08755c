"""A second reader of `.wwpkg` files, written from docs/package-format.md alone, with zstandard and cryptography.

    python second_reader.py FILE [--key PUBLIC_KEY.pem]

Prints what it found as JSON, or why it refuses the file (exit code 1). Call order: `read` takes the head (prelude,
index, signature), judges it, then takes the chunks in order and compares every digest.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import struct
import sys
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MAGIC = b"\x89WWPKG\r\n"
FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
PRELUDE_BYTES = 32
MAX_INDEX = 16 << 20
MAX_SIGNATURE = 4 << 20
MAX_FOLDERS, MAX_FILES, MAX_CHUNKS = 64, 4096, 131_072
MAX_CONTENT = 4 << 20
MAX_WINDOW = 8 << 20
MAX_PACKAGE = 512 << 30
NAME = re.compile(r"[a-z0-9._-]{1,64}")
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}
HEX = re.compile(r"[0-9a-f]{64}")
PAYLOAD_TYPE = "application/vnd.in-toto+json"
FIELD = 2**255 - 19
# The y of a point of order 8 (RFC 8032's curve); with 0, 1 and the negatives these are all points of small order.
ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
SMALL_ORDER = {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}


class Refused(Exception):
    """A MUST of the format is broken."""


def read(stream, key_pem=None):
    """Reads a whole file from a stream. `key_pem`: require a valid signature of this key."""
    prelude = take(stream, PRELUDE_BYTES)
    length = check_prelude(prelude)
    index_bytes = take(stream, length)
    package_id = sha256(prelude + index_bytes)
    must(take(stream, 32) == package_id, "the index has another digest")
    index = Index(index_bytes)
    signature_length = take(stream, 4)
    (size,) = struct.unpack("<I", signature_length)
    must(size <= MAX_SIGNATURE, "the signature is too long")
    bundle = take(stream, size)
    must(take(stream, 32) == sha256(signature_length + bundle), "the signature has another digest")
    if key_pem is not None:
        check_signature(bundle, key_pem, index, package_id)
    read_chunks(stream, index)
    must(stream.read(1) == b"", "bytes after the last chunk")
    return {
        "name": index.name,
        "version": index.version,
        "id": package_id.hex(),
        "signature": "missing" if not bundle else "valid" if key_pem is not None else "not looked at",
        "chunks": len(index.chunks),
        "files": [{"path": path, "bytes": size, "sha256": digest.hex()} for path, size, digest, _ in index.files],
    }


def must(holds, refusal):
    if not holds:
        raise Refused(refusal)


def sha256(data):
    return hashlib.sha256(data).digest()


def take(stream, size):
    data = stream.read(size)
    must(len(data) == size, "the file ends early")
    return data


def check_prelude(prelude):
    """Gives the index's length."""
    magic, major, _minor, required, _optional, length = struct.unpack_from("<8sHHIII", prelude)
    needs = struct.unpack_from("<HHH", prelude, 24)
    must(magic == MAGIC, "no .wwpkg")
    must(major == 1, f"major version {major}: needs Wheelwork {'.'.join(map(str, needs))}")
    must(required == 0, f"unknown required features: needs Wheelwork {'.'.join(map(str, needs))}")
    must(1 <= length <= MAX_INDEX, "the index's length")
    must(prelude[30:] == b"\0\0", "reserved bytes")
    return length


class Index:
    """The index, held against every rule of its canonical form."""

    def __init__(self, data):
        cursor = io.BytesIO(data)

        def number(form):
            return struct.unpack("<" + form, take(cursor, struct.calcsize("<" + form)))[0]

        def count(form, low, high, what):
            value = number(form)
            must(low <= value <= high, f"{value} {what}")
            return value

        def name():
            try:
                text = take(cursor, number("B")).decode("ascii")
            except UnicodeDecodeError as error:
                raise Refused("a name that is not ASCII") from error
            must(NAME.fullmatch(text) and text[0] != "." and text[-1] != ".", f"the name {text!r}")
            must(text.split(".")[0] not in DEVICES, f"the name {text!r} is a device")
            return text

        self.version = number("Q")
        self.name = name()
        folders = [name() for _ in range(count("H", 0, MAX_FOLDERS, "folders"))]
        self.files = []
        used_folders = set()
        for _ in range(count("I", 1, MAX_FILES, "files")):
            folder = count("H", 0, len(folders), "as a folder")
            used_folders.add(folder)
            path = f"{folders[folder - 1]}/{name()}" if folder else name()
            size, digest = number("Q"), take(cursor, 32)
            # The bytes that are there bound the count before anything is made of it.
            chunks = number("I")
            must(chunks * 4 <= len(data) - cursor.tell(), "the index ends early")
            self.files.append((path, size, digest, [number("I") for _ in range(chunks)]))
        self.chunks = []
        for _ in range(count("I", 0, MAX_CHUNKS, "chunks")):
            content, stored = take(cursor, 32), take(cursor, 32)
            content_size = count("I", 1, MAX_CONTENT, "bytes of content")
            stored_size = count("I", 1, content_size + content_size // 256 + 64, "bytes stored")
            self.chunks.append((content, stored, content_size, stored_size))
        must(cursor.read(1) == b"", "bytes after the last chunk's entry")
        must(all(a < b for a, b in zip(folders, folders[1:])), "the folders' order")
        must(used_folders >= set(range(1, len(folders) + 1)), "a folder that no file uses")
        self._check_files(set(folders))
        self._check_chunks()

    def _check_files(self, folders):
        paths = [path for path, *_ in self.files]
        must(all(a < b for a, b in zip(paths, paths[1:])), "the files' order")
        must(not folders.intersection(paths), "a root file with the name of a folder")
        must({"manifest.json", "genai_config.json"} & set(paths), "no package: its root has no manifest")

    def _check_chunks(self):
        next_new, made_of = 0, {}
        for path, size, digest, numbers in self.files:
            for chunk in numbers:
                must(chunk < len(self.chunks), f"{path} names a chunk that is not there")
                must(chunk <= next_new, "the chunks are not in the order of their first use")
                next_new = max(next_new, chunk + 1)
            must(sum(self.chunks[chunk][2] for chunk in numbers) == size, f"{path}: its chunks' sizes")
            must(made_of.setdefault(digest, numbers) == numbers, f"{path}: equal files of different chunks")
            if len(numbers) == 1:
                must(self.chunks[numbers[0]][0] == digest, f"{path}: its digest is not its one chunk's")
            if size == 0:
                must(digest == sha256(b""), f"{path}: empty, with another digest")
        must(next_new == len(self.chunks), "an unused chunk")
        contents = [content for content, *_ in self.chunks]
        must(len(set(contents)) == len(contents), "two chunks with the same content")
        must(sum(size for _, _, size, _ in self.chunks) <= MAX_PACKAGE, "the package is too large")


def check_signature(bundle, key_pem, index, package_id):
    """Strict Ed25519 over the DSSE encoding; then the statement must say what the index says."""
    must(bundle, "no signature")
    key = load_pem_public_key(key_pem)
    must(isinstance(key, Ed25519PublicKey), "no Ed25519 key")
    y = int.from_bytes(key.public_bytes(Encoding.Raw, PublicFormat.Raw), "little") & (2**255 - 1)
    must(y % FIELD not in SMALL_ORDER, "a key of small order")
    try:
        document = strict_json(bundle)
        must(document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json", "the bundle's type")
        must(HEX.fullmatch(document["verificationMaterial"]["publicKey"]["hint"]), "the key's hint")
        envelope = document["dsseEnvelope"]
        must(envelope["payloadType"] == PAYLOAD_TYPE, "the payload's type")
        [signature] = envelope["signatures"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signed = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
        key.verify(base64.b64decode(signature["sig"], validate=True), signed)
        check_statement(strict_json(payload), index, package_id)
    except InvalidSignature as error:
        raise Refused("the signature is not this key's") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"the bundle cannot be read: {error}") from error


def check_statement(statement, index, package_id):
    digests = [digest for _, _, digest, _ in index.files]
    must(statement["_type"] == "https://in-toto.io/Statement/v1", "the statement's type")
    must(statement["predicateType"] == "https://model_signing/signature/v1.0", "the predicate's type")
    [subject] = statement["subject"]
    must(subject["name"] == index.name, "the statement is about another package")
    must(subject["digest"]["sha256"] == sha256(b"".join(digests)).hex(), "the root digest")
    predicate = statement["predicate"]
    serialization = predicate["serialization"]
    must(serialization["method"] == "files" and serialization["hash_type"] == "sha256", "the serialization")
    resources = [(entry["name"], entry["algorithm"], entry["digest"]) for entry in predicate["resources"]]
    expected = [(path, "sha256", digest.hex()) for path, _, digest, _ in index.files]
    must(resources == expected, "the statement names other files")
    must(predicate["wwpkg"]["index_sha256"] == package_id.hex(), "the statement is about another index")


def strict_json(data):
    def once(pairs):
        members = dict(pairs)
        must(len(members) == len(pairs), "a member that stands twice")
        return members

    return json.loads(data.decode("utf-8"), object_pairs_hook=once)


def read_chunks(stream, index):
    """Takes the chunks in their order and compares them and the files; holds the package's content in memory."""
    contents = []
    for digest, stored_digest, content_size, stored_size in index.chunks:
        stored = take(stream, stored_size)
        must(sha256(stored) == stored_digest, "a chunk as stored has another digest")
        check_frame(stored, content_size)
        try:
            content = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompress(stored)
        except zstandard.ZstdError as error:
            raise Refused(f"a chunk cannot be decompressed: {error}") from error
        must(len(content) == content_size and sha256(content) == digest, "a chunk's content has another digest")
        contents.append(content)
    for path, _, digest, numbers in index.files:
        must(sha256(b"".join(contents[chunk] for chunk in numbers)) == digest, f"{path} has another digest")


def check_frame(stored, content_size):
    """One zstd frame (RFC 8878, section 3.1.1), no more and no less."""
    cursor = io.BytesIO(stored)
    must(take(cursor, 4) == FRAME_MAGIC, "no zstd frame")
    descriptor = take(cursor, 1)[0]
    is_single_segment = descriptor >> 5 & 1
    must(descriptor >> 3 & 1 == 0, "a reserved bit")
    must(descriptor & 3 == 0, "a dictionary")
    if not is_single_segment:
        window = take(cursor, 1)[0]
        base = 1 << (10 + (window >> 3))
        must(base + base // 8 * (window & 7) <= MAX_WINDOW, "the window")
    width = [is_single_segment, 2, 4, 8][descriptor >> 6]
    must(width > 0, "a frame without a content size")
    frame_size = int.from_bytes(take(cursor, width), "little") + (256 if width == 2 else 0)
    must(frame_size == content_size, "the frame has another content size")
    is_last = False
    while not is_last:
        header = int.from_bytes(take(cursor, 3), "little")
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        must(kind != 3, "a reserved block")
        take(cursor, 1 if kind == 1 else size)
    take(cursor, 4 * (descriptor >> 2 & 1))
    must(cursor.read(1) == b"", "bytes after the last block")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", type=Path, help="require a valid signature of this public key")
    given = parser.parse_args()
    try:
        with given.file.open("rb") as stream:
            print(json.dumps(read(stream, given.key and given.key.read_bytes()), indent=1))
    except Refused as refusal:
        sys.exit(f"refused: {refusal}")


if __name__ == "__main__":
    main()
