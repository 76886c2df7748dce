//! Commands that errors propose.

/// Puts the file's names into a command: `{in}` its path, `{bare}` its path without the format's ending,
/// `{npy}` and `{npz}` its path with these endings, each quoted for a shell where it must be.
pub(super) fn fill(command: &str, path: &str, extensions: &[&str]) -> String {
    let mut out = String::new();
    let mut rest = command;
    // One pass, so that braces in the file's name stay what they are.
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let place = ["{in}", "{bare}", "{npy}", "{npz}"].into_iter().find(|place| rest.starts_with(place));
        let len = match place {
            Some(place) => {
                out.push_str(&quoted(&named(place, path, extensions)));
                place.len()
            }
            None => {
                out.push('{');
                1
            }
        };
        rest = &rest[len..];
    }
    out + rest
}

fn named(place: &str, path: &str, extensions: &[&str]) -> String {
    let (stem, ending) = match path.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && !ending.contains('/') => (stem, ending),
        _ => (path, ""),
    };
    let new = match place {
        "{in}" => return path.to_owned(),
        "{bare}" if extensions.iter().any(|known| known.eq_ignore_ascii_case(ending)) => stem.to_owned(),
        "{bare}" => format!("{path}.out"),
        place => format!("{stem}.{}", place.trim_matches(['{', '}'])),
    };
    // The command must not write over the file that it reads.
    if new == path { format!("{stem}.new.{ending}") } else { new }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_./+=:@%,-".contains(c);
    let word = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn names_go_in() {
        let fill = |command, path| fill(command, path, &["gz"]);
        assert_eq!(fill("gzip -dc {in} > {bare}", "d/a.npy.gz"), "gzip -dc d/a.npy.gz > d/a.npy");
        assert_eq!(fill("gzip -dc {in} > {bare}", "d.x/a"), "gzip -dc d.x/a > d.x/a.out");
        assert_eq!(fill("p {in} {npy} {npz}", "a.npy"), "p a.npy a.new.npy a.npz");
        assert_eq!(fill("p {in} {npy}", ".npy"), "p .npy .npy.npy");
        assert_eq!(fill("p '{1: 2}' {in}", "it's {in}.h5"), r"p '{1: 2}' 'it'\''s {in}.h5'");
        assert_eq!(fill("p {in}", "-rf"), "p ./-rf");
        assert_eq!(fill("p {in}", ""), "p ''");
    }
}
