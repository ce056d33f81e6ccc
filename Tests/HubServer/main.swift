internal import Glibc
internal import Hub
internal import Model

let usage = """
    hub ROOT [OPTION…]: answers as the Hub does, on 127.0.0.1, from ROOT/ORG/NAME/…
      --port N, --cdn-port N     where to listen (0: any)
      --cdn-host NAME            what signed URLs call this machine (127.0.0.1)
      --cdn-base URL             what signed URLs begin with, when a relay stands before the second port
      --token TOKEN=NAME[:REPO,REPO…]   somebody, and the gated and private repositories they may read; repeatable
      --large BYTES              from what size on a file is kept out of git (1048576)
      --page N                   entries of a tree's page (1000)
      --url-seconds N            how long a signed URL lasts (3600)
      --quota N                  requests that five minutes allow, of either kind
      --send-buffer BYTES        what the kernel may hold of an answer
      --xet                      large files are kept by Xet, on a third port
      --cas-port N               where its server listens (0: any)
      --xet-run N                from how many chunks in a row on what is known is used again (1)
      --bare-401                 a missing repository has no X-Error-Code for the anonymous, as on the Hub itself
      --misbehave FILE           JSON, as POST /_misbehave takes it
      --log FILE                 a line of JSON for each answer that has ended (- is standard output)
      --hash FILE                a line of JSON with the file's BLAKE3 and Xet's names for it, instead of a server; repeatable
    Prints {"endpoint": …, "cdn": …, "xet": …} and answers until it is ended. It also answers GET and DELETE /_log,
    POST and DELETE /_misbehave, POST /_release (what is stalled), POST /_expire (signed URLs),
    POST /_relay ("http://…": what signed URLs begin with from now on).
    """

func fail(_ text: String) -> Never {
    let line = Array("error: \(text)\nfix: hub --help\n".utf8)
    _ = unsafe write(2, line, line.count)
    exit(2)
}

func number(_ text: String, _ option: String) -> Int {
    guard let number = Int(text), number >= 0 else { fail("\(option) needs a number, not \(text)") }
    return number
}

func read(_ path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { fail("cannot read \(path)") }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}

/// Whole lines, whichever thread writes.
func print(_ value: JSONValue, to descriptor: Int32) {
    let line = value.bytes(.compact) + [10]
    _ = unsafe write(descriptor, line, line.count)
}

var settings = HubSettings()
settings.isControlled = true
var root: String?
var rules: [(match: Match, acts: [Misbehaviour])] = []
var log: String?
var words = Array(CommandLine.arguments.dropFirst())[...]
while let word = words.popFirst() {
    if word == "--help" {
        print(usage)
        exit(0)
    }
    if word == "--bare-401" {
        settings.namesMissingRepositories = false
        continue
    }
    if word == "--xet" {
        settings.xet = true
        continue
    }
    guard word.hasPrefix("--") else {
        root = word
        continue
    }
    guard let value = words.popFirst() else { fail("\(word) needs a value") }
    switch word {
    case "--port": settings.port = UInt16(clamping: number(value, word))
    case "--cdn-port": settings.cdnPort = UInt16(clamping: number(value, word))
    case "--xet-run": settings.shortestXetRun = number(value, word)
    case "--hash":
        do { print(try hashes(of: value), to: 1) } catch { fail("\(error)") }
        root = root ?? ""
    case "--cas-port": settings.casPort = UInt16(clamping: number(value, word))
    case "--cdn-base": settings.cdnBase = value
    case "--cdn-host": settings.cdnHost = value
    case "--large": settings.largeFileBytes = UInt64(number(value, word))
    case "--page": settings.treePage = number(value, word)
    case "--url-seconds": settings.signedURLSeconds = number(value, word)
    case "--send-buffer": settings.sendBuffer = Int32(clamping: number(value, word))
    case "--quota":
        settings.apiQuota.requests = number(value, word)
        settings.resolverQuota.requests = number(value, word)
    case "--token":
        let parts = value.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { fail("--token needs TOKEN=NAME") }
        let person = parts[1].split(separator: ":", maxSplits: 1)
        let reads = person.count == 2 ? person[1].split(separator: ",").map(String.init) : []
        settings.users[String(parts[0])] = HubSettings.User(String(person[0]), reads: Set(reads))
    case "--misbehave":
        do { rules = try MisbehaviourText.read(read(value)) } catch { fail("\(value): \(error)") }
    case "--log": log = value
    default: fail("no such option: \(word)")
    }
}
guard let root else { fail("which folder?") }
if root.isEmpty { exit(0) }
do {
    let hub = try Hub(serving: root, settings)
    for rule in rules { hub.misbehave(rule.acts, when: rule.match) }
    if let log {
        let descriptor = log == "-" ? 1 : unsafe open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { fail("cannot write \(log)") }
        hub.onEnd { print($0.json, to: descriptor) }
    }
    hub.readAll()
    let xet = settings.xet ? try hub.cas() : nil
    print(["endpoint": .string(hub.endpoint), "cdn": .string(hub.cdn), "xet": xet.map { .string($0) } ?? .null], to: 1)
    while true { pause() }
} catch {
    fail("\(error)")
}
