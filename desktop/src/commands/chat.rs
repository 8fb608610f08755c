//! `wheelwork chat` and `wheelwork run`: one question, or a conversation at a prompt.

mod commands;
mod editor;
mod welcome;

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::path::Path;

use wheelwork::chat::Message;
use wheelwork::{AnswerNow, Budget, Generation, Model, Options, Session, Thinking};

use self::editor::{Prompt, Typed, is_open, unquoted};
use crate::arguments::{ChatArguments, RunArguments, parse_thinking};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::View;
use crate::typed_ahead::Listener;
use crate::{model_source, output, session_file, standard_input, terminal};

/// `wheelwork run MODEL`: as `chat --model MODEL`.
pub(crate) fn run_named(arguments: RunArguments, json: bool) -> Result<(), Failure> {
    let RunArguments { name, mut chat } = arguments;
    chat.model.model = Some(name);
    run(&chat, json)
}

pub(crate) fn run(arguments: &ChatArguments, json: bool) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let model = model_source::open_with(&arguments.model, arguments.template.as_deref(), interrupt.token())?;
    output::warn_of_thinking(model.facts(), arguments.turn.think);
    let session = session_file::open(&model, &arguments.session)?;
    let question = standard_input::joined(arguments.prompt.as_deref(), standard_input::text()?);
    let mut chat = Chat {
        session,
        model,
        options: arguments.turn.options()?,
        system: arguments.system.clone(),
        interrupt,
        json,
        view: View { hides_reasoning: arguments.hide_reasoning, stats: arguments.stats },
        at_prompt: question.is_none(),
        typed: VecDeque::new(),
    };
    if chat.session.messages().is_empty() {
        chat.restart();
    }
    match question {
        Some(question) => chat.ask(&question),
        None if std::io::stdin().is_terminal() => chat.converse(arguments),
        None => Err(Failure::NothingAsked),
    }
}

struct Chat {
    model: Model,
    session: Session,
    options: Options,
    system: Option<String>,
    interrupt: Interrupt,
    json: bool,
    view: View,
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
        let result = show(generation, self.view, self.json);
        self.typed.extend(listener.into_iter().flat_map(Listener::finish));
        result
    }

    fn give_result(&mut self, result: &str) -> Result<(), Failure> {
        self.session.push(Message::tool(result));
        self.options.cancel = self.interrupt.token();
        show(self.session.respond(&self.options)?, self.view, self.json)
    }

    /// Reads lines until the person leaves.
    fn converse(&mut self, arguments: &ChatArguments) -> Result<(), Failure> {
        let mut prompt = Prompt::new(arguments)?;
        self.interrupt.leave_at_third();
        if !self.json {
            anstream::eprintln!("{}", welcome::screen(&self.model, terminal::columns()));
            if self.session.unfinished().is_some() {
                anstream::eprintln!("an answer was left unfinished: /resume goes on with it");
            }
        }
        loop {
            let typed = match self.next(&mut prompt)? {
                Typed::Text(typed) => typed,
                Typed::Cleared => {
                    anstream::eprintln!("(Ctrl-D or /bye leaves)");
                    continue;
                }
                Typed::End => return Ok(()),
            };
            let text = unquoted(&typed);
            if text.is_empty() {
                continue;
            }
            prompt.keep(&typed);
            let goes_on = match text.strip_prefix('/') {
                Some(command) => self.command(command),
                None if commands::GOODBYES.contains(&text) => Ok(false),
                None => self.ask(text).map(|()| true),
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // A bad turn is told; the conversation goes on.
                Err(failure) => drop(failure.report(self.json)),
            }
        }
    }

    /// What was typed during the last answer, else what is typed now; lines between quotes as one text.
    fn next(&mut self, prompt: &mut Prompt) -> Result<Typed, Failure> {
        let sign = if self.json { "" } else { "> " };
        let Some(mut text) = self.typed.pop_front() else { return prompt.read(sign) };
        anstream::eprintln!("{sign}{text}");
        while is_open(&text) {
            let more = match self.typed.pop_front() {
                Some(line) => Typed::Text(line),
                None => prompt.read("")?,
            };
            match more {
                Typed::Text(line) => text = format!("{text}\n{line}"),
                other => return Ok(other),
            }
        }
        Ok(Typed::Text(text))
    }

    /// Acts on a line that began with a slash; false ends the conversation.
    fn command(&mut self, command: &str) -> Result<bool, Failure> {
        let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
        let argument = argument.trim();
        match name {
            "quit" | "exit" | "bye" => return Ok(false),
            "new" | "clear" => {
                self.restart();
                anstream::eprintln!("  a new conversation");
            }
            "think" => match parse_thinking(argument) {
                Ok(thinking) => {
                    output::warn_of_thinking(self.model.facts(), thinking);
                    self.options.thinking = thinking;
                }
                Err(expected) => anstream::eprintln!("  {expected}"),
            },
            "reasoning" => match argument {
                "show" => self.view.hides_reasoning = false,
                "hide" => self.view.hides_reasoning = true,
                _ => anstream::eprintln!("  expected /reasoning show or /reasoning hide"),
            },
            "save" if argument.is_empty() => anstream::eprintln!("  expected a file: /save FILE"),
            "save" => self.save(Path::new(argument))?,
            "resume" => self.turn(Session::resume)?,
            "now" => anstream::eprintln!("  the model is not reasoning"),
            "tool" => self.give_result(argument)?,
            "info" => self.info(),
            "help" => anstream::eprintln!("{}", commands::HELP),
            _ => anstream::eprintln!("  there is no /{name}\n{}", commands::HELP),
        }
        Ok(true)
    }

    fn save(&mut self, path: &Path) -> Result<(), Failure> {
        self.session.save(path)?;
        let messages = self.session.messages().len();
        anstream::eprintln!(
            "  saved: {messages} messages; `wheelwork chat --session {}` goes on from them",
            path.display()
        );
        Ok(())
    }

    fn info(&self) {
        let facts = self.model.facts();
        let thinking = match self.options.thinking {
            Thinking::Auto => "auto".to_owned(),
            Thinking::Off => "off".to_owned(),
            Thinking::Budget(budget) => limits(budget),
        };
        anstream::eprintln!(
            "  {}: {}, {} of {} tokens in the cache, reasoning {thinking}",
            facts.name,
            output::describe(self.model.placement()),
            self.session.cached_tokens(),
            facts.context_length,
        );
    }
}

fn show(generation: Generation<'_>, view: View, json: bool) -> Result<(), Failure> {
    if json { output::stream_json(generation).map(drop) } else { output::stream_text(generation, view) }
}

/// A budget in words.
fn limits(budget: Budget) -> String {
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let time = budget.time.map(|time| format!("{} s", time.as_secs_f64()));
    let limits: Vec<String> = tokens.into_iter().chain(time).collect();
    format!("at most {}", limits.join(" and "))
}
