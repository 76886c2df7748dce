//! A command line in one piece of text, cut into words as a shell does.

/// The words of a call: `reduce 'a b.npy' sum`. A backslash and both kinds of quotes work as in a shell; nothing is
/// replaced.
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(character),
            (Some(_), '\\') => escaped(rest.next(), true, word.get_or_insert_default())?,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '\\') => escaped(rest.next(), false, word.get_or_insert_default())?,
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    match quote {
        Some(open) => Err(format!("the quote {open} is not closed in: {text}")),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

/// What a backslash stands before; within quotes it stands for itself, but before a quote and itself.
fn escaped(next: Option<char>, quoted: bool, word: &mut String) -> Result<(), String> {
    let next = next.ok_or("a backslash stands at the end")?;
    if quoted && !['"', '\\', '$', '`'].contains(&next) {
        word.push('\\');
    }
    word.push(next);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("  stats  a.npy\t\n", &["stats", "a.npy"]),
            ("stats 'a b.npy[:, 0]'", &["stats", "a b.npy[:, 0]"]),
            (r#"show "t['x']""#, &["show", "t['x']"]),
            (r"a\ b \'", &["a b", "'"]),
            (r#""\"\\\n" '\n'"#, &[r#""\\n"#, r"\n"]),
            ("'' x''y", &["", "xy"]),
            ("größe.npy", &["größe.npy"]),
        ];
        for (text, words) in cases {
            assert_eq!(
                split(text).as_deref(),
                Ok(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()[..])
            );
        }
        for text in ["'a", "a\\", "\"a'"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
