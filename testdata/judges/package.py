"""Our signed package, read by the second reader (`second_reader.py`); and what it must refuse."""

import hashlib
import io
import struct

import second_reader
from wheelwork import TINY_R1, Verdict, arguments

wheelwork, work = arguments()
verdict = Verdict()
folder = wheelwork.quantize(TINY_R1, "balanced")
key, other_key = wheelwork.key("judge"), wheelwork.key("other")
packed, file = wheelwork.pack(folder, "judged", 7, "judge")
data = file.read_bytes()
read = second_reader.read(io.BytesIO(data), key)

verdict.expect_equal(read["signature"], "valid", "the signature")
verdict.expect_equal([read["name"], read["version"]], ["judged", 7], "name and version")
verdict.expect_equal(read["id"], packed["id"], "the id")
present = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
files = [
    {"path": name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for name, path in present
]
verdict.expect_equal(read["files"], files, f"{len(files)} files, byte for byte")


def refusal(changed, public_key=key):
    """Why it is refused; nothing if it is not."""
    try:
        second_reader.read(io.BytesIO(changed), public_key)
        return None
    except second_reader.Refused as error:
        return str(error)


def flipped(position):
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


(index_bytes,) = struct.unpack_from("<I", data, 20)
head = second_reader.PRELUDE_BYTES + index_bytes
positions = [*range(second_reader.PRELUDE_BYTES), *range(32, len(data), len(data) // 300), head, len(data) - 1]
accepted = [position for position in positions if refusal(flipped(position)) is None]
verdict.expect(not accepted, f"a flipped byte is refused, at {len(positions)} places", f"accepted at {accepted}")
verdict.expect(refusal(data[:-1]) is not None, "a file that ends early is refused")
verdict.expect(refusal(data + b"\0") is not None, "a byte too many is refused")
verdict.expect(refusal(data, other_key) is not None, "another key is refused")

# Damage is mended, intent is not: a raised version counter with its digest made right.
forged = bytearray(data)
forged[second_reader.PRELUDE_BYTES] += 1
forged[head : head + 32] = hashlib.sha256(forged[:head]).digest()
verdict.expect_equal(refusal(bytes(forged)), "the statement is about another index", "a forged version is refused")
verdict.expect(second_reader.read(io.BytesIO(bytes(forged)))["version"] == 8, "and would be read without a key")
verdict.finish()
