import Model
import Mount
import Network
import Platform

/// What this program is.
struct VersionSummary: Summary {
    let version = CommandTable.version
    let commit = BuildFacts.commit
    let configuration = BuildFacts.configuration
    let compiler = BuildFacts.compiler
    let oldestGlibc = BuildFacts.oldestGlibc
    let libraries = UsedLibrary.ofNetwork + UsedLibrary.ofPlatform + [MountSupport.library].compactMap(\.self)
    let machine = MachineSummary()

    func lines(on page: Page) -> [String] {
        func line(_ word: String, _ text: String) -> [String] { HelpText.entry(word, text, column: 13, page) }
        var built = [configuration]
        if let compiler { built.append(compiler) }
        built.append(MountSupport.library == nil ? "without mount" : "with mount")
        if let oldestGlibc { built.append("for glibc \(oldestGlibc) and newer") }
        var lines = ["cake \(version)"]
        lines += line("commit", commit ?? "unknown")
        lines += line("built", built.joined(separator: ", "))
        lines += line("libraries", libraries.map { "\($0.name) \($0.version)" }.joined(separator: ", "))
        return lines + line("machine", machine.text)
    }

    func quietLines(on page: Page) -> [String] { ["cake \(version)"] }

    var document: JSONValue {
        [
            "version": JSONValue(version), "commit": JSONValue(commit),
            "build": [
                "configuration": JSONValue(configuration), "compiler": JSONValue(compiler),
                "oldest_glibc": JSONValue(oldestGlibc), "mount": .bool(MountSupport.library != nil),
            ],
            "libraries": .array(
                libraries.map { ["name": JSONValue($0.name), "version": JSONValue($0.version)] }),
            "machine": machine.document,
        ]
    }
}

/// What cake's speed depends on.
struct MachineSummary: Sendable {
    let architecture = Machine.architecture
    let instructions = InstructionSet.best
    let hashesByInstructions = SHA256.hasInstructions
    let processors = BlockingPool.processors

    var text: String {
        let hash = hashesByInstructions ? "with SHA instructions" : "without SHA instructions"
        return "\(architecture), \(instructions.name), \(hash), \(Quantities.count(processors, of: "processor"))"
    }

    var document: JSONValue {
        [
            "architecture": JSONValue(architecture), "simd": JSONValue(instructions.name),
            "sha_instructions": .bool(hashesByInstructions), "processors": JSONValue(processors),
        ]
    }
}
