import Model
import Testing

/// The verdicts of the reference library 0.8.0 on each of these were seen; where this reader differs, the test says so.
@Suite struct `A safetensors header` {
    static let a = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]"#

    private func parse(_ json: String, data: UInt64 = 4) throws(CakeError) -> Safetensors.Header {
        let bytes = Array(json.utf8)
        return try Safetensors.Header(parsing: bytes.span, fileSize: 8 + UInt64(bytes.count) + data)
    }

    @Test func `says where each tensor lies in the file`() throws {
        let json =
            #"{"__metadata__":{"format":"pt","a":"b"},"x":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}  "#
        let header = try parse(json, data: 12)
        #expect(header.metadata.map(\.key) == ["format", "a"])
        #expect(header.metadata.map(\.value) == ["pt", "b"])
        let start = UInt64(8 + json.utf8.count)
        #expect(header.dataStart == start)
        #expect(header.tensors.map(\.tensor) == [Tensor(name: "x", dtype: .bf16, shape: [2, 3])])
        #expect(header.tensors.map(\.range) == [start..<start + 12])
    }

    @Test(arguments: [
        #"{}"#, "  \n\t\r{}", "{} \t\r\n", #"{"__metadata__":null}"#, #"{"__metadata__":{}}"#,
        #"{"":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, #"{"a":["F32",[0],[0,0]]}"#,
        #"{"a":{"dtype":{"F32":null},"shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"\u0064type":"\u004632","shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":{"y":[1,-2,3e4,"z",null,true]},"x":2}}"#,
        #"{"a":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}"#,
        "{\"\u{7f}\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
    ])
    func `without data is read`(_ json: String) throws { _ = try parse(json, data: 0) }

    @Test(arguments: [
        "", "   ", "[]", "null", "\u{feff}{}", "{}\u{0}", "{}\u{c}", "{},", "{} {}", #"{"a":1}"#, #"{"a":null}"#,
        #"{"__metadata__":[]}"#, #"{"__metadata__":{"a":1}}"#, #"{"__metadata__":{"a":null}}"#,
        #"{"__metadata__":null,"__metadata__":null}"#, #"{"__metadata__":{},"\u005f_metadata__":{}}"#,
        #"{"a":{"dtype":"F32","shape":[0]}}"#, #"{"a":{"dtype":"F32","data_offsets":[0,0]}}"#,
        #"{"a":{"shape":[0],"data_offsets":[0,0]}}"#, #"{"a":{"dtype":"F33","shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"f32","shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":{},"shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":{"F32":1},"shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0.0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":["0"],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":null,"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":0,"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[]}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":{"0":0}}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0.0]}}"#, #"{"a":["F32",[0]]}"#,
        #"{"a":["F32",[0],[0,0],1]}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":tru}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1e309}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":"\ud800"}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],}}"#,
        #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},}"#,
        #"{"a":{"dtype":"F32","shape":[9223372036854775807,4,0],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
    ])
    func `is refused`(_ json: String) {
        let error = refusal { () throws(CakeError) in try parse(json, data: 0) }
        #expect(error?.kind == .damaged)
        #expect(error?.fix != nil)
    }

    @Test(
        arguments: [
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, nil),
            (#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, nil),
            (#"{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}"#, 2, nil),
            (#"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#, 3, nil),
            (#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#, 2, "not a whole number of bytes"),
            (
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5,
                "the tensors end at 4 of the data, but the file has 5"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3,
                "ends at 4 of the data, but the file has only 3"
            ),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#, 5, "after a gap: at 1 of the data, where 0"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "begins at 4 and ends before, at 0"),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "takes 8 bytes, but has 4"),
            (#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}}"#, 4, "takes 0 bytes, but has 4"),
            (
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
                2,
                "\"b\" begins inside the tensor before it: at 1 of the data, where 2"
            ),
            (
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
                2,
                "\"b\" begins inside"
            ),
            (
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
                3,
                "\"b\" begins after a gap: at 2 of the data, where 1"
            ),
            (
                #"{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615]}}"#, 4,
                "too large"
            ),
        ] as [(String, UInt64, String?)])
    func `covers the data once and wholly`(_ json: String, _ data: UInt64, _ complaint: String?) {
        let error = refusal { () throws(CakeError) in try parse(json, data: data) }
        if let complaint {
            #expect(error?.what.contains(complaint) == true, "\(error?.what ?? "accepted")")
        } else {
            #expect(error == nil)
        }
    }

    @Test func `with a name given twice is refused, though the library takes the last`() {
        let error = refusal { () throws(CakeError) in try parse("{\"a\":\(Self.a)},\"\\u0061\":\(Self.a)}}") }
        #expect(error?.what == "safetensors header: tensor \"a\" is given twice")
        let metadata = refusal { () throws(CakeError) in try parse(#"{"__metadata__":{"a":"1","a":"1"}}"#, data: 0) }
        #expect(metadata?.what == "safetensors header: __metadata__: \"a\" is given twice")
    }

    @Test func `keeps names apart that look the same`() throws {
        let json =
            "{\"\u{e9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            + "\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}"
        let names = try parse(json, data: 2).tensors.map(\.tensor.name)
        #expect(names == [ExactText("\u{e9}"), ExactText("e\u{301}")])
        #expect(names[0] != names[1])
    }

    @Test func `gives tensors in the order of their bytes, those without bytes as they came`() throws {
        let json = """
            {"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"d":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},
            "b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
            "a":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}}
            """
        #expect(try parse(json, data: 3).tensors.map(\.tensor.name.string) == ["c", "z", "b", "d", "a"])
    }

    @Test func `escapes names in what it says`() {
        let error = refusal { () throws(CakeError) in try parse("{\"\\u001b[2J\":{}}", data: 0) }
        #expect(error?.what == "safetensors header: tensor \"\\u{1b}[2J\": has no dtype")
    }

    @Test func `knows every dtype by its spelling`() {
        for dtype in DType.allCases {
            let spelling = Array(dtype.rawValue.utf8)
            #expect(DType(spelling: spelling.span) == dtype)
        }
        for other in ["", "F", "F323", "\u{0}F32", "F8_E4M3FNUZ_and_more", "bf16"] {
            let spelling = Array(other.utf8)
            #expect(DType(spelling: spelling.span) == nil)
        }
    }

    @Test(
        arguments: [
            ([2, 0, 0, 0, 0, 0, 0, 0], 10, 2), ([2, 0, 0, 0, 0, 0, 0, 0], 11, 2), ([0, 0, 0, 0, 0, 0, 0, 0], 8, 0),
            ([2, 0, 0, 0, 0, 0, 0, 0], 9, nil), ([2, 0, 0, 0, 0, 0, 0], 7, nil), ([], 0, nil),
            ([0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0], 1 << 40, 100_000_000),
            ([0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0], 1 << 40, nil),
            ([255, 255, 255, 255, 255, 255, 255, 255], .max, nil), ([2, 0, 0, 0, 0, 0, 0, 128], .max, nil),
        ] as [([UInt8], UInt64, Int?)])
    func `has a length that fits`(_ prefix: [UInt8], _ fileSize: UInt64, _ length: Int?) {
        #expect((try? Safetensors.headerLength(prefix: prefix.span, fileSize: fileSize)) == length)
    }

    @Test func `longer than the file is refused`() {
        let bytes = Array("{}".utf8)
        #expect(throws: CakeError.self) { try Safetensors.Header(parsing: bytes.span, fileSize: 9) }
    }
}
