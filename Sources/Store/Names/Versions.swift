public import Model
internal import Platform

/// A model that a name leads to, or led to before.
public struct ModelVersion: Sendable {
    public enum State: Hashable, Sendable {
        case current
        /// A collection leaves it alone until then, in seconds since 1970.
        case kept(until: Int)
        /// The next collection takes what no other model needs of it.
        case waiting
        /// Its manifest is not here any more.
        case gone
    }

    public let manifest: Digest
    public let since: Int?
    public let until: Int?
    public let source: String?
    public let revision: String?
    public let commit: String?
    public let isPartial: Bool
    /// Of its files; nil when its manifest cannot be read.
    public let size: UInt64?
    public let state: State
}

extension LocalStore {
    /// The versions of a name, the latest first.
    public func versions(of named: Named) throws(CakeError) -> [ModelVersion] {
        let record = named.record
        var versions = [
            ModelVersion(
                manifest: record.manifest, since: record.time, until: nil, source: record.source,
                revision: record.revision, commit: record.commit, isPartial: record.isIncomplete,
                size: (try? manifest(record.manifest))?.size, state: .current)
        ]
        for version in record.replaced.reversed() {
            let size = (try? manifest(version.manifest))?.size
            let isKept = LocalStore.isRecent(version, since: LocalStore.graceBegin) && named.place == nil
            let end = version.until.addingReportingOverflow(Machine.now - LocalStore.graceBegin).partialValue
            let state: ModelVersion.State = size == nil ? .gone : isKept ? .kept(until: end) : .waiting
            versions.append(
                ModelVersion(
                    manifest: version.manifest, since: version.since, until: version.until, source: version.source,
                    revision: version.revision, commit: version.commit, isPartial: version.isIncomplete,
                    size: size, state: state))
        }
        return versions
    }

    /// What was replaced since then is kept.
    static var graceBegin: Int { Machine.now - Int(usualGrace.components.seconds) }

    /// A version that a clock in the future replaced, or a damaged record, is not kept until then.
    private static func isRecent(_ version: ReplacedVersion, since oldest: Int) -> Bool {
        version.until > oldest && version.until <= Machine.now + 600
    }

    /// Manifests that names here left for others after `oldest`, and that no name leads to.
    func replacedManifests(since oldest: Int, _ names: [Named]) -> Set<Digest> {
        var replaced: Set<Digest> = []
        for named in names {
            for version in named.record.replaced where LocalStore.isRecent(version, since: oldest) {
                replaced.insert(version.manifest)
            }
        }
        return replaced.subtracting(names.map(\.record.manifest))
    }

    /// Of manifests that can be read: a collection keeps these layers, and counts them apart.
    func readableLayers(of manifests: Set<Digest>) -> [Layer] {
        var layers: [Layer] = []
        for digest in manifests.sorted() {
            if let manifest = try? manifest(digest) { layers += manifest.layers }
        }
        return layers
    }

    /// An earlier version of a name, by its id, its commit, or the branch or tag that it was.
    func earlier(_ revision: String, of typed: String, _ names: [Named]) -> Named? {
        let wanted = ExactText(typed)
        for named in names where named.name.text == wanted {
            let version = named.record.replaced.last { version in
                version.revision == revision
                    || LocalStore.isAbbreviation(revision, of: version.manifest.hex)
                    || version.commit.map { LocalStore.isAbbreviation(revision, of: $0) } ?? false
            }
            guard let version, (try? manifest(version.manifest)) != nil,
                let name = try? ModelName("\(typed)@\(version.manifest.short)")
            else { continue }
            return Named(
                name: name, record: version.record(beside: named.record), place: named.place, current: named.name)
        }
        return nil
    }

    /// The first seven digits of an id or commit, and more.
    static func isAbbreviation(_ text: String, of digits: String) -> Bool {
        text.utf8.count >= 7 && digits.hasPrefix(text)
    }

    /// Points a name at a version that it had before. False when the name has forgotten it meanwhile.
    public func bringBack(_ version: Named, in operation: Operation) throws(CakeError) -> Bool {
        guard let name = version.current else { return false }
        try operation.hold(manifest: version.record.manifest)
        _ = try manifest(version.record.manifest)
        var isDone = false
        try update(name, in: operation) { old throws(CakeError) in
            guard let old, let found = old.replaced.last(where: { $0.manifest == version.record.manifest }) else {
                return nil
            }
            var record = found.record(beside: old)
            record.time = Machine.now
            isDone = true
            return record
        }
        return isDone
    }

    /// Gives a model another name instead of the one it has, with its pin and its earlier versions. A kill in between leaves
    /// both names.
    package func rename(
        _ old: ModelName, to new: ModelName, in operation: Operation,
        unless refuses: (NameRecord?, NameRecord) throws(CakeError) -> Void,
        before: (NameRecord) throws(CakeError) -> Void
    ) throws(CakeError) {
        guard old != new else { return }
        guard let known = try record(of: old) else { throw missing(old) }
        // Held: a collection beside this may list the names before there is the new one, and look for the old one when it has gone.
        for digest in [known, try readable(new)].compactMap(\.self).flatMap({
            [$0.manifest] + $0.replaced.map(\.manifest)
        }) {
            try operation.hold(manifest: digest)
        }
        try withNames { () throws(CakeError) in
            guard let record = try record(of: old) else { throw missing(old) }
            guard record.manifest == known.manifest else {
                throw CakeError(.failed, "\(old) moved to another model meanwhile", fix: "run the command again")
            }
            let taken = try readable(new)
            try refuses(taken, record)
            if let taken { try refuseClosed(new, taken, for: record.manifest) }
            try before(record)
            let moved = record.renamed(onto: taken, at: Machine.now)
            if let taken, taken.manifest != record.manifest { try mark(taken.manifest, leftBy: new) }
            try replace(path(of: new), with: moved.encode(), in: operation)
            try Disk.remove(path(of: old))
            try Disk.syncFolder(layout.names)
        }
    }

    /// A registry made manifests of the model for those that its Hub lets in, and these must go with the name.
    func refuseClosed(_ name: ModelName, _ record: NameRecord, for manifest: Digest) throws(CakeError) {
        guard record.mark == .mirroredClosed, record.manifest != manifest else { return }
        throw CakeError(
            .failed, "\(name) is a model that a mirror keeps for a few of its clients, so it cannot be replaced",
            fix: "cake rm \(name), then run the command again")
    }
}
