internal import Model
internal import Store

/// A pack of the registry that is not stored as a file: its objects in order, and where their bytes are. Drawn in
/// docs/layout.md.
struct HeldPack: Sendable {
    struct Object: Hashable, Sendable {
        let layer: Layer
        /// Of the object's bytes.
        let stored: Digest
        let length: UInt64
        let place: IndexRecord.Place

        /// The file that is kept for it.
        var fileName: String {
            switch place {
            case .alone: stored.hex
            case .pack(let pack, _): pack.hex + Layout.packSuffix
            }
        }

        /// Where it begins in that file.
        var start: UInt64 {
            switch place {
            case .alone: 0
            case .pack(_, let offset): offset
            }
        }
    }

    let objects: [Object]
    /// The place of each object.
    let extents: Extents

    /// Their lengths were checked: those of a store's objects by the disk, those of a text below.
    init(_ objects: [Object]) {
        self.objects = objects
        extents = Extents(objects.lazy.map(\.length))
    }

    var size: UInt64 { extents.whole.upperBound }

    /// A run of bytes of one object.
    struct Part: Sendable {
        let object: Object
        let range: Range<UInt64>
    }

    /// The parts of a range.
    func parts(of range: Range<UInt64>) -> [Part] {
        extents.parts(of: range).map { Part(object: objects[$0.index], range: $0.bytes) }
    }
}

extension HeldPack {
    private static let mark = "cake pack 1"
    /// For a pack of half a million layers.
    static let maximumTextSize = 128 << 20

    var encoded: [UInt8] {
        var text = "\(HeldPack.mark) \(size)\n"
        for object in objects {
            text += "\(object.stored.hex) \(object.length) \(object.layer.digest.hex) \(object.layer.size)"
            if case .pack(let pack, let offset) = object.place { text += " \(pack.hex) \(offset)" }
            text += "\n"
        }
        return Array(text.utf8)
    }

    /// The pack's size, as its first line has it.
    static func size(in text: [UInt8]) -> UInt64? {
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        guard line.starts(with: Array((mark + " ").utf8)) else { return nil }
        return ByteRange.number(line.dropFirst(mark.utf8.count + 1))
    }

    init(decoding text: [UInt8]) throws(CakeError) {
        let refused = CakeError(.damaged, "a file of the registry is not the list of a pack")
        guard let size = HeldPack.size(in: text), text.last == UInt8(ascii: "\n") else { throw refused }
        var objects: [Object] = []
        var total = ByteTotal(limit: ByteCount.maximum)
        for line in text.split(separator: UInt8(ascii: "\n")).dropFirst() {
            let words = line.split(separator: UInt8(ascii: " "))
            func digest(_ index: Int) -> Digest? { Digest(hex: String(decoding: words[index], as: UTF8.self)) }
            guard words.count == 4 || words.count == 6, let stored = digest(0), let layer = digest(2),
                let length = ByteRange.number(words[1]), let plain = ByteRange.number(words[3]),
                plain <= ByteCount.maximum
            else { throw refused }
            try total.add(length, of: "object \(stored.short)")
            var place = IndexRecord.Place.alone
            if words.count == 6 {
                guard let pack = digest(4), let offset = ByteRange.number(words[5]), offset <= ByteCount.maximum
                else {
                    throw refused
                }
                place = .pack(pack, offset: offset)
            }
            objects.append(
                Object(layer: Layer(digest: layer, size: plain), stored: stored, length: length, place: place))
        }
        self.init(objects)
        guard self.size == size else { throw refused }
    }
}
