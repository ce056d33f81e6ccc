public import Model
internal import Platform
internal import Synchronization

/// One command's work in the store: a folder of its own under `incoming`, and a lease that tells a collection which
/// digests the command relies on. Unpublished files are lost when it ends.
public final class Operation: Sendable {
    struct State: ~Copyable {
        fileprivate var leaseLength: UInt64
        /// Layers that a part of this operation has claimed: each is written once.
        fileprivate var claimed: Set<Digest> = []
        /// Of these, the layers that were not here.
        fileprivate(set) var needed: Set<Digest> = []
        fileprivate var pending = Pending()
        /// Layers that were taken as bases, in the order of the file.
        var bases: Set<Digest> = []
        var basesFile: File?
        /// Layers that become deltas, and their bases as far as that is decided.
        var deltas: Set<Digest> = []
        var pendingBases: [Digest: Digest] = [:]
        /// The bases that objects named when this was first asked; nil before that.
        var basesInStore: DigestSet?
        /// The same as the index has it.
        var indexedBases: DigestSet?
    }

    let store: LocalStore
    package let folder: String
    private let lease: File
    private let sweep: File
    private let process = Machine.process
    let state: Mutex<State>

    public init(_ store: LocalStore) throws(CakeError) {
        guard store.isWritable else {
            throw CakeError(
                .failed, "the store \(Printable.escape(store.layout.root)) is not writable",
                fix: "check the disk and the owner of the folder, or choose another store with --store")
        }
        self.store = store
        try Leases(store.layout).removeDead()
        folder = try Disk.makeUniqueFolder(in: store.layout.incoming, prefix: "operation-")
        do {
            let text = Lease.text
            // Locked before it has its name: no collection finds it unlocked while this process lives.
            let file = try File(folder + "/lease.new", .create)
            _ = try file.lock(exclusive: true, waiting: false)
            // On a full disk the lock alone shows that this lives: reading and removing still work.
            var length = text.count
            do {
                try file.write(text.span, at: 0)
            } catch let error where error.kind == .diskFull { length = 0 }
            try Disk.rename(folder + "/lease.new", to: folder + "/lease")
            sweep = try File(store.layout.lock("sweep"), .readWriteOrCreate)
            lease = file
            state = Mutex(State(leaseLength: UInt64(length)))
        } catch {
            try? Disk.removeTree(folder)
            throw error
        }
    }

    deinit { end() }

    /// Lets go of everything, when others still hold a reference. A copy in a forked process has nothing to let go of.
    package func end() {
        guard Machine.process == process else { return }
        try? Disk.removeTree(folder)
    }

    public enum Claim: Sendable {
        /// It is in the store, and stays there while the operation lives.
        case here
        /// The caller has to store it.
        case needed
        /// Another task of this operation is bringing it.
        case coming
    }

    /// Claims the layers for this operation, and checks whether they are here. A collection either sees the claim or
    /// has already removed the layer.
    public func claim(_ layers: [Layer]) throws(CakeError) -> [Claim] {
        try state.withLock { state throws(CakeError) in
            let new = layers.filter { !state.claimed.contains($0.digest) }
            _ = try sweep.lock(exclusive: false, waiting: true)
            defer { sweep.unlock() }
            try append(new.map(\.digest), &state)
            var claims: [Claim] = []
            for layer in layers {
                if try store.contains(layer) {
                    claims.append(.here)
                } else {
                    state.needed.insert(layer.digest)
                    claims.append(state.claimed.contains(layer.digest) ? .coming : .needed)
                }
                state.claimed.insert(layer.digest)
            }
            return claims
        }
    }

    /// Holds the layers that are here, and returns them. The caller need not store the others.
    public func hold(_ layers: some Sequence<Layer>) throws(CakeError) -> Set<Digest> {
        try state.withLock { state throws(CakeError) in
            _ = try sweep.lock(exclusive: false, waiting: true)
            defer { sweep.unlock() }
            var here: Set<Digest> = []
            for layer in layers where !here.contains(layer.digest) {
                if try store.contains(layer) { here.insert(layer.digest) }
            }
            // Asked of the few, not of all that was ever claimed.
            try append(here.filter { !state.claimed.contains($0) }, &state)
            return here
        }
    }

