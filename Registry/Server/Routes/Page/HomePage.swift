import Model
import Platform

/// `/` as HTML. No script, no picture, and nothing from elsewhere. Names are escaped: strangers choose them.
struct HomePage {
    struct Row {
        let name: String
        let tag: String
        let size: UInt64?
    }

    /// As the client calls this server.
    let host: String
    let origin: String
    let models: [Row]
    let others: Int
    /// The caller may see no model.
    let isClosed: Bool
    let allowsPush: Bool
    let isMirror: Bool
    let needsPlainHTTP: Bool

    static let headers: [(name: String, value: String)] = [
        ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"),
        ("Vary", "Accept, Authorization"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'sha256-\(styleHash)'; frame-ancestors 'none'"),
    ]

    var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>cake on \(Self.escape(host))</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <main>
        <h1>cake</h1>
        <p>This server keeps machine learning models. It answers clients of the Hugging Face Hub, clients of OCI registries, \
        and cake.\(isMirror ? " It downloads a model that is not here from its upstream when a client asks for it." : "")</p>
        <h2>Use it</h2>
        \(uses.map { "<h3>\($0.title)</h3>\n<pre>\($0.lines.map(Self.escape).joined(separator: "\n"))</pre>" }
            .joined(separator: "\n"))
        <h2>Models</h2>
        \(list)
        <footer><a href="/healthz">Health</a> <a href="/metrics">Metrics</a>\
        \(isClosed ? "" : " <a href=\"/api/models\">Models as JSON</a>")</footer>
        </main>
        </body>
        </html>

        """
    }

    private var uses: [(title: String, lines: [String])] {
        let example = models.first { $0.tag == "latest" && $0.name.contains("/") } ?? models.first
        let (name, tag) = (example?.name ?? "org/name", example?.tag ?? "latest")
        let (revision, suffix) = tag == "latest" ? ("", "") : (" --revision \(tag)", ":\(tag)")
        let flag = needsPlainHTTP ? " --plain-http" : ""
        var uses: [(title: String, lines: [String])] = [
            (
                "huggingface_hub, transformers, vLLM",
                ["export HF_ENDPOINT=\(origin)", "hf download \(name)\(revision)"]
            ),
            ("cake", ["cake pull \(host)/\(name)\(suffix)\(flag)"]),
        ]
        if allowsPush { uses.append(("To add a model", ["cake push my-model \(host)/team/my-model:v1\(flag)"])) }
        if isClosed {
            uses.append(("This server asks for a token", ["export HF_TOKEN=cake_…", "cake login \(origin)"]))
        }
        return uses
    }

    private var list: String {
        if isClosed {
            return "<p>This server shows its models to clients with a token. <a href=\"/?token\">Give a token</a></p>"
        }
        if models.isEmpty { return "<p>There is no model here that you can see.</p>" }
        let rows = models.map { row in
            "<tr><td>\(Self.escape(row.name))</td><td>\(Self.escape(row.tag))</td>"
                + "<td>\(row.size.map { Quantities.bytes($0) } ?? "")</td></tr>"
        }
        let rest = others > 0 ? "\n<p>And \(others) more.</p>" : ""
        return
            "<div><table>\n<tr><th>Name</th><th>Tag</th><th>Size</th></tr>\n\(rows.joined(separator: "\n"))\n</table></div>"
            + rest
    }

    static func escape(_ text: String) -> String {
        Printable.escape(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
            ">", with: "&gt;"
        ).replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }

    /// The page's own style, and no other.
    private static let styleHash = Base64.encode(SHA256.digest(of: Array(style.utf8).span).bytes)

    private static let style = """
        :root { color-scheme: light dark; --ink: #1d1d1f; --soft: #63636a; --line: #dcdce0; --box: #f4f4f6; --link: #0b57d0; \
        --page: #fff; }
        @media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #a0a0aa; --line: #3a3a42; --box: #222228; \
        --link: #8ab4f8; --page: #16161a; } }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
        h1 { margin: 0 0 .5rem; font-size: 2rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
        h3 { margin: 1rem 0 .25rem; font-size: 1rem; font-weight: 600; color: var(--soft); }
        pre { margin: 0; padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--box); \
        border-radius: .5rem; \
        font: 14px/1.5 ui-monospace, monospace; }
        div { overflow-x: auto; } table { width: 100%; border-collapse: collapse; }
        th, td { padding: .4rem 1rem .4rem 0; text-align: left; border-bottom: 1px solid var(--line); }
        td:first-child { overflow-wrap: anywhere; } th:last-child, td:last-child { padding-right: 0; text-align: right; \
        white-space: nowrap; }
        th { color: var(--soft); font-weight: 600; } a { color: var(--link); }
        footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); } footer a { margin-right: 1rem; }
        """
}
