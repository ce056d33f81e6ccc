import Model
import Testing

@Suite struct `What a name remembers` {
    @Test func `comes back as it was written, with what a newer cake added`() throws {
        var record = NameRecord(manifest: .empty)
        record.time = 1_700_000_000
        record.source = "hf://org/model"
        record.commit = String(repeating: "a", count: 40)
        record.proved = ["samples": 4096, "knownFile": 12]
        record.etags = [try FilePath("sub dir/a b.safetensors"): "abc123", try FilePath("config.json"): "def"]
        let again = try NameRecord(decoding: (record.encode() + Array("colour blue\n".utf8)).span)
        #expect(again.etags == record.etags && again.proved == record.proved)
        #expect(again.source == record.source && again.time == record.time && again.commit == record.commit)
        #expect(String(decoding: again.encode(), as: UTF8.self).contains("colour blue\n"))
    }

    @Test(arguments: ["etag\n", "etag abc\n", "etag abc%20../../x\n", "etag abc%20\n"])
    func `is refused when an ETag is no file's`(line: String) {
        let record = NameRecord(manifest: .empty).encode() + Array(line.utf8)
        #expect(throws: CakeError.self) { try NameRecord(decoding: record.span) }
    }
}
