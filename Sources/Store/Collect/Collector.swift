import Model
internal import Platform

/// One collection: decides what is dead, then removes it from the top down.
struct Collector {
    private let store: LocalStore
    private var deadManifests: [Digest] = []
    private var deadObjects: [(digest: Digest, length: UInt64)] = []
    private var deadMembers: Set<IndexRecord.Place> = []
    private var abandonedParts: [Parts.Abandoned] = []
    /// Of everything but packs.
    private var room = DiskRoom()
    private var bytesInPacks: UInt64 = 0
    private var found = Collected()
    /// What each layer takes that no model has and deltas of models need.
    private(set) var bases: [Digest: UInt64] = [:]
    /// Of these, those that `gc --rebase` has not tried to free as they are now.
    private(set) var untried: Set<Digest> = []
    /// What each layer takes that only running commands need.
    private(set) var held: [Digest: UInt64] = [:]
    /// Layers that go.
    private var dead: Set<Digest> = []
    private var linkedPacks: [DiskRoom.Inode: UInt64] = [:]
    /// Files, by the manifests that they sign.
    private let signatures: [Digest: [String]]

    /// What was found, and what that frees: of packs an estimate before they are written again.
    var collected: Collected {
        var all = found
        all.bytes += room.bytes + bytesInPacks
        all.linked = room.kept.merging(linkedPacks) { $0 + $1 }
        return all
    }

    /// Small packs are written again for any dead member; large ones when it frees at least a fifth.
    private static let alwaysRewritten: UInt64 = 16 << 20

    init(
        _ store: LocalStore, grace: Duration, _ evenIfNothingIsNamed: Bool, _ released: Set<Digest>,
        canRewritePacks: Bool, without removed: Set<ModelName> = []
    ) throws(CakeError) {
        self.store = store
        // Leases before names and objects: a command publishes both before it lets its lease go.
        let leased = try Leases(store.layout).held()
        try store.catalog.reload(checking: true)
        let all = try store.names()
        let names = all.filter { !removed.contains($0.name) }
        var roots: Set<Digest> = Set(names.map(\.record.manifest))
        let onceRoots = Set(all.map(\.record.manifest))
        let manifests = try store.manifestDigests()
        signatures = try store.layout.signatures()
        if roots.isEmpty, !evenIfNothingIsNamed { try refuseIfNamesWereLost(manifests) }
        /// What stays without the commands that run now.
        var unheld = DigestSet([.empty])
        for root in roots { for layer in try store.outline(of: root).layers { unheld.insert(layer.digest) } }
        var live = unheld.union(leased)
        for root in manifests where leased.contains(root) && roots.insert(root).inserted {
            for layer in try store.outline(of: root).layers { live.insert(layer.digest) }
        }
        let oldest = Machine.now - Int(grace.components.seconds)
        let replaced = store.replacedManifests(since: oldest, names).subtracting(roots)
        for parts in try Parts.abandoned(in: store.layout, since: oldest) {
            guard parts.newest <= oldest else {
                found.keptDownloads += 1
                found.keptDownloadBytes += parts.bytes
                continue
            }
            abandonedParts.append(parts)
            found.halfFetched += 1
            found.bytes += parts.bytes
        }
        for manifest in manifests
        where !roots.contains(manifest) && !replaced.contains(manifest) && !onceRoots.contains(manifest) {
            guard try isYoungAndNeverNamed(manifest, oldest), let layers = try? store.outline(of: manifest).layers
            else {
                continue
            }
            roots.insert(manifest)
            for layer in layers {
                unheld.insert(layer.digest)
                if live.insert(layer.digest) { found.keptYoung += 1 }
            }
        }
        deadManifests = manifests.filter { !roots.contains($0) && !replaced.contains($0) }
        var onceNamed = DigestSet(released)
        for manifest in deadManifests {
            // What a dead manifest names goes without grace; one that cannot be read only loses that.
            if let layers = try? store.outline(of: manifest).layers {
                for layer in layers { onceNamed.insert(layer.digest) }
            }
        }
        found.manifests = deadManifests.count
        for manifest in deadManifests { for path in files(of: manifest) { try room.add(path) } }
        let bases = try BaseUses(of: store)
        let named = bases.closure(of: live)
        let earlier = store.readableLayers(of: replaced).map(\.digest)
        let liveness = Liveness(
            live: bases.closure(of: live.union(earlier)), named: named, onceNamed: bases.closure(of: onceNamed),
            oldest: oldest, bases: bases)
        let objects = bases.alone.filter { !liveness.live.contains($0.digest) }
        let members = try PackMembers.all(of: store)
        countReplaced(bases.alone, members, liveness)
        let staying = bases.closure(of: unheld)
        count(bases.alone, members, staying.subtracting(unheld), in: &self.bases)
        (found.keptBases, found.keptBaseBytes) = (self.bases.count, self.bases.values.reduce(0, +))
        count(bases.alone, members, named.subtracting(staying), in: &held)
        (found.keptHeld, found.keptHeldBytes) = (held.count, held.values.reduce(0, +))
        let needed = try neededByOthers(objects, members, liveness, canRewritePacks)
        findDeadObjects(objects, liveness, needed)
        try findDeadMembers(members, liveness, needed)
        let kept = self.bases
        let (tried, deltas) = (TriedBases(of: store), bases.deltas { kept[$0] != nil })
        untried = Set(self.bases.keys.filter { !tried.has($0, with: (deltas[$0] ?? []).subtracting(dead)) })
        found.untriedBases = untried.count
    }

