//! How the items of a dtype are written so that they line up. NumPy: `_get_format_function` and the classes
//! that it chooses from.

use ndfolio::{DType, Kind, Value};

use super::{
    Options,
    digits::{Real, Width},
    float::{ComplexFormat, FloatFormat, Sign},
    scalar::{bytes_repr, scalar_text, void_text},
};

/// Where the items stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In an array.
    Array,
    /// In a record that is itself no item of an array: floats are written there as scalars are.
    Record,
    /// In an array in such a record.
    RecordArray,
}

/// The way of one dtype, with what is known of the items of one array.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// `True` with a blank before it where it stands below `False`.
    Bool(&'static str),
    /// Right-aligned.
    Integer { width: usize },
    /// Aligned at the point.
    Float(FloatFormat),
    /// Both parts aligned at the point.
    Complex(ComplexFormat),
    /// Right-aligned.
    Time(TimeFormat),
    /// As a scalar.
    Scalar,
    /// In Python's quotes.
    Text,
    /// The fields of a record, each in a way of its own.
    Record(Vec<Format>),
    /// A sub-array: on one line, however long.
    SubArray(Box<Format>, Options),
}

impl Format {
    /// For the items of a dtype, none of them seen yet.
    pub(super) fn new(dtype: &DType, options: &Options, place: Place) -> Self {
        match dtype {
            DType::Scalar(scalar) => Format::of_kind(scalar.kind(), options, place),
            DType::Struct(structure) => {
                let fields = structure.fields().iter();
                Format::Record(fields.map(|field| Format::new(field.dtype(), options, place)).collect())
            }
            DType::SubArray(_) => {
                let place = if place == Place::Array { place } else { Place::RecordArray };
                Format::SubArray(Box::new(Format::new(&dtype.split().0, options, place)), *options)
            }
        }
    }

    fn of_kind(kind: Kind, options: &Options, place: Place) -> Self {
        let float = |width| match place {
            Place::Array => Format::Float(FloatFormat::new(width, options.precision, Sign::Minus)),
            Place::Record | Place::RecordArray => Format::Scalar,
        };
        let complex = |width| Format::Complex(ComplexFormat::new(width, options.precision));
        match kind {
            Kind::Bool => Format::Bool(if place == Place::Record { "True" } else { " True" }),
            Kind::Float16 => float(Width::Half),
            Kind::Float32 => float(Width::Single),
            Kind::Float64 | Kind::LongDouble => float(Width::Double),
            Kind::Complex64 => complex(Width::Single),
            Kind::Complex128 | Kind::CLongDouble => complex(Width::Double),
            Kind::Datetime(_) | Kind::Timedelta(_) => Format::Time(TimeFormat::default()),
            Kind::Bytes(_) | Kind::Unicode(_) | Kind::Void(_) => Format::Text,
            _ => Format::Integer { width: 0 },
        }
    }

    /// Takes an item into account.
    pub(super) fn observe(&mut self, value: &Value) {
        match (self, value) {
            (Format::Integer { width }, value) => *width = (*width).max(integer_width(value)),
            (Format::Float(format), value) => Real::of(value).into_iter().for_each(|x| format.observe(x)),
            (Format::Complex(format), value) => {
                Real::parts(value).into_iter().for_each(|parts| format.observe(parts));
            }
            (Format::Time(format), value) => format.observe(value),
            (Format::Record(formats), Value::Record(fields)) => {
                formats.iter_mut().zip(fields).for_each(|(format, (_, value))| format.observe(value));
            }
            (Format::SubArray(format, _), value) => {
                flat(value).into_iter().for_each(|item| format.observe(item));
            }
            (Format::Bool(_) | Format::Scalar | Format::Text | Format::Record(_), _) => {}
        }
    }

    /// Appends an item that was observed before.
    pub(super) fn write(&self, value: &Value, out: &mut String) {
        match (self, value) {
            (Format::Bool(yes), Value::Bool(is)) => *out += if *is { yes } else { "False" },
            (Format::Integer { width }, value) => *out += &format!("{:>width$}", value.to_string()),
            (Format::Float(format), value) => {
                Real::of(value).into_iter().for_each(|x| format.write(x, out));
            }
            (Format::Complex(format), value) => {
                Real::parts(value).into_iter().for_each(|parts| format.write(parts, out));
            }
            (Format::Time(format), value) => format.write(value, out),
            (Format::Text, value) => *out += &text_repr(value),
            (Format::Record(formats), Value::Record(fields)) => write_record(formats, fields, out),
            (Format::SubArray(format, options), value) => {
                write_nested(format, options, &shape_of(value), &flat(value), out);
            }
            (Format::Bool(_) | Format::Scalar | Format::Record(_), value) => *out += &scalar_text(value),
        }
    }
}

