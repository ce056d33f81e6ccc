import Model

/// Rows under headings. On a terminal it fits: long text is shortened with …, then the columns that matter least go. In a
/// pipe or a file everything is there.
struct Table: Sendable {
    struct Column: Sendable {
        enum Alignment: Sendable { case left, right }

        let title: String
        var alignment = Alignment.left
        /// When there is not room for all columns, the one with the lowest goes first; of equals the last.
        var importance = 1
        /// How narrow the column may become; nil when its text makes no sense in part, as with numbers.
        var leastWidth: Int?
        /// What is left when it is shortened: the end, where the beginning says less (paths, names of tensors).
        var keepsEnd = false
    }

    struct Cell: Sendable, ExpressibleByStringInterpolation {
        let text: String
        let tone: Style.Tone

        init(_ text: String, _ tone: Style.Tone = .plain) {
            self.text = text
            self.tone = tone
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    private static let gap = 2

    let columns: [Column]
    private(set) var rows: [[Cell]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// A row shorter than the columns ends in empty cells.
    mutating func add(_ cells: [Cell]) {
        // A stranger's text ends here: what a terminal would obey is made visible.
        rows.append(cells.prefix(columns.count).map { Cell(Printable.escape($0.text), $0.tone) })
    }

    func lines(on page: Page) -> [String] { lines(width: page.tableWidth, style: page.style) }

    /// `width` is nil where a line may be as long as it likes.
    func lines(width: Int?, style: Style) -> [String] {
        var widths = columns.indices.map { column in
            rows.reduce(TextWidth.of(columns[column].title)) { widest, row in
                max(widest, column < row.count ? TextWidth.of(row[column].text) : 0)
            }
        }
        let shown = width.map { fit(&widths, into: $0) } ?? Array(columns.indices)
        var lines: [String] = []
        if columns.contains(where: { !$0.title.isEmpty }) {
            lines.append(line(of: columns.map { Cell($0.title, .strong) }, shown, widths, style))
        }
        return lines + rows.map { line(of: $0, shown, widths, style) }
    }

    /// The columns that stay, in order; their widths are made to fit.
    private func fit(_ widths: inout [Int], into width: Int) -> [Int] {
        var shown = Array(columns.indices)
        func least(_ column: Int) -> Int { min(widths[column], columns[column].leastWidth ?? widths[column]) }
        func total(_ size: (Int) -> Int) -> Int { shown.reduce(Self.gap * (shown.count - 1)) { $0 + size($1) } }
        while shown.count > 1, total(least) > width {
            guard let lowest = shown.map({ columns[$0].importance }).min(),
                let position = shown.lastIndex(where: { columns[$0].importance == lowest })
            else { break }
            shown.remove(at: position)
        }
        while total({ widths[$0] }) > width {
            let shrinkable = shown.filter { widths[$0] > least($0) }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        if let only = shown.first, shown.count == 1 { widths[only] = min(widths[only], max(1, width)) }
        return shown
    }

    private func line(of cells: [Cell], _ shown: [Int], _ widths: [Int], _ style: Style) -> String {
        var line = ""
        var padding = 0
        for column in shown {
            let cell = column < cells.count ? cells[column] : Cell("")
            let text = TextWidth.shorten(cell.text, to: widths[column], keepingEnd: columns[column].keepsEnd)
            let rest = widths[column] - TextWidth.of(text)
            if columns[column].alignment == .right { padding += rest }
            // Spaces wait for something to stand after them, so that no line ends in one.
            if !text.isEmpty {
                line += String(repeating: " ", count: padding) + style.paint(text, cell.tone)
                padding = 0
            }
            if columns[column].alignment == .left || text.isEmpty {
                padding += text.isEmpty && columns[column].alignment == .right ? 0 : rest
            }
            padding += Self.gap
        }
        return line
    }
}
