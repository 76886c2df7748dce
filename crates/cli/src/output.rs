//! What the commands share when they print.

use std::io::{self, BufWriter, StdoutLock, Write};

use ndfolio::{DType, Kind, Number, Size, Value};
use serde_json::Value as Json;

use crate::print::json_value;

/// Standard output, buffered; [`Output::finish`] reports what a drop would hide.
pub(crate) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(crate) fn new() -> Self {
        Output(BufWriter::with_capacity(1 << 16, io::stdout().lock()))
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// One JSON value and the end of the line.
    pub(crate) fn json(mut self, json: &Json) -> io::Result<()> {
        writeln!(self, "{json}")?;
        self.finish()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A size for people: bytes in powers of 1024.
pub(crate) fn bytes_text(bytes: u64) -> String {
    Size::from(usize::try_from(bytes).unwrap_or(usize::MAX)).to_string()
}

/// A shape or strides as Python writes a tuple.
pub(crate) fn tuple<T: ToString>(items: &[T]) -> String {
    match items {
        [one] => format!("({},)", one.to_string()),
        _ => format!("({})", items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A double as a JSON token; what JSON has no number for is text.
pub(crate) fn float_token(x: f64) -> String {
    json_value(&Value::Float64(x)).to_string()
}

/// A statistic as a JSON token.
pub(crate) fn number_token(number: Number) -> String {
    match number {
        // Written out, since JSON numbers have no limit and serde_json's have.
        Number::Int(n) => n.to_string(),
        Number::Float(x) => float_token(x),
        Number::Complex(z) => json_value(&Value::Complex128(z)).to_string(),
    }
}

/// The dtype in words: `float32 '<f4'`.
pub(crate) fn dtype_text(dtype: &DType) -> String {
    match dtype {
        DType::Scalar(scalar) => {
            let name = match scalar.kind() {
                Kind::Bytes(n) => format!("text of {n} bytes"),
                Kind::Unicode(n) => format!("text of {n} code points"),
                Kind::Void(n) => format!("{n} bytes without a meaning"),
                Kind::LongDouble => "long double".to_owned(),
                Kind::CLongDouble => "complex long double".to_owned(),
                kind => kind.name(),
            };
            format!("'{dtype}' ({name})")
        }
        _ => dtype.to_string(),
    }
}
