use super::{ByteOrder, DType, Field, Kind, Scalar, Struct, SubArray, TimeUnit, structure::MAX_ITEMSIZE};
use crate::{LayoutError, literal::Literal};

/// Names that are not a letter and a size.
const NAMES: [(&str, Kind); 45] = [
    ("?", Kind::Bool),
    ("bool", Kind::Bool),
    ("bool_", Kind::Bool),
    ("b", Kind::Int8),
    ("byte", Kind::Int8),
    ("int8", Kind::Int8),
    ("h", Kind::Int16),
    ("short", Kind::Int16),
    ("int16", Kind::Int16),
    ("i", Kind::Int32),
    ("intc", Kind::Int32),
    ("int32", Kind::Int32),
    ("l", Kind::Int64),
    ("q", Kind::Int64),
    ("int", Kind::Int64),
    ("int64", Kind::Int64),
    ("B", Kind::UInt8),
    ("ubyte", Kind::UInt8),
    ("uint8", Kind::UInt8),
    ("H", Kind::UInt16),
    ("ushort", Kind::UInt16),
    ("uint16", Kind::UInt16),
    ("I", Kind::UInt32),
    ("uintc", Kind::UInt32),
    ("uint32", Kind::UInt32),
    ("L", Kind::UInt64),
    ("Q", Kind::UInt64),
    ("uint", Kind::UInt64),
    ("uint64", Kind::UInt64),
    ("e", Kind::Float16),
    ("half", Kind::Float16),
    ("float16", Kind::Float16),
    ("f", Kind::Float32),
    ("single", Kind::Float32),
    ("float32", Kind::Float32),
    ("d", Kind::Float64),
    ("double", Kind::Float64),
    ("float", Kind::Float64),
    ("float64", Kind::Float64),
    ("g", Kind::LongDouble),
    ("F", Kind::Complex64),
    ("complex64", Kind::Complex64),
    ("D", Kind::Complex128),
    ("complex", Kind::Complex128),
    ("complex128", Kind::Complex128),
];

const MORE_NAMES: [(&str, Kind); 18] = [
    ("p", Kind::Int64),
    ("intp", Kind::Int64),
    ("long", Kind::Int64),
    ("longlong", Kind::Int64),
    ("P", Kind::UInt64),
    ("uintp", Kind::UInt64),
    ("ulong", Kind::UInt64),
    ("ulonglong", Kind::UInt64),
    ("longdouble", Kind::LongDouble),
    ("float128", Kind::LongDouble),
    ("csingle", Kind::Complex64),
    ("cdouble", Kind::Complex128),
    ("G", Kind::CLongDouble),
    ("clongdouble", Kind::CLongDouble),
    ("complex256", Kind::CLongDouble),
    ("c", Kind::Bytes(1)),
    ("M", Kind::Datetime(TimeUnit::GENERIC)),
    ("m", Kind::Timedelta(TimeUnit::GENERIC)),
];

pub(super) fn parse(text: &str) -> Result<DType, LayoutError> {
    let text = text.trim();
    let literal =
        text.starts_with(['[', '{']) || (text.starts_with('(') && text.contains(['\'', '"', '[', '{']));
    if literal {
        let dtype = Literal::parse(text, "dtype").and_then(|parsed| DType::from_descr(&parsed.value));
        return dtype.map_err(|error| match error {
            LayoutError::DType { text: part, reason } if part != text => {
                LayoutError::DType { text: text.to_owned(), reason: format!("in {part}, {reason}") }
            }
            LayoutError::Literal { at, reason, .. } => {
                LayoutError::DType { text: text.to_owned(), reason: format!("at character {at}, {reason}") }
            }
            other => other,
        });
    }
    let parts = split_commas(text);
    if parts.len() == 1 {
        return one(text, text);
    }
    // 'i4,f8': a record with the fields f0, f1, …; a comma at the end makes a record of one.
    let (mut fields, mut end) = (Vec::new(), 0_usize);
    let last = parts.len() - 1;
    for (i, part) in parts.into_iter().enumerate() {
        if i == last && part.trim().is_empty() {
            break;
        }
        let dtype = one(part.trim(), text)?;
        fields.push(Field::new(format!("f{i}"), dtype.clone(), end));
        end = end.saturating_add(dtype.itemsize());
    }
    Ok(Struct::new(fields, end)?.into())
}

