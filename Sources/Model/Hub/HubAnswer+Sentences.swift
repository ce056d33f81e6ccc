extension HubAnswer {
    func noRevision(_ question: HubQuestion) -> CakeError {
        CakeError(
            .notFound,
            "\(question.subject) has no revision \"\(Printable.escape(question.revision ?? Revision.main))\"",
            fix: question.suggestion.map { "did you mean \($0)?" }
                ?? "its branches and tags are on \(question.page); without @REVISION it is main")
    }

    func noFile(_ question: HubQuestion) -> CakeError {
        let file = question.file.map { "\"\($0)\"" } ?? "of that name"
        return CakeError(
            .notFound,
            "\(question.subject) has no file \(file) at \(Printable.escape(question.revision ?? Revision.main))",
            fix: "its files are on \(question.page)")
    }

    /// To someone without a token a Hub does not say which of the two it is.
    func noRepository(_ question: HubQuestion) -> CakeError {
        let kind = question.repository?.kind ?? .model
        guard question.hasToken else {
            return CakeError(
                .notFound,
                "\(question.hub) has no \(kind.rawValue) \(question.repository?.id ?? "") that is public",
                fix: spelling(question) + "if it is private: cake login")
        }
        return CakeError(
            .notFound,
            "\(question.hub) has no \(kind.rawValue) \(question.repository?.id ?? ""), or hides it from this token",
            fix: spelling(question) + "if it is private: cake whoami says whose token is sent")
    }

    func badToken(_ question: HubQuestion) -> CakeError {
        CakeError(
            .notAuthorised, "\(question.hub) rejected the token\(quoted)",
            fix: "create one on \(question.hub.tokenPage) and run cake login; HF_TOKEN overrides the saved token")
    }

    func gated(_ question: HubQuestion) -> CakeError {
        let words = message.lowercased()
        if !question.hasToken {
            return CakeError(
                .notAuthorised, "\(question.subject) is gated, and no token was sent",
                fix: "accept its terms on \(question.page), then cake login")
        }
        if status == 401 { return badToken(question) }
        if words.contains("awaiting") || words.contains("pending") {
            return CakeError(
                .notAuthorised, "\(question.subject) is gated, and its owner has not answered your request yet",
                fix: "try again when the owner has accepted it; \(question.page) shows its state")
        }
        if words.contains("rejected") {
            return CakeError(
                .notAuthorised, "\(question.subject) is gated, and its owner has refused your request for access",
                fix: "ask its owner on \(question.page), or choose another model: cake search WORDS")
        }
        return CakeError(
            .notAuthorised, "\(question.subject) is gated, and the account of this token has no access yet",
            fix: "accept its terms on \(question.page); cake whoami says whose token is sent")
    }

    func forbidden(_ question: HubQuestion) -> CakeError {
        if message.lowercased().contains("disabled") {
            return CakeError(
                .notAuthorised, "\(question.hub) has disabled \(question.subject)",
                fix: "see \(question.page) for the reason")
        }
        guard question.hasToken else {
            return CakeError(
                .notAuthorised, "\(question.hub) needs a login for \(question.subject)\(quoted)",
                fix: "cake login")
        }
        return CakeError(
            .notAuthorised, "the token may not read \(question.subject)\(quoted)",
            fix: "if the token is fine-grained, allow this repository on \(question.hub.tokenPage)")
    }

    func nothing(_ question: HubQuestion) -> CakeError {
        CakeError(
            .notFound, "\(question.hub) has nothing at the address of \(question.subject)\(quoted)",
            fix: spelling(question) + "check HF_ENDPOINT")
    }

    func busy(_ question: HubQuestion) -> CakeError {
        let advice = "try again in five minutes; downloaded bytes are kept"
        return CakeError(
            .network, "\(question.hub) limits the number of requests\(quoted)",
            fix: question.hasToken ? advice : advice + ". With a token the limit is higher: cake login")
    }

    func troubled(_ question: HubQuestion) -> CakeError {
        CakeError(
            .network, "\(question.hub): server error (\(status))\(quoted)",
            fix: "try again later; downloaded bytes are kept"
                + (question.hub.isStandard ? ". https://status.huggingface.co shows its state" : ""))
    }

    func odd(_ question: HubQuestion) -> CakeError {
        CakeError(
            .failed, "\(question.hub) answered status \(status) for \(question.subject)\(quoted)",
            fix: "check HF_ENDPOINT, and whether a proxy needs a password")
    }

    private func spelling(_ question: HubQuestion) -> String {
        question.suggestion.map { "did you mean \($0)? If not, check the spelling; " } ?? "check the spelling; "
    }
}
