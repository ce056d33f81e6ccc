import Model
import Platform

@main enum Main {
    /// Not async: see `Interrupt`.
    static func main() {
        StandardStreams.openClosed()
        let environment = Environment(reading: Settings.variables + ProxyRule.variables)
        Environment.hideFromOthers(["--token"])
        let run = Run(environment)
        Interrupt.run(allowing: { run.timeToEnd }, meantToEnd: { run.isMeantToEnd }, late: { run.giveUp() }) {
            await run.status()
        }
    }
}
