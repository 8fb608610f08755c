//! A decoder without a model: it plays given tokens and fails when told to.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wheelwork::decoder::{Decoder, DecoderError, Effort, Interrupt};
use wheelwork::device::{Device, KernelSet, Placement};
use wheelwork::{KvForm, Prepared};

/// What a step of the script does.
#[derive(Debug, Clone)]
pub enum Step {
    /// The logits prefer this token.
    Token(u32),
    /// The logits prefer the token that this makes of the whole sequence: a model that reads its cache.
    Of(fn(&[u32]) -> u32),
    /// The logits are these, `[vocab_size]`.
    Logits(Vec<f32>),
    /// The run fails with this message.
    Fail(String),
}

/// Plays its steps in order, whatever tokens it is fed; after the last step it repeats it.
pub struct ScriptedDecoder {
    steps: Vec<Step>,
    next: usize,
    vocab_size: usize,
    context_length: usize,
    tokens: Vec<u32>,
    logits: Vec<f32>,
    interrupted: Arc<AtomicBool>,
    /// Called before a run, by the number of the run from 0; may cancel, panic or sleep.
    hooks: BTreeMap<usize, Box<dyn FnMut() + Send>>,
    runs: usize,
    /// Told of every change of effort.
    on_effort: Option<Box<dyn FnMut(Effort) + Send>>,
}

impl ScriptedDecoder {
    /// A decoder that plays `steps` over a vocabulary of `vocab_size` tokens.
    #[must_use]
    pub fn new(vocab_size: usize, context_length: usize, steps: Vec<Step>) -> Self {
        Self {
            steps,
            next: 0,
            vocab_size,
            context_length,
            tokens: Vec::new(),
            logits: vec![0.0; vocab_size],
            interrupted: Arc::default(),
            hooks: BTreeMap::new(),
            runs: 0,
            on_effort: None,
        }
    }

    /// Calls `hook` before run number `run`, counted from 0.
    #[must_use]
    pub fn before_run(mut self, run: usize, hook: impl FnMut() + Send + 'static) -> Self {
        self.hooks.insert(run, Box::new(hook));
        self
    }

    /// Calls `hook` whenever it is told how hard to work.
    #[must_use]
    pub fn on_effort(mut self, hook: impl FnMut(Effort) + Send + 'static) -> Self {
        self.on_effort = Some(Box::new(hook));
        self
    }

    fn run(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        if let Some(hook) = self.hooks.get_mut(&self.runs) {
            hook();
        }
        self.runs += 1;
        if self.interrupted.load(Ordering::SeqCst) {
            return Err(DecoderError::Interrupted);
        }
        let (cached, limit) = (self.tokens.len(), self.context_length);
        if cached + tokens.len() > limit {
            return Err(DecoderError::ContextFull { cached, tokens: tokens.len(), limit });
        }
        let step = self.steps.get(self.next).or(self.steps.last());
        let preferred = match step {
            Some(Step::Token(token)) => Some(*token),
            Some(Step::Of(model)) => Some(model(&[&self.tokens, tokens].concat())),
            _ => None,
        };
        match step {
            Some(Step::Token(_) | Step::Of(_)) => {
                self.logits.fill(0.0);
                if let Some(logit) = preferred.and_then(|token| self.logits.get_mut(token as usize)) {
                    *logit = 100.0;
                }
            }
            Some(Step::Logits(logits)) => self.logits.clone_from(logits),
            Some(Step::Fail(message)) => {
                let message = message.clone();
                self.next += 1;
                return Err(DecoderError::Run { tokens: tokens.len(), cached, message });
            }
            None => self.logits.fill(0.0),
        }
        self.next += 1;
        self.tokens.extend_from_slice(tokens);
        Ok(())
    }
}

impl Decoder for ScriptedDecoder {
    fn len(&self) -> usize {
        self.tokens.len()
    }

    fn chunk_tokens(&self) -> usize {
        self.vocab_size.max(1 << 16)
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), DecoderError> {
        self.run(tokens)
    }

    /// Only a script that reads its cache knows what it would say after each token.
    fn verify(&mut self, tokens: &[u32], rows: &mut Vec<f32>) -> Result<bool, DecoderError> {
        if !self.steps.iter().all(|step| matches!(step, Step::Of(_))) {
            return Ok(false);
        }
        let before = self.tokens.len();
        for token in tokens {
            if let Err(error) = self.run(&[*token]) {
                self.rewind(before);
                return Err(error);
            }
            rows.extend_from_slice(&self.logits);
        }
        Ok(true)
    }

    fn decode(&mut self, token: u32) -> Result<(), DecoderError> {
        self.run(&[token])
    }

    fn rewind(&mut self, len: usize) {
        self.tokens.truncate(len);
    }

    fn logits(&mut self) -> &mut [f32] {
        &mut self.logits
    }

    /// The token itself stands for its keys and values.
    fn kv_bytes_per_token(&self) -> usize {
        size_of::<u32>()
    }

    fn read_kv(&self, tokens: Range<usize>, bytes: &mut Vec<u8>) -> Result<(), DecoderError> {
        let tokens = self.tokens.get(tokens).unwrap_or_default();
        bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
        Ok(())
    }

    fn write_kv(&mut self, tokens: &[u32], bytes: &[u8]) -> Result<(), DecoderError> {
        let expected = size_of_val(tokens);
        if bytes.len() != expected {
            return Err(DecoderError::KvBytes { bytes: bytes.len(), tokens: tokens.len(), expected });
        }
        self.tokens.extend_from_slice(tokens);
        Ok(())
    }

    /// Plays on where this one stands, without its hooks.
    fn fork(&self) -> Result<Box<dyn Decoder>, DecoderError> {
        Ok(Box::new(Self {
            steps: self.steps.clone(),
            next: self.next,
            vocab_size: self.vocab_size,
            context_length: self.context_length,
            tokens: self.tokens.clone(),
            logits: self.logits.clone(),
            interrupted: Arc::default(),
            hooks: BTreeMap::new(),
            runs: self.runs,
            on_effort: None,
        }))
    }

    fn set_effort(&mut self, effort: Effort) {
        if let Some(hook) = &mut self.on_effort {
            hook(effort);
        }
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(Flag(Arc::clone(&self.interrupted)))
    }
}

/// Where a script runs.
#[must_use]
pub fn placement() -> Placement {
    Placement {
        device: Device::Cpu,
        provider: "scripted".into(),
        kernels: KernelSet::OnnxRuntime,
        variant: "cpu".into(),
        threads: 1,
        kv_cache: KvForm::Float,
        prepared: Prepared::NotWanted,
        simulator: false,
        graphs: Vec::new(),
        self_check: None,
        not_used: Vec::new(),
    }
}

struct Flag(Arc<AtomicBool>);

impl Interrupt for Flag {
    fn interrupt(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