fn integer_width(value: &Value) -> usize {
    let digits = |magnitude: u64| magnitude.checked_ilog10().unwrap_or(0) as usize + 1;
    match value {
        Value::Int(i) => digits(i.unsigned_abs()) + usize::from(*i < 0),
        Value::UInt(u) => digits(*u),
        _ => 0,
    }
}

fn text_repr(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => bytes_repr(bytes),
        Value::Void(bytes) => void_text(bytes),
        other => other.to_string(),
    }
}

/// NumPy: `StructuredVoidFormat.__call__`.
fn write_record(formats: &[Format], fields: &[(String, Value)], out: &mut String) {
    out.push('(');
    for (i, (format, (_, value))) in formats.iter().zip(fields).enumerate() {
        *out += if i > 0 { ", " } else { "" };
        format.write(value, out);
    }
    *out += if fields.len() == 1 { ",)" } else { ")" };
}

/// The shape of a sub-array, with the axes of the sub-arrays in it.
fn shape_of(value: &Value) -> Vec<usize> {
    let Value::Array(shape, items) = value else { return Vec::new() };
    let inner = items.first().map(shape_of).unwrap_or_default();
    shape.iter().copied().chain(inner).collect()
}

/// The items of a sub-array and of the sub-arrays in it.
fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(_, items) => items.iter().flat_map(flat).collect(),
        other => vec![other],
    }
}

/// NumPy: `SubArrayFormat.format_array`.
fn write_nested(format: &Format, options: &Options, shape: &[usize], items: &[&Value], out: &mut String) {
    let whole = shape;
    nested(whole, items, out, &|axis| options.edge(whole, axis), &|item, out| format.write(item, out));
}

fn nested(
    shape: &[usize],
    items: &[&Value],
    out: &mut String,
    edge: &dyn Fn(usize) -> Option<usize>,
    write: &dyn Fn(&Value, &mut String),
) {
    let Some((&n, rest)) = shape.split_first() else {
        items.iter().for_each(|item| write(item, out));
        return;
    };
    let step: usize = rest.iter().product();
    let gap = edge(0);
    out.push('[');
    for i in 0..n {
        let hidden = gap.is_some_and(|edge| (edge..n - edge).contains(&i));
        if hidden && Some(i) != gap {
            continue;
        }
        *out += if i > 0 { ", " } else { "" };
        if hidden {
            *out += "...";
        } else {
            nested(rest, &items[i * step..(i + 1) * step], out, &|axis| edge(axis + 1), write);
        }
    }
    out.push(']');
}

/// A column of points in time or of lengths of time. NumPy: `_TimelikeFormat`.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeFormat {
    /// The first and the last count apart from NaT, and how long their texts are. Nothing between them
    /// counts for the width, even where its text is longer.
    ends: Option<[(i64, usize); 2]>,
    nat: bool,
}

impl TimeFormat {
    fn observe(&mut self, value: &Value) {
        let (Value::Datetime(count, _) | Value::Timedelta(count, _)) = value else { return };
        if *count == i64::MIN {
            self.nat = true;
            return;
        }
        if self.ends.is_some_and(|[(first, _), (last, _)]| (first..=last).contains(count)) {
            return;
        }
        let end = (*count, time_text(value).chars().count());
        let [first, last] = self.ends.unwrap_or([end, end]);
        self.ends = Some([first.min(end), last.max(end)]);
    }

    fn write(&self, value: &Value, out: &mut String) {
        let longest = self.ends.map_or(0, |[(_, first), (_, last)]| first.max(last));
        let width = if self.nat { longest.max("'NaT'".len()) } else { longest };
        *out += &format!("{:>width$}", time_text(value));
    }
}

/// The time as it stands in an array: quoted, unless it is a count.
fn time_text(value: &Value) -> String {
    let text = value.time_text().unwrap_or_default();
    match value {
        Value::Timedelta(count, _) if *count != i64::MIN => text,
        _ => format!("'{text}'"),
    }
}
