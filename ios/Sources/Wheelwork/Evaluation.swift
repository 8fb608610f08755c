internal import WheelworkFFI

/// How far a variant of a package is from the checkpoint in float32, over the whole vocabulary, in nats.
public struct Evaluation: Sendable, Hashable {
    /// The variant.
    public let variant: String
    /// Name and version of the program that measured.
    public let producer: String
    /// The checkpoint folder's name.
    public let reference: String
    /// Which cache the package ran with.
    public let kvCache: KVForm
    /// Threads of ONNX Runtime's pool.
    public let threads: Int
    /// What ONNX Runtime said of its build.
    public let runtime: String
    /// `built-in`, or the name of the text's file.
    public let text: String
    /// Logits against those of the checkpoint.
    public let divergence: Divergence
    /// How much the package repeats itself.
    public let repetition: Repetition
    /// Problems with known answers; nil where there were none.
    public let tasks: Tasks?
    /// The limits and what broke them.
    public let gate: QualityGate

    init(_ evaluation: WheelworkFFI.Evaluation) {
        variant = evaluation.variant
        producer = evaluation.producer
        reference = evaluation.reference
        kvCache = KVForm(evaluation.kvCache)
        threads = count(evaluation.threads)
        runtime = evaluation.runtime
        text = evaluation.text
        divergence = Divergence(evaluation.divergence)
        repetition = Repetition(evaluation.repetition)
        tasks = evaluation.tasks.map(Tasks.init)
        gate = QualityGate(evaluation.gate)
    }

    /// A mean with its standard error, which takes the samples as independent.
    public struct Estimate: Sendable, Hashable {
        /// The mean.
        public let value: Double
        /// Its standard error.
        public let standardError: Double

        init(_ estimate: WheelworkFFI.Estimate) {
            value = estimate.value
            standardError = estimate.standardError
        }
    }

    /// Logits of the package against those of the checkpoint, position by position.
    public struct Divergence: Sendable, Hashable {
        /// Positions compared.
        public let positions: Int
        /// Kullback-Leibler divergence of the package from the checkpoint.
        public let meanKL: Estimate
        /// Half of the positions diverge by no more than this.
        public let medianKL: Double
        /// 99 of 100 positions diverge by no more than this.
        public let p99KL: Double
        /// The worst position.
        public let maxKL: Double
        /// Share of positions with the same best token, 0 to 1.
        public let sameTop: Estimate
        /// Root mean square of the change in the probability of the text's next token, 0 to 1.
        public let rmsDeltaP: Double
        /// Of the checkpoint on the text.
        public let perplexityReference: Double
        /// Of the package on the text.
        public let perplexity: Double
        /// The package's less the checkpoint's.
        public let perplexityChange: Estimate

        init(_ divergence: WheelworkFFI.Divergence) {
            positions = count(divergence.positions)
            meanKL = Estimate(divergence.meanKl)
            medianKL = divergence.medianKl
            p99KL = divergence.p99Kl
            maxKL = divergence.maxKl
            sameTop = Estimate(divergence.sameTop)
            rmsDeltaP = divergence.rmsDeltaP
            perplexityReference = divergence.perplexityReference
            perplexity = divergence.perplexity
            perplexityChange = Estimate(divergence.perplexityChange)
        }
    }

    /// How much a model repeats itself.
    public struct Repetition: Sendable, Hashable {
        /// Chains generated.
        public let chains: Int
        /// Tokens in them.
        public let tokens: Int
        /// Chains that never ended and whose last tokens are one piece over and over.
        public let loopedChains: Int
        /// Share of four tokens in a row that the chain had already, 0 to 1.
        public let repeated4Grams: Double

        init(_ repetition: WheelworkFFI.Repetition) {
            chains = count(repetition.chains)
            tokens = count(repetition.tokens)
            loopedChains = count(repetition.loopedChains)
            repeated4Grams = repetition.repeated4grams
        }
    }

    /// Problems with known answers, answered greedily by the package and by a baseline.
    public struct Tasks: Sendable, Hashable {
        /// What the package is compared with.
        public let baseline: String
        /// All problems.
        public let all: Score
        /// By the kind of problem, where they have kinds.
        public let byTask: [NamedScore]
        /// Right in the baseline, wrong in the package.
        public let broken: Int
        /// Wrong in the baseline, right in the package.
        public let repaired: Int
        /// How likely flips at least as one-sided are if neither is better: McNemar's exact test, two-sided.
        public let mcnemarP: Double
        /// Tokens of all answers, reasoning included, over those of the baseline.
        public let lengthRatio: Double

        init(_ tasks: WheelworkFFI.Tasks) {
            baseline = tasks.baseline
            all = Score(tasks.all)
            byTask = tasks.byTask.map { NamedScore(task: $0.task, score: Score($0.score)) }
            broken = count(tasks.broken)
            repaired = count(tasks.repaired)
            mcnemarP = tasks.mcnemarP
            lengthRatio = tasks.lengthRatio
        }
    }

    /// How many problems of a kind are right.
    public struct NamedScore: Sendable, Hashable {
        /// The kind.
        public let task: String
        /// How many are right.
        public let score: Score
    }

    /// How many of some problems are right.
    public struct Score: Sendable, Hashable {
        /// Problems asked.
        public let problems: Int
        /// Answered exactly by the package, 0 to 1.
        public let exactMatch: Estimate
        /// Answered exactly by the baseline, 0 to 1.
        public let baselineExactMatch: Double
        /// Share of the expected reasoning steps that stand in their place; nil where no problem has steps.
        public let stepAccuracy: Double?
        /// The same of the baseline.
        public let baselineStepAccuracy: Double?

        init(_ score: WheelworkFFI.TaskScore) {
            problems = count(score.problems)
            exactMatch = Estimate(score.exactMatch)
            baselineExactMatch = score.baselineExactMatch
            stepAccuracy = score.stepAccuracy
            baselineStepAccuracy = score.baselineStepAccuracy
        }
    }

    /// Limits and what broke them.
    public struct QualityGate: Sendable, Hashable {
        /// Where the limits come from: a recipe's name, or `custom`.
        public let name: String
        /// The largest mean divergence, in nats.
        public let meanKLLimit: Double
        /// The smallest share of positions with the same best token, 0 to 1; nil where there is no such limit.
        public let sameTopLimit: Double?
        /// Each broken limit in words, with its figure; empty for a pass.
        public let broken: [String]

        init(_ gate: WheelworkFFI.Gate) {
            name = gate.name
            meanKLLimit = gate.meanKlLimit
            sameTopLimit = gate.sameTopLimit
            broken = gate.broken
        }
    }
}
