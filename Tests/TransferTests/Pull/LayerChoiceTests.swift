import Model
import Platform
import Support
import Testing

@testable import Transfer

@Suite struct `A choice between layers and plain bytes` {
    private static let large: UInt64 = 1 << 20

    private static func digest(_ number: Int) -> Digest { SHA256.digest(of: [UInt8(number)].span) }

    private static func layer(_ number: Int, _ size: UInt64 = large) -> Layer {
        Layer(digest: digest(number), size: size)
    }

    /// One behind the other in one pack.
    private static func index(_ members: [(layer: Layer, length: UInt64, base: Int?)]) throws -> PackIndex {
        var offset: UInt64 = 0
        let placed = members.map { member in
            defer { offset += member.length }
            return PackIndex.Member(
                layer: member.layer, stored: .empty, length: member.length, offset: offset, pack: 0, transform: 0,
                base: member.base.map { digest($0) })
        }
        return try PackIndex(packs: [.init(digest: .empty, size: offset)], members: placed)
    }

    private static func choice(
        _ cuts: [LayerChoice.Cut], _ index: PackIndex, having here: [Int] = []
    ) throws -> LayerChoice {
        let here = Set(here.map { digest($0) })
        return try LayerChoice([cuts], index) { here.contains($0.digest) }
    }

    private static func whole(_ layer: Layer) -> LayerChoice.Cut { .init(layer: layer, bytes: layer.size) }

    @Test func `takes what is smaller, and leaves what is not`() throws {
        let index = try Self.index([(Self.layer(1), 700_000, nil), (Self.layer(2), Self.large + 64, nil)])
        let choice = try Self.choice([Self.whole(Self.layer(1)), Self.whole(Self.layer(2))], index)
        #expect(choice.layers == [Self.digest(1)] && choice.cost == 700_000 && choice.plainBytes == Self.large)
    }

    @Test func `pays for a missing base once, or not at all`() throws {
        let members = (1...3).map { (Self.layer($0), UInt64(400_000), Int?(9)) } + [(Self.layer(9), Self.large, nil)]
        let index = try Self.index(members)
        let cuts = (1...3).map { Self.whole(Self.layer($0)) }
        let three = try Self.choice(cuts, index)
        #expect(three.layers.count == 3 && three.members.count == 4 && three.cost == 1_200_000 + Self.large)
        let one = try Self.choice([cuts[0]], index)
        #expect(one.members.isEmpty && one.plainBytes == Self.large)
        let beside = try Self.choice([cuts[0]], index, having: [9])
        #expect(beside.members.map(\.layer) == [Self.layer(1)])
        // A base that is wanted itself costs nothing more.
        let wanted = try Self.choice([cuts[0], Self.whole(Self.layer(9))], index)
        #expect(wanted.layers == [Self.digest(1), Self.digest(9)])
    }

    @Test func `asks for nothing that saves less than a request`() throws {
        let small = Self.layer(1, 30_000)
        let choice = try Self.choice([Self.whole(small)], Self.index([(small, 20_000, nil)]))
        #expect(choice.members.isEmpty && choice.plainBytes == 30_000)
    }

    @Test func `takes what is short along with its neighbours`() throws {
        let short = Self.layer(2, 4000)
        let index = try Self.index([(Self.layer(1), 500_000, nil), (short, 4100, nil), (Self.layer(3), 500_000, nil)])
        let choice = try Self.choice([1, 2, 3].map { Self.whole($0 == 2 ? short : Self.layer($0)) }, index)
        #expect(choice.layers.count == 3 && choice.plainBytes == 0)
    }

    @Test func `counts what is here already, and believes no layer of another size`() throws {
        let index = try Self.index([(Self.layer(1), 500_000, nil)])
        let fetched = try Self.choice([.init(layer: Self.layer(1), bytes: 100_000)], index)
        #expect(fetched.members.isEmpty && fetched.plainBytes == 100_000)
        let other = try Self.choice([Self.whole(Self.layer(1, Self.large * 2))], index)
        #expect(other.members.isEmpty)
    }
}
