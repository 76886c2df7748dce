//! The few Python literals that array files are described with: text, whole numbers, `True`, `False`, `None`,
//! tuples, lists and dictionaries of them.
//!
//! One pass, no backtracking, nesting capped: time and memory are linear in the text, whatever it says.

use std::fmt;

use crate::LayoutError;

/// How deep brackets may nest.
const MAX_DEPTH: usize = 64;

/// Values within one pair of brackets, and in all, at most. A value takes more memory than its text, so nobody may
/// write thousands of them in a few bytes each; longer texts may have one for each [`BYTES_OF_VALUE`].
const MAX_ITEMS: usize = 8192;
const MAX_VALUES: usize = 20_000;
const BYTES_OF_VALUE: usize = 8;

/// A Python value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Text, or bytes that are ASCII.
    Str(String),
    /// `(a, b)`
    Tuple(Vec<Literal>),
    /// `[a, b]`
    List(Vec<Literal>),
    /// `{a: b}`, in the order of the text.
    Dict(Vec<(Literal, Literal)>),
}

/// A literal, and whether the text had the `L` that Python 2 puts behind long numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The value.
    pub value: Literal,
    /// Whether a number ended in `L`.
    pub python2: bool,
}

impl Literal {
    /// Reads the whole text as one literal.
    ///
    /// Blanks, tabs and line breaks may stand anywhere, commas at the end of a list, `u` and `b` before text.
    /// Comments, expressions, adjacent strings, hexadecimal numbers and keys that occur twice are refused:
    /// no writer makes them, and readers do not agree about them.
    ///
    /// # Errors
    /// [`LayoutError::Literal`] with `what` (a name for the text), the place and the reason.
    pub fn parse(text: &str, what: &'static str) -> Result<Parsed, LayoutError> {
        let mut parser = Parser { text, at: 0, values: 0, python2: false, what };
        parser.blanks();
        let value = parser.value(0)?;
        parser.blanks();
        if parser.at < text.len() {
            return parser.fail("text after the end of the literal");
        }
        Ok(Parsed { value, python2: parser.python2 })
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Literal::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a tuple.
    #[must_use]
    pub fn as_tuple(&self) -> Option<&[Literal]> {
        match self {
            Literal::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key, if it is a dictionary that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Literal> {
        match self {
            Literal::Dict(items) => items.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    /// As Python's `repr`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, items: &[Literal]| {
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
            }
            Ok(())
        };
        match self {
            Literal::None => f.write_str("None"),
            Literal::Bool(true) => f.write_str("True"),
            Literal::Bool(false) => f.write_str("False"),
            Literal::Int(number) => write!(f, "{number}"),
            Literal::Str(text) => f.write_str(&repr_str(text)),
            Literal::Tuple(items) => {
                f.write_str("(")?;
                list(f, items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Literal::List(items) => {
                f.write_str("[")?;
                list(f, items)?;
                f.write_str("]")
            }
            Literal::Dict(items) => {
                f.write_str("{")?;
                for (i, (key, value)) in items.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Text as Python's `repr` writes it.
#[must_use]
pub fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) < 0x10000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push(quote);
    out
}

/// Whether `repr` shows the character as it is. The standard library knows, and tells by what it escapes;
/// behind a letter it leaves combining marks alone, as Python does.
fn is_printable(c: char) -> bool {
    !c.is_whitespace() && String::from_iter(['a', c]).escape_debug().count() == 2
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Values that were begun.
    values: usize,
    python2: bool,
    what: &'static str,
}

impl Parser<'_> {
    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, LayoutError> {
        Err(LayoutError::Literal { what: self.what, at: self.at, reason: reason.into() })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c)) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Literal, LayoutError> {
        if depth > MAX_DEPTH {
            return self.fail(format!("nested deeper than {MAX_DEPTH}"));
        }
        self.values += 1;
        let most = MAX_VALUES.max(self.text.len() / BYTES_OF_VALUE);
        if self.values > most {
            return self.fail(format!("more than {most} values"));
        }
        match self.peek() {
            Some(b'(') => self.tuple(depth),
            Some(b'[') => Ok(Literal::List(self.items(b']', depth)?.0)),
            Some(b'{') => self.dict(depth),
            Some(b'\'' | b'"') => self.string().map(Literal::Str),
            Some(b'0'..=b'9' | b'-' | b'+') => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == b'_' => self.word(),
            Some(_) => self.fail("expected a value"),
            None => self.fail("the text ends where a value was expected"),
        }
    }

    /// Items up to `close`, and whether there was a comma.
    fn items(&mut self, close: u8, depth: usize) -> Result<(Vec<Literal>, bool), LayoutError> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.blanks();
            if self.take(close) {
                // Thousands of pairs would take twice the memory.
                items.shrink_to_fit();
                return Ok((items, comma));
            }
            if !items.is_empty() && !std::mem::take(&mut comma) {
                return self.fail(format!("expected ',' or '{}'", close as char));
            }
            let most = MAX_ITEMS.max(self.text.len() / BYTES_OF_VALUE);
            if items.len() == most {
                return self.fail(format!("more than {most} values in one pair of brackets"));
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            comma = self.take(b',');
        }
    }

    fn tuple(&mut self, depth: usize) -> Result<Literal, LayoutError> {
        let (mut items, comma) = self.items(b')', depth)?;
        // `(x)` is x in brackets, `(x,)` a tuple.
        Ok(if items.len() == 1 && !comma { items.remove(0) } else { Literal::Tuple(items) })
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, LayoutError> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), true);
        loop {
            self.blanks();
            if self.take(b'}') {
                return Ok(Literal::Dict(items));
            }
            if !comma {
                return self.fail("expected ',' or '}'");
            }
            let start = self.at;
            let key = self.value(depth + 1)?;
            if items.len() >= 64 {
                return self.fail("more than 64 keys");
            }
            if items.iter().any(|(known, _)| *known == key) {
                self.at = start;
                return self.fail(format!("key {key} occurs twice"));
            }
            self.blanks();
            if !self.take(b':') {
                return self.fail("expected ':'");
            }
            self.blanks();
            let value = self.value(depth + 1)?;
            items.push((key, value));
            self.blanks();
            comma = self.take(b',');
        }
    }

    fn word(&mut self) -> Result<Literal, LayoutError> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..len];
        if matches!(word, "u" | "U" | "b" | "B") && rest[len..].starts_with(['\'', '"']) {
            self.at += len;
            return self.string().map(Literal::Str);
        }
        let value = match word {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            "None" => Literal::None,
            _ => return self.fail(format!("{word:?} is not a literal")),
        };
        self.at += len;
        Ok(value)
    }

    fn number(&mut self) -> Result<Literal, LayoutError> {
        let rest = &self.text[self.at..];
        let sign = usize::from(rest.starts_with(['-', '+']));
        let digits = rest[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - sign);
        let text = &rest[..sign + digits];
        if digits > 1 && rest[sign..].starts_with('0') && text[sign..].bytes().any(|b| b != b'0') {
            return self.fail("a number with leading zeros");
        }
        let Ok(number) = text.parse() else {
            return self.fail("not a whole number of fewer than 128 bits");
        };
        self.at += text.len();
        if self.take(b'L') {
            self.python2 = true;
        }
        match self.peek() {
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_') => {
                self.fail("not a whole number")
            }
            _ => Ok(Literal::Int(number)),
        }
    }

    fn string(&mut self) -> Result<String, LayoutError> {
        let start = self.at;
        let quote = self.text[self.at..].chars().next().unwrap_or('\'');
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else {
                self.at = start;
                return self.fail("text without its closing quote");
            };
            self.at += c.len_utf8();
            match c {
                c if c == quote => return Ok(out),
                '\\' => out.extend(self.escape()?),
                '\n' => return self.fail("a line break in a text"),
                '\0' => return self.fail("a zero byte in a text"),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<Option<char>, LayoutError> {
        let Some(c) = self.text[self.at..].chars().next() else { return self.fail("the text ends in '\\'") };
        self.at += c.len_utf8();
        let width = match c {
            '\n' => return Ok(None),
            'n' => return Ok(Some('\n')),
            'r' => return Ok(Some('\r')),
            't' => return Ok(Some('\t')),
            '\\' | '\'' | '"' => return Ok(Some(c)),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return self.fail(format!("unknown escape \\{c}")),
        };
        let digits =
            self.text.get(self.at..self.at + width).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
        let Some(code) = code else {
            return self.fail(format!("\\{c} needs {width} hexadecimal digits of a character"));
        };
        self.at += width;
        Ok(Some(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Literal, LayoutError> {
        Literal::parse(text, "test").map(|p| p.value)
    }

    #[test]
    fn what_it_writes_it_reads() {
        for text in [
            "None",
            "True",
            "-12",
            "'a'",
            "\"it's\"",
            "(1,)",
            "()",
            "(1, 2)",
            "[('a', '<i4')]",
            "{'a': (1,)}",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let odd = Literal::Str("a'b\"\\\n\u{1}é日\u{200b}\u{301}\u{10ffff}".to_owned());
        assert_eq!(odd.to_string(), r#"'a\'b"\\\n\x01é日\u200b"#.to_owned() + "\u{301}" + r"\U0010ffff'");
        assert_eq!(parse(&odd.to_string()).unwrap(), odd);
    }

    #[test]
    fn blanks_commas_and_python_2() {
        let parsed = Literal::parse(" ( 3L ,\n 4 , ) ", "test").unwrap();
        assert_eq!(parsed.value, Literal::Tuple(vec![Literal::Int(3), Literal::Int(4)]));
        assert!(parsed.python2);
        assert_eq!(parse("(u'a')").unwrap(), Literal::Str("a".to_owned()));
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "(",
            "[1 2]",
            "(,)",
            "{'a' 1}",
            "{'a': 1, 'a': 2}",
            "'a' 'b'",
            "'a",
            "1.5",
            "0x10",
            "1_0",
            "007",
            "abc",
            "--1",
            "1 # c",
            "'\\q'",
            "'\\x4'",
            "\\",
            "{1: 2 3: 4}",
            "9999999999999999999999999999999999999999999",
            "(1,,2)",
            "[1],",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&("[".repeat(60) + &"]".repeat(60))).is_ok());
    }
}
