import Model
import Store

/// What `cake ls --format` can print of a model.
enum ModelField: String, CaseIterable, Sendable {
    case name, id, digest, files, tensors, params, size, rest, alone, shared, deltas, age, created, origin, revision
    case commit, pinned, partial, store

    /// By the name that was typed, in capitals or not; some are docker's.
    init?(typed: String) {
        let word = typed.lowercased().filter { $0 != "_" && $0 != "-" }
        let others: [String: ModelField] = [
            "repository": .name, "createdsince": .age, "createdat": .created, "time": .created, "atrest": .rest,
            "parameters": .params, "source": .origin, "manifest": .digest, "bytes": .size, "in": .store,
        ]
        guard let field = ModelField(rawValue: word) ?? others[word] else { return nil }
        self = field
    }

    var title: String { self == .rest ? "AT REST" : rawValue.uppercased() }

    /// As the table has it, or in exact numbers.
    func text(of model: Usage.Model, isExact: Bool, now: Int) -> String {
        let record = model.named.record
        func bytes(_ count: UInt64) -> String { isExact ? "\(count)" : Quantities.bytes(count) }
        if model.isUnfinished {
            switch self {
            case .id, .digest, .files, .tensors, .params, .shared, .deltas: return ""
            case .size where model.size == 0: return ""
            case .partial: return "yes"
            default: break
            }
        }
        return switch self {
        case .name: model.named.name.string
        case .id: isExact ? record.manifest.short : record.manifest.id
        case .digest: "sha256:" + record.manifest.hex
        case .files: "\(model.files)"
        case .tensors: "\(model.tensors)"
        case .params: isExact ? "\(model.parameters)" : Quantities.count(model.parameters)
        case .size: bytes(model.size)
        case .rest: bytes(model.atRest)
        case .alone: bytes(model.alone)
        case .shared: bytes(model.shared)
        case .deltas: bytes(model.spared)
        case .age: record.time.map { Quantities.age(.seconds(now - $0)) } ?? ""
        case .created: record.time.map(Self.date) ?? ""
        case .origin: record.source ?? ""
        case .revision: record.revision ?? ""
        case .commit: record.commit ?? ""
        case .pinned: record.isPinned ? "yes" : "no"
        case .partial: record.isIncomplete ? "yes" : "no"
        case .store: model.named.place ?? ""
        }
    }

    /// `2026-11-28 18:02`.
    static func date(_ seconds: Int) -> String {
        String(Moment.text(seconds).prefix(16)).replacing("T", with: " ")
    }
}

extension Digest {
    /// As many digits as a person compares.
    var id: String { String(hex.prefix(8)) }
}

/// What `--format` says: fields, or text with fields in it as docker has them.
enum ListFormat: Sendable {
    enum Part: Sendable {
        case text(String)
        case field(ModelField)
    }

    case json
    case line([Part])
    /// `table {{.Name}}…`: in columns, under headings.
    case table([ModelField])

    static func read(_ text: String) throws(CakeError) -> ListFormat {
        if text == "json" || text == "{{json .}}" { return .json }
        guard text.contains("{{") else {
            var parts: [Part] = []
            for word in text.split(whereSeparator: { ", \t".contains($0) }) {
                if !parts.isEmpty { parts.append(.text("\t")) }
                parts.append(.field(try field(String(word))))
            }
            guard !parts.isEmpty else {
                throw CakeError(.usage, "--format names no field", fix: "write it like --format name,id,size")
            }
            return .line(parts)
        }
        let parts = try template(text.hasPrefix("table ") ? String(text.dropFirst(6)) : text)
        guard text.hasPrefix("table ") else { return .line(parts) }
        return .table(parts.compactMap { if case .field(let field) = $0 { field } else { nil } })
    }

    private static func template(_ text: String) throws(CakeError) -> [Part] {
        var parts: [Part] = []
        var rest = text.replacing("\\t", with: "\t").replacing("\\n", with: "\n")[...]
        while let start = rest.firstRange(of: "{{") {
            if start.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<start.lowerBound]))) }
            guard let end = rest[start.upperBound...].firstRange(of: "}}") else {
                throw CakeError(.usage, "--format has {{ without }}", fix: "write it like '{{.Name}} {{.ID}}'")
            }
            let word = rest[start.upperBound..<end.lowerBound].filter { $0 != " " && $0 != "." }
            parts.append(.field(try field(word)))
            rest = rest[end.upperBound...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        return parts
    }

    private static func field(_ word: String) throws(CakeError) -> ModelField {
        if let field = ModelField(typed: word) { return field }
        let known = ModelField.allCases.map(\.rawValue)
        throw CakeError(
            .usage, "there is no field \"\(Printable.escape(word))\"",
            fix: Suggestion.nearest(to: word.lowercased(), among: known).map { "did you mean \($0)?" }
                ?? "the fields are \(known.joined(separator: ", "))")
    }
}
