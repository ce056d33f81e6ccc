import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// Models that are not here, read through a mount.
@Suite(.enabled(if: Mounting.isPossible, Mounting.needed)) struct `A lazy mount` {
    private let home: Home
    private let folder: HubFolder
    private let hub: Hub
    private let weights: [UInt8]
    private let file = "m/org/model/model.safetensors"

    init() throws {
        home = try Home()
        folder = try HubFolder()
        weights = try ModelMaker.safetensors([
            .init("a", bytes: 20 << 20, seed: 1, .mixed), .init("b", bytes: 12 << 20, seed: 2, .mixed),
        ])
        try folder.write("org/model", ["model.safetensors": weights, "config.json": Array("{}\n".utf8), "empty": []])
        try Data(weights).write(to: home.path("right"))
        var settings = HubSettings()
        settings.sendBuffer = 64 << 10
        settings.isControlled = true
        hub = try Hub(serving: folder.path, settings)
        hub.readAll()
    }

    /// A script with the model mounted at `m`; what cake says is in the files `said` and `errors`. The mount has ended when this
    /// returns.
    private func mounted(_ script: String, _ words: String = "org/model") throws -> Tool {
        try home.shell(
            """
            cd; export HF_ENDPOINT=\(hub.endpoint); : >said
            $CAKE mount m --lazy \(words) >said 2>errors & pid=$!
            until grep -q mounted said; do kill -0 $pid || { cat errors >&2; exit 3; }; sleep 0.05; done
            trap 'kill $pid; wait $pid' EXIT
            control() { python3 -c "import urllib.request as u; print(u.urlopen(u.Request('$HF_ENDPOINT/$2', method='$1')).read().decode())"; }
            \(script)
            """)
    }

    private var errors: String { (try? String(contentsOf: home.path("errors"), encoding: .utf8)) ?? "" }

    /// Bytes of the file that the hub sent.
    private var sent: UInt64 { hub.sent(.cdn()) }

    @Test func `downloads nothing before a program reads, and each byte once when it reads all`() throws {
        let listed = try mounted(
            "ls -l m/org/model | awk '{print $5, $9}'; cat m/.hf/models--org--model/refs/main | wc -c")
        #expect(
            listed.output == " \n3 config.json\n0 empty\n\(weights.count) model.safetensors\n40\n", "\(listed.errors)")
        #expect(hub.count(.cdn()) == 0)
        let read = try mounted(
            "cmp right \(file) && cmp right \(file) && cat m/org/model/config.json m/org/model/empty")
        #expect(read.output == "{}\n", "\(read.errors)")
        #expect(sent == UInt64(weights.count))
        #expect(errors.contains("To download and check the rest: cake pull org/model"), "\(errors)")
    }

    @Test func `downloads a piece and the header for a page`() throws {
        let place = 25 << 20
        let read = try mounted(
            "dd if=\(file) iflag=direct bs=4096 count=1 skip=\(place / 4096) status=none | cmp - <(tail -c +\(place + 1) right | head -c 4096)"
        )
        #expect(read.status == 0, "\(read.errors)")
        #expect(sent <= (1 << 20) + (64 << 10), "\(sent)")
    }

    @Test func `leaves what was read to a pull, which downloads the rest`() throws {
        let half = try mounted("head -c \(16 << 20) \(file) | cmp - <(head -c \(16 << 20) right)")
        #expect(half.status == 0, "\(half.errors)")
        let pulled = try home.cake("pull", "org/model", variables: ["HF_ENDPOINT": hub.endpoint])
        #expect(pulled.status == 0, "\(pulled.errors)")
        // What was on its way when the mount ended is sent again.
        let first = sent
        #expect(first < UInt64(weights.count + 4 << 20), "\(first)")
        let read = try mounted("cmp right \(file); ls m/org/model")
        #expect(read.output == "config.json\nempty\nmodel.safetensors\n", "\(read.errors)")
        #expect(sent == first)
    }

    @Test func `lets a pull go on beside it, and shows what that brought`() throws {
        let read = try mounted(
            """
            head -c 5000000 \(file) | cmp - <(head -c 5000000 right); exec 3<\(file)
            $CAKE pull org/model >pulled 2>&1; echo $?; cmp right /dev/fd/3; cmp right \(file); $CAKE verify
            """)
        #expect(read.output.hasPrefix("0\n"), "\(read.output)\(read.errors)")
        #expect(read.status == 0, "\(read.output)\(read.errors)")
        #expect(sent == UInt64(weights.count))
    }

    @Test func `takes layers and files that the store has, under any name`() throws {
        try folder.write("org/other", ["model.safetensors": weights])
        try home.cake("pull", "org/other", variables: ["HF_ENDPOINT": hub.endpoint])
        let before = sent
        let read = try mounted("cmp right \(file)")
        #expect(read.status == 0, "\(read.errors)")
        #expect(sent == before)
    }

    @Test func `takes from the store what lies in the same chunks at Xet`() throws {
        func model(_ changed: Int?) throws -> [UInt8] {
            try ModelMaker.safetensors(
                (0..<8).map { number in
                    var bytes = seededBytes(700_000, seed: UInt64(number) + 50)
                    if number == changed { bytes = bytes.map { $0 ^ 1 } }
                    return ModelMaker.Part(
                        Tensor(name: ExactText("layers.\(number).weight"), dtype: .bf16, shape: [350_000]), bytes)
                })
        }
        try folder.write("org/base", ["model.safetensors": model(nil)])
        let tuned = try model(4)
        try folder.write("org/tuned", ["model.safetensors": tuned])
        try Data(tuned).write(to: home.path("tuned"))
        var settings = HubSettings()
        settings.xet = true
        let other = try Hub(serving: folder.path, settings)
        let pulled = try home.cake("pull", "org/base", variables: ["HF_ENDPOINT": other.endpoint])
        #expect(pulled.status == 0, "\(pulled.errors)")
        other.forgetRequests()
        let read = try mounted("cmp tuned m/org/tuned/model.safetensors", "org/tuned --upstream \(other.endpoint)")
        #expect(read.status == 0, "\(read.errors) \(errors)")
        // The changed tensor, in whole pieces, and the header.
        #expect(other.sent(.cdn()) < 3 << 20, "\(other.sent(.cdn()))")
    }

    @Test func `gives no more of a file that was wrong, says so, and downloads it again`() throws {
        hub.misbehave(.flip(atByte: 30 << 20), when: .cdn())
        let read = try mounted(
            """
            exec 3<\(file) 4<\(file); dd of=/dev/null bs=1M status=none <&3
            until grep -q 'does not match' errors; do sleep 0.05; done
            dd bs=1M status=none <&4 2>&1 >/dev/null | grep -c 'Input/output'
            control DELETE _misbehave >/dev/null; cmp right \(file) && echo right
            """)
        #expect(read.output == "1\nright\n", "\(read.output) \(read.errors) \(errors)")
        #expect(errors.contains("model.safetensors of org/model does not match its published hash"), "\(errors)")
    }

    @Test func `gives nothing unchecked with --verified`() throws {
        hub.misbehave(.flip(atByte: 30 << 20), when: .cdn())
        let wrong = try mounted("head -c 10 \(file) | wc -c", "org/model --verified")
        #expect(wrong.output == "0\n", "\(wrong.errors)")
        #expect(wrong.errors.contains("Input/output error"))
        #expect(errors.contains("although it was downloaded twice"), "\(errors)")
        hub.behave()
        let read = try mounted("cmp right \(file) && $CAKE ls -q", "org/model --verified")
        #expect(read.output == "org/model\n", "\(read.errors)")
        #expect(!errors.contains("unchecked"), "\(errors)")
    }

    @Test func `fails a read whose bytes do not come, and serves the next`() throws {
        hub.misbehave(.stall(afterBytes: 100_000), when: .cdn().skipping(1))
        let read = try mounted(
            """
            dd if=\(file) of=/dev/null iflag=direct bs=1M skip=8 count=1 2>&1 | grep -c 'Input/output'
            control DELETE _misbehave >/dev/null; control POST _release >/dev/null
            cmp right \(file) && echo right
            """, "org/model --patience 1s")
        #expect(read.output == "1\nright\n", "\(read.output) \(read.errors)")
        #expect(errors.contains("its bytes did not come within 1.0 s; fix: "), "\(errors)")
    }

    @Test func `lets a program go at once that is killed while it waits, in whatever way it reads`() throws {
        hub.misbehave(.stall(afterBytes: 100_000), when: .cdn().skipping(1))
        let read = try mounted(
            """
            for how in iflag=direct iflag=fullblock; do
                dd if=\(file) of=/dev/null $how bs=1M skip=8 count=1 & reader=$!
                until grep -q '"bytes=8388608' <(control GET _log); do sleep 0.05; done
                kill -9 $reader; wait $reader; echo $?
            done
            """, "org/model --patience 1000s")
        #expect(read.output == "137\n137\n", "\(read.output) \(read.errors)")
    }

    @Test func `fails a read of bytes that are gone from the store, and downloads them again`() throws {
        let read = try mounted(
            """
            dd if=\(file) of=/dev/null iflag=direct bs=1M skip=8 count=1 status=none
            for part in .local/share/cake/incoming/*/8388608; do : >$part; done
            dd if=\(file) of=/dev/null iflag=direct bs=1M skip=8 count=1 2>&1 | grep -c 'Input/output'
            until cmp right \(file) 2>/dev/null; do sleep 0.1; done; echo right
            """)
        #expect(read.output == "1\nright\n", "\(read.output) \(read.errors)")
        #expect(errors.contains("are gone from the store; fix: "), "\(errors)")
    }

    @Test func `reads on from a server that drops connections, refuses them or ignores ranges`() throws {
        let faults: [[Misbehaviour]] = [
            [.cut(afterBytes: 300_000)], [.shorter(by: 5)], [.answer(503)], [.hangUp], [.ignoreRange],
        ]
        for fault in faults {
            try? FileManager.default.removeItem(at: home.store)
            hub.behave()
            hub.misbehave(
                fault,
                when: .cdn().skipping(1).times(
                    fault.contains { if case .ignoreRange = $0 { true } else { false } } ? 100 : 2))
            let read = try mounted("cmp right \(file) && echo right")
            #expect(read.output == "right\n", "\(fault): \(read.errors) \(errors)")
        }
    }

    @Test func `reads a registry's model by its layers, each of them checked`() throws {
        let server = try Home()
        let registry = try Served(server, "--push")
        let name = "127.0.0.1:\(registry.port)/team/model:v1"
        let maker = try Home()
        let model = try maker.makeModel("model", tensors: 6, of: 1 << 20)
        try maker.cake("import", model.path, "model")
        let pushed = try maker.cake("push", "model", name)
        #expect(pushed.status == 0, "\(pushed.errors)")
        let shown = "m/127.0.0.1%3A\(registry.port)/team/model"
        let read = try mounted(
            "d=$(dirname $(find m/.names/ m -name model.safetensors | head -1)); diff -r \(model.path) $d && echo right",
            name)
        #expect(read.output == "right\n", "\(shown): \(read.errors) \(errors)")
        #expect(!errors.contains("unchecked"), "\(errors)")
        // What came is kept: only the manifest and the index are asked for again.
        let again = try mounted(
            "d=$(dirname $(find m/.names/ m -name model.safetensors | head -1)); diff -r \(model.path) $d", name)
        #expect(again.status == 0, "\(again.errors)")
        #expect(!errors.contains("were downloaded"), "\(errors)")
    }

    @Test func `ends at once when a read waits for a server that stalls`() throws {
        hub.misbehave(.stall(afterBytes: 0), when: .cdn())
        let read = try mounted(
            """
            cat \(file) >/dev/null 2>said-cat & reader=$!
            until [ "$(control GET _log | grep -c safetensors)" -gt 1 ]; do sleep 0.05; done
            kill $pid; wait $pid; echo $?; wait $reader; grep -c 'Input/output' said-cat
            """, "org/model --patience 1000s")
        #expect(read.output == "0\n1\n", "\(read.output) \(read.errors)")
        #expect(errors.contains("the mount is ending"), "\(errors)")
        #expect(!errors.contains("still uses it"), "\(errors)")
    }

    @Test func `reads a file whose first request stalled`() throws {
        hub.misbehave(.stall(afterBytes: 0), when: .cdn())
        let read = try mounted(
            """
            head -c 5 \(file) 2>&1 | grep -c 'Input/output'
            control DELETE _misbehave >/dev/null; until cmp right \(file) 2>/dev/null; do sleep 0.1; done; echo right
            """, "org/model --patience 1s")
        #expect(read.output == "1\nright\n", "\(read.output) \(read.errors)")
    }

    @Test func `keeps a model of many files incomplete while --verified has some of them`() throws {
        try folder.write(
            "org/many", Dictionary(uniqueKeysWithValues: (0..<1100).map { ("f\($0).json", Array("\($0)".utf8)) }))
        let read = try mounted(
            "cat m/org/many/f7.json; ls m/org/many | wc -l; $CAKE ls --json | tr -d ' ' | grep files_missing",
            "org/many --verified")
        #expect(read.output == "71100\n\"files_missing\":1099,\n", "\(read.output) \(read.errors)")
    }

    @Test func `is refused with what to type`() throws {
        let refused = [
            "--lazy": "--lazy needs the names of the models", "org/model --upstream \(hub.endpoint)": "add --lazy",
            "--lazy org/nothing": "org/nothing", "--lazy org/model --patience 0s": "too short",
            "--verified org/model": "add --lazy",
        ]
        for (words, said) in refused {
            let result = try home.shell("cd; export HF_ENDPOINT=\(hub.endpoint); $CAKE mount m \(words)")
            #expect(result.status != 0 && result.errors.contains(said), "\(words): \(result.errors)")
            #expect(result.errors.contains("fix:"), "\(words): \(result.errors)")
        }
        #expect(try home.shell("ls ~/m 2>&1").status != 0)
    }
}
