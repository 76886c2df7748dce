//! Python's numbers.

use unicode_ident::is_xid_continue;

use super::{Number, error::quoted};

/// The number that a text begins with, and its length. An error has the length of what is no number.
pub(super) fn number(text: &str) -> Result<(Number, usize), (String, usize)> {
    let bytes = text.as_bytes();
    let radix = match bytes.get(..2) {
        Some(b"0x" | b"0X") => 16,
        Some(b"0o" | b"0O") => 8,
        Some(b"0b" | b"0B") => 2,
        _ => return decimal(text),
    };
    let len = word(text);
    let digits = &text[2..len];
    let grouped = digits.split('_').skip(usize::from(digits.starts_with('_')));
    let plain = digits.replace('_', "");
    if grouped.into_iter().any(str::is_empty) || !plain.chars().all(|c| c.is_digit(radix)) {
        return Err((no_number(&text[..len]), len));
    }
    int(&plain, radix, len)
}

fn decimal(text: &str) -> Result<(Number, usize), (String, usize)> {
    let bytes = text.as_bytes();
    let whole = digits(bytes, 0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') {
        end = digits(bytes, end + 1);
    }
    end = exponent(bytes, end);
    let plain = text[..end].replace('_', "");
    let imaginary = matches!(bytes.get(end), Some(b'j' | b'J'));
    let len = end + usize::from(imaginary);
    if word(&text[len..]) > 0 {
        return Err(followed(text, len));
    }
    if end == whole && !imaginary {
        if plain.len() > 1 && plain.starts_with('0') && plain.contains(|c| c != '0') {
            return Err(("a number with leading zeros; octal ones are written 0o17".to_owned(), len));
        }
        return int(&plain, 10, len);
    }
    let value: f64 = plain.parse().map_err(|_| (no_number(&text[..len]), len))?;
    if value.is_infinite() {
        return Err((format!("{} is too large for a float64; infinity is inf", quoted(&text[..len])), len));
    }
    Ok((if imaginary { Number::Imaginary(value) } else { Number::Float(value) }, len))
}

fn int(digits: &str, radix: u32, len: usize) -> Result<(Number, usize), (String, usize)> {
    i128::from_str_radix(digits, radix).map(|number| (Number::Int(number), len)).map_err(|_| {
        ("a whole number beyond 128 bits; no dtype holds it, a float is written 1e40".to_owned(), len)
    })
}

/// Behind the digits at a place, with single underscores between them.
fn digits(bytes: &[u8], mut at: usize) -> usize {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let start = at;
    while digit(at) || at > start && bytes[at - 1] != b'_' && bytes.get(at) == Some(&b'_') && digit(at + 1) {
        at += 1;
    }
    at
}

/// Behind the exponent at a place, if there is one.
fn exponent(bytes: &[u8], at: usize) -> usize {
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return at;
    }
    let first = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    let end = digits(bytes, first);
    if end > first { end } else { at }
}

/// The length of the letters, digits and underscores that a text begins with.
fn word(text: &str) -> usize {
    text.find(|c: char| !is_xid_continue(c)).unwrap_or(text.len())
}

fn no_number(text: &str) -> String {
    format!("{} is not a number", quoted(text))
}

/// What is wrong where a number goes on as a word.
fn followed(text: &str, number: usize) -> (String, usize) {
    let len = number + word(&text[number..]);
    let rest = &text[number..len];
    let way_out = if rest.starts_with(unicode_ident::is_xid_start) {
        format!("; a product is written {}*{rest}", &text[..number])
    } else {
        String::new()
    };
    let way_out = if len > 24 { String::new() } else { way_out };
    (no_number(&text[..len]) + &way_out, len)
}
