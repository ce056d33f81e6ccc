import Model
import Transfer

/// What came from the Hub.
struct PullSummary: Summary {
    let report: Pull.Report
    /// The repository, where the model got another name.
    let source: String?
    /// Of mirrors.
    let bytesNear: UInt64
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let name = page.style.paint(report.name.description, .strong)
        let from = source.map { " from \($0)" } ?? ""
        let title = "pulled \(name)\(from)  \(report.commit.prefix(7))  in \(Quantities.duration(elapsed))"
        let size = "\(Quantities.bytes(report.bytes)) in \(Quantities.count(report.files, of: "file"))"
        let stored = "\(Quantities.bytes(report.bytesStored)) added to the store"
        var lines = [title] + page.detail(size) + page.detail(moved.joined(separator: "; "))
        guard let (here, missing) = report.tensors else {
            return lines + page.detail("\(stored); every file matches its published hash")
        }
        lines += page.detail("\(stored); \(here) of \(Quantities.count(here + missing, of: "tensor")) are here")
        return lines
            + page.detail(
                "part of a model cannot be checked: the Hub publishes hashes of whole files; cake pull "
                    + (source.map { "\($0) --as \(report.name)" } ?? report.name.description)
                    + " completes and checks it")
    }

    /// What was downloaded, and why the rest was not.
    private var moved: [String] {
        var line = "\(Quantities.bytes(report.bytesFetched)) downloaded"
        if bytesNear > 0 { line += ", \(Quantities.bytes(bytesNear)) of it from mirrors" }
        if let (layers, place) = report.layers, layers > 0 {
            line += ", \(Quantities.bytes(layers)) of it as layers from \(place)"
        }
        let saved = report.bytesSaved
        func bytes(_ proofs: Pull.Proof...) -> UInt64 { proofs.reduce(0) { $0.clampedSum(saved[$1] ?? 0) } }
        let rest: [(bytes: UInt64, what: String)] = [
            (bytes(.knownFile), "already here"), (bytes(.cachedFile), "from the Hugging Face cache"),
            (bytes(.resumed), "from an earlier download"),
            (bytes(.published, .coordinates, .samples), "reused from models here (file hash verified)"),
        ]
        let compressed = bytes(.layers)
        return [line] + rest.filter { $0.bytes > 0 }.map { "\(Quantities.bytes($0.bytes)) \($0.what)" }
            + (compressed > 0 ? ["\(Quantities.bytes(compressed)) saved: the mirror sent compressed layers"] : [])
    }

    var document: JSONValue {
        var reused = JSONObject()
        for proof in Pull.Proof.allCases { reused.append(proof.rawValue, JSONValue(report.bytesSaved[proof] ?? 0)) }
        return [
            "name": JSONValue(report.name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(report.commit), "files": JSONValue(report.files), "bytes": JSONValue(report.bytes),
            "bytes_fetched": JSONValue(report.bytesFetched), "bytes_reused": .object(reused),
            "bytes_from_mirrors": JSONValue(bytesNear), "bytes_as_layers": JSONValue(report.layers?.bytes ?? 0),
            "bytes_stored": JSONValue(report.bytesStored), "partial": .bool(report.tensors != nil),
            "tensors_missing": JSONValue(report.tensors?.missing ?? 0),
        ]
    }
}

/// Where the files of a download are, as `hf download` prints it.
struct DownloadSummary: Finding {
    let pull: any Summary
    let path: String

    /// A script takes the path as it is; a terminal must not obey it.
    func lines(on page: Page) -> [String] { [page.tableWidth == nil ? path : Printable.escape(path)] }

    var document: JSONValue {
        guard case .object(var document) = pull.document else { return ["path": JSONValue(path)] }
        document.append("path", JSONValue(path))
        return .object(document)
    }
}

/// What a pull would do now: what is here whole, and what is not.
struct PullOutlookSummary: Finding {
    let outlook: PullOutlook
    let name: ModelName
    let commit: String
    let choice: WeightSelection.Choice

    func lines(on page: Page) -> [String] {
        let missing = outlook.items
        guard !missing.isEmpty else {
            let files = Quantities.count(choice.files.count, of: "file")
            return ["would download nothing: \(files), \(Quantities.bytes(choice.size)), already here"]
        }
        return missing.map { "\(Quantities.bytes($0.size))  \($0.path)" } + [
            "would download \(Quantities.bytes(outlook.bytesToFetch)) of \(Quantities.bytes(choice.size)), "
                + "in \(missing.count) of \(Quantities.count(choice.files.count, of: "file"))"
                + (outlook.place.map { ", as layers from \($0)" } ?? "")
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "commit": JSONValue(commit), "dry_run": .bool(true),
            "bytes": JSONValue(choice.size), "bytes_to_fetch": JSONValue(outlook.bytesToFetch),
            "files_to_fetch": .array(outlook.items.map { JSONValue($0.path.string) }),
            "layers_from": JSONValue(outlook.place),
        ]
    }
}

/// The same of some tensors of a model.
struct PartOutlookSummary: Finding {
    let outlook: PartOutlook
    let name: ModelName

    func lines(on page: Page) -> [String] {
        outlook.items.map { item in
            let tensors = item.tensors.map { ", \(Quantities.count($0, of: "tensor"))" } ?? ""
            return "\(Quantities.bytes(item.bytes))  \(item.path)\(tensors)"
        } + [
            "would download \(Quantities.bytes(outlook.bytesToFetch)) of \(Quantities.bytes(outlook.bytes)), for "
                + "\(outlook.tensorsWanted) of \(Quantities.count(outlook.tensors, of: "tensor"))"
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "dry_run": .bool(true), "bytes": JSONValue(outlook.bytes),
            "bytes_to_fetch": JSONValue(outlook.bytesToFetch), "tensors": JSONValue(outlook.tensorsWanted),
            "files_to_fetch": .array(outlook.items.map { JSONValue($0.path.string) }),
        ]
    }
}