    /// What decides whether an object stays.
    private struct Liveness {
        /// Named now or a short time ago, or held, or a base of such.
        let live: DigestSet
        /// Without what was named a short time ago.
        let named: DigestSet
        let onceNamed: DigestSet
        let oldest: Int
        let bases: BaseUses

        func isYoung(_ layer: Digest, modified: Int) -> Bool { !onceNamed.contains(layer) && modified > oldest }
    }

    private typealias Unnamed = (digest: Digest, status: Disk.Status)

    /// The bases of deltas that stay although nothing names them: they are young, or their pack cannot be written again.
    private func neededByOthers(
        _ objects: [Unnamed], _ members: [PackMembers.Member], _ liveness: Liveness, _ canRewritePacks: Bool
    ) throws(CakeError) -> Set<Digest> {
        var staying = Set(
            objects.lazy.filter { liveness.isYoung($0.digest, modified: $0.status.modified) }.map(\.digest))
        var times: [Digest: Int] = [:]
        for member in members where member.base != nil && !liveness.live.contains(member.layer.digest) {
            if times[member.pack] == nil {
                times[member.pack] = try Disk.status(store.layout.pack(member.pack))?.modified
            }
            let isYoung = liveness.isYoung(member.layer.digest, modified: times[member.pack] ?? 0)
            if isYoung || !canRewritePacks { staying.insert(member.layer.digest) }
        }
        return staying.reduce(into: []) { $0.formUnion(liveness.bases.bases(of: $1)) }
    }

    /// What stays for versions that names left.
    private mutating func countReplaced(
        _ objects: [Unnamed], _ members: [PackMembers.Member], _ liveness: Liveness
    ) {
        func isOnlyReplaced(_ layer: Digest) -> Bool {
            liveness.live.contains(layer) && !liveness.named.contains(layer)
        }
        for (digest, status) in objects where isOnlyReplaced(digest) {
            found.keptReplaced += 1
            found.keptReplacedBytes += status.allocated
        }
        for member in members where isOnlyReplaced(member.layer.digest) {
            found.keptReplaced += 1
            found.keptReplacedBytes += member.length
        }
    }

    /// What layers take that stay although no model has them.
    private func count(
        _ objects: [Unnamed], _ members: [PackMembers.Member], _ kept: DigestSet, in rooms: inout [Digest: UInt64]
    ) {
        guard !kept.isEmpty else { return }
        for (digest, status) in objects where kept.contains(digest) { rooms[digest] = status.allocated }
        for member in members where kept.contains(member.layer.digest) { rooms[member.layer.digest] = member.length }
    }

    /// The import that stored it was killed before it gave the name, and may be started again.
    private func isYoungAndNeverNamed(_ manifest: Digest, _ oldest: Int) throws(CakeError) -> Bool {
        guard let status = try Disk.status(store.layout.manifest(manifest)), status.modified > oldest else {
            return false
        }
        return try !Disk.exists(store.layout.removalMark(manifest))
    }

