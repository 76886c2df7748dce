use std::fmt;

use thiserror::Error;

use super::Span;

/// The widest part of a line that is shown, in characters.
const SHOWN: usize = 100;

/// What is wrong with an expression, and where.
///
/// Shown with the line of the text and a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("in the expression, at {}: {message}\n{}", place(.text, .span.start), Marked(.text, *.span))]
pub struct EvalError {
    text: String,
    span: Span,
    message: String,
}

impl EvalError {
    /// An error about a part of a text.
    pub fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        EvalError { text: text.to_owned(), span, message: message.into() }
    }

    /// The part of the text that it is about.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The bounds of the line that holds a place of the text.
fn line(text: &str, at: usize) -> (usize, usize) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    (start, end)
}

/// A place as it is told: characters count from 1, and lines where there are several.
pub(super) fn place(text: &str, at: usize) -> String {
    let (start, _) = line(text, at);
    let column = text[start..at].chars().count() + 1;
    if !text.trim_end().contains('\n') {
        return format!("character {column}");
    }
    let number = text[..start].matches('\n').count() + 1;
    format!("line {number}, character {column}")
}

/// A part of a text in quotes, shortened.
pub(super) fn quoted(part: &str) -> String {
    let mut shown: String = part.chars().take(24).map(blank).collect();
    if shown.len() < part.len() {
        shown.push('…');
    }
    format!("'{shown}'")
}

/// Characters that a terminal would act upon are shown as blanks.
fn blank(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The line of a place, indented, with the place marked below.
struct Marked<'a>(&'a str, Span);

impl fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Marked(text, span) = *self;
        let (start, end) = line(text, span.start);
        let characters: Vec<char> = text[start..end].trim_end().chars().map(blank).collect();
        let column = text[start..span.start].chars().count();
        let marked = text[span.start..span.end.min(end)].chars().count();
        let from = if characters.len() <= SHOWN { 0 } else { column.saturating_sub(SHOWN / 2) };
        let to = characters.len().min(from + SHOWN);
        let before = if from > 0 { "…" } else { "" };
        let after = if to < characters.len() { "…" } else { "" };
        let shown: String = characters[from.min(to)..to].iter().collect();
        let indent = " ".repeat(before.chars().count() + column - from);
        let marks = "~".repeat(marked.min(to.saturating_sub(column)).saturating_sub(1));
        write!(f, "  {before}{shown}{after}\n  {indent}^{marks}")
    }
}
