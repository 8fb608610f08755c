"""archive.py FOLDER ARCHIVE: a .tar.gz or .zip of a folder, whose bytes depend on names, contents and modes alone."""

import gzip
import sys
import tarfile
import zipfile
from pathlib import Path

# The first moment that a zip can name.
WHEN = (1980, 1, 1, 0, 0, 0)
SECONDS = 315532800


def files(folder):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield path, str(path.relative_to(folder.parent).as_posix()), mode


def tar(folder, archive):
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as out:
            for path, name, mode in files(folder):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = path.stat().st_size, mode, SECONDS
                with open(path, "rb") as content:
                    out.addfile(entry, content)


def zip_(folder, archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path, name, mode in files(folder):
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, mode << 16
            out.writestr(entry, path.read_bytes())


def main():
    folder, archive = Path(sys.argv[1]), Path(sys.argv[2])
    partial = archive.with_name(archive.name + ".partial")
    (zip_ if archive.suffix == ".zip" else tar)(folder, partial)
    partial.replace(archive)


main()
