//! Points in time as text, in the proleptic Gregorian calendar, as NumPy writes them.

use super::NAT;
use crate::{TimeBase, TimeUnit};

/// Seconds in a tick of a base of a second or more, or ticks in a second: (seconds, ticks).
fn seconds(base: TimeBase) -> Option<(i128, i128)> {
    Some(match base {
        TimeBase::Week => (604_800, 1),
        TimeBase::Day => (86_400, 1),
        TimeBase::Hour => (3_600, 1),
        TimeBase::Minute => (60, 1),
        TimeBase::Second => (1, 1),
        TimeBase::Millisecond => (1, 1_000),
        TimeBase::Microsecond => (1, 1_000_000),
        TimeBase::Nanosecond => (1, 1_000_000_000),
        TimeBase::Picosecond => (1, 1_000_000_000_000),
        TimeBase::Femtosecond => (1, 1_000_000_000_000_000),
        TimeBase::Attosecond => (1, 1_000_000_000_000_000_000),
        TimeBase::Generic | TimeBase::Year | TimeBase::Month => return None,
    })
}

/// Year, month and day of a count of days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
fn civil(days: i128) -> (i128, i128, i128) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i128::from(month <= 2), month, day)
}

/// Days since 1970-01-01 (`days_from_civil` of the same source).
fn days(year: i128, month: i128, day: i128) -> i128 {
    let year = year - i128::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Four characters at least, the sign among them, as C's `%04d` and so NumPy.
fn year_text(year: i128) -> String {
    format!("{year:04}")
}

/// As `numpy.datetime_as_string`.
pub(super) fn format(count: i64, unit: TimeUnit) -> String {
    if count == NAT {
        return "NaT".to_owned();
    }
    let ticks = i128::from(count) * i128::from(unit.count());
    let Some((length, per_second)) = seconds(unit.base()) else {
        return match unit.base() {
            TimeBase::Year => year_text(1970 + ticks),
            TimeBase::Month => {
                format!("{}-{:02}", year_text(1970 + ticks.div_euclid(12)), ticks.rem_euclid(12) + 1)
            }
            _ => count.to_string(),
        };
    };
    let (second, fraction) =
        ((ticks * length).div_euclid(per_second), (ticks * length).rem_euclid(per_second));
    let (year, month, day) = civil(second.div_euclid(86_400));
    let mut text = format!("{}-{month:02}-{day:02}", year_text(year));
    let of_day = second.rem_euclid(86_400);
    let (hour, minute) = (of_day / 3_600, of_day / 60 % 60);
    match unit.base() {
        TimeBase::Week | TimeBase::Day => return text,
        TimeBase::Hour => return text + &format!("T{hour:02}"),
        TimeBase::Minute => return text + &format!("T{hour:02}:{minute:02}"),
        _ => text += &format!("T{hour:02}:{minute:02}:{:02}", of_day % 60),
    }
    let digits = per_second.ilog10() as usize;
    if digits > 0 { text + &format!(".{fraction:0digits$}") } else { text }
}

/// A text such as `2020`, `2020-01`, `2020-01-31`, `2020-01-31T12:30:15.25`, with a `Z` at most, as a count
/// of the unit; none if it is not one, is too far away, or is finer than the unit.
pub(super) fn parse(text: &str, unit: TimeUnit) -> Option<i64> {
    if matches!(text, "NaT" | "nat" | "NAT" | "") {
        return Some(NAT);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).map_or((text, None), |(date, time)| (date, Some(time)));
    let (sign, date) = date.strip_prefix('-').map_or((1, date), |rest| (-1, rest));
    let number = |text: &str, low: i128, high: i128| {
        let good = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i128>().ok().filter(|n| good && (low..=high).contains(n))
    };
    let mut parts = date.split('-');
    let year = sign * parts.next().and_then(|y| number(y, 0, 10_i128.pow(19)))?;
    let month = parts.next().map_or(Some(1), |m| number(m, 1, 12))?;
    let day = parts.next().map_or(Some(1), |d| number(d, 1, 31))?;
    let day_number = days(year, month, day);
    if parts.next().is_some() || civil(day_number) != (year, month, day) {
        return None;
    }
    // Attoseconds since the epoch would not fit, so seconds and the fraction stay apart.
    let (mut second, mut fraction, mut digits) = (day_number * 86_400, 0_i128, 0);
    let mut times = time.map(|t| t.split(':')).into_iter().flatten();
    for (length, limit) in [(3_600, 23), (60, 59)] {
        second += times.next().map_or(Some(0), |t| number(t, 0, limit))? * length;
    }
    if let Some(text) = times.next() {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        second += number(whole, 0, 59)?;
        (fraction, digits) = (number(rest, 0, 10_i128.pow(18))?, rest.len() as u32);
    }
    if times.next().is_some() || digits > 18 {
        return None;
    }
    let ticks = match unit.base() {
        TimeBase::Generic => return None,
        TimeBase::Year | TimeBase::Month if day != 1 || second != day_number * 86_400 || fraction != 0 => {
            return None;
        }
        TimeBase::Year => (month == 1).then_some(year - 1970)?,
        TimeBase::Month => (year - 1970) * 12 + month - 1,
        base => {
            let (length, per_second) = seconds(base)?;
            let scale = 10_i128.pow(digits);
            let whole = second.checked_mul(per_second)?;
            let part = fraction * per_second;
            (whole % length == 0 && part % scale == 0).then_some(whole / length + part / scale)?
        }
    };
    let count = i128::from(unit.count());
    let exact = (ticks % count == 0).then_some(ticks / count)?;
    i64::try_from(exact).ok().filter(|&n| n != NAT)
}
