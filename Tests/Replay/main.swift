// Runs decoders on known bytes: replay FOLDER ROUNDS SEED reads every file of FOLDER/DECODER with its decoder, and
// ROUNDS changed copies of each. It writes the next input before it reads it, and the peak memory. replay make FOLDER
// writes the first inputs again.
import Codec
import Foundation
import Model
import Platform
import Storage
import Store
import Support
import Transfer

let words = Array(CommandLine.arguments.dropFirst())
if words.count == 2, words[0] == "make" {
    for (decoder, inputs) in try Seeds.all {
        try Disk.makeFolder("\(words[1])/\(decoder)")
        for (name, bytes) in inputs {
            try Data(bytes).write(to: URL(filePath: "\(words[1])/\(decoder)/\(name)"))
        }
    }
    exit(0)
}
guard words.count == 3, let rounds = Int(words[1]), let seed = UInt64(words[2]) else {
    throw CakeError(.usage, "replay FOLDER ROUNDS SEED, or replay make FOLDER")
}

/// Unlike print, nothing of it waits in memory when the program stops.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

let reader = DecoderFuzzTarget.Reader()

func read(_ bytes: [UInt8], as decoder: String, _ reader: DecoderFuzzTarget.Reader) {
    AnswerFuzzTarget(rawValue: decoder)?.read(bytes.span)
    RecordFuzzTarget(rawValue: decoder)?.read(bytes.span)
    if let object = DecoderFuzzTarget(rawValue: decoder) { reader.read(bytes.span, as: object) }
}

let known =
    AnswerFuzzTarget.allCases.map(\.rawValue) + RecordFuzzTarget.allCases.map(\.rawValue)
    + DecoderFuzzTarget.allCases.map(\.rawValue)
for decoder in known where try Disk.status("\(words[0])/\(decoder)") != nil {
    for name in try Disk.names(in: "\(words[0])/\(decoder)").sorted() {
        let bytes = Array(try Data(contentsOf: URL(filePath: "\(words[0])/\(decoder)/\(name)")))
        say("\(decoder)/\(name)")
        read(bytes, as: decoder, reader)
        for round in 0..<rounds {
            say("\(decoder)/\(name) \(seed &+ UInt64(round))")
            var numbers = SeededNumbers(seed: seed &+ UInt64(round))
            var changed = bytes
            for _ in 0...Int.random(in: 0..<3, using: &numbers) { Mutation.change(&changed, using: &numbers) }
            read(changed, as: decoder, reader)
        }
    }
}
let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
say(status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }.map(String.init) ?? "VmHWM: ?")
