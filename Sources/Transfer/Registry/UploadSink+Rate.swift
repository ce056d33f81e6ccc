internal import Remote

/// The rate and the count of what is sent. Bytes that are only hashed are neither held up nor counted.
extension UploadSink {
    func wait(for throttle: Throttle?, _ count: some BinaryInteger) async throws {
        if isSending { try await throttle?.take(UInt64(count)) }
    }

    func count(_ count: some BinaryInteger, in progress: Progress) {
        if isSending { progress.did(bytes: UInt64(count)) }
    }
}
