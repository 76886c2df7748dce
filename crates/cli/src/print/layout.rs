//! Brackets, lines and the gaps of a summary. NumPy: `_formatArray` and `_extendLine`.

use std::{io, iter::repeat_n};

use ndfolio::{DType, Value};

use super::{
    Options,
    format::{Format, Place},
    scalar::scalar_text,
};

/// Writes an array as `numpy.array2string` does, in two passes over the items that are shown, in constant
/// memory: first every item is observed, then [`Writer::write_to`] takes them again.
pub(crate) struct Writer {
    format: Option<Format>,
    axes: Vec<Axis>,
    linewidth: usize,
}

/// An axis of the array: how many items it shows, the item before which some are left out, and the item
/// that comes next.
struct Axis {
    shown: usize,
    gap: Option<usize>,
    next: usize,
}

impl Writer {
    /// For an array of this dtype and shape.
    #[must_use]
    pub(crate) fn new(dtype: &DType, shape: &[usize], options: &Options) -> Self {
        let axis = |axis: usize| {
            let gap = options.edge(shape, axis);
            Axis { shown: gap.map_or(shape[axis], |edge| 2 * edge), gap, next: 0 }
        };
        let place = if shape.is_empty() { Place::Record } else { Place::Array };
        // An array without axes is written as its scalar; only records in it have a format.
        let scalar = shape.is_empty() && matches!(dtype, DType::Scalar(_));
        Writer {
            format: (!scalar).then(|| Format::new(dtype, options, place)),
            axes: (0..shape.len()).map(axis).collect(),
            linewidth: options.linewidth,
        }
    }

    /// Takes an item into account, in any order.
    pub(crate) fn observe(&mut self, value: &Value) {
        self.format.iter_mut().for_each(|format| format.observe(value));
    }

    /// Starts the second pass.
    #[must_use]
    pub(crate) fn write_to<W: io::Write>(self, out: W) -> Rows<W> {
        Rows { writer: self, out, line: String::new(), length: 0, started: false, word: String::new() }
    }
}

/// The second pass of a [`Writer`].
pub(crate) struct Rows<W> {
    writer: Writer,
    out: W,
    /// The line that is being filled, without what stands before the first item of a row.
    line: String,
    /// Characters of the line, with those before the first item.
    length: usize,
    started: bool,
    /// The item's text; kept for its memory.
    word: String,
}

impl<W: io::Write> Rows<W> {
    /// Writes the next item in C order.
    ///
    /// # Errors
    /// What the output fails with.
    pub(crate) fn push(&mut self, value: &Value) -> io::Result<()> {
        let mut word = std::mem::take(&mut self.word);
        word.clear();
        match &self.writer.format {
            Some(format) => format.write(value, &mut word),
            None => word += &scalar_text(value),
        }
        if self.writer.axes.is_empty() {
            self.out.write_all(word.as_bytes())?;
        } else {
            self.place(&word)?;
        }
        self.word = word;
        Ok(())
    }

    /// Ends the array, whose items have all been pushed, and gives the output back.
    ///
    /// # Errors
    /// What the output fails with.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if self.writer.axes.iter().any(|axis| axis.shown == 0) {
            self.out.write_all(b"[]")?;
        }
        Ok(self.out)
    }

    fn place(&mut self, word: &str) -> io::Result<()> {
        self.open()?;
        if self.writer.axes.last().is_some_and(|axis| axis.gap == Some(axis.next)) {
            self.extend("...")?;
            self.separate();
        }
        self.extend(word)?;
        let closed = self.advance();
        if closed == 0 {
            self.separate();
            return Ok(());
        }
        self.out.write_all(self.line.as_bytes())?;
        self.repeat("]", closed)
    }

    /// Before the first item of a row: the line breaks behind the row before it, a summary's dots, the
    /// indent and the brackets.
    fn open(&mut self) -> io::Result<()> {
        let axes = &self.writer.axes;
        let opened = axes.iter().rev().take_while(|axis| axis.next == 0).count();
        if opened == 0 {
            return Ok(());
        }
        let kept = axes.len() - opened;
        let dots = kept > 0 && axes[kept - 1].gap == Some(axes[kept - 1].next);
        if self.started {
            self.repeat("\n", opened)?;
            if dots {
                self.repeat(" ", kept)?;
                self.out.write_all(b"...")?;
                self.repeat("\n", opened)?;
            }
            self.repeat(" ", kept)?;
        }
        self.repeat("[", opened)?;
        self.started = true;
        self.line.clear();
        self.length = kept + opened;
        Ok(())
    }

    /// Adds a word to the line, or begins another with it if that helps.
    fn extend(&mut self, word: &str) -> io::Result<()> {
        let indent = self.writer.axes.len();
        // The closing brackets of all axes have to fit behind a word.
        let width = self.writer.linewidth.saturating_sub(indent);
        let length = word.chars().count();
        if self.length + length > width && self.length > indent {
            self.out.write_all(self.line.trim_end_matches(' ').as_bytes())?;
            self.out.write_all(b"\n")?;
            self.line.clear();
            self.line.extend(repeat_n(' ', indent));
            self.length = indent;
        }
        self.line += word;
        self.length += length;
        Ok(())
    }

    fn separate(&mut self) {
        self.line.push(' ');
        self.length += 1;
    }

    /// Goes on to the next item, and tells how many axes ended.
    fn advance(&mut self) -> usize {
        let mut closed = 0;
        for axis in self.writer.axes.iter_mut().rev() {
            axis.next += 1;
            if axis.next < axis.shown {
                break;
            }
            axis.next = 0;
            closed += 1;
        }
        closed
    }

    fn repeat(&mut self, text: &str, times: usize) -> io::Result<()> {
        (0..times).try_for_each(|_| self.out.write_all(text.as_bytes()))
    }
}
