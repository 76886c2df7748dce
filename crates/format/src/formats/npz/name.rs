/// The characters of code page 437 from 0x80 on: what names are in that do not say that they are UTF-8.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A member's name. None if it is empty, is not UTF-8 although it says so, or has a zero byte, at which some
/// readers end it.
pub(super) fn decode(bytes: &[u8], utf8: bool) -> Option<String> {
    if bytes.is_empty() || bytes.contains(&0) {
        return None;
    }
    if utf8 {
        return String::from_utf8(bytes.to_vec()).ok();
    }
    let character = |&byte: &u8| match byte {
        0..=0x7f => Some(char::from(byte)),
        _ => CP437.chars().nth(usize::from(byte - 0x80)),
    };
    bytes.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(decode(b"a\x81\xff.npy", false).unwrap(), "aü\u{a0}.npy");
        assert_eq!(decode("日.npy".as_bytes(), true).unwrap(), "日.npy");
        assert_eq!(decode(b"\xff", true), None);
        assert_eq!(decode(b"a\0b", false), None);
        assert_eq!(decode(b"", true), None);
    }
}