fn split_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// One dtype, with the shape that may stand before it: `(2,3)f4`, `3i4`.
fn one(text: &str, whole: &str) -> Result<DType, LayoutError> {
    let wrong = |reason: &str| LayoutError::DType { text: whole.to_owned(), reason: reason.to_owned() };
    if let Some(rest) = text.strip_prefix('(') {
        let (shape, rest) = rest.split_once(')').ok_or_else(|| wrong("'(' without ')'"))?;
        // As NumPy has it; and nobody can have it go as deep as the text is long.
        if rest.trim_start().starts_with('(') {
            return Err(wrong("more than one shape before an item"));
        }
        let shape = Literal::parse(&format!("({shape})"), "shape")?.value;
        let descr = Literal::Tuple(vec![Literal::Str(rest.trim().to_owned()), shape]);
        return DType::from_descr(&descr);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 {
        let count = text[..digits].parse().map_err(|_| wrong("the count is too large"))?;
        if text[digits..].starts_with('(') {
            return Err(wrong("a shape behind a count"));
        }
        let base = one(&text[digits..], whole)?;
        return Ok(DType::SubArray(SubArray::new(base, vec![count])?.into()));
    }
    let (order, rest) = match text.chars().next() {
        Some('<') => (ByteOrder::Little, &text[1..]),
        Some('>' | '!') => (ByteOrder::Big, &text[1..]),
        Some('=' | '|') => (ByteOrder::NATIVE, &text[1..]),
        _ => (ByteOrder::NATIVE, text),
    };
    kind(rest, whole).map(|kind| DType::Scalar(Scalar::new(kind, order)))
}

fn kind(text: &str, whole: &str) -> Result<Kind, LayoutError> {
    let wrong = |reason: &str| LayoutError::DType { text: whole.to_owned(), reason: reason.to_owned() };
    if let Some((_, kind)) = NAMES.iter().chain(&MORE_NAMES).find(|(name, _)| *name == text) {
        return Ok(*kind);
    }
    if matches!(text, "O" | "object" | "object_" | "O8" | "O4") {
        return Err(LayoutError::Object { text: whole.to_owned() });
    }
    for (prefix, make) in [
        ("M8", Kind::Datetime as fn(TimeUnit) -> Kind),
        ("datetime64", Kind::Datetime),
        ("m8", Kind::Timedelta),
        ("timedelta64", Kind::Timedelta),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return time_unit(rest).map(make).ok_or_else(|| wrong("the unit in brackets is not a time unit"));
        }
    }
    let Some(letter) = text.chars().next() else { return Err(wrong("it is empty")) };
    let digits = &text[letter.len_utf8()..];
    if matches!(text, "S" | "U" | "V" | "str" | "str_" | "bytes" | "bytes_" | "void") {
        return Err(wrong("a string or void needs its length, as in 'S10'"));
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("there is no dtype of this name"));
    }
    let size: usize = digits.parse().map_err(|_| wrong("the size is too large"))?;
    sized(letter, size).ok_or_else(|| wrong("there is no such size of it"))
}

fn time_unit(text: &str) -> Option<TimeUnit> {
    match text {
        "" => Some(TimeUnit::GENERIC),
        _ => TimeUnit::parse(text.strip_prefix('[')?.strip_suffix(']')?),
    }
}