    /// Keeps a manifest, and all its layers, while the operation lives.
    public func hold(manifest: Digest) throws(CakeError) {
        try state.withLock { state throws(CakeError) in
            _ = try sweep.lock(exclusive: false, waiting: true)
            defer { sweep.unlock() }
            try append([manifest], &state)
        }
    }

    private func append(_ digests: some Collection<Digest>, _ state: inout State) throws(CakeError) {
        guard !digests.isEmpty else { return }
        let bytes = (state.leaseLength == 0 ? Lease.text : []) + digests.flatMap(\.bytes)
        try lease.write(bytes.span, at: state.leaseLength)
        state.leaseLength += UInt64(bytes.count)
    }

    /// Takes an object from this operation's folder, to be published with the others.
    func add(_ object: WrittenObject) {
        state.withLock { $0.pending.objects.append(object) }
    }

    /// Appends a small object to the pack of this operation.
    func pack(_ object: SmallObject) throws(CakeError) {
        try state.withLock { state throws(CakeError) in try state.pending.pack(object, in: folder) }
    }

    /// Stored bytes that wait to be published.
    public var pendingBytes: UInt64 { state.withLock { $0.pending.bytes } }

    /// Publishes everything that was added: one sync, the renames, the folders. Returns the stored bytes.
    @discardableResult
    public func publish() throws(CakeError) -> UInt64 {
        let bytes = try publishAll(isReplacing: false).bytes
        if bytes > 0 { store.mergeIndexes(in: self) }
        return bytes
    }

    /// Makes objects part of the store that were in it before, elsewhere. The caller holds the sweep lock.
    func publishMoved() throws(CakeError) -> Pending.Published {
        var pending = takePending()
        try pending.close(in: folder, without: [])
        return try pending.publish(to: store, from: folder)
    }

    /// With `isReplacing` a delta replaces the store's object of its layer.
    func publishAll(isReplacing: Bool) throws(CakeError) -> Pending.Published {
        var pending = takePending()
        try pending.close(in: folder, without: [])
        let deltas = pending.records.filter { $0.base != nil }
        guard isReplacing || !deltas.isEmpty else { return try pending.publish(to: store, from: folder) }
        let lock = try store.lockEncoding()
        defer { lock.unlock() }
        try pending.close(in: folder, without: refused(deltas, isReplacing: isReplacing))
        let layers = Set(pending.packs.flatMap { $0.records.map(\.layer.digest) })
        let published = try pending.publish(to: store, from: folder)
        if isReplacing { try dropOthers(of: layers, than: Set(published.packs)) }
        return published
    }

    /// For packed layers that were encoded again, drops the copies elsewhere: under the same lock, because until then
    /// the layer has its old encoding.
    private func dropOthers(of layers: Set<Digest>, than packs: Set<Digest>) throws(CakeError) {
        guard !layers.isEmpty else { return }
        try store.withSweepLock { () throws(CakeError) in
            let all = try PackMembers.all(of: store)
            // A collection that had two copies may have removed this one: a pack with the same bytes was here before.
            let here = Set(all.lazy.filter { packs.contains($0.pack) }.map(\.layer.digest))
            let old = all.filter {
                layers.contains($0.layer.digest) && here.contains($0.layer.digest) && !packs.contains($0.pack)
            }
            if !old.isEmpty { try PackMembers.drop(Set(old.map(\.place)), from: store, in: self) }
        }
    }

    private func takePending() -> Pending {
        var pending = Pending()
        state.withLock { swap(&$0.pending, &pending) }
        return pending
    }
}

/// The owner of an `incoming` folder.
enum Lease {
    /// The file beside the lease that says which layers the operation takes as bases.
    static let bases = "bases"

    static var text: [UInt8] { Array("host \(Machine.host) boot \(Machine.boot) process \(Machine.process)\n".utf8) }
}
