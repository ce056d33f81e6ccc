import Model

/// What `cake` alone says.
enum Overview {
    static func lines(of table: CommandTable, _ page: Page) -> [String] {
        let style = page.style
        var lines = TextWidth.wrap(
            "cake stores models as docker stores images: tensors that models share are stored once, and every file comes back "
                + "bit for bit.", to: page.width)
        let widest = table.commands.map(\.name.count).max() ?? 0
        for purpose in Command.Purpose.allCases {
            lines += ["", style.paint(purpose.rawValue, .strong)]
            for command in table.commands where command.purpose == purpose {
                lines += HelpText.entry(command.name, command.summary, column: widest + 4, page)
            }
        }
        lines += ["", style.paint("Options of every command", .strong)]
        lines += HelpText.entries(GlobalOptions.forms, page)
        lines += ["", style.paint("Start here", .strong)]
        lines += ["  cake demo           see cake at work", "  cake help import    help for one command"]
        return lines
    }
}
