use std::{fmt, str::FromStr};

use ndfolio_layout::{DType, Kind, TimeBase, TimeUnit};

/// Which casts are allowed: NumPy's `casting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Casting {
    /// None at all.
    No,
    /// Only the byte order may change.
    Equiv,
    /// Only casts that keep every value.
    Safe,
    /// Those, and casts within a kind, such as float64 to float32.
    #[default]
    SameKind,
    /// Any that there is.
    Unsafe,
}

impl fmt::Display for Casting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Casting::No => "no",
            Casting::Equiv => "equiv",
            Casting::Safe => "safe",
            Casting::SameKind => "same_kind",
            Casting::Unsafe => "unsafe",
        })
    }
}

impl FromStr for Casting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Casting::No, Casting::Equiv, Casting::Safe, Casting::SameKind, Casting::Unsafe]
            .into_iter()
            .find(|casting| casting.to_string() == text)
            .ok_or_else(|| {
                format!(
                    "casting must be one of 'no', 'equiv', 'safe', 'same_kind', or 'unsafe' (got '{text}')"
                )
            })
    }
}

/// Whether a rule allows a cast: NumPy's `can_cast`.
#[must_use]
pub fn can_cast(from: &DType, to: &DType, rule: Casting) -> bool {
    least_casting(from, to) <= rule
}

fn least_casting(from: &DType, to: &DType) -> Casting {
    match (from, to) {
        _ if from == to => Casting::No,
        (DType::Scalar(a), DType::Scalar(b)) => least_scalar(a.kind(), b.kind()),
        (DType::Struct(a), DType::Struct(b)) if a.fields().len() == b.fields().len() => {
            let fields = a.fields().iter().zip(b.fields());
            let named = if fields.clone().all(|(a, b)| a.name() == b.name()) {
                Casting::Equiv
            } else {
                Casting::Safe
            };
            fields.map(|(a, b)| least_casting(a.dtype(), b.dtype())).fold(named, Casting::max)
        }
        (DType::SubArray(a), DType::SubArray(b)) if a.shape() == b.shape() => {
            least_casting(a.base(), b.base())
        }
        _ => Casting::Unsafe,
    }
}

fn least_scalar(from: Kind, to: Kind) -> Casting {
    use Casting::{Equiv, Safe, SameKind, Unsafe};
    let safe_if = |safe: bool, else_rule| if safe { Safe } else { else_rule };
    match (from, to) {
        _ if from == to => Equiv,
        (Kind::Bool, _) if is_number(to) || matches!(to, Kind::Timedelta(_)) => Safe,
        _ if is_number(from) && is_number(to) && to != Kind::Bool => match rank(to) >= rank(from) {
            true => safe_if(holds_all(from, to), SameKind),
            false => Unsafe,
        },
        (_, Kind::Timedelta(_)) if from.is_integer() => safe_if(from != Kind::UInt64, SameKind),
        (Kind::Datetime(a), Kind::Datetime(b)) => {
            safe_if(time_is_safe(a, b), if b == TimeUnit::GENERIC { Unsafe } else { SameKind })
        }
        (Kind::Timedelta(a), Kind::Timedelta(b)) => {
            let comparable = b != TimeUnit::GENERIC && (a == TimeUnit::GENERIC || time_ratio(a, b).is_some());
            let safe = time_is_safe(a, b) && time_ratio(a, b).is_some();
            safe_if(safe, if comparable { SameKind } else { Unsafe })
        }
        (Kind::Bytes(a), Kind::Bytes(b) | Kind::Unicode(b)) => safe_if(a <= b, SameKind),
        (Kind::Unicode(a), Kind::Unicode(b)) | (Kind::Void(a), Kind::Void(b)) => safe_if(a <= b, SameKind),
        _ => Unsafe,
    }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind.letter(), 'b' | 'i' | 'u' | 'f' | 'c')
}

/// The order of kinds in which casts upwards are of the same kind.
fn rank(kind: Kind) -> u8 {
    match kind.letter() {
        'b' => 0,
        'u' => 1,
        'i' => 2,
        'f' => 3,
        _ => 4,
    }
}

/// Bits of a whole number that a kind holds exactly, and whether it has a sign. As NumPy has it: 64-bit
/// integers count as safe in float64, which has 53.
fn holds_all(from: Kind, to: Kind) -> bool {
    let part = |kind: Kind| if kind.letter() == 'c' { kind.itemsize() / 2 } else { kind.itemsize() };
    match (from.letter(), to.letter()) {
        ('u', 'u') | ('i', 'i') | ('f', 'f' | 'c') | ('c', 'c') => part(from) <= part(to),
        ('u', 'i') => from.itemsize() < to.itemsize(),
        ('u' | 'i', 'f' | 'c') => part(to) >= 8 || from.itemsize() < part(to),
        _ => false,
    }
}

fn time_is_safe(from: TimeUnit, to: TimeUnit) -> bool {
    if to == TimeUnit::GENERIC || from == TimeUnit::GENERIC {
        return to != TimeUnit::GENERIC;
    }
    let calendar = |unit: TimeUnit| matches!(unit.base(), TimeBase::Year | TimeBase::Month);
    match time_ratio(from, to) {
        Some((_, by)) => by == 1,
        None => calendar(from) && !calendar(to),
    }
}

/// `(times, by)` such that a count of `from`, times and divided, is a count of `to`, in lowest terms; none
/// where the lengths have no fixed ratio or it is too large for a count.
pub(super) fn time_ratio(from: TimeUnit, to: TimeUnit) -> Option<(i64, i64)> {
    if from == TimeUnit::GENERIC || to == TimeUnit::GENERIC {
        return Some((1, 1));
    }
    let (a, b) = (length(from)?, length(to)?);
    if a.0 != b.0 {
        return None;
    }
    let divisor = gcd(a.1, b.1);
    Some((i64::try_from(a.1 / divisor).ok()?, i64::try_from(b.1 / divisor).ok()?))
}

/// Whether it is of the calendar, and its length in months or attoseconds.
fn length(unit: TimeUnit) -> Option<(bool, u128)> {
    const SECOND: u128 = 1_000_000_000_000_000_000;
    let (calendar, base) = match unit.base() {
        TimeBase::Generic => return None,
        TimeBase::Year => (true, 12),
        TimeBase::Month => (true, 1),
        TimeBase::Week => (false, 604_800 * SECOND),
        TimeBase::Day => (false, 86_400 * SECOND),
        TimeBase::Hour => (false, 3_600 * SECOND),
        TimeBase::Minute => (false, 60 * SECOND),
        TimeBase::Second => (false, SECOND),
        TimeBase::Millisecond => (false, SECOND / 1_000),
        TimeBase::Microsecond => (false, SECOND / 1_000_000),
        TimeBase::Nanosecond => (false, SECOND / 1_000_000_000),
        TimeBase::Picosecond => (false, SECOND / 1_000_000_000_000),
        TimeBase::Femtosecond => (false, SECOND / 1_000_000_000_000_000),
        TimeBase::Attosecond => (false, 1),
    };
    Some((calendar, base * u128::from(unit.count())))
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}
