/// Answers of object storage.
extension Seeds {
    private static func bytes(_ text: String) -> [UInt8] {
        Array((#"<?xml version="1.0" encoding="UTF-8"?>"# + "\n" + text).utf8)
    }

    static var storages: Inputs {
        func listing(_ content: String, _ more: String = "") -> [UInt8] {
            bytes(
                "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><EncodingType>url</EncodingType>"
                    + "\(content)<IsTruncated>\(more.isEmpty ? "false" : "true")</IsTruncated>\(more)</ListBucketResult>"
            )
        }
        func value(_ key: String, _ size: String = "5", _ time: String = "2026-11-29T12:00:00.000Z") -> String {
            "<Contents><Key>\(key)</Key><LastModified>\(time)</LastModified><ETag>&quot;ab&quot;</ETag><Size>\(size)</Size></Contents>"
        }
        func part(_ number: String, _ size: String, _ etag: String) -> String {
            "<Part><PartNumber>\(number)</PartNumber><ETag>\(etag)</ETag><Size>\(size)</Size></Part>"
        }
        func parts(_ content: String, _ more: String = "") -> [UInt8] {
            bytes("<ListPartsResult><UploadId>u</UploadId>\(content)\(more)</ListPartsResult>")
        }
        let folder = "<CommonPrefixes><Prefix>models%2Fa+registry%2Fblobs%2F</Prefix></CommonPrefixes>"
        let next = "<NextContinuationToken>t&amp;&#x41;</NextContinuationToken>"
        let cut = "<IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>"
        return [
            ("listing", listing(value("models%2Fa+registry%2Ftokens") + folder, next)),
            ("elsewhere", listing(value("models%2Fb"))),
            ("a-size-of-2^64", listing(value("x", "18446744073709551615"))),
            ("year-9999", listing(value("x", "1", "9999-12-31T23:59:60.000Z"))),
            (
                "refusal",
                bytes(
                    "<Error><Code>RequestTimeTooSkewed</Code><Message>no</Message><Region>eu</Region>"
                        + "<RequestTime>20130524T000000Z</RequestTime><ServerTime>2026-11-29T12:00:00Z</ServerTime></Error>"
                )
            ),
            ("wrapped", bytes("<ErrorResponse><Error><Code>Denied</Code></Error></ErrorResponse>")),
            ("begun", bytes("<InitiateMultipartUploadResult><UploadId>2~a</UploadId></InitiateMultipartUploadResult>")),
            ("parts", parts(part("1", "5242880", "&quot;a&quot;") + part("2", "1", "<![CDATA[b&<]]>"), cut)),
            ("parts-of-2^63", parts(part("10000", "9223372036854775807", "a") + part("1", "9223372036854775807", "b"))),
            (
                "unfinished",
                bytes(
                    "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                        + "<NextKeyMarker>models/b</NextKeyMarker><NextUploadIdMarker>u2</NextUploadIdMarker>"
                        + "<Upload><Key>models/a</Key><UploadId>u1</UploadId><Initiated>2026-11-29T12:00:00.000Z</Initiated></Upload>"
                        + "</ListMultipartUploadsResult>")
            ),
            ("entities", bytes(#"<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>"#)),
            ("deep", bytes(String(repeating: "<a>", count: 200))),
        ]
    }
}
