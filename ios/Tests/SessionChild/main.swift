// A process to be ended in the middle: `think FILE END`, or `install MODELS PACKAGE`.
import Foundation
import Wheelwork

/// Says something to who started this, at once.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let model = ProcessInfo.processInfo.environment["WHEELWORK_MODEL"] else {
    say("expected three arguments and WHEELWORK_MODEL")
    exit(2)
}
let file = URL(fileURLWithPath: arguments[2])

switch arguments[1] {
case "think":
    let chat = try await Engine.open(URL(fileURLWithPath: model)).chat()
    try await chat.keep(in: file, everyTokens: 1)
    let options = Options {
        $0.sampling = .greedy
        $0.onLoop = .ignore
        $0.output = .regex("(734){100}")
    }
    var deltas = 0
    for try await event in chat.ask("478 + 256 = ?", options) {
        if case .reasoningDelta = event { deltas += 1 }
        if deltas == 6 {
            if arguments[3] == "halt" { _exit(37) }
            say("thinking")
            // Killed here, or computing on until the reader is full.
            try await Task.sleep(for: .seconds(60))
        }
    }
case "install":
    let store = try ModelStore(file)
    for try await event in store.install(
        .file(URL(fileURLWithPath: arguments[3])), options: InstallOptions { $0.unsigned = .told })
    {
        if case .progress(let step, _, _) = event { say(step.rawValue) }
    }
    say("done")
default:
    say("expected `think` or `install`")
    exit(2)
}
