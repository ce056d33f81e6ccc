import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `Layers that stay in memory` {
    private let scratch: Scratch
    private let shelf: Shelf
    /// Small enough to stay, with however many cores.
    private let size = 2 << 20

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
    }

    /// So many as have room.
    private var most: Int { Int(LocalStore.keptBytes) / size }

    private func plain(count: Int) throws -> PlainBytes {
        try ModelMaker.write(["layer": [UInt8](repeating: 7, count: size)], to: scratch.path)
        return PlainBytes(file: try File(scratch["layer"], .read), start: 0, count: UInt64(count))
    }

    @Test func `take no more than their room, and give it back`() {
        let room = KeptRoom(100)
        #expect(room.take(60))
        #expect(!room.take(41))
        // What was refused has left nothing behind.
        #expect(room.take(40))
        #expect(!room.take(1))
        room.giveBack(60)
        #expect(!room.take(61) && room.take(60))
    }

    @Test func `are no more together than one store has room for, and are right without it`() throws {
        let plain = try plain(count: size)
        for _ in 0..<2 {
            let readings = try (0..<most + 2).map { _ in try shelf.store.read(plain) }
            #expect(readings.count { !$0.kept.isEmpty } == most)
            #expect(readings.allSatisfy { $0.kept.isEmpty != $0.marks.isEmpty })
            #expect(Set(readings.map(\.layer)).count == 1)
            for reading in readings { shelf.store.release(reading) }
        }
    }

    @Test func `leave their room when they cannot be read`() throws {
        let short = try plain(count: size + 1)
        for _ in 0..<most { #expect(throws: (any Error).self) { try shelf.store.read(short) } }
        let reading = try shelf.store.read(try plain(count: size))
        #expect(!reading.kept.isEmpty)
        shelf.store.release(reading)
    }
}