    /// No names at all is what a lost folder looks like, too.
    private func refuseIfNamesWereLost(_ manifests: [Digest]) throws(CakeError) {
        for manifest in manifests where try !Disk.exists(store.layout.removalMark(manifest)) {
            throw CakeError(
                .failed, "no model has a name, but \(manifest.short) was never removed: gc would delete everything",
                fix: "give it a name with cake tag \(manifest.short) NAME, or use cake gc --force")
        }
    }

    private mutating func findDeadObjects(_ objects: [Unnamed], _ liveness: Liveness, _ needed: Set<Digest>) {
        for (digest, status) in objects where !needed.contains(digest) {
            guard !liveness.isYoung(digest, modified: status.modified) else {
                found.keptYoung += 1
                found.keptYoungBytes += status.allocated
                continue
            }
            deadObjects.append((digest, status.size))
            dead.insert(digest)
            found.layers += 1
            room.add(status)
        }
        // Deltas go before their bases.
        deadObjects.sort { liveness.bases.isDelta($0.digest) && !liveness.bases.isDelta($1.digest) }
    }

    private mutating func findDeadMembers(_ all: [PackMembers.Member], _ liveness: Liveness, _ needed: Set<Digest>)
        throws(CakeError)
    {
        let copies = try PackMembers.spareCopies(among: all, in: store)
        for (pack, members) in PackMembers.byPack(all) {
            guard let status = try Disk.status(store.layout.pack(pack)) else { continue }
            let unneeded = members.filter { member in
                let digest = member.layer.digest
                return !liveness.live.contains(digest) && !needed.contains(digest) || copies.contains(member.place)
            }
            let dead = unneeded.filter { member in
                copies.contains(member.place) || !liveness.isYoung(member.layer.digest, modified: status.modified)
            }
            found.keptYoung += unneeded.count - dead.count
            let bytes = dead.reduce(0) { $0 + $1.length }
            found.keptYoungBytes += unneeded.reduce(0) { $0 + $1.length } - bytes
            // A dead delta would hold on to its base.
            guard
                bytes > 0,
                status.size <= Collector.alwaysRewritten || bytes >= status.size / 5
                    || dead.contains(where: { $0.base != nil })
            else { continue }
            for member in dead {
                deadMembers.insert(member.place)
                if !copies.contains(member.place) { self.dead.insert(member.layer.digest) }
            }
            found.layers += dead.count
        }
        (bytesInPacks, linkedPacks) = try PackMembers.room(of: deadMembers, among: all, in: store)
    }

    /// What a manifest has on the disk.
    private func files(of manifest: Digest) -> [String] {
        let layout = store.layout
        return [
            layout.manifest(manifest), layout.removalMark(manifest), layout.coordinates(of: manifest),
            layout.claim(manifest), layout.checksums(of: manifest), layout.archives(of: manifest),
            layout.imageLayers(of: manifest),
        ] + (signatures[manifest] ?? [])
    }

    mutating func sweep(in operation: Operation?) throws(CakeError) {
        let layout = store.layout
        for parts in abandonedParts { try parts.remove() }
        for manifest in deadManifests { for path in files(of: manifest) { try Disk.remove(path) } }
        try Disk.syncFolder(layout.manifests)
        for object in deadObjects { try Disk.remove(layout.object(object.digest)) }
        if !deadMembers.isEmpty { bytesInPacks = try PackMembers.drop(deadMembers, from: store, in: operation) }
        try removeStaleMarks()
        guard let operation else { return }
        if !deadObjects.isEmpty || !deadMembers.isEmpty || store.catalog.files.count > 1 {
            do {
                try store.foldIndex(in: operation)
            } catch let error where error.kind == .diskFull {}  // the old ones serve as well
        }
    }

    /// Marks of manifests that are gone, or that have a name again. Signatures of those that are gone.
    private func removeStaleMarks() throws(CakeError) {
        let named = Set(try store.names().map(\.record.manifest))
        try store.removeStraySignatures(of: signatures, named: named)
        for name in try Disk.names(in: store.layout.removed) {
            guard let manifest = Digest(hex: name) else { continue }
            let isGone = try !Disk.exists(store.layout.manifest(manifest))
            if isGone || named.contains(manifest) {
                try Disk.remove(store.layout.removalMark(manifest))
            }
        }
    }
}
