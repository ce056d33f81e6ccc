import Model
import Testing

@Suite struct `A model's name` {
    @Test(arguments: ["", " ", "a b", "-x", ".x", "/x", "~x", "x/", "a\u{1b}b", String(repeating: "x", count: 201)])
    func `is refused when it could be taken for something else`(text: String) {
        #expect(throws: CakeError.self) { try ModelName(text) }
    }

    @Test func `fits a file's name however it is escaped`() throws {
        let longest = String(repeating: "/é", count: 26)
        #expect(try ModelName("x" + longest).fileName.utf8.count <= 240)
        #expect(throws: CakeError.self) { try ModelName("x" + longest + "/é") }
    }

    @Test(arguments: ["gpt2", "org/name@v1.0", "host:5000/team/m:v1", "名前/模型@1%"])
    func `comes back from the file that keeps it`(text: String) throws {
        let name = try ModelName(text)
        #expect(ModelName(fileName: name.fileName) == name)
        #expect(!name.fileName.contains("/"))
    }

    @Test func `has a revision behind the last at sign`() throws {
        let name = try ModelName("org/name@v1")
        #expect(name.withoutRevision == "org/name")
        #expect(name.revision == "v1")
        #expect(try ModelName("gpt2").revision == nil)
    }
}
