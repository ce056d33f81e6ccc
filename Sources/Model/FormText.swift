/// The members of a form, as a body or a query has them.
public enum FormText {
    public static func encode(_ members: [(String, String)]) -> String {
        members.map { "\(PercentText.encode($0.0))=\(PercentText.encode($0.1))" }.joined(separator: "&")
    }
}
