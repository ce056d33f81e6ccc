extension Task where Failure == any Error {
    /// The value of a task that is cancelled with the one that waits for it, as a child task would be.
    package func valueUnlessCancelled() async throws -> Success {
        try await withTaskCancellationHandler {
            try await value
        } onCancel: {
            cancel()
        }
    }
}

extension Task where Failure == Never {
    /// The value of a task that is cancelled with the one that waits for it, as a child task would be.
    package func valueUnlessCancelled() async -> Success {
        await withTaskCancellationHandler {
            await value
        } onCancel: {
            cancel()
        }
    }
}
