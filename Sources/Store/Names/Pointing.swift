public import Model
internal import Platform

/// Where a model came from, as its name remembers it.
public struct ModelOrigin: Sendable {
    public let source: String
    public let revision: String?
    public let commit: String?
    /// In which another tool keeps it there.
    public let shape: ForeignShape?

    public init(_ source: String, revision: String? = nil, commit: String? = nil, shape: ForeignShape? = nil) {
        (self.source, self.revision, self.commit, self.shape) = (source, revision, commit, shape)
    }
}

/// Every verb that brings a model gives its name away here.
extension LocalStore {
    /// What a name is expected to be before it moves.
    public enum Expected: Sendable {
        case anything
        /// Else another command moved it meanwhile, and nothing is changed.
        case manifest(Digest?)
    }

    public enum Pointed: Sendable {
        /// What the name remembered before.
        case done(before: NameRecord?)
        case movedMeanwhile

        public var isDone: Bool { if case .done = self { true } else { false } }

        /// The commit that the name was at, where it had been at this one earlier.
        public func wentBackFrom(to commit: String) -> String? {
            guard case .done(let before?) = self, before.commit != commit, before.earlierCommits.contains(commit) else {
                return nil
            }
            return before.commit
        }
    }

    /// Points a name at a manifest and writes down where that came from; `change` adds what else is known. `refuses` throws for
    /// a name that must not move; `admission` says why the model may have it.
    public func point(
        _ name: ModelName, to manifest: Digest, from origin: ModelOrigin, expecting expected: Expected = .anything,
        by admission: Admission, in operation: Operation,
        unless refuses: (NameRecord?) throws(CakeError) -> Void = { _ in },
        _ change: (_ new: inout NameRecord, _ old: NameRecord?) -> Void
    ) throws(CakeError) -> Pointed {
        var pointed = Pointed.movedMeanwhile
        try update(name, in: operation) { old throws(CakeError) in
            if case .manifest(let known) = expected, old?.manifest != known { return nil }
            try refuses(old)
            try admission.check(name, manifest, commit: origin.commit, before: old)
            pointed = .done(before: old)
            var record = old ?? NameRecord(manifest: manifest)
            if let now = old?.commit, now != origin.commit { record.earlierCommits.append(now) }
            // What the source called files of another commit says nothing of these.
            if old?.commit != origin.commit { record.etags = [:] }
            record.manifest = manifest
            record.time = Machine.now
            (record.source, record.revision, record.commit) = (origin.source, origin.revision, origin.commit)
            record.shape = origin.shape
            change(&record, old)
            return record
        }
        return pointed
    }
}
