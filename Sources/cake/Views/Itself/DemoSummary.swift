import Model

/// What the demo came to.
struct DemoSummary: Summary {
    /// What each command said, with --json.
    let steps: [JSONValue]
    let same: FolderComparison
    let elapsed: Duration
    let stage: Stage
    let keepsFolder: Bool

    func lines(on page: Page) -> [String] {
        let files = "\(same.files) files, \(Quantities.bytes(same.bytes))"
        let time = "That took \(Quantities.duration(elapsed))"
        var lines =
            [""] + TextWidth.wrap("Compared back with resharded: \(files), the same to the last bit.", to: page.width)
        lines.append("")
        if keepsFolder {
            let text = "\(time). The store and the folders are kept. To look around, and then to remove them:"
            lines += TextWidth.wrap(text, to: page.width)
            lines += ["  cake --store \(stage.store) ls", "  rm -r \(stage.folder)"]
        } else {
            let text = "\(time), and everything was removed again. cake demo --keep keeps it for you to look around."
            lines += TextWidth.wrap(text, to: page.width)
        }
        return lines + TextWidth.wrap("Next, with models of your own:", to: page.width)
            + ["  cake import ~/.cache/huggingface/hub", "  cake import ./my-model my-model"]
    }

    var document: JSONValue {
        [
            "steps": .array(steps), "same": ["files": JSONValue(same.files), "bytes": JSONValue(same.bytes)],
            "milliseconds": JSONValue(UInt64(elapsed / .milliseconds(1))),
            "folder": JSONValue(keepsFolder ? stage.folder : nil),
        ]
    }
}
