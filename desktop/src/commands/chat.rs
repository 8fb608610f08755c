//! `wheelwork chat`: one question, or a conversation at a prompt.

use std::collections::VecDeque;
use std::path::Path;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use wheelwork::chat::Message;
use wheelwork::{AnswerNow, Budget, Generation, Model, Options, Session, Thinking};

use crate::arguments::{ChatArguments, parse_thinking};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::typed_ahead::Listener;
use crate::{model_source, output, session_file};

const HELP: &str = "  /new                     start a new conversation
  /think auto|off|LIMITS   how much to reason: 500 (tokens), 30s, or 500,30s
  /save FILE               save the conversation; `chat --session FILE` goes on from it
  /resume                  go on with an answer that an earlier run left unfinished
  /tool RESULT             give the result of a tool's call, and have it answered
  /info                    model, device and cache
  /help                    this list
  /quit                    leave (also Ctrl-D)
  /now                     while the model reasons: answer with what it has; other lines wait for their turn
Ctrl-C stops an answer; twice, or at an empty prompt, it leaves.";

pub(crate) fn run(arguments: &ChatArguments, json: bool) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let model = model_source::open_with(&arguments.model, arguments.template.as_deref(), interrupt.token())?;
    output::warn_of_thinking(model.facts(), arguments.turn.think);
    let mut chat = Chat {
        session: session_file::open(&model, &arguments.session)?,
        model,
        options: arguments.turn.options()?,
        system: arguments.system.clone(),
        interrupt,
        json,
        at_prompt: arguments.prompt.is_none(),
        typed: VecDeque::new(),
    };
    if chat.session.messages().is_empty() {
        chat.restart();
    }
    match &arguments.prompt {
        Some(question) => chat.ask(question),
        None => chat.converse(arguments.history.as_deref()),
    }
}

struct Chat {
    model: Model,
    session: Session,
    options: Options,
    system: Option<String>,
    interrupt: Interrupt,
    json: bool,
    /// Lines are typed, also while an answer is written.
    at_prompt: bool,
    /// Typed and not yet acted on.
    typed: VecDeque<String>,
}

impl Chat {
    /// Forgets the conversation, except the system message.
    fn restart(&mut self) {
        self.session.clear();
        if let Some(system) = &self.system {
            self.session.push(Message::system(system));
        }
    }

    fn ask(&mut self, question: &str) -> Result<(), Failure> {
        self.turn(|session, options| session.ask(question, options))
    }

    /// Runs a turn and shows it; at a prompt, with an ear for what is typed meanwhile.
    fn turn(
        &mut self,
        begin: impl for<'s> FnOnce(&'s mut Session, &Options) -> Result<Generation<'s>, wheelwork::Error>,
    ) -> Result<(), Failure> {
        self.options.cancel = self.interrupt.token();
        self.options.answer_now = AnswerNow::new();
        let generation = begin(&mut self.session, &self.options)?;
        let listener = self.at_prompt.then(|| Listener::start(self.options.answer_now.clone())).flatten();
        let result = show(generation, self.json);
        self.typed.extend(listener.into_iter().flat_map(Listener::finish));
        result
    }

    fn give_result(&mut self, result: &str) -> Result<(), Failure> {
        self.session.push(Message::tool(result));
        self.options.cancel = self.interrupt.token();
        show(self.session.respond(&self.options)?, self.json)
    }

    /// Reads lines until the person leaves.
    fn converse(&mut self, history: Option<&Path>) -> Result<(), Failure> {
        let mut editor = DefaultEditor::new().map_err(std::io::Error::other)?;
        if let Some(path) = history {
            // The first run has no file yet.
            let _ = editor.load_history(path);
        }
        if !self.json {
            anstream::eprintln!("{} · /help for commands", self.model.facts().name);
            if self.session.unfinished().is_some() {
                anstream::eprintln!("an answer was left unfinished: /resume goes on with it");
            }
        }
        loop {
            let prompt = if self.json { "" } else { "> " };
            let line = match self.typed.pop_front() {
                Some(line) => {
                    anstream::eprintln!("{prompt}{line}");
                    Ok(line)
                }
                None => editor.readline(prompt),
            };
            match line {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    let goes_on = match line.trim().strip_prefix('/') {
                        Some(command) => self.command(command),
                        None => self.ask(&line).map(|()| true),
                    };
                    match goes_on {
                        Ok(true) => {}
                        Ok(false) => break,
                        // A bad turn is told; the conversation goes on.
                        Err(failure) => drop(failure.report(self.json)),
                    }
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
                Err(error) => return Err(std::io::Error::other(error).into()),
            }
        }
        if let Some(path) = history {
            editor.save_history(path).map_err(std::io::Error::other)?;
        }
        Ok(())
    }

    /// Acts on a line that began with a slash; false ends the conversation.
    fn command(&mut self, command: &str) -> Result<bool, Failure> {
        let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
        match name {
            "quit" | "exit" => return Ok(false),
            "new" => self.restart(),
            "think" => match parse_thinking(argument.trim()) {
                Ok(thinking) => {
                    output::warn_of_thinking(self.model.facts(), thinking);
                    self.options.thinking = thinking;
                }
                Err(expected) => anstream::eprintln!("  {expected}"),
            },
            "save" if argument.trim().is_empty() => anstream::eprintln!("  expected a file: /save FILE"),
            "save" => self.session.save(Path::new(argument.trim()))?,
            "resume" => self.turn(Session::resume)?,
            "now" => anstream::eprintln!("  the model is not reasoning"),
            "tool" => self.give_result(argument)?,
            "info" => self.info(),
            "help" => anstream::eprintln!("{HELP}"),
            _ => anstream::eprintln!("  there is no /{name}\n{HELP}"),
        }
        Ok(true)
    }

    fn info(&self) {
        let (placement, facts) = (self.model.placement(), self.model.facts());
        let thinking = match self.options.thinking {
            Thinking::Auto => "auto".to_owned(),
            Thinking::Off => "off".to_owned(),
            Thinking::Budget(budget) => limits(budget),
        };
        anstream::eprintln!(
            "  {}: {} on {} threads, {} of {} tokens in the cache, reasoning {thinking}",
            facts.name,
            placement.provider,
            placement.threads,
            self.session.cached_tokens(),
            facts.context_length,
        );
    }
}

fn show(generation: Generation<'_>, json: bool) -> Result<(), Failure> {
    if json { output::stream_json(generation) } else { output::stream_text(generation) }
}

/// A budget in words.
fn limits(budget: Budget) -> String {
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let time = budget.time.map(|time| format!("{} s", time.as_secs_f64()));
    let limits: Vec<String> = tokens.into_iter().chain(time).collect();
    format!("at most {}", limits.join(" and "))
}
