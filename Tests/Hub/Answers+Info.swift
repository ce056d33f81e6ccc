internal import Model

/// The information about a repository.
extension Hub {
    func info(_ repository: Repository, _ revision: String, _ question: Question) -> Reply {
        guard let snapshot = repository.snapshot(revision, catalog.digests) else {
            return noSuchRevision(revision, question)
        }
        let asked = question.asked
        let masks = gate(repository, question) != nil || question.masksHashes
        let withBlobs = asked.isAsked("blobs")
        var value = summary(repository, snapshot, isFull: true, question)
        let siblings = snapshot.files.map { file -> JSONValue in
            var sibling: JSONObject = JSONObject([.init(key: "rfilename", value: .string(file.path))])
            if withBlobs {
                sibling.append("size", JSONValue(file.size))
                sibling.append("blobId", .string(file.blob))
                if let lfs = lfs(file, masks, hash: "sha256") { sibling.append("lfs", lfs) }
            }
            return .object(sibling)
        }
        guard case .object(var object) = value else { return Reply(500) }
        object.members.removeAll { $0.key == "siblings" }
        object.append("siblings", .array(siblings))
        object.append("usedStorage", JSONValue(snapshot.files.reduce(0) { $0 + $1.size }))
        let wanted = asked.query.filter { $0.name == "expand" || $0.name == "expand[]" }.map(\.value)
        if !wanted.isEmpty {
            object.members.removeAll { !(["_id", "id"] + wanted).contains($0.key) }
        }
        value = .object(object)
        return Reply(json: value)
    }

    func summary(_ repository: Repository, _ snapshot: Snapshot, isFull: Bool, _ question: Question) -> JSONValue {
        let card = snapshot.file("README.md").flatMap { OpenFile($0.place) }.flatMap {
            FrontMatter.read($0.bytes(0..<min($0.size, 1 << 20)))
        }
        var tags = card?["tags"]?.array ?? []
        if snapshot.files.contains(where: { $0.path.hasSuffix(".safetensors") }) { tags.append("safetensors") }
        let bases = card?["base_model"].map { $0.array ?? [$0] } ?? []
        tags += bases.compactMap { $0.string }.map { .string("base_model:\($0)") }
        if let license = card?["license"]?.string { tags.append(.string("license:\(license)")) }
        let id = String(Hash.sha1.hex(Array(repository.name.utf8)).prefix(24))
        var object = JSONObject([
            .init(key: "_id", value: .string(id)), .init(key: "id", value: .string(repository.name)),
            .init(key: "modelId", value: .string(repository.name)),
        ])
        if let slash = repository.name.firstIndex(of: "/") {
            object.append("author", .string(String(repository.name[..<slash])))
        }
        object.append("sha", .string(snapshot.commit))
        object.append("lastModified", .string(Hub.date))
        object.append("createdAt", .string(Hub.date))
        object.append("private", .bool(repository.isPrivate))
        object.append("gated", repository.gate.map { .string($0) } ?? false)
        object.append("disabled", .bool(repository.isDisabled))
        object.append("downloads", 0)
        object.append("likes", 0)
        object.append("tags", .array(tags))
        for key in ["pipeline_tag", "library_name"] { if let value = card?[key] { object.append(key, value) } }
        if let card, isFull || question.asked.isAsked("cardData") { object.append("cardData", card) }
        if isFull {
            object.append("siblings", .array(snapshot.files.map { ["rfilename": .string($0.path)] }))
        }
        return .object(object)
    }

    func lfs(_ file: HubFile, _ masks: Bool, hash name: String) -> JSONValue? {
        guard let sha256 = file.sha256 else { return nil }
        let shown = masks ? String(repeating: "*", count: 64) : sha256
        return [
            name: .string(shown), "size": JSONValue(file.size),
            "pointerSize": JSONValue(Digests.pointer(sha256, file.size).count),
        ]
    }
}

extension Question {
    var masksHashes: Bool { acts.contains { if case .maskedHashes = $0 { true } else { false } } }
}

/// The head of a model's card: as much of YAML as cards use at their first level.
enum FrontMatter {
    /// Keys with a text, true or false, or a list of texts.
    static func read(_ bytes: [UInt8]) -> JSONValue? {
        let lines = String(decoding: bytes, as: UTF8.self).split(omittingEmptySubsequences: false) { $0.isNewline }
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return nil }
        var object = JSONObject()
        for line in lines[1..<end] {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("- "), let last = object.members.last {
                object.members.removeLast()
                object.append(last.key, .array((last.value.array ?? []) + [scalar(text.dropFirst(2))]))
            } else if let colon = text.firstIndex(of: ":"), line.first != " " {
                object.append(String(text[..<colon]), value(text[text.index(after: colon)...].drop { $0 == " " }))
            }
        }
        return .object(object)
    }

    private static func value(_ text: Substring) -> JSONValue {
        if text.isEmpty { return nil }
        guard text.hasPrefix("["), text.hasSuffix("]") else { return scalar(text) }
        return .array(text.dropFirst().dropLast().split(separator: ",").map { scalar($0) })
    }

    private static func scalar(_ text: Substring) -> JSONValue {
        var plain = text.drop { $0 == " " }
        while plain.last == " " { plain.removeLast() }
        if plain == "true" || plain == "false" { return .bool(plain == "true") }
        if let quote = plain.first, quote == "\"" || quote == "'", plain.count >= 2, plain.last == quote {
            return .string(String(plain.dropFirst().dropLast()))
        }
        return .string(String(plain))
    }
}
