use std::fmt;

/// The base of a time unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeBase {
    /// No unit: the dtype takes on that of what it meets.
    Generic,
    /// Years.
    Year,
    /// Months.
    Month,
    /// Weeks.
    Week,
    /// Days.
    Day,
    /// Hours.
    Hour,
    /// Minutes.
    Minute,
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Nanoseconds.
    Nanosecond,
    /// Picoseconds.
    Picosecond,
    /// Femtoseconds.
    Femtosecond,
    /// Attoseconds.
    Attosecond,
}

const CODES: [(TimeBase, &str); 13] = [
    (TimeBase::Year, "Y"),
    (TimeBase::Month, "M"),
    (TimeBase::Week, "W"),
    (TimeBase::Day, "D"),
    (TimeBase::Hour, "h"),
    (TimeBase::Minute, "m"),
    (TimeBase::Second, "s"),
    (TimeBase::Millisecond, "ms"),
    (TimeBase::Microsecond, "us"),
    (TimeBase::Nanosecond, "ns"),
    (TimeBase::Picosecond, "ps"),
    (TimeBase::Femtosecond, "fs"),
    (TimeBase::Attosecond, "as"),
];

/// What a datetime counts: `count` times the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    count: u32,
    base: TimeBase,
}

impl TimeUnit {
    /// The unit of a datetime that has none.
    pub const GENERIC: TimeUnit = TimeUnit { count: 1, base: TimeBase::Generic };

    /// `count` times `base`; none if `count` is 0 or more than an `i32`, as in NumPy.
    #[must_use]
    pub fn new(count: u32, base: TimeBase) -> Option<Self> {
        let fits = count > 0 && i32::try_from(count).is_ok();
        (fits && (base != TimeBase::Generic || count == 1)).then_some(TimeUnit { count, base })
    }

    /// How many of the base one tick is.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// The base.
    #[must_use]
    pub fn base(self) -> TimeBase {
        self.base
    }

    /// Reads what stands between the brackets: `ns`, `25us`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, code) = text.split_at(digits);
        let code = if code == "\u{b5}s" || code == "\u{3bc}s" { "us" } else { code };
        if text == "generic" {
            return Some(TimeUnit::GENERIC);
        }
        let base = CODES.iter().find(|(_, known)| *known == code)?.0;
        TimeUnit::new(if count.is_empty() { 1 } else { count.parse().ok()? }, base)
    }
}

impl fmt::Display for TimeUnit {
    /// `[ns]`, `[25us]`, or nothing for the generic unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((_, code)) = CODES.iter().find(|(base, _)| *base == self.base) else { return Ok(()) };
        match self.count {
            1 => write!(f, "[{code}]"),
            count => write!(f, "[{count}{code}]"),
        }
    }
}
