import Model
import Platform
import Testing

@testable import Transfer

@Suite struct `A file that comes in layers` {
    @Test func `is read as far as its layers are here, and not beyond`() throws {
        func layer(_ byte: UInt8, _ size: UInt64) -> Layer {
            Layer(digest: SHA256.digest(of: [byte].span), size: size)
        }
        let layers = [layer(1, 10), layer(2, 20), layer(3, 5)]
        let file = try Manifest.File(
            path: FilePath("a"), digest: SHA256.digest(of: [9].span), size: 35,
            segments: layers.map { .init(layer: $0, tensor: nil) })
        let arriving = ArrivingFile(size: 35)
        func found(_ position: UInt64) -> (Layer, Range<UInt64>)? {
            guard case .layer(let layer, let range) = arriving.look(at: position, holdingBack: true).availability else {
                return nil
            }
            return (layer, range)
        }
        var coming = ArrivingLayers(file)
        arriving.hears(.layers(coming))
        #expect(found(0) == nil)
        coming.here = [layers[1].digest]
        arriving.hears(.layers(coming))
        #expect(found(9) == nil && found(30) == nil)
        for position in [UInt64(10), 29] {
            let layer = try #require(found(position))
            #expect(layer == (layers[1], 10..<30), "\(position)")
        }
        coming.here.formUnion(layers.map(\.digest))
        arriving.hears(.layers(coming))
        #expect(try #require(found(34)) == (layers[2], 30..<35))
    }
}
