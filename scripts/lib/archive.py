"""Reads a fast-load archive with nothing but the standard library, and takes nothing that it need not take.

archive.py FILE… prints one JSON line for each file: what its state dict holds, and the SHA-256 of each tensor's bytes.
"""
import hashlib
import json
import pickletools
import struct
import sys
import zipfile

# torch.load(weights_only=True) takes more; this is what cake is meant to write.
OPCODES = {"PROTO", "EMPTY_DICT", "MARK", "SETITEMS", "STOP", "GLOBAL", "BINUNICODE", "BININT", "BININT1", "BININT2",
           "LONG1", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NEWFALSE", "NONE", "REDUCE", "BINPERSID",
           "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"}
STORAGES = {"Bool": 1, "Byte": 1, "Char": 1, "Short": 2, "Int": 4, "Long": 8, "Half": 2, "BFloat16": 2, "Float": 4,
            "Double": 8, "ComplexFloat": 8}
DTYPES = {"uint16": 2, "uint32": 4, "uint64": 8, "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e8m0fnu": 1,
          "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float4_e2m1fn_x2": 1}
REBUILD = {"torch._utils _rebuild_tensor_v2": 6, "torch._utils _rebuild_tensor_v3": 7}


class Refused(Exception):
    pass


def need(claim, what):
    if not claim:
        raise Refused(what)


class Global(str):
    """The name of something in torch; never looked up."""


def unpickle(text):
    """The value, with storages as ("storage", key, element size, bytes) and tensors as dicts."""
    stack, marks, memo = [], [], {}

    def pop_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for opcode, argument, position in pickletools.genops(text):
        name = opcode.name
        need(name in OPCODES, f"opcode {name} at {position}")
        if name == "PROTO":
            need(argument == 2 and position == 0, "not protocol 2")
        elif name == "STOP":
            need(len(stack) == 1 and position == len(text) - 1, "something is left over")
            return stack.pop()
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "SETITEMS":
            items = pop_mark()
            need(len(items) % 2 == 0 and isinstance(stack[-1], dict), "odd items")
            for key, value in zip(items[::2], items[1::2]):
                need(type(key) is str and key not in stack[-1], f"key {key!r}")
                stack[-1][key] = value
        elif name == "GLOBAL":
            module, _, what = argument.partition(" ")
            known = (argument in REBUILD or argument == "torch.storage UntypedStorage" or module == "torch"
                     and (what.removesuffix("Storage") in STORAGES and what.endswith("Storage") or what in DTYPES))
            need(known, f"global {argument}")
            stack.append(Global(argument))
        elif name in ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"):
            stack.append(argument)
        elif name == "NEWFALSE":
            stack.append(False)
        elif name == "NONE":
            stack.append(None)
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name == "TUPLE":
            stack.append(tuple(pop_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "BINPERSID":
            kind, storage, key, where, count = stack.pop()
            need(kind == "storage" and where == "cpu" and type(key) is str, "a storage that is none")
            size = 1 if storage == "torch.storage UntypedStorage" else STORAGES[storage[6:].removesuffix("Storage")]
            stack.append(("storage", key, size, count * size, storage))
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            need(called in REBUILD and len(arguments) == REBUILD[called], f"call of {called}")
            storage, offset, shape, stride, gradient, hooks, *dtype = arguments
            need(gradient is False and hooks is None and storage[0] == "storage", "a tensor that is more than bytes")
            size = DTYPES[dtype[0][6:]] if dtype else storage[2]
            stack.append({"key": storage[1], "storage_bytes": storage[3], "offset": offset * size, "item": size,
                          "shape": list(shape), "stride": list(stride), "dtype": (dtype or [storage[4]])[0][6:]})
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
    raise Refused("does not end")


def check_headers(path, archive):
    """What stands before each member says what the directory says. Gives where the members' bytes begin."""
    starts = {}
    with open(path, "rb") as file:
        for info in archive.infolist():
            file.seek(info.header_offset)
            head = file.read(30)
            magic, _, flags, method, time, date, crc, packed, plain, name, extra = struct.unpack("<IHHHHHIIIHH", head)
            what = info.filename
            need(magic == 0x04034B50 and method == 0 == info.compress_type, f"{what}: not stored")
            need(flags == info.flag_bits and flags in (0x0800, 0x0808), f"{what}: flags {flags:#x}")
            need(file.read(name).decode() == what, f"{what}: another name before the bytes")
            long, fields = None, file.read(extra)
            while fields:
                kind, length = struct.unpack("<HH", fields[:4])
                need(len(fields) >= 4 + length, f"{what}: an extra field that does not end")
                if kind == 1:
                    long = struct.unpack("<QQ", fields[4:20])
                fields = fields[4 + length:]
            starts[what] = info.header_offset + 30 + name + extra
            if flags & 8:
                file.seek(starts[what] + info.file_size)
                form = "<IIQQ" if long else "<IIII"
                magic, crc, packed, plain = struct.unpack(form, file.read(struct.calcsize(form)))
                need(magic == 0x08074B50, f"{what}: no descriptor")
            elif long:
                need(packed == plain == 0xFFFFFFFF, f"{what}: two sizes")
                plain, packed = long
            need((crc, packed, plain) == (info.CRC, info.file_size, info.file_size), f"{what}: sizes or sums differ")
    return starts


def read(path):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        need(len(set(names)) == len(names), "a name twice")
        need({name.split("/")[0] for name in names} == {"archive"}, "more than one folder at the top")
        starts = check_headers(path, archive)
        wrong = archive.testzip()
        need(wrong is None, f"{wrong}: a checksum that is not true")
        need(archive.read("archive/version") == b"3\n" and archive.read("archive/byteorder") == b"little", "marks")
        tensors = unpickle(archive.read("archive/data.pkl"))
        storages = {}
        for name, tensor in tensors.items():
            member = "archive/data/" + tensor["key"]
            storages.setdefault(tensor["key"], archive.read(member))
            data = storages[tensor["key"]]
            need(len(data) == tensor["storage_bytes"], f"{name}: a storage of another size")
            count = tensor["item"]
            for length in tensor["shape"]:
                count *= length
            need(tensor["offset"] + count <= len(data), f"{name}: beyond its storage")
            need(count == 0 or (starts[member] + tensor["offset"]) % 4096 == 0, f"{name}: not on a page")
            stride = 1
            for length, step in zip(reversed(tensor["shape"]), reversed(tensor["stride"])):
                need(step == stride, f"{name}: not in one piece")
                stride *= max(1, length)
            tensor["sha256"] = hashlib.sha256(data[tensor["offset"]:tensor["offset"] + count]).hexdigest()
        files = {name[len("archive/files/"):]: hashlib.sha256(archive.read(name)).hexdigest()
                 for name in names if name.startswith("archive/files/")}
        return {"tensors": tensors, "files": files, "order": list(tensors)}


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(json.dumps(read(path)))
