use std::io::Write;

use ndfolio::{Array, DType, Mode, Run, Value};

use crate::{
    args::{ShowArgs, ShowFormat},
    failure::Failure,
    output::Output,
    print::{self, Options, csv_field, json_value},
};

pub(crate) fn run(args: &ShowArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let run = Run::default();
    let mut out = Output::new();
    match args.format {
        ShowFormat::Numpy => numpy(&array, args, &mut out)?,
        ShowFormat::Csv => csv(&array, &mut out)?,
        ShowFormat::Json => nested_json(&array, &mut out)?,
        ShowFormat::Npy => array.write_npy::<Failure>(&mut out, &run)?,
        ShowFormat::Raw => array.write_raw::<Failure>(&mut out, &run)?,
    }
    Ok(out.finish()?)
}

fn numpy(array: &Array, args: &ShowArgs, out: &mut Output) -> Result<(), Failure> {
    let options = Options { precision: args.precision, ..Options::default() };
    let (dtype, shape) = (array.dtype(), array.shape());
    if !args.all {
        let items = corner_items(array, &print::corners(shape, &options))?;
        writeln!(out, "{}", print::array_to_string(dtype, shape, &items, &options))?;
        return Ok(());
    }
    // Two passes: how wide the columns are is known once every item has been seen.
    let mut writer = print::Writer::new(dtype, shape, &options.without_summary());
    let run = Run::default();
    array.for_each::<Failure>(&run, |value| {
        writer.observe(&value);
        Ok(())
    })?;
    let mut rows = writer.write_to(out);
    array.for_each::<Failure>(&run, |value| Ok(rows.push(&value)?))?;
    writeln!(rows.finish()?)?;
    Ok(())
}

/// The items at the corners, in C order: no more are read than are shown.
fn corner_items(array: &Array, corners: &[Vec<usize>]) -> Result<Vec<Value>, Failure> {
    // Whole arrays are read at once.
    if corners.iter().zip(array.shape()).all(|(shown, &n)| shown.len() == n) {
        return Ok(array.read_values(..)?.1);
    }
    let mut items = Vec::new();
    let mut failed = Ok(());
    print::for_each_corner(corners, |index| {
        if failed.is_ok() {
            let index: Vec<i64> = index.iter().map(|&i| i as i64).collect();
            failed = array.get(&index).map(|item| items.push(item));
        }
    });
    failed?;
    Ok(items)
}

/// A line for each row along the last axis; a record is a row of its fields.
fn csv(array: &Array, out: &mut Output) -> Result<(), Failure> {
    if let DType::Struct(structure) = array.dtype() {
        let names: Vec<_> = structure.fields().iter().map(|f| csv_field(&f.name().into())).collect();
        writeln!(out, "{}", names.join(","))?;
        return array.for_each(Run::default(), |value| Ok(writeln!(out, "{}", record_fields(&value))?));
    }
    let columns = if array.ndim() < 2 { 1 } else { array.shape()[array.ndim() - 1] };
    let mut column = 0;
    array.for_each(Run::default(), |value| {
        column += 1;
        let end = if column == columns { "\n" } else { "," };
        column %= columns;
        Ok(write!(out, "{}{end}", csv_field(&value))?)
    })
}

fn record_fields(value: &Value) -> String {
    match value {
        Value::Record(fields) => fields.iter().map(|(_, v)| csv_field(v)).collect::<Vec<_>>().join(","),
        other => csv_field(other),
    }
}

/// Nested lists, written as the items come.
fn nested_json(array: &Array, out: &mut Output) -> Result<(), Failure> {
    let shape = array.shape();
    if shape.contains(&0) {
        return empty_lists(shape, out);
    }
    let ndim = shape.len();
    let mut at = vec![0_usize; ndim];
    let mut opened = ndim;
    array.for_each::<Failure>(&Run::default(), |value| {
        write!(out, "{}{}", "[".repeat(opened), json_value(&value))?;
        let mut closed = 0;
        for axis in (0..ndim).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
            closed += 1;
        }
        write!(out, "{}{}", "]".repeat(closed), if closed < ndim { ", " } else { "" })?;
        opened = closed;
        Ok(())
    })?;
    writeln!(out)?;
    Ok(())
}

/// `[[], []]`: the lists around an extent of 0.
fn empty_lists(shape: &[usize], out: &mut Output) -> Result<(), Failure> {
    fn lists(shape: &[usize]) -> serde_json::Value {
        match shape.split_first() {
            Some((&n, rest)) => serde_json::Value::Array((0..n).map(|_| lists(rest)).collect()),
            None => serde_json::Value::Null,
        }
    }
    writeln!(out, "{}", lists(shape))?;
    Ok(())
}
