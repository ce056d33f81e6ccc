internal import Glibc

let usage = """
    line --map LISTEN:TARGET… [OPTION…]: a line to the ports of this machine that is slower than loopback
      --map LISTEN:TARGET    connections to port LISTEN (0: any) go to port TARGET; repeatable
      --round-trip-ms N      what a round trip takes; connecting takes one (0)
      --each BYTES           bytes a second that one connection gets from the server (0: no limit)
      --all BYTES            and all of them together (0: no limit)
    Prints {"ports": […], "control": N}. Who connects to the control port is told, and then disconnected:
    {"down": bytes that clients got, by route, "up": …, "connections": …, "first": when the first byte of each route reached
    a client since somebody last asked (0: none)}, in seconds of the monotonic clock. There is no slow start.
    """

func fail(_ text: String) -> Never {
    print("error: \(text)\nfix: line --help")
    exit(2)
}

/// Sockets, queues and counts; one thread.
final class Line {
    struct Route {
        let listening: Int32
        let target: UInt16
        var down = 0
        var up = 0
        var connections = 0
        var first = 0.0
    }

    var routes: [Route] = []
    let control: Int32
    private var pairs: [Pair] = []
    private var spare: [Parcel] = []
    private let roundTrip: Double
    private let each: Double
    private let all: Bucket
    private var turn = 0

    init(control: Int32, roundTrip: Double, each: Double, all: Double) {
        self.control = control
        self.roundTrip = roundTrip
        self.each = each
        self.all = Bucket(rate: all)
    }

    func run() -> Never {
        while true {
            wait()
            let now = seconds()
            all.refill(now)
            for pair in pairs { pair.refill(now) }
            turn += 1
            // Another one first each time: none is preferred by the common bucket.
            for index in pairs.indices { move(pairs[(index + turn) % pairs.count], now) }
            for pair in pairs where pair.isOver {
                close(pair.client)
                close(pair.server)
            }
            pairs.removeAll { $0.isOver }
            take(now)
        }
    }

    private func move(_ pair: Pair, _ now: Double) {
        _ = pair.up.read(now, notBefore: pair.open, &spare)
        _ = pair.down.read(now, notBefore: now, &spare)
        guard let up = pair.up.write(now, &spare), let down = pair.down.write(now, &spare) else { return drop(pair) }
        routes[pair.route].up += up
        routes[pair.route].down += down
        if down > 0, routes[pair.route].first == 0 { routes[pair.route].first = now }
        // A client that has left entirely wants nothing that is still on its way.
        if pair.up.hasEnded, pair.up.next == nil, pair.up.isClosed { drop(pair) }
    }

    private func drop(_ pair: Pair) {
        routes[pair.route].down -= min(routes[pair.route].down, unsent(pair.client))
        (pair.up.isClosed, pair.down.isClosed) = (true, true)
    }

    private func take(_ now: Double) {
        for index in routes.indices {
            while let client = accepted(routes[index].listening) {
                guard let server = connected(routes[index].target) else {
                    close(client)
                    continue
                }
                // What waits here is not yet delivered; a small buffer keeps the counts honest.
                setOption(client, SOL_SOCKET, SO_SNDBUF, 256 << 10)
                routes[index].connections += 1
                pairs.append(Pair(client, server, route: index, roundTrip: roundTrip, each: each, all: all, now))
            }
        }
        while let asker = accepted(control) {
            let text = Array(report().utf8)
            _ = unsafe send(asker, text, text.count, Int32(MSG_NOSIGNAL))
            close(asker)
            for index in routes.indices { routes[index].first = 0 }
        }
    }

    private func report() -> String {
        func list(_ value: (Route) -> some CustomStringConvertible) -> String {
            "[" + routes.map { value($0).description }.joined(separator: ",") + "]"
        }
        return
            "{\"down\":\(list(\.down)),\"up\":\(list(\.up)),\"connections\":\(list(\.connections)),\"first\":\(list(\.first))}\n"
    }

    /// Until a socket is ready, a parcel arrives or a bucket has filled a little.
    private func wait() {
        let now = seconds()
        var entries = [pollfd(fd: control, events: Int16(POLLIN), revents: 0)]
        entries += routes.map { pollfd(fd: $0.listening, events: Int16(POLLIN), revents: 0) }
        var due = now + 10
        for pair in pairs {
            for (way, other) in [(pair.up, pair.down), (pair.down, pair.up)] {
                var events: Int32 = 0
                if way.room >= 1 << 10 { events |= POLLIN }
                if other.isBlocked { events |= POLLOUT }
                if events != 0 { entries.append(pollfd(fd: way.from, events: Int16(events), revents: 0)) }
                if let next = way.next, !way.isBlocked { due = min(due, next.due) }
                if way.waitsForTokens { due = min(due, now + 0.001) }
            }
        }
        // In whole milliseconds, so up to one late.
        let milliseconds = Int32(max(0, due - now) * 1000 + 0.999)
        unsafe poll(&entries, nfds_t(entries.count), milliseconds)
    }
}

var maps: [(listen: UInt16, target: UInt16)] = []
var numbers = ["--round-trip-ms": 0.0, "--each": 0.0, "--all": 0.0]
var words = Array(CommandLine.arguments.dropFirst())[...]
while let word = words.popFirst() {
    if word == "--help" {
        print(usage)
        exit(0)
    }
    guard let value = words.popFirst() else { fail("\(word) needs a value") }
    if word == "--map" {
        let ports = value.split(separator: ":").compactMap { UInt16($0) }
        guard ports.count == 2 else { fail("--map needs LISTEN:TARGET") }
        maps.append((ports[0], ports[1]))
    } else {
        guard numbers[word] != nil, let number = Double(value), number >= 0 else {
            fail("no such option, or no number: \(word) \(value)")
        }
        numbers[word] = number
    }
}
signal(SIGPIPE, SIG_IGN)
guard !maps.isEmpty, let control = listening(0) else { fail("nothing to map") }
let line = Line(
    control: control.descriptor, roundTrip: (numbers["--round-trip-ms"] ?? 0) / 1000, each: numbers["--each"] ?? 0,
    all: numbers["--all"] ?? 0)
var ports: [UInt16] = []
for map in maps {
    guard let bound = listening(map.listen) else { fail("cannot listen at port \(map.listen)") }
    ports.append(bound.port)
    line.routes.append(Line.Route(listening: bound.descriptor, target: map.target))
}
print("{\"ports\":\(ports),\"control\":\(control.port)}")
fflush(nil)
line.run()
