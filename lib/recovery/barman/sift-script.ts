/**
 * Python (Barman itself is Python, so it is there): which of many segments can hold a restore point of a name, or the end of
 * a transaction. It takes the headers out of the pages and looks for the bytes that such a record must have, so it may name a
 * segment too many and never one too few; whoever reads the records decides. A core searches some 200 MB/s, in some 50 MB.
 *
 * Text without single quotes: it stands between such in `sh`. Its argument is JSON (`SiftQuestion`). It prints `@may SEGMENT`
 * or `@not SEGMENT`, or `@unread SEGMENT` where only Barman or the exact reader can tell; under it, of each restore point,
 * its offset in the segment, its time as PostgreSQL counts, and its name in hex.
 */
export const SIFT = `
import bz2, gzip, json, lzma, os, re, struct, sys
ask = json.loads(sys.argv[1])
PIECE = 16 * 1024 * 1024
POINT = re.compile(rb"\\x70\\x00\\x00\\x00.{4}(?:\\xfd.{2})?(?:\\xfc.{4})?\\xff\\x48(.{8})([^\\x00]{1,63})\\x00", re.S)
XACT = re.compile(rb"\\x01\\x00\\x00", re.S)
# Without the lower half of the byte, where an end that drops files (a DROP TABLE) has a mark of its own.
ENDS = b"\\x00\\x20\\x30\\x40\\x80\\xa0\\xb0\\xc0"
DATA = (b"\\xff", b"\\xfe", b"\\xfd", b"\\xfc", b"")
NAME = bytes.fromhex(ask.get("name", ""))
XID = struct.pack("<I", ask.get("xid", 0))

def opened(segment, servers):
    for wals, incoming, streaming in (ask["servers"][one] for one in servers):
        for place in (incoming, wals + "/" + segment[:16], streaming):
            try:
                path = place + "/" + segment
                with open(path, "rb") as raw:
                    start = raw.read(6)
                if start[:2] == b"\\x1f\\x8b":
                    return gzip.open(path, "rb")
                if start[:3] == b"BZh":
                    return bz2.open(path, "rb")
                if start == b"\\xfd7zXZ\\x00":
                    return lzma.open(path, "rb")
                return open(path, "rb")
            except FileNotFoundError:
                pass
    return None

def start_of(segment, servers):
    file = opened(segment, servers)
    if file is None:
        return b""
    with file:
        return file.read(2 * 65536)

def joined(raw, block, begins):
    view = memoryview(raw)
    return [view[p + (40 if begins and p == 0 else 24):p + block] for p in range(0, len(raw), block)]

def place_of(offset, block, begins):
    first = block - (40 if begins else 24)
    if offset < first:
        return offset + block - first
    page, rest = divmod(offset - first, block - 24)
    return (page + 1) * block + 24 + rest

def named(stream, own, block, begins, base):
    for found in POINT.finditer(stream):
        begin = found.start() - 16
        if 0 <= begin < own:
            when = struct.unpack("<q", found.group(1))[0]
            yield base + place_of(begin, block, begins), when, found.group(2)

def goes_on(page, covered):
    if len(page) < 24:
        return False
    info, rest = struct.unpack_from("<H", page, 2)[0], struct.unpack_from("<I", page, 16)[0]
    return info & 1 == 1 and rest > covered

def ends(stream, cut_off):
    if XID not in stream and not cut_off:
        return False
    for found in XACT.finditer(stream):
        begin = found.start() - 17
        if begin < 0 or begin % 8 or stream[begin + 16] & 0xf0 not in ENDS or stream[begin + 24:begin + 25] not in DATA:
            continue
        length = struct.unpack_from("<I", stream, begin)[0]
        if length >= 24 and (begin + length > len(stream) or stream.find(XID, begin, begin + length) >= 0):
            return True
    return False

def sift(index):
    segment, servers = ask["segments"][index]
    file = opened(segment, servers)
    if file is None:
        return "@unread %s" % segment, []
    may, points, done = False, [], 0
    with file:
        piece = file.read(PIECE)
        block = struct.unpack_from("<I", piece, 36)[0] if len(piece) >= 40 else 0
        if piece[:2].hex() not in ask["magics"] or block < 1024 or block > 65536 or len(piece) % block:
            return "@unread %s" % segment, []
        while piece:
            follows = file.read(PIECE)
            last = not follows
            behind = follows[:2 * block]
            if last and index + 1 < len(ask["segments"]):
                behind = start_of(*ask["segments"][index + 1])[:2 * block]
            own = joined(piece, block, done == 0)
            length = sum(len(part) for part in own)
            stream = b"".join(own + joined(behind, block, last))
            if NAME:
                for point in named(stream, length, block, done == 0, done):
                    points.append(point)
                    may = may or point[2] == NAME
            else:
                may = may or goes_on(piece, length) or ends(stream, goes_on(behind, len(stream) - length))
            done += len(piece)
            piece = follows
    if done != ask["size"]:
        return "@unread %s" % segment, []
    return "@%s %s" % ("may" if may else "not", segment), [" %d %d %s" % (at, when, name.hex()) for at, when, name in points]

def work(turn, turns, out):
    for index in range(turn, ask["count"], turns):
        try:
            heading, lines = sift(index)
        except Exception as why:
            heading, lines = "@unread %s" % ask["segments"][index][0], [" %s" % str(why).replace("\\n", " ")]
        out.write("\\n".join([heading] + lines) + "\\n")

os.nice(10)
turns = max(1, min(8, len(os.sched_getaffinity(0)), ask["count"]))
readers = []
for turn in range(turns):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            with os.fdopen(writer, "w") as out:
                work(turn, turns, out)
            os._exit(0)
        except BaseException as why:
            sys.stderr.write("%s: %s\\n" % (type(why).__name__, why))
            os._exit(1)
    os.close(writer)
    readers.append((child, os.fdopen(reader)))
failed = False
for child, reader in readers:
    with reader:
        sys.stdout.write(reader.read())
    failed = os.waitpid(child, 0)[1] != 0 or failed
sys.stdout.flush()
if failed:
    sys.exit(1)
print("@end")
`;