fn sized(letter: char, size: usize) -> Option<Kind> {
    let chars = |width: usize| (size <= MAX_ITEMSIZE / width).then_some(size as u32);
    match (letter, size) {
        ('b', 1) => Some(Kind::Bool),
        ('i', 1) => Some(Kind::Int8),
        ('i', 2) => Some(Kind::Int16),
        ('i', 4) => Some(Kind::Int32),
        ('i', 8) => Some(Kind::Int64),
        ('u', 1) => Some(Kind::UInt8),
        ('u', 2) => Some(Kind::UInt16),
        ('u', 4) => Some(Kind::UInt32),
        ('u', 8) => Some(Kind::UInt64),
        ('f', 2) => Some(Kind::Float16),
        ('f', 4) => Some(Kind::Float32),
        ('f', 8) => Some(Kind::Float64),
        ('f', 16) => Some(Kind::LongDouble),
        ('c', 8) => Some(Kind::Complex64),
        ('c', 16) => Some(Kind::Complex128),
        ('c', 32) => Some(Kind::CLongDouble),
        ('S' | 'a', _) => chars(1).map(Kind::Bytes),
        ('U', _) => chars(4).map(Kind::Unicode),
        ('V', _) => chars(1).map(Kind::Void),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_do_not_nest() {
        let dtype = |text: &str| text.parse::<DType>();
        assert_eq!(dtype("(2,)3f4").unwrap().itemsize(), 24);
        assert_eq!(dtype("(2,) f4").unwrap().itemsize(), 8);
        assert_eq!(dtype("([], (2,))").unwrap().itemsize(), 0);
        for bad in ["(2,)(3,)f4", "3(2,)f4", "(2,)3(2,)f4", "(2,)[]", "(2,) (3,)f4"] {
            assert!(dtype(bad).is_err(), "{bad}");
        }
        // Each of these would go deeper than any stack.
        for part in ["(1)", "(1)1", "1(1)", "(", "[(", "(1) "] {
            assert!(dtype(&format!("{}f4", part.repeat(100_000))).is_err(), "{part}");
        }
    }

    #[test]
    fn what_numpy_writes() {
        for text in [
            "|b1",
            "|i1",
            "|u1",
            "<i2",
            ">i2",
            "<i4",
            "<i8",
            "<u2",
            "<u4",
            ">u8",
            "<f2",
            "<f4",
            "<f8",
            ">f8",
            "<f16",
            "<c8",
            "<c16",
            "<c32",
            "|S5",
            "|S0",
            "<U5",
            ">U5",
            "<U0",
            "|V7",
            "|V0",
            "<M8[ns]",
            "<M8[25us]",
            ">M8[D]",
            "<m8[s]",
            "<M8",
            ">m8",
        ] {
            assert_eq!(parse(text).unwrap().numpy_str(), text);
        }
    }

    #[test]
    fn records_there_and_back() {
        for text in [
            "[('a', '<i4'), ('b', '>f8', (2, 3))]",
            "[('a', '|i1'), ('', '|V7'), ('b', '<f8')]",
            "[(('Title', 'a'), '<i4')]",
            "[('', '|V8')]",
            "[]",
            "[('a', [('b', '<i2'), ('c', '|S3', (2,))]), ('d', '<M8[us]')]",
            "('<f4', (2, 3))",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let padded =
            parse("{'names': ['a','b'], 'formats': ['i1', '<f8'], 'offsets': [0, 8], 'itemsize': 24}")
                .unwrap();
        assert_eq!(padded.to_string(), "[('a', '|i1'), ('', '|V7'), ('b', '<f8'), ('', '|V8')]");
        assert_eq!(parse("i4,f8").unwrap().to_string(), "[('f0', '<i4'), ('f1', '<f8')]");
        assert_eq!(parse("(2,3)>f4").unwrap().to_string(), "('>f4', (2, 3))");
        assert_eq!(parse("3f4").unwrap().to_string(), "('<f4', (3,))");
        assert_eq!(parse("1f4").unwrap().to_string(), "('<f4', (1,))");
        assert_eq!(parse("('f4', 1)").unwrap().to_string(), "('<f4', (1,))");
    }

    #[test]
    fn names() {
        for (name, str) in [
            ("float32", "<f4"),
            ("int", "<i8"),
            ("?", "|b1"),
            ("b", "|i1"),
            ("datetime64[ms]", "<M8[ms]"),
            ("complex", "<c16"),
        ] {
            assert_eq!(parse(name).unwrap().numpy_str(), str);
        }
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "f3",
            "i16",
            "x4",
            "float33",
            "S",
            "U",
            "<",
            "M8[xs]",
            "M8[0s]",
            "[('a',)]",
            "[('a', 'i4'), ('a', 'i4')]",
            "[('a', 'f4', (-1,))]",
            "V99999999999",
            "U600000000",
            "[('a', '|V2000000000'), ('b', '|V2000000000')]",
            "('f4', (65536, 65536))",
            "(2,f4",
            "é4",
            "{'names': ['a'], 'formats': []}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["O", "|O", "object", "[('a', 'O')]", "('O', (0,))"] {
            assert!(matches!(parse(text), Err(LayoutError::Object { .. })), "{text}");
        }
    }
}
