internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

/// Information about repositories, and lists of them.
extension HubAnswers {
    func info(_ repository: HubRepository, _ revision: String?, _ asked: Asked) async throws -> ServerReply {
        let fields = try HubFields(asked.target, repository.kind)
        let view = try await view(of: repository, revision, asked)
        var object: JSONObject
        switch view.source {
        case .stored(let model, let manifest): object = try summary(of: model, manifest)
        case .listed(let listing): object = HubAnswers.summary(of: listing)
        }
        let withBlobs = asked.target.isTrue("blobs")
        var siblings: [JSONValue] = []
        for file in view.files {
            var sibling = JSONObject([.init(key: "rfilename", value: .string(file.path.string))])
            if withBlobs {
                let content = try content(of: file, in: view)
                sibling.append("size", JSONValue(file.size))
                sibling.append("blobId", .string(HubAnswers.blob(of: file, content).hex))
                if let large = HubAnswers.large(file, content, hash: "sha256") { sibling.append("lfs", large) }
            }
            siblings.append(.object(sibling))
        }
        object.append("siblings", .array(siblings))
        if case .stored(let model, let manifest) = view.source {
            try add(fields, inList: false, to: &object, model, manifest)
        }
        return ServerReply(.object(fields.choose(from: object)), 200, [(CakeRoute.sign, "1")])
    }

    /// Another Hub's information, except for the files, which are listed as this server serves them.
    private static func summary(of listing: HubListing) -> JSONObject {
        var object = listing.words
        object.members.removeAll { $0.key == "sha" }
        object.append("sha", .string(listing.commit))
        return object
    }

    func list(_ kind: HubRepository.Kind, _ asked: Asked) throws -> ServerReply {
        let target = asked.target
        let (filter, fields) = (try HubFilter(target, kind), try HubFields(target, kind))
        if filter.isEmpty { return ServerReply([], 200) }
        let words = (target["search"] ?? "").lowercased().split(separator: " ")
        let author = target["author"].map { $0.lowercased() + "/" }
        /// One of each, `main` where there is one.
        var wanted: [HubRepository: HubModels.Model] = [:]
        for model in try models.all(kind) where visibility.shows(model, to: asked.caller) {
            let repository = model.place.repository
            if !words.isEmpty || author != nil {
                let id = repository.id.lowercased()
                guard words.allSatisfy(id.contains), author.map(id.hasPrefix) ?? true else { continue }
            }
            let isBetter = model.place.revision == Revision.main
            if let one = wanted[repository], one.place.revision == Revision.main || !isBetter { continue }
            wanted[repository] = model
        }
        // Downloads and likes are not counted here: the latest come first, as when the Hub is asked for that.
        let sorted = wanted.values.map { (time: $0.record.time ?? 0, id: $0.place.repository.id, model: $0) }.sorted {
            $0.time != $1.time ? $0.time > $1.time : $0.id.precedesInBytes($1.id)
        }
        let count = Int(
            min(max(target["limit"].flatMap { ByteRange.number($0.utf8) } ?? HubAnswers.list, 1), HubAnswers.list))
        var list: [JSONValue] = []
        var place = Int(min(target["cursor"].flatMap { ByteRange.number($0.utf8) } ?? 0, UInt64(sorted.count)))
        var prepared = place
        while place < sorted.count, list.count < count {
            if place == prepared {
                prepared = min(sorted.count, place + min(count, HubAnswers.prepared))
                models.prepare(sorted[place..<prepared].map(\.model))
            }
            let model = sorted[place].model
            place += 1
            // A model that cannot be read is not listed; a request by its name gets an error.
            guard let manifest = try? models.manifest(of: model), var object = try? summary(of: model, manifest),
                filter.fits(object, manifest)
            else { continue }
            try? add(fields, inList: true, to: &object, model, manifest)
            list.append(.object(fields.choose(from: object)))
        }
        // A client requests pages until it has enough; a limit is the length of a page.
        guard place < sorted.count else { return ServerReply(.array(list), 200) }
        let query = target.query.filter { $0.name != "cursor" } + [("cursor", "\(place)")]
        return ServerReply(
            .array(list), 200, [("Link", NextPage.link(to: asked.origin, parts: ["api", kind.plural], query))])
    }

    private static let list: UInt64 = 1000
    private static let prepared = 16

