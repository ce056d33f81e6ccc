import Model
import Platform
import Testing

@testable import Codec

@Suite struct `A form` {
    @Test func `of a transform with parameters that make no sense is refused`() {
        let layer = Layer(digest: SHA256.digest(of: [1].span), size: 10)
        for parameters: [UInt8] in [[], [0], [1], [3], [16], [2, 0]] {
            for frames: UInt8 in [1, 2, 4] {
                let header = ObjectHeader(
                    layer: layer, transform: .planes, framesPerPiece: frames, parameters: parameters)
                #expect(Form(header) == nil)
            }
        }
        for frames: UInt8 in [1, 4] {
            #expect(
                Form(ObjectHeader(layer: layer, transform: .planes, framesPerPiece: frames, parameters: [2])) == nil)
        }
        #expect(Form(ObjectHeader(layer: layer, transform: .init(rawValue: 77))) == nil)
        #expect(Form(ObjectHeader(layer: layer, form: .planes(width: 8), base: nil)) == .planes(width: 8))
    }
}
