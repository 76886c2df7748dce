use ndfolio_layout::{LayoutError, literal::Literal};
use unicode_ident::{is_xid_continue, is_xid_start};

use super::{EvalError, Number, Span, number::number};

/// A word of the language.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Number(Number),
    Text(String),
    /// A name or one of Python's keywords.
    Word(&'a str),
    /// An operator, a bracket, a comma, a semicolon.
    Sign(&'static str),
    /// The end of a line outside of brackets.
    Line,
    End,
}

/// The longer ones before those that they begin with.
const SIGNS: [&str; 30] = [
    "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "(", ")", "[", "]", ",", ":", ";", ".", "=", "+",
    "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">",
];

/// What others write, and what is written here.
const ELSEWHERE: [(&str, &str); 16] = [
    ("&&", "&"),
    ("||", "|"),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    (":=", "="),
    ("×", "*"),
    ("·", "*"),
    ("÷", "/"),
    ("−", "-"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("²", "**2"),
    ("‘", "'"),
    ("’", "'"),
];

/// Cuts a text into tokens.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// How many brackets are open: within them lines do not end.
    open: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0, open: 0 }
    }

    /// The next token and where it stands.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Span), EvalError> {
        self.blanks();
        let start = self.at;
        let token = match self.rest().chars().next() {
            None => Token::End,
            Some('\n') => {
                self.at += 1;
                Token::Line
            }
            Some('\'' | '"') => self.string()?,
            Some(c) if c.is_ascii_digit() || c == '.' && self.digit_follows() => self.number()?,
            Some(c) if is_xid_start(c) || c == '_' => Token::Word(self.word()),
            Some(c) => Token::Sign(self.sign(c)?),
        };
        Ok((token, Span { start, end: self.at }))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, len: usize, message: String) -> Result<T, EvalError> {
        Err(EvalError::new(self.text, Span { start: self.at, end: self.at + len }, message))
    }

    /// Passes over blanks, comments, line breaks within brackets and those behind a backslash.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += match rest.as_bytes() {
                [b' ' | b'\t' | b'\r' | 0x0c, ..] => 1,
                [b'\n', ..] if self.open > 0 => 1,
                [b'\\', b'\n', ..] => 2,
                [b'\\', b'\r', b'\n', ..] => 3,
                [b'#', ..] => rest.find('\n').unwrap_or(rest.len()),
                _ => return,
            };
        }
    }

    fn digit_follows(&self) -> bool {
        self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit)
    }

    fn number(&mut self) -> Result<Token<'a>, EvalError> {
        match number(self.rest()) {
            Ok((number, len)) => {
                self.at += len;
                Ok(Token::Number(number))
            }
            Err((message, len)) => self.fail(len, message),
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c: char| !is_xid_continue(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Text in quotes, read as the layout crate reads it.
    fn string(&mut self) -> Result<Token<'a>, EvalError> {
        let rest = self.rest();
        let Some(len) = quoted_len(rest) else {
            return self
                .fail(rest.lines().next().map_or(1, str::len), "text without its closing quote".to_owned());
        };
        match Literal::parse(&rest[..len], "text") {
            Ok(parsed) => {
                self.at += len;
                Ok(Token::Text(parsed.value.as_str().unwrap_or_default().to_owned()))
            }
            Err(LayoutError::Literal { reason, .. }) => self.fail(len, reason),
            Err(error) => self.fail(len, error.to_string()),
        }
    }

    fn sign(&mut self, c: char) -> Result<&'static str, EvalError> {
        let rest = self.rest();
        if let Some((found, here)) = ELSEWHERE.iter().find(|(found, _)| rest.starts_with(found)) {
            return self.fail(found.len(), format!("'{found}' is not written here; write {here}"));
        }
        let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
            return self.fail(
                c.len_utf8(),
                match c {
                    '!' => "'!' is not written here; write ~".to_owned(),
                    c => format!("{c:?} has no meaning here"),
                },
            );
        };
        self.at += sign.len();
        match sign {
            "(" | "[" => self.open += 1,
            ")" | "]" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        Ok(sign)
    }
}

/// The length of a text in quotes, up to the quote that ends it on the same line.
fn quoted_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\n' => return None,
            b'\\' => at += 2,
            byte if byte == bytes[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
}