    func revisions(of repository: HubRepository, _ asked: Asked) async throws -> ServerReply {
        if let said = try await upstream(.revisions, repository, nil, asked) { return ServerReply(said, 200) }
        let here = try models.revisions(of: repository).filter { visibility.shows($0, to: asked.caller) }
        guard !here.isEmpty else { throw HubRefusal.noRepository }
        var lists: [String: [JSONValue]] = [:]
        for model in here where !Revision.isCommit(model.place.revision) {
            let revision = model.place.revision
            // A pull does not record which refs are tags.
            let (list, name, prefix) =
                switch true {
                case model.isTag: ("tags", revision, "refs/tags/")
                case revision.hasPrefix("refs/pr/"): ("pullRequests", revision, "")
                case revision.hasPrefix("refs/convert/"): ("converts", String(revision.dropFirst(13)), "refs/convert/")
                default: ("branches", revision, "refs/heads/")
                }
            lists[list, default: []].append([
                "name": .string(name), "ref": .string(prefix + name), "targetCommit": .string(model.place.commit),
            ])
        }
        var object = JSONObject()
        for list in ["branches", "converts", "tags", "pullRequests"] { object.append(list, .array(lists[list] ?? [])) }
        return ServerReply(.object(object), 200)
    }

    func commits(of repository: HubRepository, _ revision: String, _ asked: Asked) async throws -> ServerReply {
        if let said = try await upstream(.commits(revision), repository, revision, asked) {
            return ServerReply(said, 200, [("X-Total-Count", "\(said.array?.count ?? 0)")])
        }
        let view = try await view(of: repository, revision, asked)
        let commit: JSONValue = [
            "id": .string(view.commit), "title": .string(view.title), "message": "",
            "date": .string(view.time), "authors": [],
        ]
        return ServerReply([commit], 200, [("X-Total-Count", "1")])
    }

    /// The upstream Hub's information about a listed repository; nil for others, and while it does not answer.
    private func upstream(
        _ subject: Mirror.Subject, _ repository: HubRepository, _ revision: String?, _ asked: Asked
    ) async throws -> JSONValue? {
        guard let mirror, case .listed(let listing) = try await view(of: repository, revision, asked).source else {
            return nil
        }
        do {
            return try await mirror.document(subject, of: listing, for: asked.asker)
        } catch let refusal as HubRefusal where refusal.isPassing {
            guard let found = try? models.find(repository, revision).model, visibility.shows(found, to: asked.caller)
            else {
                throw refusal
            }
            return nil
        }
    }

    private func summary(of model: HubModels.Model, _ manifest: Manifest) throws -> JSONObject {
        let (id, time) = (model.place.repository.id, Moment.text(model.record.time ?? 0))
        var object = JSONObject([
            .init(key: "_id", value: .string(String(model.record.manifest.hex.prefix(24)))),
            .init(key: "id", value: .string(id)),
        ])
        if model.place.repository.kind == .model { object.append("modelId", .string(id)) }
        if let author = id.split(separator: "/").first, id.contains("/") {
            object.append("author", .string(String(author)))
        }
        object.append("sha", .string(model.place.commit))
        object.append("lastModified", .string(time))
        object.append("createdAt", .string(time))
        for key in ["private", "gated", "disabled"] { object.append(key, false) }
        for key in ["downloads", "likes"] { object.append(key, 0) }
        let card =
            try models.bytes(of: ModelCard.fileName, of: model, limit: HubAnswers.longestCard).map {
                ModelCard.facts(in: $0.span)
            } ?? JSONObject()
        object.append("tags", .array(HubAnswers.tags(card, manifest)))
        for key in ["pipeline_tag", "library_name"] {
            if let text = card[key]?.string { object.append(key, .string(text)) }
        }
        if !card.members.isEmpty { object.append("cardData", .object(card)) }
        return object
    }

    private static let longestCard = 1 << 20

    private static func tags(_ card: JSONObject, _ manifest: Manifest) -> [JSONValue] {
        func texts(_ key: String) -> [String] {
            card[key].map { $0.array?.compactMap(\.string) ?? [$0.string].compactMap(\.self) } ?? []
        }
        var tags = texts("library_name") + texts("tags") + texts("language")
        for form in ["safetensors", "gguf"]
        where manifest.files.contains(where: { $0.path.string.hasSuffix("." + form) }) {
            tags.append(form)
        }
        tags += texts("pipeline_tag") + texts("base_model").map { "base_model:\($0)" }
        tags += texts("license").map { "license:\($0)" } + texts("datasets").map { "dataset:\($0)" }
        var seen: Set<String> = []
        return tags.filter { seen.insert($0).inserted }.map { .string($0) }
    }

    /// Elements of each dtype in safetensors files.
    static func weights(of manifest: Manifest) -> JSONValue? {
        let files = manifest.files.filter { $0.path.string.hasSuffix(".safetensors") }
        let facts = Facts(config: nil, tensors: files.lazy.flatMap(\.segments).compactMap(\.tensor))
        guard facts.tensors > 0 else { return nil }
        let parameters = facts.dtypes.map { JSONObject.Member(key: $0.dtype.rawValue, value: JSONValue($0.parameters)) }
        return ["parameters": .object(JSONObject(parameters)), "total": JSONValue(facts.parameters)]
    }
}
