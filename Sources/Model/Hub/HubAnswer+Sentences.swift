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
                "\(question.hub) has no \(kind.rawValue) \(question.repository?.id ?? "") that is open to all",
                fix: spelling(question) + "if it is private: cake login")
        }
        return CakeError(
            .notFound,
            "\(question.hub) has no \(kind.rawValue) \(question.repository?.id ?? ""), or hides it from this token",
            fix: spelling(question) + "if it is private: cake whoami says whose token is sent")
    }

    func badToken(_ question: HubQuestion) -> CakeError {
        CakeError(
            .notAuthorised, "\(question.hub) does not know the token that was sent\(quoted)",
            fix: "make one on \(question.hub.tokenPage) and give it to cake login; HF_TOKEN goes before what is saved")
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
                .notAuthorised, "\(question.subject) is gated, and your request for access waits for its owner",
                fix: "try again when the owner has said yes; \(question.page) shows how it stands")
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
                fix: "\(question.page) may say why; nothing on this side can change it")
        }
        guard question.hasToken else {
            return CakeError(
                .notAuthorised, "\(question.hub) does not give \(question.subject) to people it does not know\(quoted)",
                fix: "cake login")
        }
        return CakeError(
            .notAuthorised, "the token that was sent may not read \(question.subject)\(quoted)",
            fix: "a fine-grained token names what it may read: edit it on \(question.hub.tokenPage)")
    }

    func nothing(_ question: HubQuestion) -> CakeError {
        CakeError(
            .notFound, "\(question.hub) has nothing where \(question.subject) should be\(quoted)",
            fix: spelling(question) + "is HF_ENDPOINT a Hub?")
    }

    func busy(_ question: HubQuestion) -> CakeError {
        let advice = "try again in five minutes; what is here is kept"
        return CakeError(
            .network, "\(question.hub) asks for fewer requests\(quoted)",
            fix: question.hasToken ? advice : advice + ". With a token it allows more: cake login")
    }

    func troubled(_ question: HubQuestion) -> CakeError {
        CakeError(
            .network, "\(question.hub) has trouble of its own (status \(status))\(quoted)",
            fix: "try again later; what is here is kept"
                + (question.hub.isStandard ? ". https://status.huggingface.co says how it stands" : ""))
    }

    func odd(_ question: HubQuestion) -> CakeError {
        CakeError(
            .failed, "\(question.hub) answers status \(status) about \(question.subject)\(quoted)",
            fix: "is HF_ENDPOINT a Hub, and is there no proxy that asks for a password?")
    }

    private func spelling(_ question: HubQuestion) -> String {
        question.suggestion.map { "did you mean \($0)? If not, check the spelling; " } ?? "check the spelling; "
    }
}
