import Model
import Testing

@Suite struct `XML of a stranger` {
    private func parse(_ text: String) throws(CakeError) -> XMLElement { try XMLElement(parsing: Array(text.utf8)) }

    @Test func `is read as elements with their text`() throws {
        let found = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- one --><a:List xmlns="http://x/" b='>'><Key>a &amp; b&#x41;&#66;</Key><Key/>
            <Key><![CDATA[<x>]]></Key><!-- two --></a:List>
            """)
        #expect(found.name == "List" && found.all("Key").map(\.text) == ["a & bAB", "", "<x>"])
        #expect(found.text("Key") == "a & bAB" && found.text("Other") == nil)
    }

    @Test(arguments: [
        "", "   ", "text", "<a>", "<a></b>", "</a>", "<a></a><b></b>", "<a></a>text", "<a", "<a b='></a>", "<a>&lt</a>",
        "<a>&nbsp;</a>", "<a>&#xd800;</a>", "<a>&#99999999;</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><!ELEMENT b></a>", "<a><![CDATA[x</a>", "<a><!-- x</a>", "<></>", "<a <b></b></a>", "<?xml",
        String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17),
    ])
    func `that is broken, deep or declares something is refused`(_ text: String) {
        #expect(throws: CakeError.self) { try parse(text) }
    }

    @Test func `that is not UTF-8 is refused`() {
        #expect(throws: CakeError.self) { try XMLElement(parsing: Array("<a>".utf8) + [0xff] + Array("</a>".utf8)) }
    }

    @Test func `stays small where it is cut anywhere`() throws {
        let whole = Array("<a x=\"1\"><b>&amp;&#65;</b><c/><!-- d --></a>".utf8)
        for count in 0..<whole.count {
            #expect(throws: CakeError.self) { try XMLElement(parsing: Array(whole[..<count])) }
        }
        _ = try XMLElement(parsing: whole)
    }
}

@Suite struct `A place in object storage` {
    @Test func `is a bucket and a prefix`() throws {
        let found = try S3Place("s3://models/team/a%b/")
        #expect(found.bucket == "models" && found.prefix == "team/a%b" && "\(found)" == "s3://models/team/a%b")
        #expect(found.key("x/y") == "team/a%b/x/y")
        #expect(try S3Place("s3://models").key("x") == "x")
    }

    @Test(arguments: [
        "models", "s3:/models", "s3://", "s3://a/b", "s3://-.-/../x", "s3://models/../x", "s3://models/a//b",
        "s3://models/./a",
        "s3://mo dels/a", "s3://models/a\nb", "s3://.models", "s3://user@models/a",
    ])
    func `is refused where tools would change it on the way`(_ text: String) {
        #expect(throws: CakeError.self) { try S3Place(text) }
    }

    @Test func `has an address of either style`() throws {
        let amazon = try S3Endpoint(region: "eu-west-1")
        #expect(
            try amazon.url("models", key: "a%2Fb/c d").text == "https://models.s3.eu-west-1.amazonaws.com/a%252Fb/c%20d"
        )
        #expect(try amazon.url("my.models", key: "a").text == "https://s3.eu-west-1.amazonaws.com/my.models/a")
        let own = try S3Endpoint("http://127.0.0.1:9000", region: "us-east-1")
        #expect(
            try own.url("models", query: [("prefix", "a/"), ("list-type", "2")]).text
                == "http://127.0.0.1:9000/models?list-type=2&prefix=a%2F")
        #expect(throws: CakeError.self) { try own.url("models", key: "a/../b") }
        #expect(throws: CakeError.self) { try S3Endpoint("http://127.0.0.1:9000/path", region: "us-east-1") }
        #expect(throws: CakeError.self) { try S3Endpoint(region: "evil.example/") }
    }
}

@Suite struct `An answer of object storage` {
    private func list(_ text: String, prefix: String = "p/") throws -> S3Listing {
        try S3Listing(parsing: Array("<ListBucketResult>\(text)</ListBucketResult>".utf8), prefix: prefix)
    }

    private let entry =
        "<Contents><Key>p/a</Key><Size>3</Size><ETag>\"e\"</ETag><LastModified>2024-02-29T12:00:01.5Z</LastModified></Contents>"

    @Test func `lists keys and folders`() throws {
        var found = try list(
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>n</NextContinuationToken>"
                + entry + "<CommonPrefixes><Prefix>p/a+b%2B%2F/</Prefix></CommonPrefixes>")
        let first = try #require(found.entries.first)
        #expect(found.entries.count == 1 && first.key == "p/a" && first.etag == "\"e\"")
        #expect(first.size == 3 && first.time == 1_709_208_001)
        #expect(found.folders == ["p/a b+//"] && found.next == "n")
        found.shorten(by: 2)
        #expect(found.entries[0].key == "a" && found.folders == ["a b+//"])
    }

    @Test(arguments: [
        "<IsTruncated>true</IsTruncated>", "<Contents><Key>p/a</Key></Contents>",
        "<CommonPrefixes><Prefix>other/</Prefix></CommonPrefixes>", "<CommonPrefixes></CommonPrefixes>",
        "<EncodingType>url</EncodingType><CommonPrefixes><Prefix>p/%zz</Prefix></CommonPrefixes>",
        "<Contents><Key>p/a</Key><Size>-3</Size><ETag>e</ETag><LastModified>2024-02-29T12:00:01Z</LastModified></Contents>",
        "<Contents><Key>p/a</Key><Size>9223372036854775808</Size><ETag>e</ETag><LastModified>2024-02-29T12:00:01Z</LastModified></Contents>",
        "<Contents><Key>p/a</Key><Size>3</Size><ETag>e</ETag><LastModified>yesterday</LastModified></Contents>",
    ])
    func `that lies about keys, sizes or its end is refused`(_ text: String) {
        #expect(throws: CakeError.self) { try list(text) }
    }

    @Test func `has times of both spellings`() {
        #expect(S3Time.seconds("2013-05-24T00:00:00.000Z") == 1_369_353_600)
        #expect(S3Time.seconds("20130524T000000Z") == 1_369_353_600)
        #expect(S3Time.stamp(1_369_353_600) == "20130524T000000Z")
        for text in [
            "", "2013", "2013-13-24T00:00:00Z", "2013-05-24T25:00:00Z", "2013-05-24 00:00:00Z", "éééééééééTééééééZ",
        ] {
            #expect(S3Time.seconds(text) == nil)
        }
    }

    @Test func `names an upload, its parts, and how it ended`() throws {
        #expect(try S3Multipart.upload(in: Array("<R><UploadId>u&amp;1</UploadId></R>".utf8)) == "u&1")
        #expect(throws: CakeError.self) { try S3Multipart.upload(in: Array("<R></R>".utf8)) }
        let page =
            "<R><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"
            + "<Part><PartNumber>1</PartNumber><Size>5</Size><ETag>&quot;e&quot;</ETag></Part></R>"
        let (parts, next) = try S3Multipart.parts(in: Array(page.utf8))
        #expect(parts == [S3Multipart.Part(number: 1, etag: "\"e\"", size: 5)] && next == 1)
        let text = String(decoding: S3Multipart.completion(of: parts), as: UTF8.self)
        #expect(text.contains("<Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag></Part>"))
    }
}

@Suite struct `The files of Amazon's tools` {
    @Test func `hold settings of profiles`() {
        let found = S3Profiles(
            parsing: """
                # comment
                [default]
                region = eu-west-1   # here
                s3 =
                    addressing_style = path
                [profile work]
                Role_Arn=arn:aws:iam::1:role/x=y
                ; other
                no setting
                """)
        #expect(found["default"] == ["region": "eu-west-1", "s3": "", "s3.addressing_style": "path"])
        #expect(found["work"]?["role_arn"] == "arn:aws:iam::1:role/x=y")
        #expect(found["other"] == nil)
    }
}
