internal import Codec
internal import Model
internal import Platform

/// Several files of the index made into one, without records of removed objects. There may be millions of records: in memory
/// is where each lies, and the new file.
struct IndexMerge {
    /// A record's place in the files.
    private struct Entry {
        let word: UInt64
        let file: UInt32
        let index: UInt32
    }

    private let files: [IndexFile]
    private let entries: [Entry]
    private let packs: [IndexFile.Pack]

    init(_ files: [IndexFile], in layout: Layout) throws(CakeError) {
        var entries: [Entry] = []
        var packs: [IndexFile.Pack] = []
        var sizes: [Digest: UInt64?] = [:]
        entries.reserveCapacity(files.reduce(0) { $0 + $1.count })
        for (number, file) in files.enumerated() {
            for index in 0..<file.count {
                guard let record = file.record(at: index) else { continue }
                switch record.place {
                case .alone:
                    guard let status = try Disk.status(layout.object(record.layer.digest)),
                        status.size == record.storedLength
                    else { continue }
                case .pack(let pack, _):
                    if sizes[pack] == nil {
                        let size = try Disk.status(layout.pack(pack))?.size
                        sizes[pack] = .some(size)
                        if let size { packs.append(IndexFile.Pack(digest: pack, size: size)) }
                    }
                    // An index of a pack that has another size now does not describe this one.
                    guard let size = sizes[pack] ?? nil, size == record.packSize else { continue }
                }
                entries.append(
                    Entry(word: record.layer.digest.words.0, file: UInt32(number), index: UInt32(index)))
            }
        }
        func layer(of entry: Entry) -> Digest {
            files[Int(entry.file)].record(at: Int(entry.index))?.layer.digest ?? .empty
        }
        // Swift's sort keeps the order of equal ones: the files', in which the first record of a place counts.
        entries.sort { one, other in
            one.word != other.word ? one.word < other.word : layer(of: one) < layer(of: other)
        }
        self.files = files
        self.entries = entries
        self.packs = packs.sorted { $0.digest < $1.digest }
    }

    private func record(_ entry: Entry) -> IndexRecord? { files[Int(entry.file)].record(at: Int(entry.index)) }

    func encoded() -> [UInt8] {
        var kept: [Entry] = []
        kept.reserveCapacity(entries.count)
        var last: Digest?
        var seen: Set<Said> = []
        for entry in entries {
            guard let record = record(entry) else { continue }
            if record.layer.digest != last {
                seen.removeAll(keepingCapacity: true)
                last = record.layer.digest
            }
            if seen.insert(Said(record)).inserted { kept.append(entry) }
        }
        return IndexFile.encode(count: kept.count, kept.lazy.compactMap(record), packs: packs)
    }

    /// What a record says of a layer. Members of packs never change. An object of its own may have been encoded again to the same
    /// length: as long as two records differ, both bases count.
    private struct Said: Hashable {
        let place: IndexRecord.Place
        let transform: UInt8?
        let base: Digest?

        init(_ record: IndexRecord) {
            place = record.place
            transform = record.place == .alone ? record.transform.rawValue : nil
            base = record.place == .alone ? record.base : nil
        }
    }
}
