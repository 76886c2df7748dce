//! Rust source, told apart into code and comments.

/// One source text; code and comments have the same lines as the text.
pub(crate) struct Source {
    /// The code; comments and the insides of literals are blanks.
    pub(crate) code: Vec<String>,
    /// The comments; all else is blanks.
    pub(crate) comments: Vec<String>,
}

/// What a character belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Tells a text apart.
    pub(crate) fn new(text: &str) -> Source {
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::with_capacity(chars.len());
        while parts.len() < chars.len() {
            let (part, length) = next(&chars, parts.len());
            parts.extend(std::iter::repeat_n(part, length));
        }
        let only = |wanted| {
            let kept = chars.iter().zip(&parts);
            let text: String =
                kept.map(|(&c, &part)| if c == '\n' || part == wanted { c } else { ' ' }).collect();
            text.split('\n').map(str::to_owned).collect()
        };
        Source { code: only(Part::Code), comments: only(Part::Comment) }
    }

    /// Every word of the code: its line, counted from 0, the word, and the code that follows it.
    pub(crate) fn words(&self) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        for (number, line) in self.code.iter().enumerate() {
            let mut rest = line.as_str();
            while let Some(start) = rest.find(is_word) {
                let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |length| start + length);
                let mut after = rest[end..].to_owned();
                for line in self.code.iter().skip(number + 1).take(3) {
                    after.push(' ');
                    after.push_str(line);
                }
                found.push((number, rest[start..end].to_owned(), after.trim_start().to_owned()));
                rest = &rest[end..];
            }
        }
        found
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What begins at a place, and its length.
fn next(chars: &[char], at: usize) -> (Part, usize) {
    let rest = &chars[at..];
    let begins =
        |text: &str| rest.iter().copied().zip(text.chars()).filter(|(a, b)| a == b).count() == text.len();
    let before = at.checked_sub(1).map(|i| chars[i]);
    if begins("//") {
        return (Part::Comment, rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()));
    }
    if begins("/*") {
        return (Part::Comment, block_comment(rest));
    }
    if !before.is_some_and(is_word)
        && let Some(length) = raw_text(rest)
    {
        return (Part::Literal, length);
    }
    match rest[0] {
        '"' => (Part::Literal, quoted(rest, '"')),
        // A lifetime has no second quote right behind its first character.
        '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => {
            (Part::Literal, quoted(rest, '\''))
        }
        _ => (Part::Code, 1),
    }
}

/// Block comments nest.
fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// The length of a text in quotes, its escapes skipped.
fn quoted(chars: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`, if one is here.
fn raw_text(chars: &[char]) -> Option<usize> {
    let prefix = usize::from(matches!(chars.first(), Some('b' | 'c')));
    if chars.get(prefix) != Some(&'r') {
        return None;
    }
    let hashes = chars[prefix + 1..].iter().take_while(|&&c| c == '#').count();
    let start = prefix + 1 + hashes;
    if chars.get(start) != Some(&'"') {
        return None;
    }
    let ends = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    let end = (start + 1..chars.len()).find(|&at| ends(at)).unwrap_or(chars.len() - 1);
    Some((end + 1 + hashes).min(chars.len()))
}
