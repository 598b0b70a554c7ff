# Child: maps the file (shared or private, writable), closes its descriptor, says so, and holds the mapping until its stdin ends.
# Node has no mmap; this is the only thing that the tests need Python for.
import mmap
import os
import sys

kind, path = sys.argv[1], sys.argv[2]
with open(path, "r+b") as file:
    flags = mmap.MAP_SHARED if kind == "shared" else mmap.MAP_PRIVATE
    mapping = mmap.mmap(file.fileno(), 4096, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
# Python keeps a duplicate of the descriptor in the mapping: away with it, so that nothing but the mapping is left.
os.closerange(3, 64)
mapping[0] = 65
print("ready", flush=True)
sys.stdin.read()
