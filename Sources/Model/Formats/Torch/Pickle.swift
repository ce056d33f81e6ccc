/// Writes the few instructions of Python's pickle (protocol 2) that torch's `weights_only` reader takes: constants,
/// tuples, one dictionary, globals by name, and calls of them. There is no reader.
struct Pickle {
    private(set) var bytes: [UInt8] = [0x80, 2]
    private var kept: UInt32 = 0

    /// The number under which the top of the stack was saved for another use.
    struct Memo: Hashable {
        fileprivate let number: UInt32
    }

    mutating func mark() { bytes.append(UInt8(ascii: "(")) }
    mutating func none() { bytes.append(UInt8(ascii: "N")) }
    mutating func no() { bytes.append(0x89) }
    mutating func emptyDictionary() { bytes.append(UInt8(ascii: "}")) }
    /// Everything since the mark, in pairs, into the dictionary below it.
    mutating func setItems() { bytes.append(UInt8(ascii: "u")) }
    /// Calls the function below with the tuple on top.
    mutating func call() { bytes.append(UInt8(ascii: "R")) }
    /// The object outside of the pickle that the tuple on top names: a storage.
    mutating func persistent() { bytes.append(UInt8(ascii: "Q")) }
    mutating func stop() { bytes.append(UInt8(ascii: ".")) }
    /// Everything since the mark.
    mutating func tuple() { bytes.append(UInt8(ascii: "t")) }

    mutating func global(_ module: String, _ name: String) {
        bytes += "c\(module)\n\(name)\n".utf8
    }

    mutating func text(_ text: String) throws(CakeError) {
        guard let count = UInt32(exactly: text.utf8.count) else {
            throw CakeError(.failed, "a name of \(text.utf8.count) bytes is too long for a pickle")
        }
        bytes.append(UInt8(ascii: "X"))
        bytes.append(littleEndian: count)
        bytes += text.utf8
    }

    /// Python's own numbers have no end, torch's have 63 bits.
    mutating func number(_ value: UInt64) throws(CakeError) {
        if let small = UInt8(exactly: value) {
            bytes.append(UInt8(ascii: "K"))
            bytes.append(small)
        } else if let medium = UInt16(exactly: value) {
            bytes.append(UInt8(ascii: "M"))
            bytes.append(littleEndian: medium)
        } else if let large = Int32(exactly: value) {
            bytes.append(UInt8(ascii: "J"))
            bytes.append(littleEndian: large)
        } else if let huge = Int64(exactly: value) {
            bytes.append(0x8a)
            bytes.append(8)
            bytes.append(littleEndian: huge)
        } else {
            throw CakeError(.failed, "\(value) is larger than any number torch has")
        }
    }

    mutating func tuple(of numbers: [UInt64]) throws(CakeError) {
        if numbers.isEmpty { return bytes.append(UInt8(ascii: ")")) }
        let isShort = numbers.count <= 3
        if !isShort { mark() }
        for number in numbers { try self.number(number) }
        bytes.append(isShort ? 0x84 + UInt8(numbers.count) : UInt8(ascii: "t"))
    }

    mutating func keep() -> Memo {
        let memo = Memo(number: kept)
        kept += 1
        if let small = UInt8(exactly: memo.number) {
            bytes += [UInt8(ascii: "q"), small]
        } else {
            bytes.append(UInt8(ascii: "r"))
            bytes.append(littleEndian: memo.number)
        }
        return memo
    }

    mutating func use(_ memo: Memo) {
        if let small = UInt8(exactly: memo.number) {
            bytes += [UInt8(ascii: "h"), small]
        } else {
            bytes.append(UInt8(ascii: "j"))
            bytes.append(littleEndian: memo.number)
        }
    }
}
