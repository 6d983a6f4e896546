//! Questions on a terminal.

use std::io::IsTerminal;

use dialoguer::{Confirm, Input};

use super::Failure;

/// What the user says to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    Show,
    Quit,
}

/// Whether there is somebody to ask: both ends must be a terminal.
pub fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Stops with exit code 2 where a question would have to be asked and can't be.
pub fn require(flag: &str) -> Result<(), Failure> {
    if is_possible() {
        return Ok(());
    }
    Err(Failure::usage(
        "there is no terminal to ask on, and this would change the database",
        &format!("say so by flag: {flag}"),
    ))
}

/// Asks about a step.
pub fn ask_step(question: &str) -> Result<Answer, Failure> {
    let text: String = Input::new()
        .with_prompt(format!("{question} [y]es, [n]o, [s]how the SQL, [q]uit"))
        .validate_with(|text: &String| match parse(text) {
            Some(_) => Ok(()),
            None => Err("y, n, s or q"),
        })
        .interact_text()?;
    Ok(parse(&text).unwrap_or(Answer::Quit))
}

fn parse(text: &str) -> Option<Answer> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(Answer::Yes),
        "n" | "no" => Some(Answer::No),
        "s" | "show" => Some(Answer::Show),
        "q" | "quit" => Some(Answer::Quit),
        _ => None,
    }
}

/// A plain yes or no; no is the default.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    Ok(Confirm::new().with_prompt(question).default(false).interact()?)
}
