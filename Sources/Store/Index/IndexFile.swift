internal import Codec
package import Model
package import Platform

/// One file of the index, mapped: records sorted by layer, searched in place. Drawn in docs/layout.md.
package struct IndexFile: Sendable {
    package struct Pack: Sendable {
        package let digest: Digest
        package let size: UInt64
    }

    private static let fixedLength = 24
    private static let packLength = 40

    package let digest: Digest
    let shape: IndexShape
    package let packs: [Pack]
    let count: Int
    private let storage: Storage
    private let recordsStart: Int

    /// On disk, or in memory where the disk cannot be written to.
    package enum Storage: Sendable {
        case mapped(MappedFile)
        case memory(Chunk)

        func withBytes<Result, Failure: Error>(
            _ body: (Span<UInt8>) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            switch self {
            case .mapped(let file): try file.withBytes(body)
            case .memory(let chunk): try chunk.withBytes(body)
            }
        }
    }

    /// An index of a registry has digests of stored bytes.
    package init(
        _ digest: Digest, _ storage: Storage, _ shape: IndexShape = .withStoredDigests
    ) throws(CakeError) {
        let refused = CakeError(.damaged, "the file \(digest.hex)\(Layout.indexSuffix) is not an index")
        let (packs, count) = try storage.withBytes { bytes throws(CakeError) in
            guard bytes.count >= IndexFile.fixedLength else { throw refused }
            for (index, byte) in shape.mark.enumerated() where bytes[index] != byte { throw refused }
            let packCount = Int(bytes.littleEndian(UInt32.self, at: 8))
            let recordCount = bytes.littleEndian(UInt64.self, at: 16)
            let recordsStart = IndexFile.fixedLength + packCount * IndexFile.packLength
            guard bytes.count >= recordsStart,
                UInt64(bytes.count - recordsStart) / UInt64(shape.recordLength) == recordCount,
                (bytes.count - recordsStart) % shape.recordLength == 0
            else { throw refused }
            var packs: [Pack] = []
            for index in 0..<packCount {
                let offset = IndexFile.fixedLength + index * IndexFile.packLength
                guard let digest = Digest(bytes: bytes.extracting(offset..<offset + 32)) else { throw refused }
                packs.append(Pack(digest: digest, size: bytes.littleEndian(UInt64.self, at: offset + 32)))
            }
            return (packs, Int(recordCount))
        }
        self.digest = digest
        self.shape = shape
        self.storage = storage
        self.packs = packs
        self.count = count
        recordsStart = IndexFile.fixedLength + packs.count * IndexFile.packLength
    }

    /// The bytes of an index with these records.
    static func encode(_ records: [IndexRecord], packs: [Pack]) -> [UInt8] {
        let sorted = records.sorted { $0.layer.digest < $1.layer.digest }
        return encode(count: sorted.count, sorted, packs: packs)
    }

    /// The same of records that are sorted by layer.
    static func encode(count: Int, _ records: some Sequence<IndexRecord>, packs: [Pack]) -> [UInt8] {
        var numbers: [Digest: UInt32] = [:]
        for (index, pack) in packs.enumerated() { numbers[pack.digest] = UInt32(index) }
        var bytes = IndexShape.current.mark
        bytes.reserveCapacity(
            fixedLength + packs.count * packLength + count * IndexShape.current.recordLength)
        bytes.append(littleEndian: UInt32(packs.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(count))
        for pack in packs {
            bytes += pack.digest.bytes
            bytes.append(littleEndian: pack.size)
        }
        for record in records {
            if case .pack(let digest, _) = record.place {
                record.append(to: &bytes, packNumber: numbers[digest] ?? IndexRecord.noPack)
            } else {
                record.append(to: &bytes, packNumber: IndexRecord.noPack)
            }
        }
        return bytes
    }

    /// Compares the bytes with the name that is made of them.
    func check() throws(CakeError) {
        let found = storage.withBytes { SHA256.digest(of: $0) }
        guard found == digest else { throw CakeError(.damaged, "the index \(digest.short) hashes to \(found.short)") }
    }

    /// The records of a layer, by halving the range that may hold them.
    package func records(of layer: Digest) -> [IndexRecord] {
        storage.withBytes { bytes in
            // Their first words tell nearly all digests apart.
            let word = layer.words.0
            var place = (0..<count).partitioningIndex { index in
                let other = firstWord(at: index, in: bytes)
                return other != word ? other > word : !(key(at: index, in: bytes) < layer)
            }
            var found: [IndexRecord] = []
            while place < count, key(at: place, in: bytes) == layer {
                if let record = record(at: place, in: bytes) { found.append(record) }
                place += 1
            }
            return found
        }
    }

    package func forEach(_ body: (IndexRecord) -> Void) {
        storage.withBytes { bytes in
            for index in 0..<count { if let record = record(at: index, in: bytes) { body(record) } }
        }
    }

    /// Without those of packs that are not here.
    func forEach(inPacks areHere: [Bool], _ body: (IndexRecord) -> Void) {
        storage.withBytes { bytes in
            for index in 0..<count where isHere(index, areHere, in: bytes) {
                if let record = record(at: index, in: bytes) { body(record) }
            }
        }
    }

    /// Nil for one that is impossible.
    func record(at index: Int) -> IndexRecord? { storage.withBytes { record(at: index, in: $0) } }

    /// The base of each delta, without those of packs that are not here. Of the other records one byte is read.
    func forEachBase(inPacks areHere: [Bool], _ body: (Digest) -> Void) {
        storage.withBytes { bytes in
            for index in 0..<count {
                let offset = start(of: index) + shape.rest
                guard bytes[offset + IndexRecord.flagsOffset] == 1, isHere(index, areHere, in: bytes) else { continue }
                body(digest(at: offset + IndexRecord.baseOffset, in: bytes))
            }
        }
    }

    /// An object of its own is always.
    private func isHere(_ index: Int, _ packs: [Bool], in bytes: Span<UInt8>) -> Bool {
        let number = bytes.littleEndian(
            UInt32.self, at: start(of: index) + shape.rest + IndexRecord.packOffset)
        return number == IndexRecord.noPack || packs.indices.contains(Int(number)) && packs[Int(number)]
    }

    /// Of a record, in the file.
    private func start(of index: Int) -> Int { recordsStart + index * shape.recordLength }

    private func firstWord(at index: Int, in bytes: Span<UInt8>) -> UInt64 {
        bytes.littleEndian(UInt64.self, at: start(of: index)).byteSwapped
    }

    private func key(at index: Int, in bytes: Span<UInt8>) -> Digest {
        digest(at: start(of: index), in: bytes)
    }

    private func digest(at offset: Int, in bytes: Span<UInt8>) -> Digest {
        Digest(bytes: bytes.extracting(offset..<offset + 32)) ?? .empty
    }

    /// Nil for a record that points outside its pack, or has an impossible size: then the object counts as not indexed.
    private func record(at index: Int, in bytes: Span<UInt8>) -> IndexRecord? {
        let rest = start(of: index) + shape.rest
        let size = bytes.littleEndian(UInt64.self, at: rest)
        let storedLength = bytes.littleEndian(UInt64.self, at: rest + 8)
        let packOffset = bytes.littleEndian(UInt64.self, at: rest + 16)
        let packNumber = bytes.littleEndian(UInt32.self, at: rest + IndexRecord.packOffset)
        guard size <= ByteCount.maximum, storedLength <= ByteCount.maximum else { return nil }
        var place = IndexRecord.Place.alone
        var packSize: UInt64?
        if packNumber != IndexRecord.noPack {
            guard Int(packNumber) < packs.count else { return nil }
            let pack = packs[Int(packNumber)]
            guard pack.size <= ByteCount.maximum, packOffset <= pack.size, storedLength <= pack.size - packOffset else {
                return nil
            }
            place = .pack(pack.digest, offset: packOffset)
            packSize = pack.size
        }
        return IndexRecord(
            layer: Layer(digest: key(at: index, in: bytes), size: size), storedLength: storedLength, place: place,
            transform: ObjectHeader.Transform(rawValue: bytes[rest + 28]),
            base: bytes[rest + IndexRecord.flagsOffset] == 1
                ? digest(at: rest + IndexRecord.baseOffset, in: bytes) : nil, packSize: packSize)
    }
}
