internal import Codec
internal import Model
internal import Platform

/// The objects inside packs, and taking some of them away: a pack is written again without them.
enum PackMembers {
    struct Member: Sendable {
        let layer: Layer
        let pack: Digest
        let offset: UInt64
        let length: UInt64
        let transform: ObjectHeader.Transform
        let base: Digest?

        var place: IndexRecord.Place { .pack(pack, offset: offset) }
        var location: LocalStore.Location { .pack(pack, offset: offset, length: length) }
    }

    /// Every member of every pack, in order.
    static func all(of store: LocalStore) throws(CakeError) -> [Member] {
        try store.catalog.reload(checking: true)
        var found: [Member] = []
        found.reserveCapacity(store.catalog.files.reduce(0) { $0 + $1.count })
        // Sorted by few bytes each: a member has many.
        var places: [(word: UInt64, offset: UInt64, number: Int)] = []
        store.catalog.forEach { record in
            guard case .pack(let pack, let offset) = record.place else { return }
            places.append((pack.words.0, offset, found.count))
            found.append(
                Member(
                    layer: record.layer, pack: pack, offset: offset, length: record.storedLength,
                    transform: record.transform, base: record.base))
        }
        places.sort { one, other in
            if one.word != other.word { return one.word < other.word }
            let (pack, second) = (found[one.number].pack, found[other.number].pack)
            return pack != second
                ? pack < second : (one.offset, one.number) < (other.offset, other.number)
        }
        var members: [Member] = []
        members.reserveCapacity(found.count)
        // Of several records of a place the first counts.
        for place in places {
            let member = found[place.number]
            if let last = members.last, last.pack == member.pack, last.offset == member.offset { continue }
            members.append(member)
        }
        return members
    }

    /// The members of each pack; all are in order.
    static func byPack(_ members: [Member]) -> [(pack: Digest, members: ArraySlice<Member>)] {
        var packs: [(pack: Digest, members: ArraySlice<Member>)] = []
        var start = 0
        for index in members.indices where index + 1 == members.count || members[index + 1].pack != members[start].pack
        {
            packs.append((members[start].pack, members[start...index]))
            start = index + 1
        }
        return packs
    }

    /// Of layers that lie in several packs, all copies but one each: that is the first that is whole, and one that stands alone
    /// before one that is a delta, since it may be the base of others.
    static func spareCopies(among members: [Member], in store: LocalStore) throws(CakeError) -> Set<IndexRecord.Place> {
        var spare: Set<IndexRecord.Place> = []
        var (seen, several) = (DigestSet(minimumCapacity: members.count), Set<Digest>())
        for member in members where !seen.insert(member.layer.digest) { several.insert(member.layer.digest) }
        guard !several.isEmpty else { return [] }
        let copied = members.filter { several.contains($0.layer.digest) }
        for (_, copies) in Dictionary(grouping: copied, by: \.layer.digest) {
            let copies = copies.filter { $0.base == nil } + copies.filter { $0.base != nil }
            var kept = 0
            while kept < copies.count, try !store.isWhole(copies[kept].layer, at: copies[kept].location) { kept += 1 }
            for (index, copy) in copies.enumerated() where index != kept % copies.count { spare.insert(copy.place) }
        }
        return spare
    }

    /// What `drop` gives back: the packs that go, without those that are written instead, each in whole blocks. And the packs
    /// that other names keep.
    static func room(
        of dropped: Set<IndexRecord.Place>, among members: [Member], in store: LocalStore
    ) throws(CakeError) -> (bytes: UInt64, linked: [DiskRoom.Inode: UInt64]) {
        guard !dropped.isEmpty else { return (0, [:]) }
        var removed = DiskRoom()
        var (written, open) = (UInt64(0), UInt64(0))
        func close() {
            written += DiskRoom.blocks(open)
            open = 0
        }
        for (pack, members) in byPack(members) {
            let kept = members.filter { !dropped.contains($0.place) }
            guard kept.count < members.count else { continue }
            try removed.add(store.layout.pack(pack))
            for member in kept {
                if open > 0, open + member.length > Pending.packLimit { close() }
                open += member.length
            }
        }
        close()
        return (removed.bytes - min(removed.bytes, written), removed.kept)
    }

    /// Removes members from their packs. The rest of a pack is published in another before the old one is removed;
    /// packs without a rest go first and free space. Without an operation only these are removed. The caller holds the
    /// sweep lock. Returns the freed bytes.
    @discardableResult
    static func drop(
        _ dropped: Set<IndexRecord.Place>, from store: LocalStore, in operation: Operation?
    ) throws(CakeError) -> UInt64 {
        var (removed, added) = (DiskRoom(), DiskRoom())
        func remove(_ pack: Digest) throws(CakeError) {
            try removed.add(store.layout.pack(pack))
            try Disk.remove(store.layout.pack(pack))
        }
        let packs = byPack(try all(of: store))
        var shrinking: [(pack: Digest, members: ArraySlice<Member>)] = []
        for (pack, members) in packs {
            let dead = members.count { dropped.contains($0.place) }
            if dead == members.count {
                try remove(pack)
            } else if dead > 0 {
                shrinking.append((pack, members))
            }
        }
        if let operation {
            for (pack, members) in shrinking {
                let file = try store.catalog.open(pack)
                for member in members where !dropped.contains(member.place) {
                    let bytes = try file.bytes(at: member.offset, count: Int(member.length))
                    try operation.pack(
                        SmallObject(
                            layer: member.layer, transform: member.transform, base: member.base, bytes: bytes))
                }
            }
            // The rest of one pack may be the whole content of another: then that one has just been written again.
            let written = Set(try operation.publishMoved().packs)
            for (pack, _) in shrinking where !written.contains(pack) { try remove(pack) }
            for pack in written.subtracting(packs.map(\.pack)) { try added.add(store.layout.pack(pack)) }
        }
        try Disk.syncFolder(store.layout.packs)
        try store.catalog.reload(checking: false)
        return removed.bytes - min(removed.bytes, added.bytes)
    }
}
