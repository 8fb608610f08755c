#if canImport(SwiftUI)
    import ChatLogic
    import SwiftUI
    import UniformTypeIdentifiers
    import Wheelwork

    /// The app's scene. In Xcode: a new iOS app, this package, and
    ///
    /// ```swift
    /// @main struct Main: App { var body: some Scene { ChatScene() } }
    /// ```
    @available(iOS 17, macOS 14, visionOS 1, *)
    public struct ChatScene: Scene {
        @State private var model = ChatModel(home: Self.home) { () throws(WheelworkError) in
            try await SessionKey().read()
        }

        public init() {}

        public var body: some Scene {
            WindowGroup {
                Group {
                    switch model.stage {
                    case .setup(let setup): SetupScreen(setup: setup, model: model)
                    case .talking(let conversation): ConversationScreen(conversation: conversation, model: model)
                    }
                }
                .task { await model.setUp() }
            }
        }

        private static var home: URL {
            URL.applicationSupportDirectory.appending(path: "wheelwork")
        }
    }

    @available(iOS 17, macOS 14, visionOS 1, *)
    struct SetupScreen: View {
        let setup: ChatModel.Setup
        let model: ChatModel
        @State private var isChoosing = false

        var body: some View {
            VStack(spacing: 16) {
                Text("Wheelwork").font(.largeTitle).accessibilityAddTraits(.isHeader)
                if let progress = setup.progress {
                    ProgressView("Installing", value: progress)
                    Button("Cancel") { Task { await model.cancelInstallation() } }
                } else {
                    Button("Choose a package") { isChoosing = true }
                }
                if let plan = setup.plan {
                    let need = Int64(plan.needBytes).formatted(.byteCount(style: .memory))
                    Text("Takes \(need) of memory.")
                    Button("Open") { Task { await open() } }.disabled(setup.isOpening)
                }
                if setup.isOpening { ProgressView() }
                if let problem = setup.problem { Text(problem).foregroundStyle(.red) }
            }
            .padding()
            .fileImporter(isPresented: $isChoosing, allowedContentTypes: [.data]) { chosen in
                guard case .success(let file) = chosen, file.startAccessingSecurityScopedResource() else { return }
                model.install(.file(file))
                Task {
                    await model.installed()
                    file.stopAccessingSecurityScopedResource()
                }
            }
        }

        private func open() async {
            #if canImport(UIKit)
                await model.open(AppSignals())
            #else
                await model.open()
            #endif
        }
    }

    @available(iOS 17, macOS 14, visionOS 1, *)
    struct ConversationScreen: View {
        let conversation: Conversation
        let model: ChatModel
        @State private var text = ""
        /// 1 is no limit.
        @State private var budget = 1.0
        private static let most = 4096.0

        var body: some View {
            ScrollView {
                LazyVStack(alignment: .leading, spacing: 24) {
                    ForEach(conversation.exchanges) { ExchangeView(exchange: $0) }
                    if let problem = conversation.problem { Text(problem).foregroundStyle(.red) }
                }
                .padding()
                .frame(maxWidth: 640)
            }
            .safeAreaInset(edge: .top) { title }
            .safeAreaInset(edge: .bottom) { question }
        }

        private var title: some View {
            HStack {
                Text("Wheelwork").font(.title).accessibilityAddTraits(.isHeader)
                Spacer()
                chats
                Text(conversation.placement.device.rawValue.uppercased()).font(.caption)
            }
            .padding()
            .background(.bar)
        }

        private var chats: some View {
            Menu("Chats") {
                Button("New chat") { Task { await model.hold(nil) } }
                ForEach(model.saved.prefix(20)) { saved in
                    Button(saved.changed.formatted(.relative(presentation: .named))) {
                        Task { await model.hold(saved.id) }
                    }
                    .disabled(saved.id == conversation.id)
                }
                Button("Delete this chat", role: .destructive) { Task { await model.delete() } }
            }
        }

        private var question: some View {
            VStack(alignment: .leading) {
                Text("Reasoning: \(amount)").font(.footnote)
                Slider(value: $budget).accessibilityLabel("limit of the reasoning").accessibilityValue(amount)
                TextField("Ask", text: $text, axis: .vertical).lineLimit(1...4)
                HStack {
                    Spacer()
                    if conversation.isBusy {
                        Button("Stop", action: conversation.stop)
                        Button("Answer now", action: conversation.answerNow).buttonStyle(.borderedProminent)
                    } else if conversation.isPaused {
                        Button("Go on", action: conversation.resume).buttonStyle(.borderedProminent)
                    } else {
                        Button("Ask") {
                            conversation.ask(text, reasoningTokens: tokens)
                            text = ""
                        }
                        .buttonStyle(.borderedProminent)
                        .disabled(text.isEmpty)
                    }
                }
            }
            .padding()
            .background(.bar)
        }

        private var tokens: Int? { budget >= 1 ? nil : Int(budget * Self.most) }
        private var amount: String { tokens.map { "up to \($0) tokens" } ?? "as long as it likes" }
    }

    @available(iOS 17, macOS 14, visionOS 1, *)
    struct ExchangeView: View {
        let exchange: Exchange
        @State private var showsReasoning = false

        var body: some View {
            VStack(alignment: .leading, spacing: 8) {
                if !exchange.question.isEmpty { Text(exchange.question).bold() }
                if !exchange.turn.reasoning.isEmpty {
                    DisclosureGroup("Reasoning", isExpanded: $showsReasoning) {
                        Text(exchange.turn.reasoning).foregroundStyle(.secondary).textSelection(.enabled)
                    }
                }
                Text(exchange.turn.answer).textSelection(.enabled)
                if let failure = exchange.turn.failure { Text(failure.remedy).foregroundStyle(.red) }
            }
        }
    }
#endif
